"""How triggers are counted: a detector must not be able to gain by triggering twice, or by chance."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detector import count, recall_at


def test_found_false_and_repeated_triggers_are_told_apart() -> None:
    onsets = np.array([1.0, 5.0])
    picks = np.array([0.5, 1.001, 1.2, 3.0, 5.3])
    counted = count(picks, onsets)
    assert counted.found.tolist() == [True, False]
    assert counted.false == 2  # at 0.5 and 3.0
    assert counted.repeats == 2  # at 1.2, and at 5.3 where the shot itself was missed
    np.testing.assert_allclose(counted.late_s, [0.001], atol=1e-12)


def test_no_triggers() -> None:
    counted = count(np.zeros(0), np.array([1.0]))
    assert not counted.found.any()
    assert (counted.false, counted.repeats, len(counted.late_s)) == (0, 0, 0)


def test_recall_is_interpolated_along_the_sweep_and_never_falls() -> None:
    false = np.array([0.0, 2.0, 4.0, 8.0])
    recall = np.array([0.2, 0.6, 0.5, 0.8])
    assert recall_at(false, recall, 1.0) == pytest.approx(0.4)
    assert recall_at(false, recall, 4.0) == pytest.approx(0.6)
    assert recall_at(false, recall, 100.0) == pytest.approx(0.8)


def test_recall_below_the_sweep_is_nothing() -> None:
    assert recall_at(np.array([5.0, 9.0]), np.array([0.7, 0.9]), 1.0) == 0.0
