"""Microphone and converter: calibration, overload, steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from acoustic.levels import is_clipped
from sim.hearing.microphone import (
    DITHER_STEPS,
    VENT_HZ,
    converted,
    dither_density_pa2_hz,
    samples,
    steps_per_pa,
    through_vent,
    vent_power_gain,
)
from sim.world import Faults
from tests.sim.small_world import station


def tone_pa(amplitude_pa: float, seconds: float = 0.1) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    t = np.arange(round(48_000 * seconds)) / 48_000
    return (amplitude_pa * np.sin(2.0 * np.pi * 1000.0 * t)).astype(np.float32)


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("gain_error_db", [-2.0, 0.0, 1.5])
def test_a_tone_of_known_pressure_has_the_right_digital_peak(bits: int, gain_error_db: float) -> None:
    """94 dB SPL is 1 Pa root mean square; a sample of 1 is 120 dB SPL peak, so a peak of sqrt(2) Pa is 0.0707."""
    made = station("a", (0, 0, 5), bits=bits, full_scale_db_spl=120.0, gain_error_db=gain_error_db)
    peak = float(np.abs(samples(converted(tone_pa(np.sqrt(2.0)), made), bits)).max())
    expected = np.sqrt(2.0) / 20.0 * 10.0 ** (gain_error_db / 20.0)
    assert peak == pytest.approx(expected, abs=0.5 * 2.0 ** (1 - bits) + 1e-7)


def test_samples_are_whole_steps() -> None:
    for bits in (16, 24):
        made = station("a", (0, 0, 5), bits=bits)
        steps = converted(tone_pa(5.0), made)
        assert steps.dtype == np.int32
        assert np.array_equal(samples(steps, bits).astype(np.float64) * 2.0 ** (bits - 1), steps)
        top = np.array([2 ** (bits - 1) - 1, -(2 ** (bits - 1)), 1, -1], dtype=np.int32)
        assert np.array_equal(samples(top, bits).astype(np.float64) * 2.0 ** (bits - 1), top)


@pytest.mark.parametrize("bits", [16, 24])
def test_the_converter_stops_at_full_scale(bits: int) -> None:
    made = station("a", (0, 0, 5), bits=bits)
    steps = converted(tone_pa(60.0), made)
    assert steps.max() == 2 ** (bits - 1) - 1
    assert steps.min() == -(2 ** (bits - 1))
    assert is_clipped(samples(steps, bits))


def test_an_overloaded_microphone_is_flat_where_it_overloads() -> None:
    made = station("a", (0, 0, 5), faults=Faults(clip_db_spl=110.0), gain_error_db=1.0)
    sound = samples(converted(tone_pa(20.0), made), 16)
    assert float(sound.max()) == pytest.approx(10.0 ** ((110.0 + 1.0 - 120.0) / 20.0), abs=2.0**-15)
    assert float(sound.min()) == -float(sound.max())
    assert is_clipped(sound)
    assert not is_clipped(samples(converted(tone_pa(6.0), made), 16))


def test_the_vent_takes_what_its_response_says() -> None:
    """Against the analogue pole; the bilinear transform is exact at the pole and at 0 Hz."""
    n = 1 << 15
    click = np.zeros(n)
    click[0] = 1.0
    f = np.fft.rfftfreq(n, 1.0 / 48_000.0)
    power = np.abs(np.fft.rfft(through_vent(click, 48_000.0))) ** 2
    for frequency_hz in (20.0, 100.0, 1000.0, 5000.0):
        at = int(np.argmin(np.abs(f - frequency_hz)))
        assert 10.0 * np.log10(power[at] / vent_power_gain(f[at])) == pytest.approx(0.0, abs=0.01)
    assert vent_power_gain(VENT_HZ) == pytest.approx(0.5)


def test_the_converters_noise_keeps_silence_out() -> None:
    """A microphone much quieter than a step still never gives zeros for as long as a detector takes for a gap."""
    made = replace(station("a", (0, 0, 5), full_scale_db_spl=140.0, rate_hz=48_000), self_noise_db_a=0.0)
    sigma_pa = np.sqrt(dither_density_pa2_hz(made) * 24_000.0)
    assert sigma_pa * steps_per_pa(made) == pytest.approx(DITHER_STEPS)
    noise = np.random.default_rng(0).normal(0.0, sigma_pa, 480_000).astype(np.float32)
    edges = np.flatnonzero(np.concatenate([[1], converted(noise, made), [1]]))
    assert np.diff(edges).max() < 100


def test_rounding_adds_no_distortion() -> None:
    """A tone of half a step is heard as a tone, without harmonics: what dither is for."""
    made = station("a", (0, 0, 5), rate_hz=48_000)
    generator = np.random.default_rng(1)
    n = 240_000  # whole periods
    t = np.arange(n) / 48_000
    step_pa = 1.0 / steps_per_pa(made)
    tone = 0.5 * step_pa * np.sin(2.0 * np.pi * 1000.0 * t) + generator.normal(0.0, DITHER_STEPS * step_pa, n)
    steps = converted(tone.astype(np.float32), made).astype(float)
    f, power = signal.periodogram(steps, 48_000, "hann", scaling="spectrum")
    first, third = (power[np.abs(f - f0) < 1.0].max() for f0 in (1000.0, 3000.0))
    assert np.sqrt(2.0 * first) == pytest.approx(0.5, rel=0.05)
    assert third < 1e-3 * first
