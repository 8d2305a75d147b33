"""Where sensors hang and people stand: even, dense enough, and never inside a building."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from errors import ConfigurationError
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.roofs import inside_buildings, roof_above_m
from geo.streets import Streets
from sim.staging.gridcity import Style, grid_city
from sim.staging.placement import (
    CLEARANCE_M,
    MAST_M,
    near_street,
    on_grid,
    on_rooftops,
    outside_buildings,
)


@cache
def town(style: Style = "blocks") -> City:
    return grid_city(np.random.default_rng(12), size_m=800.0, style=style)


def of(*plans: tuple[shapely.Geometry, float]) -> City:
    footprints = np.empty(len(plans), dtype=object)
    footprints[:] = [shapely.orient_polygons(plan) for plan, _ in plans]
    buildings = Buildings(footprints, np.array([h for _, h in plans]), tuple(f"way/{k}" for k in range(len(plans))))
    return City(CartesianFrame(), buildings, Streets.none(), (-100.0, -100.0, 100.0, 100.0))


def nearest_m(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    apart_m = np.hypot(*(points_m[:, None, :2] - points_m[None, :, :2]).transpose(2, 0, 1))
    np.fill_diagonal(apart_m, np.inf)
    return np.asarray(apart_m.min(axis=0))


@given(spacing_m=st.floats(30.0, 400.0), width=st.floats(1.0, 900.0), depth=st.floats(1.0, 900.0))
def test_a_lattice_fills_its_bounds_evenly(spacing_m: float, width: float, depth: float) -> None:
    bounds_m = (5.0, -7.0, 5.0 + width, -7.0 + depth)
    positions_m = on_grid(bounds_m, spacing_m, 6.0)
    assert len(positions_m) >= 1
    low, high = positions_m.min(axis=0), positions_m.max(axis=0)
    assert low[0] - 5.0 == pytest.approx(5.0 + width - high[0], abs=1e-6)
    assert low[1] + 7.0 == pytest.approx(depth - 7.0 - high[1], abs=1e-6)
    assert -1e-6 < low[0] - 5.0 < spacing_m / 2.0 + 1e-6
    assert -1e-6 < low[1] + 7.0 < spacing_m / 2.0 + 1e-6
    if len(positions_m) > 1:
        assert nearest_m(positions_m) == pytest.approx(spacing_m)
    assert set(positions_m[:, 2]) == {6.0}


def test_a_lattice_is_as_long_as_its_spacing_says() -> None:
    assert len(on_grid((0.0, 0.0, 300.0, 200.0), 100.0, 3.0)) == 4 * 3
    assert on_grid((0.0, 0.0, 0.3, 0.1), 0.1, 3.0)[:4, 0].tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_poles_stand_outside_buildings() -> None:
    city = town()
    bare, moved = on_grid(city.bounds_m, 40.0, 4.0), on_grid(city.bounds_m, 40.0, 4.0, city=city)
    was_inside = inside_buildings(city.buildings, bare)
    assert was_inside.sum() > 20
    assert not inside_buildings(city.buildings, moved).any()
    assert (bare[~was_inside] == moved[~was_inside]).all()


@given(seed=st.integers(0, 2**32), per_km2=st.floats(5.0, 60.0), style=st.sampled_from(["blocks", "houses"]))
def test_roofs_bear_the_density_that_was_asked_for(seed: int, per_km2: float, style: Style) -> None:
    city = town(style)
    area_m = (-350.0, -300.0, 380.0, 390.0)
    positions_m = on_rooftops(city, per_km2, area_m, np.random.default_rng(seed))
    area_km2 = 0.73 * 0.69
    assert abs(len(positions_m) - per_km2 * area_km2) <= 1.0
    west, south, east, north = area_m
    assert ((positions_m[:, :2] >= (west, south)) & (positions_m[:, :2] <= (east, north))).all()
    assert not inside_buildings(city.buildings, positions_m).any()
    # On a mast over a roof, near its edge.
    roof_m = roof_above_m(city.buildings, positions_m)
    assert positions_m[:, 2] == pytest.approx(roof_m + MAST_M)
    edges = shapely.union_all(shapely.boundary(city.buildings.footprints))
    assert (shapely.distance(shapely.points(positions_m[:, :2]), edges) < 0.31).all()
    if len(positions_m) > 3:
        # Hexagons would be 1.07 sqrt(area / n) apart; roofs are not everywhere.
        assert nearest_m(positions_m).min() > 0.5 * np.sqrt(1e6 * area_km2 / len(positions_m))


def test_roof_sensors_are_the_same_for_the_same_seed() -> None:
    city = town()
    first, again, other = (on_rooftops(city, 30.0, city.bounds_m, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert first.dtype == np.float64


@pytest.mark.parametrize("per_km2", [30.0, 60.0, 150.0])
def test_roof_sensors_crowd_neither_at_the_edge_nor_in_the_middle(per_km2: float) -> None:
    city = town()
    share = []
    for seed in range(10):
        x, y, _ = on_rooftops(city, per_km2, city.bounds_m, np.random.default_rng(seed)).T
        share.append(np.mean(np.maximum(np.abs(x), np.abs(y)) > np.sqrt(0.5) * 400.0))
    assert 0.42 < np.mean(share) < 0.58  # the outer half of the area


def test_no_mast_against_a_higher_neighbour_or_in_one() -> None:
    low, high = shapely.box(0.0, 0.0, 20.0, 20.0), shapely.box(20.0, 0.0, 40.0, 20.0)
    over = shapely.box(-1.0, -1.0, 21.0, 10.0)  # drawn over most of the low one
    city = of((low, 8.0), (high, 30.0), (over, 30.0))
    area_m = (-50.0, -50.0, 50.0, 50.0)
    seen = {
        tuple(place)
        for seed in range(30)
        for place in on_rooftops(city, 300.0, area_m, np.random.default_rng(seed)).tolist()
        if place[2] == 10.0
    }
    # Of the low one's walls the west and south ones are inside the other, the east one is against the high one.
    assert seen == {(10.0, 19.7, 10.0)}


def test_densities_that_cannot_be_met_are_refused() -> None:
    city = town()
    generator = np.random.default_rng(0)
    with pytest.raises(ConfigurationError, match=r"density: expected 3200 roofs for 5000 sensors a km2"):
        on_rooftops(city, 5000.0, city.bounds_m, generator)
    with pytest.raises(ConfigurationError, match=r"per_km2: expected at least 1.56, for one sensor"):
        on_rooftops(city, 0.5, city.bounds_m, generator)
    with pytest.raises(ConfigurationError, match="per_km2: expected more than 0"):
        on_rooftops(city, float("nan"), city.bounds_m, generator)
    with pytest.raises(ConfigurationError, match="area: bounds: expected west < east"):
        on_rooftops(city, 20.0, (1.0, 0.0, 0.0, 1.0), generator)
    with pytest.raises(ConfigurationError, match="density: expected 1 roofs"):
        on_rooftops(replace(city, buildings=Buildings.none()), 2.0, city.bounds_m, generator)
    with pytest.raises(ConfigurationError, match="spacing_m: expected more than 0"):
        on_grid(city.bounds_m, 0.0, 3.0)


def test_a_place_in_a_building_is_an_error_or_moved_when_asked() -> None:
    city = of((shapely.box(0.0, 0.0, 40.0, 20.0), 12.0), (shapely.box(40.0, 0.0, 60.0, 30.0), 9.0))
    with pytest.raises(ConfigurationError, match=r"shooter A: position: .*'\(38.0, 19.0, 1.5\) m in building way/0"):
        outside_buildings(city, np.array([38.0, 19.0, 1.5]), who="shooter A")
    for place in ([80.0, 5.0, 1.5], [38.0, 19.0, 12.0], [50.0, 5.0, 9.5]):
        assert outside_buildings(city, np.array(place)).tolist() == place
    moved = outside_buildings(city, np.array([[30.0, 18.0, 1.5], [80.0, 5.0, 1.5], [50.0, 1.0, 10.0]]), move=True)
    assert moved.tolist() == [[30.0, 20.0 + CLEARANCE_M, 1.5], [80.0, 5.0, 1.5], [50.0, 1.0, 10.0]]
    # The nearest way out of this corner would lead into the neighbour.
    assert outside_buildings(city, np.array([39.9, 19.5, 1.5]), move=True).tolist() == pytest.approx(
        [40.0 - CLEARANCE_M, 20.0 + CLEARANCE_M, 1.5]
    )


@cache
def kept_clear(city: City) -> shapely.Geometry:
    around = shapely.union_all(shapely.buffer(city.buildings.footprints, CLEARANCE_M - 1e-6, join_style="mitre"))
    shapely.prepare(around)
    return around


@given(st.integers(0, 2**32))
def test_moved_places_are_the_nearest_free_ones(seed: int) -> None:
    city = town()
    draw = np.random.default_rng(seed)
    points_m = np.column_stack([draw.uniform(-350.0, 350.0, (12, 2)), np.full(12, 1.5)])
    moved_m = outside_buildings(city, points_m, move=True)
    assert not inside_buildings(city.buildings, moved_m).any()
    gone_m = np.hypot(*(moved_m - points_m)[:, :2].T)
    inside = inside_buildings(city.buildings, points_m)
    assert (gone_m[~inside] == 0.0).all()
    # No place on circles of smaller radius is clear of all walls.
    angle = np.linspace(0.0, 2.0 * np.pi, 60)
    around = kept_clear(city)
    for row in np.flatnonzero(inside)[:4]:
        for share in (0.3, 0.7, 0.95):
            x = points_m[row, 0] + share * gone_m[row] * np.cos(angle)
            y = points_m[row, 1] + share * gone_m[row] * np.sin(angle)
            assert shapely.intersects_xy(around, x, y).all()


def test_no_way_out_of_a_building_without_end_is_refused() -> None:
    city = of((shapely.box(-2000.0, -2000.0, 2000.0, 2000.0), 10.0))
    with pytest.raises(ConfigurationError, match="expected a free place near by, found 'nothing but buildings within"):
        outside_buildings(city, np.array([0.0, 0.0, 1.0]), move=True)


def test_places_near_streets_are_near_them_and_free() -> None:
    city = town()
    places_m = near_street(city, np.random.default_rng(3), 200, area_m=(-300.0, -300.0, 300.0, 300.0), off_m=4.0)
    assert places_m.shape == (200, 3)
    assert not inside_buildings(city.buildings, places_m).any()
    assert (np.abs(places_m[:, :2]) <= 300.0).all()
    off_m = shapely.distance(shapely.points(places_m[:, :2]), shapely.union_all(city.streets.lines))
    assert 1.0 < np.median(off_m) < 4.0
    assert places_m.tobytes() == near_street(
        city, np.random.default_rng(3), 200, area_m=(-300.0, -300.0, 300.0, 300.0), off_m=4.0
    ).tobytes()
    main_m = near_street(city, np.random.default_rng(3), 50, kinds=frozenset({"secondary"}), off_m=0.0)
    main = shapely.union_all(city.streets.lines[[kind == "secondary" for kind in city.streets.kinds]])
    assert shapely.distance(shapely.points(main_m[:, :2]), main).max() < 1e-9
    with pytest.raises(ConfigurationError, match="streets: expected one of motorway within the area, found 'none'"):
        near_street(city, np.random.default_rng(3), 5, kinds=frozenset({"motorway"}))
    with pytest.raises(ConfigurationError, match="streets: expected one of footway, living_street"):
        near_street(of((shapely.box(0.0, 0.0, 9.0, 9.0), 5.0)), np.random.default_rng(3), 5)
