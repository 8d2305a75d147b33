"""Muzzle blasts: closed forms, sampling without aliasing, energy, directivity, weapons."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from sim.sound import Sound
from sim.sources.bandlimit import FLAT_TO, anti_alias_response, band_limited, delay_samples
from sim.sources.directivity import MuzzleDirectivity
from sim.sources.friedlander import Blast, friedlander_spectrum
from sim.sources.gunshot import LEVEL_LIMIT_DB, gunshot, time_to_ground_s
from sim.sources.muzzle import (
    FAR_DURATION,
    FAR_PEAK,
    STANDARD_PRESSURE_PA,
    blast_duration_s,
    blast_energy_j,
    blast_peak_pa,
)
from sim.sources.weapons import WEAPONS, Weapon

RATES_HZ = (8_000.0, 12_000.0, 16_000.0, 44_100.0, 48_000.0, 96_000.0)


@pytest.mark.parametrize("frequency_hz", [0.0, 50.0, 530.0, 4000.0])
def test_the_spectrum_is_the_integral_of_the_pulse(frequency_hz: float) -> None:
    peak, positive = 3000.0, 3e-4

    def part(wave: Callable[[float], float]) -> float:
        def integrand(t: float) -> float:
            ideal = peak * (1.0 - t / positive) * math.exp(-t / positive)
            return ideal * wave(2 * math.pi * frequency_hz * t)

        return float(quad(integrand, 0.0, 30 * positive, limit=500, epsabs=1e-12)[0])

    direct = part(math.cos) - 1j * part(math.sin)
    closed = friedlander_spectrum(np.array([frequency_hz]), peak, positive)[0]
    assert abs(direct - closed) < 1e-9 * peak * positive


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("positive_s", [1e-4, 3e-4, 1e-3])
def test_samples_have_the_closed_spectrum_and_integral(rate_hz: float, positive_s: float) -> None:
    samples = Blast(1000.0, positive_s).pressure_pa(rate_hz)
    frequency = np.asarray(np.fft.rfftfreq(len(samples), 1.0 / rate_hz), dtype=np.float64)
    measured = np.abs(np.fft.rfft(samples)) / rate_hz
    closed = np.abs(friedlander_spectrum(frequency, 1000.0, positive_s))
    flat = frequency < FLAT_TO * rate_hz
    assert np.allclose(
        measured[flat], closed[flat], rtol=0.0, atol=1.5e-4 * closed.max()
    )  # what the filter lets fold back
    # The pulse has no area: its two phases cancel.
    assert abs(samples.sum() / rate_hz) < 2e-4 * 1000.0 * positive_s / math.e


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_nothing_comes_before_the_onset(rate_hz: float) -> None:
    """Delayed by any fraction of a sample, what precedes the onset is 90 dB below the peak."""
    for late in (20.0, 20.25, 20.5, 20.999):
        samples = band_limited(lambda f: friedlander_spectrum(f, 1.0, 3e-4), 25 * 3e-4, rate_hz, late_s=late / rate_hz)
        assert np.abs(samples[: math.ceil(late)]).max() < 3e-5
        assert np.abs(samples[math.ceil(late) : math.ceil(late) + 8]).max() > 0.3


def test_no_aliasing_a_low_rate_hears_what_a_high_one_does() -> None:
    """Samples at 8 kHz against those at 96 kHz, low-pass filtered without phase: below 3.2 kHz, the same energy."""
    low, high = (Blast(1.0, 2e-4).pressure_pa(rate) for rate in (8_000.0, 96_000.0))
    f = np.linspace(10.0, 3199.0, 300)

    def spectrum(samples: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
        return np.asarray(np.abs(np.exp(-2j * np.pi * np.outer(f, np.arange(len(samples)) / rate)) @ samples) / rate)

    assert np.allclose(spectrum(low, 8_000.0), spectrum(high, 96_000.0), rtol=2e-4)


def test_the_anti_alias_filter_stops_at_half_of_the_rate() -> None:
    response = np.abs(np.fft.rfft(anti_alias_response(), 1 << 16))
    share = np.fft.rfftfreq(1 << 16, 0.25)
    assert np.abs(response[share <= 0.4] - 1.0).max() < 5e-5
    assert response[share >= 0.505].max() < 1.5e-4  # 80 dB, and what cutting the response leaves
    assert 1.8 < delay_samples() < 2.0


def test_the_peak_of_the_samples_nears_the_stated_one() -> None:
    blast = Blast(blast_peak_pa(600.0), blast_duration_s(600.0))
    losses = [blast.peak_db_spl_1m - 20 * math.log10(np.abs(blast.pressure_pa(r)).max() / 2e-5) for r in RATES_HZ]
    assert -0.3 < losses[-1] < 0.3
    assert losses[0] < 9.0  # 8 kHz hardly resolves a pistol's positive phase
    assert losses == sorted(losses, reverse=True)


def test_samples_are_the_same_every_time() -> None:
    one, two = (Blast(123.4, 2.34e-4).pressure_pa(48_000.0) for _ in range(2))
    assert one.tobytes() == two.tobytes()


@given(st.floats(1.0, 1e5))
def test_blast_scaling(energy_j: float) -> None:
    """Eight times the energy: twice as loud and twice as long; the energy of the far field is the efficiency's."""
    peak, positive = blast_peak_pa(energy_j), blast_duration_s(energy_j)
    assert blast_peak_pa(8 * energy_j) == pytest.approx(2 * peak, rel=1e-12)
    assert blast_duration_s(8 * energy_j) == pytest.approx(2 * positive, rel=1e-12)
    assert blast_energy_j(peak) == pytest.approx(energy_j, rel=1e-12)
    rho_c = 1.4 * STANDARD_PRESSURE_PA / 340.3
    sound_j = 4 * math.pi * peak**2 * positive / 4 / rho_c
    assert sound_j / energy_j == pytest.approx(math.pi * FAR_PEAK**2 * FAR_DURATION / 1.4, rel=1e-9)
    assert sound_j / energy_j == pytest.approx(0.05, abs=0.005)


def test_a_kilogram_of_tnt_far_away() -> None:
    """Kinney & Graham's fits at 1 km of 1 kg TNT, against the far ends that are used here."""
    z = 1000.0
    ratio = 808 * (1 + (z / 4.5) ** 2)
    for scale in (0.048, 0.32, 1.35):
        ratio /= math.sqrt(1 + (z / scale) ** 2)
    duration_ms = 980 * (1 + (z / 0.54) ** 10)
    duration_ms /= (1 + (z / 0.02) ** 3) * (1 + (z / 0.74) ** 6) * math.sqrt(1 + (z / 6.9) ** 2)
    assert blast_peak_pa(4.184e6) / 1000.0 == pytest.approx(ratio * STANDARD_PRESSURE_PA, rel=1e-4)
    assert blast_duration_s(4.184e6) == pytest.approx(1e-3 * duration_ms, rel=1e-4)


ANGLES = np.linspace(0.0, np.pi, 37)
FREQUENCIES = np.geomspace(20.0, 20_000.0, 25)


@given(st.floats(10.0, 1e4))
def test_directivity_falls_from_front_to_rear_and_with_frequency(energy_j: float) -> None:
    gain = MuzzleDirectivity.of_energy(energy_j).gain(ANGLES, FREQUENCIES)
    assert gain.shape == (37, 25)
    assert np.array_equal(gain[0], np.ones(25))
    assert (np.diff(gain, axis=0) < 0).all()
    assert (np.diff(gain[1:], axis=1) < 0).all()
    rear_db = -20 * np.log10(gain[-1])
    assert rear_db.min() > 10.0
    assert rear_db.max() < 16.0


def beside_db_spl(weapon: Weapon, angle_rad: float) -> float:
    """Peak level at one metre under an angle, of the pulse at 96 kHz filtered by the directivity without phase."""
    samples = Blast(blast_peak_pa(weapon.blast_energy_j), weapon.positive_s).pressure_pa(96_000.0)
    # Minimum phase: a filter that weakens high frequencies must not spread the pulse before its onset.
    points = 1 << 15
    f = np.asarray(np.fft.rfftfreq(points, 1 / 96_000.0), dtype=np.float64)
    gain = MuzzleDirectivity.of_energy(weapon.blast_energy_j).gain(np.array([angle_rad]), f)[0]
    cepstrum = np.fft.irfft(np.log(gain), points)
    cepstrum[1 : points // 2] *= 2
    cepstrum[points // 2 + 1 :] = 0
    filtered = np.fft.irfft(np.fft.rfft(samples, points) * np.exp(np.fft.rfft(cepstrum)), points)
    return float(20 * np.log10(np.abs(filtered).max() / 2e-5))


@pytest.mark.parametrize("weapon", [w for w in WEAPONS.values() if w.beside_db_spl], ids=lambda w: w.name)
def test_levels_beside_the_muzzle_are_as_published(weapon: Weapon) -> None:
    """Energy, scaling and directivity together, none of them fitted to a weapon: within 2 dB of the published range."""
    assert weapon.beside_db_spl is not None
    low, high = weapon.beside_db_spl
    assert low - 2.0 < beside_db_spl(weapon, math.pi / 2) < high + 2.0


@pytest.mark.parametrize("weapon", [w for w in WEAPONS.values() if w.shooter_db_spl], ids=lambda w: w.name)
def test_levels_at_the_shooter_are_near_the_published(weapon: Weapon) -> None:
    """The published place is not exactly known: 0.75 m behind the muzzle (pistols; rifles 1 m), within 8 dB."""
    away = 1.0 if weapon.length_m > 0.02 or weapon.projectiles > 1 else 0.75
    at_ear = beside_db_spl(weapon, math.radians(160.0)) - 20 * math.log10(away)
    assert weapon.shooter_db_spl is not None
    assert abs(at_ear - weapon.shooter_db_spl) < 8.0


@pytest.mark.parametrize("weapon", WEAPONS.values(), ids=lambda w: w.name)
def test_weapons_are_plausible(weapon: Weapon) -> None:
    assert WEAPONS[weapon.name] is weapon
    assert 155.0 < weapon.peak_db_spl_1m < 176.0
    assert 1e-4 < weapon.positive_s < 6e-4
    kinetic = 0.5 * weapon.projectiles * weapon.mass_kg * weapon.speed_m_s**2
    assert 80.0 < kinetic < 3600.0
    # The gas keeps between a fifth and three quarters of the powder's energy.
    assert 0.2 < weapon.blast_energy_j / (3.9e6 * weapon.charge_kg) < 0.75


def fire(name: str, seed: int) -> Sound:
    return gunshot(
        WEAPONS[name],
        id="A/3",
        source="A",
        round=3,
        at_ns=12,
        position_m=np.array([1.0, 2.0, 1.5]),
        axis=np.array([0.0, 3.0, 0.0]),
        generator=np.random.default_rng(seed),
    )


def test_a_gunshot_is_all_that_the_contract_asks() -> None:
    sound = fire("556x45", 1)
    assert (sound.id, sound.kind, sound.source, sound.round, sound.at_ns) == ("A/3", "gunshot", "A", 3, 12)
    assert sound.is_gunshot
    assert sound.label == "5.56 mm rifle"
    assert np.array_equal(sound.axis, [0.0, 1.0, 0.0])
    assert sound.directivity is not None
    assert sound.bullet is not None


def test_rounds_scatter_within_their_limit_and_repeat_with_the_seed() -> None:
    levels = [fire("9mm", seed).signal.peak_db_spl_1m for seed in range(300)]
    assert levels[:5] == [fire("9mm", seed).signal.peak_db_spl_1m for seed in range(5)]
    off = np.array(levels) - WEAPONS["9mm"].peak_db_spl_1m
    assert np.abs(off).max() <= LEVEL_LIMIT_DB + 1e-9
    assert 0.8 < off.std() < 1.2
    assert abs(off.mean()) < 0.3


@pytest.mark.parametrize("name", ["25acp", "32acp", "38spl", "45acp"])
def test_a_bullet_that_no_air_makes_supersonic_is_none(name: str) -> None:
    assert all(fire(name, seed).bullet is None for seed in range(20))


def test_the_ground_ends_a_flight() -> None:
    assert time_to_ground_s(1.5, 0.0) == pytest.approx(math.sqrt(3.0 / 9.81))
    assert time_to_ground_s(0.0, 9.81) == pytest.approx(2.0)
    assert time_to_ground_s(10.0, -100.0) == pytest.approx(0.0996, abs=1e-3)
