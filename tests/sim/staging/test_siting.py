"""Where things stand: in open air, on streets, on roofs, along ways; bullets end at walls."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame, LocalFrame
from geo.place import Geodetic
from geo.streets import Streets
from sim.staging.siting import ROOF_INSET_M, Siting, along
from sim.staging.spec_places import Chance, Point, Route, Spot
from sim.staging.streetways import shortest_way
from tests.sim.staging.written_scenario import everything

KEY = ("shooter", 0, "at")


def streets(*lines: list[tuple[float, float]]) -> Streets:
    array = np.empty(len(lines), dtype=object)
    array[:] = [shapely.LineString(line) for line in lines]
    return Streets(array, ("residential",) * len(lines), ("",) * len(lines))


def town(frame: CartesianFrame | LocalFrame | None = None) -> City:
    """A house of 10 m around the origin, a tower of 30 m east of it; a street south of them, one north, one that joins
    them in the east, and a lane that leads nowhere."""
    plans = np.array([shapely.box(-10, -10, 10, 10), shapely.box(40, -5, 50, 5)], dtype=object)
    buildings = Buildings(shapely.orient_polygons(plans), np.array([10.0, 30.0]), ("house", "tower"))
    ways = streets(
        [(-100, -20), (100, -20)], [(-100, 20), (100, 20)], [(80, -100), (80, 100)], [(-40, 5), (-20, 5)]
    )
    return City(frame or CartesianFrame(), buildings, ways, (-100.0, -100.0, 100.0, 100.0))


def siting(frame: CartesianFrame | LocalFrame | None = None) -> Siting:
    return Siting(town(frame), everything())


def test_a_shooter_inside_a_building_is_refused_by_its_name() -> None:
    place = r"\(x 3.0 m, y 4.0 m\), 1.5 m up, is inside building house \(its roof is at 10 m\)"
    sentence = f"^everything.toml, line 38: A: {place}: expected a place in open air"
    with pytest.raises(ConfigurationError, match=sentence):
        siting().spot(Spot(x_m=3, y_m=4), KEY, "A")


def test_above_the_roof_is_open_air() -> None:
    assert siting().spot(Spot(x_m=3, y_m=4, height_m=10.0), KEY, "A").tolist() == [3, 4, 10]


def test_off_the_site_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"A: \(x 101.0 m, y 0.0 m\) is off the site: expected x -100 .. 100"):
        siting().spot(Spot(x_m=101, y_m=0), KEY, "A")
    assert siting().spot(Spot(x_m=101, y_m=0), KEY, "A", off_site=True).tolist() == [101, 0, 1.5]


def test_to_the_street_is_to_the_nearest_point_of_a_centre_line() -> None:
    assert siting().spot(Spot(x_m=3, y_m=4, stands="street"), KEY, "A").tolist() == [3, 20, 1.5]


def test_on_the_roof_that_is_there_or_on_the_nearest() -> None:
    assert siting().spot(Spot(x_m=3, y_m=4, stands="roof"), KEY, "A").tolist() == [3, 4, 11.5]
    moved = siting().spot(Spot(x_m=60, y_m=1, stands="roof"), KEY, "A")
    assert moved.tolist() == [50 - ROOF_INSET_M, 1, 31.5]


def test_what_a_site_lacks_nobody_stands_on() -> None:
    city = City(CartesianFrame(), Buildings.none(), Streets.none(), (-9.0, -9.0, 9.0, 9.0))
    for stands in ("street", "roof"):
        with pytest.raises(ConfigurationError, match=f"A: stands on a {stands}, but the site has none"):
            Siting(city, everything()).spot(Spot(x_m=0, y_m=0, stands=stands), KEY, "A")
    route = Route(points=(Point(x_m=0, y_m=0), Point(x_m=1, y_m=0)), speed_m_s=1.0, along_streets=True)
    with pytest.raises(ConfigurationError, match="A: moves along streets, but the site has none"):
        Siting(city, everything()).route(route, KEY, "A")


def test_degrees_need_a_globe() -> None:
    with pytest.raises(ConfigurationError, match="place in degrees on a site that is not on the globe"):
        siting().spot(Spot(longitude=6.0, latitude=46.0), KEY, "A")
    frame = LocalFrame(Geodetic(6.0, 46.0, 0.0))
    longitude, latitude, _ = frame.to_geodetic([[30.0, -40.0, 0.0]])[0]
    placed = siting(frame).spot(Spot(longitude=longitude, latitude=latitude), KEY, "A")
    np.testing.assert_allclose(placed, [30.0, -40.0, 1.5], atol=1e-3)


def test_a_straight_way_through_a_building_is_refused() -> None:
    route = Route(points=(Point(x_m=-50, y_m=0), Point(x_m=30, y_m=0)), speed_m_s=10.0)
    with pytest.raises(ConfigurationError, match="A: its path runs through building house"):
        siting().route(route, KEY, "A")


def test_a_way_along_streets_turns_where_they_meet_and_keeps_off_dead_ends() -> None:
    points = (Point(x_m=-38, y_m=6), Point(x_m=-60, y_m=-25))
    corners = siting().route(Route(points=points, speed_m_s=10.0, along_streets=True), KEY, "A")
    np.testing.assert_allclose(
        shapely.LineString(corners).simplify(0.1).coords,
        [(-38, 20, 1.2), (80, 20, 1.2), (80, -20, 1.2), (-60, -20, 1.2)],
        atol=0.02,
    )


def test_a_way_there_is_as_long_as_the_way_back() -> None:
    city = town()
    for seed in range(20):
        points = np.random.default_rng(seed).uniform(-100, 100, (2, 2))
        there, back = shortest_way(city.streets, points), shortest_way(city.streets, points[::-1])
        assert there is not None
        assert back is not None
        assert shapely.LineString(there).length == pytest.approx(shapely.LineString(back).length, abs=0.05)


@given(st.lists(st.floats(-30.0, 60.0), min_size=1, max_size=20).map(sorted))
def test_what_moves_keeps_its_speed_between_the_ends(times: list[float]) -> None:
    corners = np.array([[0.0, 0.0, 1.0], [30.0, 0.0, 1.0], [30.0, 40.0, 1.0]])
    route = Route(points=(Point(), Point()), speed_m_s=2.0, at_s=-5.0)
    at = np.array(times)
    where = along(corners, route, at)
    gone = np.clip(2.0 * (at + 5.0), 0.0, 70.0)
    np.testing.assert_allclose(where[:, 0] + where[:, 1], gone, atol=1e-9)
    assert (where[:, 2] == 1.0).all()


def test_a_bullet_ends_at_the_first_wall_that_is_high_enough() -> None:
    where = siting()
    east = np.array([1.0, 0.0, 0.0])
    assert where.flight_m(np.array([-50.0, 0.0, 1.5]), east) == pytest.approx(40.0)
    assert where.flight_m(np.array([-50.0, 0.0, 11.5]), east) == pytest.approx(90.0)
    assert where.flight_m(np.array([-50.0, 0.0, 30.5]), east) == math.inf
    assert where.flight_m(np.array([-50.0, 50.0, 1.5]), east) == math.inf
    assert where.flight_m(np.array([-50.0, 0.0, 1.5]), -east) == math.inf


def test_a_bullet_from_above_ends_on_the_roof() -> None:
    down = np.array([math.sqrt(0.5), 0.0, -math.sqrt(0.5)])
    assert siting().flight_m(np.array([-8.0, 0.0, 15.0]), down) == pytest.approx(5.0 * math.sqrt(2.0))


@given(st.floats(-math.pi, math.pi), st.floats(-0.4, 0.6), st.floats(0.1, 35.0))
def test_a_bullets_way_is_free_as_far_as_it_flies(heading: float, elevation: float, height: float) -> None:
    """Against the slow form: points along the way, tested one by one for being inside a building."""
    city, start = town(), np.array([-40.0, 3.0, height])
    axis = np.array(
        [math.cos(elevation) * math.sin(heading), math.cos(elevation) * math.cos(heading), math.sin(elevation)]
    )
    flight = Siting(city, everything()).flight_m(start, axis)
    steps = np.arange(0.0, min(flight, 200.0) - 0.01, 0.25)
    way = start + steps[:, None] * axis
    for plan, roof in zip(city.buildings.footprints, city.buildings.height_m, strict=True):
        assert not (shapely.contains_xy(plan, *way[:, :2].T) & (way[:, 2] < roof - 1e-6)).any()
    if flight < 200.0:
        x, y, z = start + (flight + 1e-6) * axis
        near = shapely.distance(city.buildings.footprints, shapely.Point(x, y)) < 1e-5
        assert (near & (z < city.buildings.height_m + 1e-5)).any()


def test_places_by_chance_are_free_and_within_their_area() -> None:
    where = siting()
    chance = Chance(incidents=1, bounds_m=(-30.0, -30.0, 60.0, 30.0))
    area = where.area(chance, KEY)
    for seed in range(200):
        stands = "street" if seed % 2 else "ground"
        x, y, z = where.free_place(area, 1.5, stands, np.random.default_rng(seed), KEY)
        assert z == 1.5
        assert -30 <= x <= 60
        assert -30 <= y <= 30
        assert not shapely.contains_xy(town().buildings.footprints, x, y).any()


def test_no_room_is_an_error() -> None:
    chance = Chance(incidents=1, bounds_m=(-5.0, -5.0, 5.0, 5.0))
    where = siting()
    area = where.area(chance, KEY)
    with pytest.raises(ConfigurationError, match="the area has no room outside buildings"):
        where.free_place(area, 1.5, "ground", np.random.default_rng(1), KEY)
