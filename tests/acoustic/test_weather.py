"""Weather: its bounds, and where the wind goes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import BOUNDS, Weather
from errors import ConfigurationError, RecordingError
from tests.strategies import weathers


@given(weathers())
def test_weather_within_bounds_is_itself(weather: Weather) -> None:
    assert weather.validated("network.toml") is weather
    assert 200.0 < weather.sound_speed_m_s < 460.0


@given(weathers(), st.sampled_from(sorted(BOUNDS)), st.sampled_from([-math.inf, math.inf, math.nan, -1.0, 1e9]))
def test_a_quantity_out_of_bounds_is_named(weather: Weather, name: str, value: float) -> None:
    low, high, _ = BOUNDS[name]
    if low <= value <= high:
        return
    with pytest.raises(ConfigurationError, match=f"^network.toml: {name}: expected {low:g} .. {high:g}"):
        replace(weather, **{name: value}).validated("network.toml")


def test_a_reader_names_its_own_field() -> None:
    with pytest.raises(RecordingError, match=r"^a\.json: temperature: expected -60 \.\. 60 deg C, found 300"):
        Weather(temperature_c=300.0).validated("a.json", error=RecordingError, names={"temperature_c": "temperature"})


@pytest.mark.parametrize(
    ("from_deg", "expected"),
    [(0, [0, -3, 0]), (90, [-3, 0, 0]), (180, [0, 3, 0]), (270, [3, 0, 0]), (360, [0, -3, 0])],
)
def test_wind_goes_where_it_does_not_come_from(from_deg: float, expected: list[float]) -> None:
    np.testing.assert_allclose(Weather(wind_speed_m_s=3.0, wind_from_deg=from_deg).wind_m_s, expected, atol=1e-12)


def test_a_measured_speed_replaces_the_model() -> None:
    assert Weather(temperature_c=30.0, measured_speed_m_s=333.0).sound_speed_m_s == 333.0
