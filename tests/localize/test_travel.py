"""Travel times in moving air, against the definition solved by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, check_grad

from localize.travel import travel_time, travel_time_gradient, travel_times_s
from tests.strategies import places_m, winds_m_s

C = 343.0


@given(places_m(), places_m(), winds_m_s())
def test_is_the_root_of_its_definition(source: np.ndarray, sensor: np.ndarray, wind: np.ndarray) -> None:
    """The front is a sphere of radius cT about a centre that drifted with the wind."""
    d = sensor - source

    def short_of(t: float) -> float:
        return float(np.linalg.norm(d - wind * t)) - C * t

    slowest = float(np.linalg.norm(d)) / (C - float(np.linalg.norm(wind))) + 1.0
    expected = brentq(short_of, 0.0, slowest, xtol=1e-14, rtol=1e-14)
    assert travel_times_s(source, sensor[None], C, wind)[0] == pytest.approx(expected, abs=1e-11)


@given(places_m(), places_m(), winds_m_s(vertical=False))
def test_kernel_equals_array_function(source: np.ndarray, sensor: np.ndarray, wind: np.ndarray) -> None:
    d = sensor - source
    one = travel_time(d[0], d[1], d[2], C, wind[0], wind[1])
    assert one == pytest.approx(travel_times_s(source, sensor[None], C, wind)[0], rel=1e-13, abs=1e-15)


@given(places_m(), winds_m_s(vertical=False))
def test_gradient_is_the_numeric_derivative(source: np.ndarray, wind: np.ndarray) -> None:
    sensor = np.array([1300.0, -700.0, 45.0]) + np.sign(source)

    def value(x: np.ndarray) -> float:
        return float(travel_times_s(x, sensor[None], C, wind)[0])

    def gradient(x: np.ndarray) -> np.ndarray:
        d = sensor - x
        t = travel_time(d[0], d[1], d[2], C, wind[0], wind[1])
        return np.array(travel_time_gradient(d[0], d[1], d[2], t, C, wind[0], wind[1]))

    if np.linalg.norm(sensor - source) > 10.0:
        assert check_grad(value, gradient, source, epsilon=1e-3) < 1e-7


def test_gradient_at_the_sensor_itself_is_zero() -> None:
    assert travel_time_gradient(0.0, 0.0, 0.0, 0.0, C, 3.0, 4.0) == (0.0, 0.0, 0.0)


@given(st.floats(1.0, 30.0))
def test_sound_runs_faster_with_the_wind(speed: float) -> None:
    wind = np.array([speed, 0.0, 0.0])
    with_it, against_it = travel_times_s(np.zeros(3), np.array([[1000.0, 0, 0], [-1000.0, 0, 0]]), C, wind)
    assert with_it == pytest.approx(1000.0 / (C + speed), rel=1e-13)
    assert against_it == pytest.approx(1000.0 / (C - speed), rel=1e-13)


def test_wind_as_fast_as_sound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wind of 343\.0 m/s: expected slower than sound"):
        travel_times_s(np.zeros(3), np.ones((1, 3)), C, np.array([C, 0.0, 0.0]))
