"""Travel time in moving air against the wave front itself and against the centre's own formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from localize.travel import travel_times_s
from sim.propagation.moving_air import Air, leg_time_s, polyline_time_s

WEATHER = st.builds(
    Weather,
    temperature_c=st.floats(-20, 40),
    wind_speed_m_s=st.sampled_from([0.0, 1e-9, 3.0, 25.0]),
    wind_from_deg=st.floats(0, 360),
)
COORDINATE = st.floats(-2000, 2000)
POINT = st.tuples(COORDINATE, COORDINATE, st.floats(0, 200))


@given(weather=WEATHER, leg=POINT)
def test_the_front_has_drifted_to_the_point_then(weather: Weather, leg: tuple[float, float, float]) -> None:
    air = Air.of(weather)
    t = leg_time_s(*leg, air)
    assert np.linalg.norm(np.array(leg) - t * weather.wind_m_s) == pytest.approx(air.c * t, rel=1e-12, abs=1e-9)
    assert t >= 0.0


@given(weather=WEATHER, a=POINT, b=POINT)
def test_the_centre_has_the_same_time(weather: Weather, a: tuple[float, ...], b: tuple[float, ...]) -> None:
    ours = polyline_time_s(np.array([a, b]), weather)
    centre = travel_times_s(np.array(a), np.array([b]), weather.sound_speed_m_s, weather.wind_m_s)[0]
    assert ours == pytest.approx(centre, rel=1e-12, abs=1e-12)


@given(weather=WEATHER, points=st.lists(POINT, min_size=2, max_size=6))
def test_no_broken_line_is_faster_than_the_straight_one(weather: Weather, points: list[tuple[float, ...]]) -> None:
    way = np.array(points)
    assert polyline_time_s(way, weather) >= polyline_time_s(way[[0, -1]], weather) - 1e-12


def test_wind_along_and_against() -> None:
    weather = Weather(wind_speed_m_s=10.0, wind_from_deg=270.0)  # towards the east
    c = weather.sound_speed_m_s
    assert polyline_time_s(np.array([[0, 0, 0], [500.0, 0, 0]]), weather) == pytest.approx(500 / (c + 10), rel=1e-14)
    assert polyline_time_s(np.array([[500.0, 0, 0], [0, 0, 0]]), weather) == pytest.approx(500 / (c - 10), rel=1e-14)
    assert polyline_time_s(np.array([[0, 0, 0], [0, 500.0, 0]]), weather) == pytest.approx(500 / np.sqrt(c**2 - 100))


def test_wind_as_fast_as_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="slower than sound"):
        Air.of(Weather(wind_speed_m_s=400.0))
