"""Levels and clipping."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.levels import decibels, is_clipped, longest_silence, peak_db_spl


def test_a_peak_of_one_pascal_is_94_db() -> None:
    full_scale = decibels(10.0 / 20e-6)  # 10 Pa gives a sample of 1
    assert peak_db_spl(0.1, full_scale) == pytest.approx(93.979, abs=1e-3)


@given(st.floats(1e-6, 1.0), st.floats(80.0, 150.0))
def test_twice_the_pressure_is_six_decibels(peak: float, full_scale: float) -> None:
    assert peak_db_spl(2.0 * peak, full_scale) - peak_db_spl(peak, full_scale) == pytest.approx(6.0206, abs=1e-4)


def test_nothing_has_no_level() -> None:
    assert decibels(0.0) == -math.inf
    assert decibels(-1.0) == -math.inf


def test_clipping_at_full_scale_below_it_and_not_at_all() -> None:
    tone = np.sin(np.linspace(0.0, 20.0, 400))
    assert not is_clipped(0.9 * tone)
    assert is_clipped(tone)
    assert is_clipped(np.clip(2.0 * tone, -0.98, 0.98)), "the live-fire recordings clip at 0.980"
    assert is_clipped(np.clip(tone, -0.5, 0.5)), "an amplifier may run out before the converter"
    assert not is_clipped(np.round(tone * 3.0) / 32768.0), "equal samples far below full scale are quantisation"
    assert not is_clipped(np.array([]))
    assert not is_clipped(np.array([0.5, -0.5, 0.5, -0.5])), "equal sizes of both signs are no flat top"


@given(st.lists(st.booleans(), max_size=40))
def test_the_longest_silence_is_the_longest_run_of_zeros(sounding: list[bool]) -> None:
    runs = "".join("1" if s else "0" for s in sounding).split("1")
    assert longest_silence(np.array(sounding, dtype=float)) == max(map(len, runs))
