"""The atmosphere against published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.atmosphere import (
    absorption_db_per_m,
    saturation_vapour_pressure_pa,
    speed_of_sound_dry_m_s,
    speed_of_sound_m_s,
    water_mole_fraction,
)
from benchmarks.iso_9613_tables import ISO_9613_1_TABLE_1, ISO_9613_2_TABLE_2

CRAMER_CO2 = 3.14e-4


@pytest.mark.parametrize(("temperature_c", "humidity", "band", "printed"), ISO_9613_1_TABLE_1)
def test_absorption_is_that_of_the_standards_table(
    temperature_c: float, humidity: float, band: int, printed: float
) -> None:
    got = float(absorption_db_per_m(1000.0 * 10.0 ** (band / 10.0), temperature_c, humidity)) * 1000.0
    half_of_last_digit = 0.5 * 10.0 ** (math.floor(math.log10(printed)) - 2)
    assert got == pytest.approx(printed, abs=1.02 * half_of_last_digit)


@pytest.mark.parametrize(("temperature_c", "humidity", "printed"), ISO_9613_2_TABLE_2)
def test_absorption_is_that_of_the_octave_band_table(
    temperature_c: float, humidity: float, printed: list[float]
) -> None:
    midbands = 1000.0 * 10.0 ** (0.3 * np.arange(-4, 4))
    got = absorption_db_per_m(midbands, temperature_c, humidity) * 1000.0
    half = np.where(np.array(printed) >= 100, 0.5, 0.05)
    # 4.151 dB/km (15 deg C, 80 %, 1 kHz) is printed as 4.1 in the standard.
    assert np.all(np.abs(got - printed) <= half * 1.1)


def test_speed_in_standard_dry_air_is_cramers() -> None:
    """Cramer 1993, section IV: 331.45 m/s at 0 deg C, 101.325 kPa, dry, 314 ppm of CO2."""
    assert float(speed_of_sound_m_s(0.0, 0.0, 1013.25, CRAMER_CO2)) == pytest.approx(331.45, abs=0.01)


@pytest.mark.parametrize(
    ("temperature_c", "humidity", "read_from_figure"),
    [
        (0, 30, 331.63),
        (0, 60, 331.71),
        (10, 30, 337.70),
        (20, 30, 343.73),
        (20, 60, 344.17),
        (30, 30, 349.88),
        (30, 60, 350.56),
    ],
)
def test_speed_follows_cramers_figure(temperature_c: float, humidity: float, read_from_figure: float) -> None:
    """Cramer 1993, figure 1, as far as a printed curve can be read (0.1 m/s)."""
    got = float(speed_of_sound_m_s(temperature_c, humidity, 1013.25, CRAMER_CO2))
    assert got == pytest.approx(read_from_figure, abs=0.1)


@given(st.floats(0.0, 30.0), st.floats(0.0, 100.0), st.floats(750.0, 1020.0))
def test_speed_agrees_with_a_mixture_of_ideal_gases(temperature_c: float, humidity: float, pressure_hpa: float) -> None:
    """c^2 = gamma R T / M of dry air and vapour; real-gas terms are below 0.1 % near the ground."""
    x = float(water_mole_fraction(temperature_c, humidity, pressure_hpa))
    heat = (1 - x) * 3.503 + x * 4.03  # molar heat capacities at constant pressure over R
    mass = (1 - x) * 28.9645e-3 + x * 18.0153e-3
    ideal = math.sqrt(heat / (heat - 1) * 8.314462618 * (temperature_c + 273.15) / mass)
    assert float(speed_of_sound_m_s(temperature_c, humidity, pressure_hpa)) == pytest.approx(ideal, rel=1e-3)


@pytest.mark.parametrize("temperature_c", [-60.0, -40.0, -20.0, 0.0, 40.0, 60.0])
def test_speed_extrapolates_to_every_town(temperature_c: float) -> None:
    ideal = 20.0468 * math.sqrt(temperature_c + 273.15)
    assert float(speed_of_sound_m_s(temperature_c, 0.0)) == pytest.approx(ideal, rel=3e-3)


@given(st.floats(-20.0, 40.0), st.floats(0.0, 99.0))
def test_humid_air_is_faster(temperature_c: float, humidity: float) -> None:
    assert float(speed_of_sound_m_s(temperature_c, humidity + 1.0)) > float(speed_of_sound_m_s(temperature_c, humidity))


def test_dry_form_is_what_its_docstring_says() -> None:
    assert float(speed_of_sound_dry_m_s(0.0)) == pytest.approx(20.03 * math.sqrt(273.15), abs=1e-12)
    difference = speed_of_sound_m_s([-20.0, 20.0, 30.0], 50.0) - speed_of_sound_dry_m_s([-20.0, 20.0, 30.0])
    np.testing.assert_allclose(difference, [0.43, 1.04, 1.56], atol=0.01)


def test_vapour_pressure_is_that_of_the_steam_tables() -> None:
    """IAPWS: 611.2 Pa at 0 deg C, 2339.3 Pa at 20, 4246.9 Pa at 30."""
    np.testing.assert_allclose(saturation_vapour_pressure_pa([0.0, 20.0, 30.0]), [611.2, 2339.3, 4246.9], rtol=5e-4)


def test_arrays_broadcast() -> None:
    speeds = speed_of_sound_m_s(np.linspace(-20.0, 40.0, 7)[:, None], np.array([10.0, 50.0, 90.0]))
    assert speeds.shape == (7, 3)
    assert speeds[3, 1] == speed_of_sound_m_s(10.0, 50.0)
    assert absorption_db_per_m(np.geomspace(50.0, 8000.0, 5), 10.0).shape == (5,)
