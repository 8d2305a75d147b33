"""Local frames against formulas written out independently."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from errors import ConfigurationError
from geo.frames import CartesianFrame, Frame, LocalFrame, frame_for
from geo.place import Cartesian, Geodetic, Place
from tests.strategies import cartesian_places, geodetic_places

OFFSETS_M = st.lists(
    st.tuples(st.floats(-20e3, 20e3), st.floats(-20e3, 20e3), st.floats(-200.0, 3000.0)), min_size=1, max_size=8
)


def geocentric_m(longitude: float, latitude: float, height_m: float) -> NDArray[np.float64]:
    """(3,) WGS 84 earth-centred coordinates, metres (Hofmann-Wellenhof 2001, eq. 10.5)."""
    a, f = 6_378_137.0, 1.0 / 298.257223563
    lon, lat = np.radians(longitude), np.radians(latitude)
    n = a / np.sqrt(1.0 - f * (2.0 - f) * np.sin(lat) ** 2)
    return np.array(
        [
            (n + height_m) * np.cos(lat) * np.cos(lon),
            (n + height_m) * np.cos(lat) * np.sin(lon),
            (n * (1.0 - f) ** 2 + height_m) * np.sin(lat),
        ]
    )


def east_north_up(origin: Geodetic) -> NDArray[np.float64]:
    """(3, 3) rows east, north, up of ``origin`` in earth-centred axes."""
    lon, lat = np.radians(origin.longitude), np.radians(origin.latitude)
    return np.array(
        [
            [-np.sin(lon), np.cos(lon), 0.0],
            [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)],
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)],
        ]
    )


@given(geodetic_places(), OFFSETS_M)
def test_round_trip_is_exact_to_a_micrometre(origin: Geodetic, offsets_m: list[tuple[float, float, float]]) -> None:
    frame = LocalFrame(origin)
    local_m = np.array(offsets_m)
    np.testing.assert_allclose(frame.to_local(*frame.to_geodetic(local_m).T), local_m, atol=1e-6)


@given(geodetic_places(), OFFSETS_M)
def test_local_is_the_rotated_geocentric_difference(
    origin: Geodetic, offsets_m: list[tuple[float, float, float]]
) -> None:
    frame = LocalFrame(origin)
    places = frame.to_geodetic(np.array(offsets_m))
    centre = geocentric_m(origin.longitude, origin.latitude, origin.height_m)
    expected = [east_north_up(origin) @ (geocentric_m(*place) - centre) for place in places]
    np.testing.assert_allclose(frame.to_local(*places.T), expected, atol=1e-6)


def test_distances_are_those_of_space() -> None:
    """Straight lines through space, whatever the heights: the way of the first sound."""
    places = [Geodetic(-80.05, 40.41, 230.0), Geodetic(-79.95, 40.47, 410.0), Geodetic(-80.0, 40.44, 20.0)]
    local_m = frame_for(places).places_to_local(places)
    space_m = np.array([geocentric_m(p.longitude, p.latitude, p.height_m) for p in places])
    for i, j in ((0, 1), (1, 2), (0, 2)):
        expected = np.linalg.norm(space_m[i] - space_m[j])
        assert np.linalg.norm(local_m[i] - local_m[j]) == pytest.approx(expected, abs=1e-6)


def test_axes_point_east_north_and_up() -> None:
    frame = LocalFrame(Geodetic(6.1432, 46.2044, 400.0))
    east, north, up = frame.to_local([6.1433, 6.1432, 6.1432], [46.2044, 46.2045, 46.2044], [400.0, 400.0, 401.0])
    np.testing.assert_allclose(east, [7.72, 0.0, 0.0], atol=0.01)
    np.testing.assert_allclose(north, [0.0, 11.12, 0.0], atol=0.01)
    np.testing.assert_allclose(up, [0.0, 0.0, 1.0], atol=1e-6)


@given(geodetic_places(), st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), min_size=1, max_size=9))
def test_the_origin_is_the_mean_of_the_sensors(middle: Geodetic, offsets: list[tuple[float, float]]) -> None:
    """Also across the antimeridian, where the mean of +179.99 and -179.99 is not 0."""
    places = [
        Geodetic((middle.longitude + east + 180.0) % 360.0 - 180.0, middle.latitude + north, middle.height_m)
        for east, north in offsets
    ]
    local_m = frame_for(places).places_to_local(places)
    assert np.abs(local_m.mean(axis=0)[:2]).max() < 10.0
    assert np.abs(local_m).max() < 6000.0


@given(st.lists(cartesian_places(), min_size=1, max_size=9))
def test_a_surveyed_site_keeps_its_own_frame(places: list[Place]) -> None:
    frame = frame_for(places)
    assert isinstance(frame, CartesianFrame)
    assert not frame.is_geodetic
    expected = [(p.x_m, p.y_m, p.z_m) for p in places if isinstance(p, Cartesian)]
    np.testing.assert_array_equal(frame.places_to_local(places), expected)
    as_any: Frame = frame
    assert as_any.to_geodetic(np.zeros((1, 3))) is None


def test_scalars_and_arrays_mix() -> None:
    assert CartesianFrame().to_local([1.0, 2.0], 0.0, 5.0).tolist() == [[1.0, 0.0, 5.0], [2.0, 0.0, 5.0]]
    assert LocalFrame(Geodetic(0.0, 0.0, 0.0)).to_local(0.0, 0.0, [0.0, 1.0]).shape == (2, 3)
    assert LocalFrame(Geodetic(0.0, 0.0, 0.0)).places_to_local([]).shape == (0, 3)


A_PLACE = Geodetic(6.1, 46.2, 400.0)


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        ([], "site: places: expected one or more"),
        ([A_PLACE, Cartesian(0.0, 0.0, 0.0)], "place 1: kind: expected longitude, latitude"),
        ([Cartesian(0.0, 0.0, 0.0), A_PLACE], "place 1: kind: expected x, y, z"),
        ([Cartesian(0.0, float("nan"), 0.0)], "place 0: coordinates: expected finite"),
        ([Geodetic(181.0, 0.0, 0.0)], r"place 0: longitude: expected -180 \.\. 180 deg, found 181"),
        ([A_PLACE, Geodetic(0.0, float("nan"), 0.0)], "place 1: latitude"),
        ([Geodetic(0.0, 0.0, float("inf"))], "place 0: height_m"),
    ],
)
def test_places_that_make_no_site_are_refused(places: list[Place], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{sentence}"):
        frame_for(places)


def test_a_sensor_in_another_country_is_refused() -> None:
    places = [A_PLACE, Geodetic(6.1, 49.2, 400.0)]
    with pytest.raises(ConfigurationError, match="within 200 km"):
        LocalFrame(A_PLACE).places_to_local(places)
