"""The streaming detector against its definitions, and the parts of it that are made fast against their slow forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d

from acoustic.detector import Detector, DetectorSettings
from acoustic.gaps import GapCounter
from acoustic.steps import local_maxima, moving_mean
from tests.acoustic.blasts import far_shot, noise
from tests.acoustic.plain_statistic import events, statistic_and_level


@pytest.mark.parametrize(
    ("rate_hz", "settings"),
    [
        (12_000.0, DetectorSettings(threshold_db=0.0)),
        (48_000.0, DetectorSettings(threshold_db=0.0)),
        (22_050.0, DetectorSettings(threshold_db=-1.0, chunk_s=0.02, floor_window_s=0.3, separation_s=0.05)),
    ],
)
def test_the_stream_gives_what_the_definitions_say(rate_hz: float, settings: DetectorSettings) -> None:
    detector = Detector(rate_hz, settings)
    n = round(1.8 * rate_hz) // detector._size * detector._size
    rng = np.random.default_rng(21)
    sound = noise(rng, rate_hz, n / rate_hz)[:n]
    for onset_s, size in ((0.6, 0.3), (0.65, 0.2), (1.2, 0.02)):
        shot = size * far_shot(rng, rate_hz, onset_s, n / rate_hz)
        sound = sound + shot[:n]
    statistic, level = statistic_and_level(sound, detector)
    _, found = detector.step(detector.initial(), sound[:, None])
    frames = [round((d.trigger + detector._decimator.delay) / detector._frame) for d in found]
    decided = n // detector._frame - detector._late
    assert frames == [t for t in events(statistic, detector) if t < decided]
    assert len(frames) >= 4
    np.testing.assert_allclose([d.statistic for d in found], statistic[frames], atol=1e-9)
    np.testing.assert_allclose([d.band_snr_db for d in found], level[:, frames].T, atol=1e-9)


@given(st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.0]), min_size=12, max_size=60), st.integers(1, 5))
def test_local_maxima_are_those_of_a_sliding_maximum(row: list[float], apart: int) -> None:
    values = np.array([row, row[::-1]])
    largest = maximum_filter1d(values, 2 * apart + 1, axis=1, mode="constant", cval=-np.inf)
    expected = [
        (channel, at - apart)
        for channel in range(2)
        for at in range(apart, len(row) - apart)
        if values[channel, at] == largest[channel, at] >= 1.0 and values[channel, at - 1] != values[channel, at]
    ]
    assert local_maxima(values, apart, 1.0) == expected


def test_a_loud_value_leaves_nothing_in_the_means_after_it() -> None:
    """Differences of a running sum left 1e-14 of a full-scale shot in the quiet after it: 0.01 dB of a quiet floor."""
    values = np.concatenate([[1.0], np.full(300, 1e-11)])
    np.testing.assert_allclose(moving_mean(values, 18)[1:], 1e-11, rtol=1e-14)


@given(
    st.lists(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3]), min_size=8, max_size=8), min_size=1, max_size=5),
    st.integers(1, 10),
)
def test_frames_since_a_gap_are_counted_as_one_would(chunks: list[list[int]], gap: int) -> None:
    """Frames of three samples, of which some, all or none are zero; counted across chunks."""
    counter = GapCounter(3, gap, 12)
    patterns = {0: [0.0, 0.0, 0.0], 1: [0.0, 0.0, 0.1], 2: [0.1, 0.0, 0.0], 3: [0.1, 0.2, 0.3]}
    age, run = np.zeros(1, dtype=np.int64), np.full(1, gap, dtype=np.int64)
    heard, quiet = 0, gap
    for chunk in chunks:
        samples = np.array([patterns[frame] for frame in chunk]).reshape(-1, 1)
        ages, run = counter.step(age, run, samples)
        age = ages[:, -1]
        for frame, told in zip(chunk, ages[0].tolist(), strict=True):
            quiet = quiet + 1 if frame == 0 else 0
            heard = 0 if quiet >= gap else min(heard + 1, 12)
            assert told == heard
