"""Captures to pulses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from acoustic.detector import DetectorSettings
from errors import RecordingError
from sensors.capture import ArrayCapture
from sensors.listen import listen
from tests.acoustic.blasts import far_shot, noise

START_NS = 1_545_182_967_000_000_123


def sound(rate_hz: float, onsets_s: list[float], length_s: float, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    out = noise(rng, rate_hz, length_s)
    for onset_s in onsets_s:
        out = out + 0.3 * far_shot(rng, rate_hz, onset_s, length_s)
    return out.astype(np.float32)


def test_pulses_say_when_how_surely_and_how_loud() -> None:
    capture = ArrayCapture("north", sound(48_000.0, [1.0, 2.5], 4.0), 48_000.0, START_NS, full_scale_db_spl=120.0)
    pulses = list(listen(capture))
    assert [(p.arrival_ns - START_NS) * 1e-9 for p in pulses] == pytest.approx([1.0, 2.5], abs=1e-4)
    assert [(p.sensor, p.sequence) for p in pulses] == [("north", 0), ("north", 1)]
    for pulse in pulses:
        assert 1e-4 < pulse.sigma_s < 5e-4, "never below the clock's own 0.1 ms"
        assert pulse.peak_db_spl == pytest.approx(120.0 - 10.0, abs=2.5)
        assert pulse.snr_db is not None
        assert pulse.snr_db > 30.0
        assert pulse.flags == ()
        assert {"statistic_db", "rise_s", "decay_s", "crest_db", "centroid_hz", "polarity"} <= pulse.features.keys()
        assert all(np.isfinite(v) for v in pulse.features.values())


def test_listening_again_gives_equal_pulses() -> None:
    capture = ArrayCapture("north", sound(12_000.0, [1.0], 2.0), 12_000.0, START_NS)
    assert list(listen(capture)) == list(listen(capture))
    assert [p.peak_db_spl for p in listen(capture)] == [None]


def test_start_shifts_every_pulse_by_the_same_nanoseconds() -> None:
    samples = sound(12_000.0, [1.0, 1.1], 2.0)
    early, late = (list(listen(ArrayCapture("n", samples, 12_000.0, start))) for start in (START_NS, START_NS + 7))
    assert [b.arrival_ns - a.arrival_ns for a, b in zip(early, late, strict=True)] == [7, 7]


def test_an_array_of_microphones_hears_one_pulse_a_sound() -> None:
    """The channels of an array stand at one place; each shot was once two pulses."""
    rate = 16_000.0
    mono = sound(rate, [1.0, 1.06, 2.0], 3.0)
    stereo = np.stack([0.5 * mono + noise(np.random.default_rng(5), rate, 3.0), np.roll(mono, 8)], axis=1)
    pulses = list(listen(ArrayCapture("pair", stereo.astype(np.float32), rate, START_NS)))
    assert [(p.arrival_ns - START_NS) * 1e-9 for p in pulses] == pytest.approx([1.0, 1.06, 2.0], abs=1.5e-3)
    assert [p.sequence for p in pulses] == [0, 1, 2]


def test_clipping_is_flagged() -> None:
    samples = np.clip(8.0 * sound(12_000.0, [1.0], 2.0), -0.98, 0.98).astype(np.float32)
    assert [p.flags for p in listen(ArrayCapture("n", samples, 12_000.0, START_NS))] == [("clipped",)]


def test_a_silent_capture_has_no_pulse() -> None:
    assert list(listen(ArrayCapture("n", np.zeros(30_000, dtype=np.float32), 12_000.0, START_NS))) == []


def test_settings_reach_the_detector() -> None:
    capture = ArrayCapture("n", sound(12_000.0, [1.0], 2.0), 12_000.0, START_NS)
    assert list(listen(capture, DetectorSettings(threshold_db=99.0))) == []


def test_a_rate_that_cannot_be_heard_is_named() -> None:
    with pytest.raises(RecordingError, match="roof: sampling rate: expected 8000 to 96000 Hz, found 4000"):
        list(listen(ArrayCapture("n", np.zeros(100, dtype=np.float32), 4000.0, START_NS, source="roof")))


def test_a_sample_that_is_no_number_is_refused() -> None:
    samples = sound(12_000.0, [1.0], 2.0)
    samples[5000] = np.nan
    with pytest.raises(RecordingError, match="5000"):
        list(listen(ArrayCapture("n", samples, 12_000.0, START_NS)))
