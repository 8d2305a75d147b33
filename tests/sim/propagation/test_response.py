"""Levels over frequency, term by term, and the standard's absorption in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from sim.propagation.response import band_gain_db
from sim.world import Surfaces
from tests.sim.propagation.single_paths import some_paths

WEATHER, SURFACES = Weather(), Surfaces()
BANDS = np.array([63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])

# ISO 9613-1:1993, table 1: deg C, % relative humidity, one-third-octave band number re 1 kHz (exact midband frequency
# 1000 * 10^(k/10) Hz), dB/km at one standard atmosphere, printed to three digits.
ISO_9613_1_TABLE_1 = [
    (-20, 30, -9, 1.28),
    (-20, 50, 6, 13.2),
    (-20, 100, 9, 41.1),
    (-15, 50, 0, 13.2),
    (-10, 10, 0, 4.65),
    (-10, 100, 0, 5.91),
    (-5, 50, 0, 9.68),
    (-5, 70, 6, 65.0),
    (0, 30, -9, 0.469),
    (0, 20, 0, 17.7),
    (0, 100, 0, 3.37),
    (5, 50, 0, 5.08),
    (10, 10, -9, 0.788),
    (10, 50, 0, 4.26),
    (10, 10, 6, 57.3),
    (10, 10, 9, 69.4),
    (15, 10, 0, 18.4),
    (15, 70, 0, 4.08),
    (15, 70, 6, 26.4),
    (20, 50, -10, 0.294),
    (20, 100, -10, 0.158),
    (20, 70, -8, 0.518),
    (20, 70, 0, 4.98),
    (20, 100, 0, 5.42),
    (20, 100, 6, 19.4),
    (25, 70, 0, 6.19),
    (30, 70, -9, 0.256),
    (30, 100, 6, 24.0),
    (35, 70, 0, 8.30),
    (40, 10, 0, 7.68),
    (50, 70, -10, 0.0913),
    (50, 10, 6, 46.4),
    (50, 100, 0, 6.05),
]


@pytest.mark.parametrize(("temperature_c", "humidity", "band", "printed"), ISO_9613_1_TABLE_1)
def test_a_kilometre_of_air_takes_what_the_standard_prints(
    temperature_c: float, humidity: float, band: int, printed: float
) -> None:
    weather = Weather(temperature_c=temperature_c, humidity_percent=humidity)
    frequency = np.array([1000.0 * 10.0 ** (band / 10.0)])
    gain = band_gain_db(some_paths(1000.0), weather, SURFACES, frequency, spreading=False)[0, 0]
    half_of_last_digit = 0.5 * 10.0 ** (math.floor(math.log10(printed)) - 2)
    assert -gain == pytest.approx(printed, abs=1.02 * half_of_last_digit)


def test_gain_is_the_sum_of_what_was_met() -> None:
    """Twice as far without air: 6 dB; each wall 10 log10(0.85); an edge that is grazed 5 dB."""
    low = np.array([1e-3])
    gain = band_gain_db(
        some_paths([100.0, 200.0, 200.0, 200.0], bounces=[0, 0, 2, 0], edges=[0, 0, 0, 1]), WEATHER, SURFACES, low
    )[:, 0]
    np.testing.assert_allclose(gain, [-40.0, -46.0206, -46.0206 + 20 * np.log10(0.85), -51.0206], atol=1e-4)
    near = band_gain_db(some_paths([1.0, 0.0]), WEATHER, SURFACES, low)[:, 0]
    np.testing.assert_allclose(near, [0.0, 20.0], atol=1e-4)  # nearer than 0.1 m nothing is a point


def test_absorbing_walls_leave_numbers() -> None:
    gain = band_gain_db(some_paths(10.0, bounces=1), WEATHER, Surfaces(wall_absorption=1.0), BANDS)
    assert np.all(gain < -250.0)
    assert np.all(np.isfinite(gain))


def test_no_paths_give_no_rows() -> None:
    assert band_gain_db(some_paths([]), WEATHER, SURFACES, BANDS).shape == (0, 8)


def test_ground_takes_what_its_coefficient_says() -> None:
    paths = some_paths([100.0, 100.0], grazing_rad=[0.06, np.nan])
    soft = band_gain_db(paths, WEATHER, Surfaces(ground_flow_resistivity_pa_s_m2=2e5), BANDS)
    rigid = band_gain_db(paths, WEATHER, Surfaces(ground_flow_resistivity_pa_s_m2=np.inf), BANDS)
    np.testing.assert_allclose(rigid[0], rigid[1], atol=1e-9)
    assert np.all(soft[0, 2:6] < soft[1, 2:6] - 2.0)


lengths = st.floats(1.0, 3000.0)


@given(lengths, st.floats(0.1, 500.0), st.integers(0, 3), st.floats(0.0, 20.0), st.integers(0, 3))
def test_level_falls_with_distance(length: float, more: float, edges: int, excess: float, bounces: int) -> None:
    paths = some_paths([length, length + more], edges=edges, excess_m=excess, bounces=bounces)
    gain = band_gain_db(paths, WEATHER, SURFACES, BANDS)
    assert np.all(gain[1] < gain[0])


@given(lengths, st.integers(0, 4), st.floats(0.0, 50.0), st.integers(1, 4), st.floats(0.0, 1.0))
def test_a_reflection_is_never_above_the_direct_sound_at_equal_length(
    length: float, edges: int, excess: float, bounces: int, absorption: float
) -> None:
    paths = some_paths([length, length], edges=[0, edges], excess_m=[0.0, excess], bounces=[0, bounces])
    gain = band_gain_db(paths, WEATHER, Surfaces(wall_absorption=absorption), BANDS)
    assert np.all(gain[1] <= gain[0])
