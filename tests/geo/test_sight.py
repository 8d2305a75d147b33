"""Line of sight against shapely: the lowest height of the ray over the span inside each footprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.osm import read_osm
from geo.sight import line_of_sight
from geo.wallgrid import WallGrid
from tests.geo.small_cities import buildings_of, clearance_m, random_city

BOX = buildings_of([shapely.box(0, 0, 20, 10)], [12.0])
U_SHAPE = buildings_of(
    [shapely.Polygon([(0, 0), (30, 0), (30, 20), (20, 20), (20, 10), (10, 10), (10, 20), (0, 20)])], [12.0]
)


@given(seed=st.integers(0, 10_000), cell_m=st.sampled_from([4.0, 16.0, 70.0]))
def test_agrees_with_shapely(seed: int, cell_m: float) -> None:
    buildings = random_city(seed)
    grid = WallGrid.of(buildings, cell_m)
    generator = np.random.default_rng(seed)
    a, b = generator.uniform([-20, -20, 0], [220, 220, 35], (2, 10, 3))
    seen = line_of_sight(grid, a, b)
    assert (seen == line_of_sight(grid, b, a)).all()
    for k in range(10):
        clearance = clearance_m(buildings, a[k], b[k])
        if abs(clearance) > 0.01:
            assert seen[k] == (clearance > 0.0)


def test_agrees_with_shapely_on_geneva(shared: Path) -> None:
    buildings = read_osm(shared / "city" / "geneva.osm.pbf").buildings
    grid = WallGrid.of(buildings)
    tree = shapely.STRtree(buildings.footprints)
    generator = np.random.default_rng(1)
    a = generator.uniform([-1000, -1000, 1], [1000, 1000, 40], (300, 3))
    b = a + generator.normal(0.0, [150.0, 150.0, 5.0], (300, 3))
    b[:, 2] = np.abs(b[:, 2])
    seen = line_of_sight(grid, a, b)
    assert 0.05 < seen.mean() < 0.95
    for k in range(300):
        near = np.sort(tree.query(shapely.LineString([a[k, :2], b[k, :2]])))
        some = buildings_of(list(buildings.footprints[near]), list(buildings.height_m[near]))
        clearance = clearance_m(some, a[k], b[k])
        if abs(clearance) > 0.01:
            assert seen[k] == (clearance > 0.0)


@pytest.mark.parametrize(
    ("from_m", "to_m", "seen"),
    [
        ((-5, 5, 2), (30, 5, 2), False),  # through
        ((-5, 5, 2), (30, 5, 80), True),  # above the near roof's edge and everything behind
        ((-5, 5, 13), (30, 5, 2), False),  # over the near edge, into the roof
        ((-5, 5, 40), (10, 5, 12), True),  # down onto the roof
        ((-5, 5, 2), (10, 5, 12), False),  # from the street to the middle of the roof
        ((10, 5, 12), (10, 5, 30), True),  # straight up from the roof
        ((10, 5, 3), (10, 5, 30), False),  # straight up through it
        ((10, 5, 3), (12, 6, 3), False),  # indoors
        ((0, 5, 3), (-30, 8, 3), True),  # out of the face of a wall
        ((0, 5, 3), (30, 8, 3), False),  # into it
        ((0, 5, 3), (20, 5, 3), False),  # from face to face through the house
        ((0, 2, 3), (0, 9, 3), True),  # along a front
        ((-10, 0, 3), (40, 0, 3), True),  # along a front, from beyond its ends
        ((-5, -5, 3), (25, 15, 3), False),  # past no corner
        ((-10, 10, 3), (10, -10, 3), True),  # touches a corner
        ((-10, -5, 3), (30, 15, 3), False),  # through two opposite corners exactly
        ((0.0015, 5, 3), (-30, 8, 3), True),  # a millimetre and a half inside is the face still
        ((0.01, 5, 3), (-30, 8, 3), False),  # a centimetre is indoors
    ],
)
def test_one_house(from_m: tuple[float, ...], to_m: tuple[float, ...], seen: bool) -> None:
    assert line_of_sight(WallGrid.of(BOX), from_m, to_m).tolist() == [seen]
    assert line_of_sight(WallGrid.of(BOX), to_m, from_m).tolist() == [seen]


def test_into_and_out_of_a_bay() -> None:
    grid = WallGrid.of(U_SHAPE)
    inside = (15.0, 15.0, 2.0)
    out = [(15, 50, 2), (18, 50, 2), (15, -20, 2), (-20, 15, 2), (-20, 15, 60)]
    assert line_of_sight(grid, inside, out).tolist() == [True, True, False, False, False]


def test_neighbours_walls_hide_nothing_more_than_houses() -> None:
    """A row of houses that share their walls: the ray along the shared wall is inside, not between."""
    row = buildings_of([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)], [10.0, 10.0])
    grid = WallGrid.of(row)
    assert not line_of_sight(grid, (9.99, -5, 2), (9.99, 15, 2))[0]
    assert not line_of_sight(grid, (5, -5, 2), (15, 15, 2))[0]
    assert line_of_sight(grid, (-5, -1e-9, 2), (25, 0, 2))[0]


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="expected \\(n, 3\\)"):
        line_of_sight(WallGrid.of(BOX), np.zeros((4, 2)), np.zeros((4, 2)))
