"""Generated cities: what they promise whatever they are asked for, and that they look like cities in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError
from geo.city import City
from geo.frames import CartesianFrame, LocalFrame
from geo.place import Geodetic
from sim.staging.gridcity import STYLES, Style, grid_city
from tests.geo.drawn import assert_sound


def drawn(seed: int, **options: Any) -> City:
    return grid_city(np.random.default_rng(seed), **options)


def overlap_m2(city: City) -> float:
    """Ground that two buildings claim."""
    footprints = city.buildings.footprints
    one, other = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    pairs = one < other
    return float(shapely.area(shapely.intersection(footprints[one[pairs]], footprints[other[pairs]])).sum())


@given(
    seed=st.integers(0, 2**32),
    style=st.sampled_from(sorted(STYLES)),
    size_m=st.floats(250.0, 500.0) | st.tuples(st.floats(250.0, 500.0), st.floats(250.0, 500.0)),
    block_m=st.none() | st.tuples(st.floats(25.0, 140.0), st.floats(25.0, 140.0)),
    rotation_deg=st.none() | st.floats(-90.0, 90.0),
)
def test_every_city_keeps_what_cities_promise(
    seed: int,
    style: Style,
    size_m: float | tuple[float, float],
    block_m: tuple[float, float] | None,
    rotation_deg: float | None,
) -> None:
    # Without parks, so that there is something in it.
    city = drawn(seed, style=style, size_m=size_m, block_m=block_m, rotation_deg=rotation_deg, park_share=0.0)
    assert_sound(city.buildings)
    assert overlap_m2(city) < 1e-6
    area = shapely.box(*np.add(city.bounds_m, (-1e-9, -1e-9, 1e-9, 1e-9)))
    assert area.contains(city.buildings.footprints).all()
    assert area.contains(city.streets.lines).all()
    assert len(city.streets) == len(city.streets.names) == len(city.streets.kinds)
    # Nobody has built on a street.
    named = city.streets.lines[[bool(name) for name in city.streets.names]]
    assert not len(shapely.STRtree(city.buildings.footprints).query(named, predicate="intersects")[0])


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_seed_gives_the_same_bytes_and_another_does_not(style: Style) -> None:
    first, again, other = (drawn(seed, size_m=600.0, style=style) for seed in (3, 3, 4))
    assert [p.wkb for p in first.buildings.footprints] == [p.wkb for p in again.buildings.footprints]
    assert first.buildings.height_m.tobytes() == again.buildings.height_m.tobytes()
    assert [p.wkb for p in first.streets.lines] == [p.wkb for p in again.streets.lines]
    assert (first.buildings.names, first.streets.names) == (again.buildings.names, again.streets.names)
    assert [p.wkb for p in first.buildings.footprints] != [p.wkb for p in other.buildings.footprints]


def test_an_inner_city_has_courts_gaps_and_a_high_middle() -> None:
    city = drawn(7, size_m=2000.0, gap_share=0.1)
    buildings = city.buildings
    cover = shapely.area(buildings.footprints).sum() / 4e6
    assert 0.2 < cover < 0.45
    assert shapely.get_num_interior_rings(buildings.footprints).sum() > 10
    high = buildings.height_m[buildings.height_m > 6.0]
    out_m = np.hypot(*shapely.get_coordinates(shapely.centroid(buildings.footprints)).T)[buildings.height_m > 6.0]
    middle, edge = np.median(high[out_m < 200.0]), np.median(high[out_m > 1100.0])
    assert edge == pytest.approx(STYLES["blocks"].height_m, rel=0.12)
    assert 1.35 < middle / edge < 1.8
    # Away from the middle, log-normal with the spread that was asked for.
    assert np.std(np.log(high[out_m > 1100.0])) == pytest.approx(STYLES["blocks"].height_spread, rel=0.2)
    assert {"residential", "secondary", "footway"} == set(city.streets.kinds)


def test_a_residential_district_has_detached_houses() -> None:
    city = drawn(7, size_m=1000.0, style="houses")
    heights_m = city.buildings.height_m
    houses = city.buildings.footprints[heights_m > 6.0]
    assert np.all(heights_m <= 9.0)
    assert 6.5 < np.median(heights_m[heights_m > 6.0]) < 8.0
    assert 80.0 < np.median(shapely.area(houses)) < 150.0
    assert 800 < len(houses) < 1800
    one, other = shapely.STRtree(houses).query(houses, predicate="dwithin", distance=1.0)
    assert (one == other).all()
    assert "service" in city.streets.kinds


def test_walls_are_not_parallel_to_the_axes_unless_asked_for() -> None:
    def least_turn_deg(city: City) -> float:
        walls = city.buildings.walls
        along = walls.end_m - walls.start_m
        turn = np.degrees(np.arctan2(along[:, 1], along[:, 0])) % 90.0
        return float(np.min(np.minimum(turn, 90.0 - turn)))

    assert all(least_turn_deg(drawn(seed, size_m=400.0)) > 2.9 for seed in range(20))
    assert least_turn_deg(drawn(1, size_m=400.0, rotation_deg=30.0)) == pytest.approx(30.0)
    assert least_turn_deg(drawn(1, size_m=400.0, rotation_deg=0.0)) == 0.0


def test_it_may_lie_on_the_globe() -> None:
    assert drawn(1, size_m=300.0).frame == CartesianFrame()
    city = drawn(1, size_m=300.0, origin=(-79.99, 40.44))
    assert city.frame == LocalFrame(Geodetic(-79.99, 40.44, 0.0))
    assert city.bounds_m == (-150.0, -150.0, 150.0, 150.0)


def test_what_is_asked_for_decides() -> None:
    low = drawn(2, size_m=500.0, height_m=8.0, height_spread=0.0, centre_rise=0.0)
    assert set(low.buildings.height_m[low.buildings.height_m > 6.0]) == {8.0}
    high = drawn(2, size_m=500.0, height_m=120.0, height_spread=0.0, centre_rise=0.0)
    assert set(high.buildings.height_m[high.buildings.height_m > 6.0]) == {120.0}
    full = drawn(2, size_m=500.0, gap_share=0.0, park_share=0.0)
    empty = drawn(2, size_m=500.0, gap_share=0.5, park_share=0.0)
    assert len(empty.buildings) < 0.9 * len(full.buildings)
    wide = drawn(2, size_m=500.0, street_m=40.0)
    assert shapely.area(wide.buildings.footprints).sum() < shapely.area(low.buildings.footprints).sum()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size_m": 0.0}, r"grid city: size_m \(west to east\): expected 20 \.\. 40000, found 0\.0"),
        ({"size_m": (100.0, float("nan"))}, r"size_m \(south to north\): expected 20 \.\. 40000, found nan"),
        ({"size_m": 20.0}, "size_m: expected room for a block of 95 x 70 m and its streets, found 20"),
        ({"size_m": 500.0, "style": "village"}, "style: expected blocks or houses, found 'village'"),
        ({"size_m": 500.0, "street_m": -1.0}, "street_m: expected 3 .. 200, found -1"),
        ({"size_m": 500.0, "block_m": (5.0, 50.0)}, r"block_m \(width\): expected 15 .. 1000, found 5"),
        ({"size_m": 500.0, "park_share": 1.0}, "size_m: expected room for a block"),
        ({"size_m": 500.0, "gap_share": 1.5}, "gap_share: expected 0 .. 1, found 1.5"),
        ({"size_m": 500.0, "origin": (200.0, 0.0)}, r"origin \(longitude\): expected -180 .. 180, found 200"),
    ],
)
def test_impossible_cities_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        drawn(3, **options)
