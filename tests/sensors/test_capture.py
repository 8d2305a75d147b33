"""The capture protocol and its double."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordingError
from sensors.capture import ArrayCapture, Capture, Finding, end_ns, require_finite, sample_ns
from tests.sensors.written import noise
from tests.strategies import instants_ns


@given(instants_ns(), st.sampled_from([8000, 11025, 12000, 44100, 48000, 96000]), st.integers(0, 10**10))
def test_times_of_samples_are_exact(start_ns: int, rate_hz: int, index: int) -> None:
    """Half a nanosecond, also after days: floats of seconds since 1970 would give 0.24 us."""
    exact_twice = 2 * index * 1_000_000_000
    got = sample_ns(start_ns, float(rate_hz), index) - start_ns
    assert abs(2 * got * rate_hz - exact_twice) <= rate_hz * 1.0001


@given(st.floats(0.0, 1.0))
def test_fractions_of_a_sample_count(fraction: float) -> None:
    assert sample_ns(0, 8000.0, 8000 + fraction) == pytest.approx(1e9 + fraction * 125_000, abs=1.0)


@given(st.integers(1, 400), st.integers(1, 3))
def test_blocks_are_the_sound_whatever_their_size(n: int, channels: int) -> None:
    samples = noise(300, channels)
    capture: Capture = ArrayCapture("N-1", samples, 12_000.0, 0)
    for _ in range(2):
        blocks = list(capture.blocks(n))
        assert all(len(block) == n for block in blocks[:-1])
        np.testing.assert_array_equal(np.concatenate(blocks), samples)
    assert (capture.channels, capture.frames) == (channels, 300)


def test_a_flat_array_is_one_channel() -> None:
    capture = ArrayCapture("N-1", noise()[:, 0], 12_000.0, 5)
    assert (capture.channels, next(capture.blocks(7)).shape) == (1, (7, 1))
    assert end_ns(capture) == 5 + 100_000_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_named(value: float) -> None:
    samples = noise(100, 2)
    samples[42, 1] = value
    message = f"a.wav: sample 1042 of channel 1: expected a finite number, found {value}"
    with pytest.raises(RecordingError) as caught:
        require_finite(samples, 1000, "a.wav")
    assert str(caught.value) == message


def test_large_finite_samples_are_finite() -> None:
    require_finite(np.full((1000, 1), np.finfo(np.float32).max, np.float32), 0, "a.wav")


def test_a_finding_is_a_sentence() -> None:
    assert str(Finding("silent_channel", "a.wav, channel 0", "is silent")) == "a.wav, channel 0: is silent"
