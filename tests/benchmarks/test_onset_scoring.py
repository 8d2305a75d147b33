"""How onsets are judged: the correction of a position must come from all the others, never from itself."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.onsets import constants, verdict


def test_the_constant_of_a_position_is_that_of_the_others() -> None:
    late = {"FP1": np.full(9, 5e-3), "FP2": np.full(3, 1e-3), "FP3": np.full(3, 2e-3)}
    assert constants(late) == pytest.approx({"FP1": 1.5e-3, "FP2": 5e-3, "FP3": 5e-3})


def test_what_was_not_picked_counts_against_the_share_only() -> None:
    late = np.array([-1e-4, 0.0, 1e-4, np.inf, 0.1])
    share, bias, sigma = verdict(late)
    assert share == 0.6
    assert bias == pytest.approx(0.0, abs=1e-12)
    assert sigma == pytest.approx(0.14826)


def test_what_was_not_picked_does_not_move_the_constant() -> None:
    late = {"FP1": np.zeros(3), "FP2": np.array([1e-3, 1e-3, np.inf, np.inf, np.inf])}
    assert constants(late)["FP1"] == 1e-3
