"""The privacy filter: what is kept is untouched, the rest is noise that knows levels over seconds and nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.onset import OnsetPicker
from sensors.clips.privacy import filtered, surroundings
from sensors.clips.stretches import FADE_S, Stretch
from tests.conftest import ROOT
from tests.sensors.clips.made import Sound, blasts, hiss, syllables

RATE_HZ = 48_000.0
SHOT_S = 0.5


def outside(n: int, kept: tuple[Stretch, ...], margin: int) -> np.ndarray:
    found = np.ones(n, dtype=bool)
    for a, b in kept:
        found[max(0, a - margin) : b + margin] = False
    return found


def shot(rate_hz: float = RATE_HZ, channels: int = 1, seed: int = 1) -> Sound:
    return blasts(hiss(2.5, rate_hz, channels=channels, seed=seed), rate_hz, [SHOT_S])


@pytest.mark.parametrize("rate_hz", [16_000.0, 44_100.0, 48_000.0, 96_000.0])
@pytest.mark.parametrize("channels", [1, 4])
def test_kept_samples_are_untouched_and_the_others_are_not_what_they_were(rate_hz: float, channels: int) -> None:
    sound = shot(rate_hz, channels)
    out, kept = filtered(sound, rate_hz, SHOT_S * rate_hz, [], "s/b/1")
    assert out.shape == sound.shape
    assert out.dtype == np.float32
    assert kept
    for a, b in kept:
        assert out[a:b].tobytes() == sound[a:b].tobytes()
    away = outside(len(sound), kept, round(2 * FADE_S * rate_hz))
    for channel in range(channels):
        correlation = np.corrcoef(out[away, channel], sound[away, channel])[0, 1]
        assert abs(correlation) < 5.0 / np.sqrt(away.sum())
    if channels > 1:
        assert abs(np.corrcoef(out[away, 0], out[away, 1])[0, 1]) < 5.0 / np.sqrt(away.sum())


def test_the_same_pulse_gives_the_same_samples_and_another_other_noise() -> None:
    sound = shot()
    first, kept = filtered(sound, RATE_HZ, SHOT_S * RATE_HZ, [], "s/b/1")
    again, _ = filtered(sound.copy(), RATE_HZ, SHOT_S * RATE_HZ, [], "s/b/1")
    other, _ = filtered(sound, RATE_HZ, SHOT_S * RATE_HZ, [], "s/b/2")
    assert first.tobytes() == again.tobytes()
    away = outside(len(sound), kept, round(2 * FADE_S * RATE_HZ))
    assert abs(np.corrcoef(first[away, 0], other[away, 0])[0, 1]) < 0.03


def test_sounds_of_equal_levels_give_the_same_noise_so_nothing_else_of_them_is_in_it() -> None:
    """What leaves is a function of levels: the waveform turned over, or a hair louder, leaves no trace."""
    sound = hiss(2.5, RATE_HZ, 0.010)
    kept: tuple[Stretch, ...] = ((24_000, 27_000),)
    noises = [
        surroundings(np.ascontiguousarray(x[:, 0]), RATE_HZ, kept, np.random.Generator(np.random.PCG64(3)))
        for x in (sound, -sound, sound * np.float32(1.0001))
    ]
    assert noises[0].std() == pytest.approx(0.010, rel=0.2)
    for noise in noises[1:]:
        # The mean is carried too: 1e-5 of these levels.
        np.testing.assert_allclose(noise, noises[0], atol=1e-4)


def test_modulation_at_the_pace_of_syllables_is_gone() -> None:
    """Noise that swells four times a second, as speech does, leaves noise that does not."""
    n = round(4.5 * RATE_HZ)
    swell = (0.5 - 0.5 * np.cos(2 * np.pi * 4.0 * np.arange(n) / RATE_HZ)).astype(np.float32)
    sound = hiss(4.5, RATE_HZ, 0.1) * swell[:, None] ** 2
    out, _ = filtered(sound, RATE_HZ, 0.02 * RATE_HZ, [], "s/b/1")

    def depth(x: Sound) -> float:
        frames = np.abs(x[RATE_10MS * 50 : RATE_10MS * 450, 0]).reshape(-1, RATE_10MS).mean(axis=1)
        spectrum = np.abs(np.fft.rfft(frames)) / frames.mean() / len(frames) * 2.0
        return float(spectrum[16])  # 16 periods in 4 s

    assert depth(sound) > 0.9
    assert depth(out) < 0.03


RATE_10MS = 480


@pytest.mark.parametrize("rate_hz", [16_000.0, 48_000.0, 96_000.0])
def test_the_noise_is_as_loud_as_the_surroundings_octave_by_octave(rate_hz: float) -> None:
    """Within the rounding to 3 dB, and as much again for what octaves of noise scatter."""
    sound = hiss(2.5, rate_hz, 0.01)
    slope = np.fft.rfft(sound[:, 0])
    slope *= 1.0 / np.maximum(np.arange(len(slope)), 50.0) ** 0.5
    sound[:, 0] = np.fft.irfft(slope, len(sound)).astype(np.float32)
    noise = surroundings(np.ascontiguousarray(sound[:, 0]), rate_hz, (), np.random.Generator(np.random.PCG64(3)))
    frequencies = np.fft.rfftfreq(len(sound), 1.0 / rate_hz)
    powers = [np.square(np.abs(np.fft.rfft(x))) for x in (sound[:, 0], noise)]
    for low in (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0):
        band = (frequencies >= low) & (frequencies < 2 * low)
        off_db = 10.0 * np.log10(powers[1][band].sum() / powers[0][band].sum())
        assert abs(off_db) < 2.2, low


def test_levels_follow_over_seconds() -> None:
    """Analysts hear that a lorry came by."""
    sound = hiss(6.0, RATE_HZ, 0.001)
    sound[round(4.0 * RATE_HZ) :] *= np.float32(30.0)
    out, _ = filtered(sound, RATE_HZ, 0.5 * RATE_HZ, [], "s/b/1")
    before, after = (20 * np.log10(out[round(s * RATE_HZ) :][: round(RATE_HZ)].std()) for s in (1.0, 5.0))
    assert after - before == pytest.approx(29.5, abs=3.0)


def test_an_offset_of_the_converter_makes_no_step_at_what_is_kept() -> None:
    sound = shot() + np.float32(0.2)
    out, kept = filtered(sound, RATE_HZ, SHOT_S * RATE_HZ, [], "s/b/1")
    away = outside(len(sound), kept, 200)
    assert out[away].mean() == pytest.approx(0.2, abs=1e-3)
    assert out[away].std() < 0.003


@pytest.mark.parametrize("rate_hz", [16_000.0, 48_000.0, 96_000.0])
def test_the_onset_picked_on_the_clip_moves_less_than_20_us(rate_hz: float) -> None:
    picker = OnsetPicker(rate_hz)
    for seed in range(3):
        sound = shot(rate_hz, seed=seed)
        out, _ = filtered(sound, rate_hz, SHOT_S * rate_hz, [], f"s/b/{seed}")
        first, again = (picker.pick(picker.filter(x[:, 0]), round(SHOT_S * rate_hz)).position for x in (sound, out))
        assert abs(again - first) / rate_hz < 20e-6


@given(
    st.integers(1, 3000),
    st.floats(0.0, 3000.0),
    st.lists(st.floats(0.0, 3000.0), max_size=5),
    st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 1e6]),
)
def test_any_length_and_level_gives_finite_samples(n: int, onset: float, impulses: list[float], level: float) -> None:
    sound = (hiss(1.0, 16_000.0, 1.0)[:n] * np.float32(level)).astype(np.float32)
    out, kept = filtered(sound, 16_000.0, onset, impulses, "s/b/1")
    assert out.shape == sound.shape
    assert np.isfinite(out).all()
    assert kept


def test_silence_stays_silent() -> None:
    """Digital silence around a shot: no noise is made up that an analyst could hear."""
    sound = blasts(np.zeros((120_000, 1), np.float32), RATE_HZ, [SHOT_S])
    out, kept = filtered(sound, RATE_HZ, SHOT_S * RATE_HZ, [], "s/b/1")
    assert np.abs(out[: kept[0][0] - 480]).max() < 0.02


def test_speech_is_hardly_kept() -> None:
    onsets = [(0.12 + 0.24 * k) * RATE_HZ for k in range(9)]
    sound = syllables(2.5, RATE_HZ, [o / RATE_HZ for o in onsets])
    out, kept = filtered(sound, RATE_HZ, onsets[1], onsets, "s/b/1")
    same = np.mean(out == sound)
    assert same == pytest.approx(sum(b - a for a, b in kept) / len(sound), abs=0.001)
    assert same < 0.08


def test_a_node_filters_and_encodes_without_scipy() -> None:
    """scipy.signal alone would take half of a node's memory."""
    program = "import sys, sensors.clips.cutting, sensors.clips.reading; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
