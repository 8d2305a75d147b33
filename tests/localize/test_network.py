"""The registry keeps the order, the frame and the truth of what it is given, and refuses what cannot be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

from acoustic.weather import Weather
from errors import ConfigurationError
from geo.place import Cartesian, Geodetic, Place
from localize.network import Network, Sensor
from tests.strategies import networks

SQUARE = [
    Sensor(name, Cartesian(x, y, 2.0), 1.5) for name, x, y in (("a", 0, 0), ("b", 9, 0), ("c", 9, 9), ("d", 0, 9))
]


def test_columns_follow_the_order_given() -> None:
    network = Network.of(SQUARE, Weather(temperature_c=3.0))
    assert network.ids == ("a", "b", "c", "d")
    assert network.index == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert network.positions_m.dtype == np.float64
    assert network.positions_m.tolist() == [[0, 0, 2], [9, 0, 2], [9, 9, 2], [0, 9, 2]]
    assert network.position_sigma_m.tolist() == [1.5] * 4
    assert network.weather.temperature_c == 3.0
    assert len(network) == 4


def test_survey_error_that_is_not_stated_is_nan() -> None:
    network = Network.of([Sensor("a", Cartesian(0, 0, 0))])
    assert math.isnan(network.position_sigma_m[0])


def test_columns_are_read_only() -> None:
    network = Network.of(SQUARE)
    with pytest.raises(ValueError, match="read-only"):
        network.positions_m[0, 0] = 1.0


@given(networks())
def test_subset_keeps_positions(places: tuple[Cartesian, ...]) -> None:
    network = Network.of([Sensor(f"s{k}", place) for k, place in enumerate(places)])
    part = network.subset(["s2", "s0"])
    assert part.ids == ("s0", "s2")
    assert np.array_equal(part.positions_m, network.positions_m[[0, 2]])
    assert part.frame is network.frame


def test_subset_of_a_geodetic_site_keeps_the_frame() -> None:
    """A frame of its own would move the origin, and with it every position."""
    network = Network.of([Sensor(f"s{k}", Geodetic(6.14 + 0.001 * k, 46.2, 375.0)) for k in range(4)])
    part = network.subset(["s0", "s3"])
    assert np.array_equal(part.positions_m, network.positions_m[[0, 3]])


def test_subset_refuses_an_unknown_sensor() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown sensor.*'z'"):
        Network.of(SQUARE).subset(["a", "z"])


@pytest.mark.parametrize(
    ("sensors", "sentence"),
    [
        ([], "no sensors"),
        ([SQUARE[0], SQUARE[0]], "sensor id used twice.*'a'"),
        ([Sensor("", Cartesian(0, 0, 0))], "sensor 1: id: expected a printable name"),
        ([Sensor("a\nb", Cartesian(0, 0, 0))], "id: expected a printable name"),
        ([Sensor("a", Cartesian(math.nan, 0, 0))], "x_m: expected .* found nan"),
        ([Sensor("a", Cartesian(0, math.inf, 0))], "y_m: expected .* found inf"),
        ([Sensor("a", Geodetic(6.0, 91.0, 0))], "latitude: expected -90 .. 90, found 91"),
        ([Sensor("a", Cartesian(0, 0, 0), -1.0)], "position_sigma_m: expected 0 .. 1,000, found -1"),
        ([SQUARE[0], Sensor("b", Geodetic(6.0, 46.0, 0))], "sensors of two frames"),
        ([Sensor("a", Geodetic(6.0, 46.0, 0)), Sensor("b", Geodetic(60.0, 46.0, 0))], "within 200 km"),
    ],
)
def test_refuses(sensors: list[Sensor], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^here.*{sentence}"):
        Network.of(sensors, where="here")


def test_places_are_taken_as_they_are() -> None:
    place: Place = Cartesian(-11_400.123456789, 3_500.987654321, -100.5)
    network = Network.of([Sensor("a", place)])
    assert network.positions_m[0].tolist() == [-11_400.123456789, 3_500.987654321, -100.5]
