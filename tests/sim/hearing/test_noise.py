"""Noise: its level, its spectrum, and that any stretch of it is the same whenever it is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from acoustic.weather import Weather
from sim.hearing import background, noise, wind_noise
from sim.hearing.background import Background, hourly_level_db_a
from sim.hearing.microphone import SELF_NOISE, vent_power_gain
from sim.hearing.noise import Noise, NoiseLevels
from sim.hearing.spectrum import THIRD_OCTAVES_HZ, Spectrum, a_weighting_db
from sim.hearing.wind_noise import WIND_NOISE, mean_level_db_a
from sim.sound import REFERENCE_PA
from sim.world import Ambient, World
from tests.sim.small_world import START_NS, station, world
from wire.utc import NS_PER_S


def stretch(of: World, seconds: float, *, deaf: bool = False) -> NDArray[np.float64]:
    made = Noise(of, of.stations[0], deaf=deaf)
    count = -(-round(seconds * of.stations[0].rate_hz) // made.chunk_samples)
    return np.concatenate([made.chunk(number) for number in range(count)]).astype(np.float64)


def density(pressure_pa: NDArray[np.float64], rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    f, power = signal.welch(pressure_pa, rate_hz, "blackmanharris", nperseg=rate_hz // 2)
    return f[1:], power[1:]


def measured_db_a(pressure_pa: NDArray[np.float64], rate_hz: int) -> float:
    f, power = density(pressure_pa, rate_hz)
    weighted = (power * 10.0 ** (a_weighting_db(f) / 10.0)).sum() * f[0]
    return 10.0 * float(np.log10(weighted / REFERENCE_PA**2))


def test_a_weighting_is_that_of_the_standard() -> None:
    """IEC 61672-1:2013, table 3, printed to 0.1 dB."""
    printed = {31.62: -39.4, 100.0: -19.1, 316.2: -6.6, 1000.0: 0.0, 3162.0: 1.2, 10_000.0: -2.5, 15_849.0: -6.6}
    for frequency_hz, db in printed.items():
        assert a_weighting_db(frequency_hz) == pytest.approx(db, abs=0.05)


def test_a_spectrum_keeps_its_third_octaves() -> None:
    """The density, integrated over each band again, gives the levels that it was made of (pink: exactly)."""
    pink = Spectrum(np.full(len(THIRD_OCTAVES_HZ), 50.0))
    for f in THIRD_OCTAVES_HZ[3:-3]:
        assert pink.band_level_db(f * 10**-0.05, f * 10**0.05) == pytest.approx(50.0, abs=0.01)
    assert pink.at_level(61.0).level_db_a == pytest.approx(61.0, abs=1e-9)


def test_traffic_is_the_normalised_spectrum() -> None:
    levels = background.TRAFFIC.levels_db + a_weighting_db(THIRD_OCTAVES_HZ)
    at_1k, at_100, at_5k = (int(np.argmin(np.abs(THIRD_OCTAVES_HZ - f))) for f in (1000.0, 100.0, 5000.0))
    assert levels[at_1k] - levels[at_100] == pytest.approx(12.0, abs=1e-9)
    assert levels[at_1k] - levels[at_5k] == pytest.approx(10.0, abs=1e-9)
    assert levels[at_1k] == pytest.approx(
        -8.0, abs=0.4
    )  # the sum is 0 but for printed rounding


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels without slow changes or gusts."""
    monkeypatch.setattr(background, "SITE_DB", 0.0)
    monkeypatch.setattr(background, "OWN_DB", 0.0)
    monkeypatch.setattr(wind_noise, "TURBULENCE", 0.0)
    monkeypatch.setattr(wind_noise, "_MEAN_GAIN", 1.0)


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
@pytest.mark.parametrize("level_db_a", [42.0, 60.0])
def test_the_background_is_as_loud_as_was_asked(rate_hz: int, level_db_a: float) -> None:
    ambient = Ambient(level_db_a=level_db_a - 3.0, events_per_min=0.0)
    of = world((station("a", (0, 0, 5), rate_hz=rate_hz, background_db=3.0, self_noise_db_a=10.0),), ambient=ambient)
    assert measured_db_a(stretch(of, 40.0), rate_hz) == pytest.approx(level_db_a, abs=0.1)


@pytest.mark.usefixtures("steady")
def test_the_background_has_the_spectrum_that_was_asked() -> None:
    of = world(
        (station("a", (0, 0, 5), rate_hz=48_000, self_noise_db_a=-20.0, bits=24),),
        ambient=Ambient(level_db_a=60.0, events_per_min=0.0),
    )
    f, power = density(stretch(of, 60.0), 48_000)
    asked = background.TRAFFIC.at_level(60.0).density_pa2_hz(f) * vent_power_gain(f)
    for centre in THIRD_OCTAVES_HZ[6:-1]:  # 63 Hz .. 16 kHz
        band = (f > centre * 10**-0.05) & (f < centre * 10**0.05)
        assert 10.0 * np.log10(power[band].sum() / asked[band].sum()) == pytest.approx(0.0, abs=0.35), centre


@pytest.mark.usefixtures("steady")
def test_wind_noise_is_as_loud_as_was_asked_and_does_not_leak_upwards() -> None:
    """The spectrum falls by 80 dB from 30 Hz to 8 kHz; the fades between stretches must not fill its upper end."""
    hearing = (station("a", (0, 0, 5), rate_hz=48_000, wind_shelter_db=5.0, self_noise_db_a=-40.0, bits=24),)
    of = world(hearing, weather=Weather(wind_speed_m_s=12.0), ambient=Ambient(level_db_a=-40.0, events_per_min=0.0))
    sound = stretch(of, 40.0)
    assert measured_db_a(sound, 48_000) == pytest.approx(mean_level_db_a(12.0, 5.0), abs=0.3)
    f, power = density(sound, 48_000)
    asked = WIND_NOISE.at_level(mean_level_db_a(12.0, 5.0)).density_pa2_hz(f)
    high = (f > 2000.0) & (f < 4000.0)
    assert 10.0 * np.log10(power[high].sum() / asked[high].sum()) == pytest.approx(0.0, abs=0.3)


def test_wind_noise_follows_strasbergs_law() -> None:
    """Eq. 1 in the band of 100 Hz, and 63 dB a decade of speed."""
    level = WIND_NOISE.at_level(mean_level_db_a(10.0, 0.0))
    at = int(np.argmin(np.abs(THIRD_OCTAVES_HZ - 100.0)))
    law = 40.0 * np.log10(10.0) - 23.0 * np.log10(100.0 * 0.025 / 10.0) + 15.0
    assert level.levels_db[at] == pytest.approx(law, abs=1e-9)
    assert mean_level_db_a(10.0, 15.0) - mean_level_db_a(5.0, 15.0) == pytest.approx(63.0 * np.log10(2.0))
    assert mean_level_db_a(0.0, 15.0) == -np.inf


def test_gusts_keep_the_mean_power_of_the_law() -> None:
    at_s = np.arange(0.0, 20_000.0, 0.5)
    excess = []
    for n in range(4):
        of = world((station(f"a{n}", (0, 0, 5)),), weather=Weather(wind_speed_m_s=9.0))
        wind = wind_noise.WindNoise(of, of.stations[0])
        excess.append(10.0 ** ((wind.level_db_a(at_s) - wind.mean_level_db_a) / 10.0))
    assert 10.0 * np.log10(np.mean(excess)) == pytest.approx(0.0, abs=0.5)
    assert 10.0 * np.log10(np.mean(excess)) != 0.0


def test_vehicles_and_slow_changes_keep_the_mean_power() -> None:
    at_s = np.arange(0.0, 6 * 3600.0, 1.0)
    power = []
    for n in range(6):
        of = world((station(f"a{n}", (0, 0, 5)),), seed=n, ambient=Ambient(level_db_a=55.0, events_per_min=2.0))
        made = Background(of, of.stations[0])
        level = np.concatenate([made.level_db_a(part) for part in np.split(at_s, 360)])
        assert 1.5 < np.std(level) < 6.0
        power.append(10.0 ** ((level - 55.0) / 10.0))
    assert 10.0 * np.log10(np.mean(power)) == pytest.approx(0.0, abs=0.35)


def test_every_station_has_its_own_noise_and_shares_half_of_its_slow_level() -> None:
    of = world((station("a", (0, 0, 5)), station("b", (60, 0, 5))))
    first, second = (Noise(of, s).chunk(3).astype(np.float64) for s in of.stations)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05  # low frequencies leave few independent samples
    at_s = np.arange(0.0, 40_000.0, 5.0)
    levels = [Background(of, s).level_db_a(at_s) for s in of.stations]
    assert np.corrcoef(levels[0], levels[1])[0, 1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("deaf", [False, True])
def test_any_chunk_is_the_same_without_those_before_it(deaf: bool) -> None:
    of = world(
        (station("a", (0, 0, 5), rate_hz=8_000),),
        duration_s=600.0,
        weather=Weather(wind_speed_m_s=6.0),
        ambient=Ambient(events_per_min=3.0),
    )
    in_order = Noise(of, of.stations[0], deaf=deaf)
    chunks = [in_order.chunk(number) for number in range(12)]
    for number in (11, 4, 0, 5):
        assert np.array_equal(Noise(of, of.stations[0], deaf=deaf).chunk(number), chunks[number])
    assert np.array_equal(in_order.chunk(2), chunks[2])
    assert not np.array_equal(chunks[0], chunks[1])


def test_noise_is_even_across_stretches() -> None:
    """Where two stretches fade into each other there is as much power as between."""
    of = world((station("a", (0, 0, 5), rate_hz=8_000),))
    made = Noise(of, of.stations[0], deaf=True)
    power = np.mean([np.square(made.chunk(n).reshape(noise.HOPS, made.hop)).mean(axis=0) for n in range(60)], axis=0)
    parts = power[: made.hop // 20 * 20].reshape(20, -1).mean(axis=1)
    assert parts == pytest.approx(parts.mean(), rel=0.05)


def test_a_deaf_microphone_has_its_own_noise() -> None:
    of = world((station("a", (0, 0, 5), rate_hz=48_000, bits=24, self_noise_db_a=33.0),))
    assert measured_db_a(stretch(of, 20.0, deaf=True), 48_000) == pytest.approx(33.0, abs=0.15)


def test_the_day_is_loud_and_the_night_is_quiet() -> None:
    hours = np.arange(0.0, 24.0, 0.25)
    level = hourly_level_db_a(hours)
    night, day = (hours >= 1.0) & (hours < 5.0), (hours >= 8.0) & (hours < 19.0)
    assert np.all((level[night] >= 40.0) & (level[night] <= 45.0))
    assert np.all((level[day] >= 55.0) & (level[day] <= 65.0))
    assert hourly_level_db_a(24.0) == hourly_level_db_a(0.0)
    assert np.abs(np.diff(level)).max() < 2.0


def test_the_hour_is_the_local_one() -> None:
    midnight = replace(world((station("a", (0, 0, 5)),)), start_ns=START_NS // (86_400 * NS_PER_S) * 86_400 * NS_PER_S)
    local = replace(midnight, ambient=Ambient(utc_offset_h=-9.5))
    level = Background(local, local.stations[0]).mean_level_db_a(np.array([3600.0]))
    assert float(level[0]) == pytest.approx(float(hourly_level_db_a(15.5)))


def test_band_level_is_that_of_the_sound() -> None:
    of = world(
        (station("a", (0, 0, 5), rate_hz=16_000, self_noise_db_a=40.0),),
        weather=Weather(wind_speed_m_s=8.0),
        ambient=Ambient(level_db_a=48.0, events_per_min=0.0),
    )
    sound = stretch(of, 24.0)
    at_s = np.arange(0.0, 24.0, 0.25) + 0.15
    told = NoiseLevels(of, of.stations[0]).band_level_db(at_s)
    f, power = density(sound, 16_000)
    band = (f >= 300.0) & (f <= 3000.0)
    heard = 10.0 * np.log10(power[band].sum() * f[0] / REFERENCE_PA**2)
    assert 10.0 * np.log10(np.mean(10.0 ** (told / 10.0))) == pytest.approx(heard, abs=0.2)
    assert NoiseLevels(of, of.stations[0]).quietest_band_level_db() < told.min()


def test_self_noise_is_white_above_its_flicker() -> None:
    power = SELF_NOISE.density_pa2_hz(np.array([2000.0, 16_000.0]))
    assert power[0] / power[1] == pytest.approx(1.1, abs=0.05)
