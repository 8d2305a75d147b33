"""The walk through the grid against shapely, on random cities and where rays run along borders and corners."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.buildings import Buildings
from geo.wallgrid import MARGIN_M, TOLERANCE_M, WallGrid, crossings, roof_m
from tests.geo.small_cities import buildings_of, corner_distance_m, random_city


@given(seed=st.integers(0, 10_000), cell_m=st.sampled_from([4.0, 16.0, 70.0, 500.0]))
def test_every_crossing_is_found_once(seed: int, cell_m: float) -> None:
    buildings = random_city(seed)
    grid, walls = WallGrid.of(buildings, cell_m), buildings.walls
    generator = np.random.default_rng(seed + 1)
    lines = np.asarray(shapely.linestrings(np.stack((walls.start_m, walls.end_m), axis=1)))
    for _ in range(5):
        a, b = generator.uniform(-40, 240, (2, 2))
        if corner_distance_m(buildings, a, b) < 0.05:
            continue
        fraction, wall = crossings(grid, a, b)
        way = shapely.LineString([a, b])
        assert sorted(wall) == np.flatnonzero(shapely.intersects(lines, way)).tolist()
        assert (np.diff(fraction) >= 0).all()
        at = a + fraction[:, None] * (b - a)
        # The thinner outline lies within the tolerance of the wall, so along the ray within that over the sine.
        assert (shapely.distance(lines[wall], shapely.points(at)) < 1.001 * TOLERANCE_M).all()


@given(seed=st.integers(0, 10_000), cell_m=st.sampled_from([4.0, 16.0, 70.0]))
def test_the_roof_over_a_point_is_the_highest_footprint_around_it(seed: int, cell_m: float) -> None:
    buildings = random_city(seed)
    grid = WallGrid.of(buildings, cell_m)
    for point in np.random.default_rng(seed).uniform(-20, 220, (40, 2)):
        inside = shapely.contains_xy(buildings.footprints, *point)
        near = shapely.distance(shapely.boundary(buildings.footprints), shapely.Point(point)) < 0.01
        if not near.any():
            assert roof_m(grid, *point) == max(buildings.height_m[inside], default=0.0)


def test_rays_along_cell_borders_and_through_corners() -> None:
    """Square blocks whose walls, corners and streets lie on the borders of cells: nothing is lost or seen twice."""
    # The first block decides where the grid begins: its thinner outline has 2 cm around it.
    begin = -2 * MARGIN_M + TOLERANCE_M
    for on_border in (begin - TOLERANCE_M, begin, begin + TOLERANCE_M):
        corners = [(on_border + x, on_border + y) for x in range(64, 384, 64) for y in range(64, 384, 64)]
        blocks = [shapely.box(0, 0, 1, 1), *(shapely.box(x, y, x + 32, y + 32) for x, y in corners)]
        grid = WallGrid.of(buildings_of(blocks, [10.0] * len(blocks)), 16.0)
        assert grid.west_m == pytest.approx(begin, abs=1e-12)
        for border in (grid.west_m, begin, on_border):
            along_street, _ = crossings(grid, np.array([border + 112.0, -10.0]), np.array([border + 112.0, 400.0]))
            assert len(along_street) == 0
            through, _ = crossings(grid, np.array([border + 80.0, -10.0]), np.array([border + 80.0, 400.0]))
            assert len(through) == 10
        low, high = on_border + 40.0, on_border + 400.0
        diagonal, _ = crossings(grid, np.array([low, low]), np.array([high, high]))
        assert len(diagonal) == 10  # into and out of each of five blocks, through their corners
        along_front, _ = crossings(grid, np.array([-10.0, on_border + 96.0]), np.array([400.0, on_border + 96.0]))
        assert len(along_front) == 0


def test_open_country_and_far_away() -> None:
    grid = WallGrid.of(Buildings.none())
    assert len(crossings(grid, np.array([-5.0, 3.0]), np.array([1e4, 3.0]))[0]) == 0
    assert roof_m(grid, 1.0, 1.0) == 0.0
    grid = WallGrid.of(random_city(3))
    assert len(crossings(grid, np.array([-500.0, -300.0]), np.array([-400.0, 900.0]))[0]) == 0
    assert len(crossings(grid, np.array([50.0, 50.0]), np.array([50.0, 50.0]))[0]) == 0
    assert roof_m(grid, 1e6, -1e6) == 0.0


def test_a_wide_city_gets_larger_cells() -> None:
    corners = [(0.0, 0.0), (1e6, 0.0), (0.0, 1e6)]
    grid = WallGrid.of(buildings_of([shapely.box(x, y, x + 10, y + 10) for x, y in corners], [5.0] * 3))
    assert grid.columns * grid.rows < 4.1e6
    assert roof_m(grid, 1e6 + 5, 5.0) == 5.0


@pytest.mark.parametrize("spike", [1e-3, 1e-6])
def test_a_needle_draws_back_by_ten_tolerances_at_most(spike: float) -> None:
    buildings = buildings_of([shapely.Polygon([(0, 0), (10, 0), (100, spike), (10, 10), (0, 10)])], [5.0])
    grid = WallGrid.of(buildings)
    off = np.linalg.norm(grid.inner_m[:, :2] - buildings.walls.start_m, axis=1)
    assert off.max() <= 10.001 * TOLERANCE_M
    assert len(crossings(grid, np.array([-5.0, 5.0]), np.array([5.0, 5.0]))[0]) == 1
