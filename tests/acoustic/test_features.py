"""Features of sounds whose features are known."""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.features import Features, describe
from tests.acoustic.blasts import blast

RATE_HZ = 48_000.0


def fading_tone(tone_hz: float, decay_s: float, length_s: float = 0.2) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * tone_hz * t) * np.exp(-t / decay_s)


@pytest.mark.parametrize("tone_hz", [440.0, 1500.0, 3000.0])
@pytest.mark.parametrize("decay_s", [0.005, 0.02])
def test_a_fading_tone(tone_hz: float, decay_s: float) -> None:
    found = describe(fading_tone(tone_hz, decay_s), RATE_HZ, 1.0)
    assert found.decay_s == pytest.approx(decay_s, rel=0.1)
    assert found.zero_crossings_hz == pytest.approx(tone_hz, rel=0.03)
    assert found.centroid_hz == pytest.approx(tone_hz, rel=0.05)
    assert found.rise_s == pytest.approx(0.25 / tone_hz, rel=0.2)


def test_band_shares_add_up_to_what_is_there() -> None:
    low, high = describe(fading_tone(500.0, 0.05), RATE_HZ, 1.0), describe(fading_tone(3000.0, 0.05), RATE_HZ, 1.0)
    assert low.low_db > -0.1
    assert low.high_db < -20.0
    assert high.high_db > -0.1
    assert high.low_db < -20.0


def test_a_sharp_blast_has_a_higher_crest_than_a_tone() -> None:
    sharp = describe(blast(RATE_HZ, 0.0001, 0.06), RATE_HZ, 1.0)
    tone = describe(np.sin(2 * np.pi * 500 * np.arange(2880) / RATE_HZ), RATE_HZ, 1.0)
    assert tone.crest_db == pytest.approx(3.01, abs=0.05)
    assert sharp.crest_db > tone.crest_db + 8.0


def test_level_does_not_change_the_description() -> None:
    wave = fading_tone(700.0, 0.01)
    one, other = describe(wave, RATE_HZ, -1.0).as_dict(), describe(1e-3 * wave, RATE_HZ, -1.0).as_dict()
    assert one == pytest.approx(other, rel=1e-9)


def test_silence_is_described_without_a_warning() -> None:
    found = describe(np.zeros(100), RATE_HZ, 1.0)
    assert found == Features(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    assert all(np.isfinite(v) for v in found.as_dict().values())


def test_too_short_a_segment_is_named() -> None:
    with pytest.raises(ValueError, match="at least 8 samples, got 3"):
        describe(np.zeros(3), RATE_HZ, 1.0)
