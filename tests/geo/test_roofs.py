"""What lies below a roof, against its definition."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings
from geo.roofs import inside_buildings, roof_above_m
from tests.geo.small_cities import buildings_of, random_city


def slow_inside(buildings: Buildings, points_m: NDArray[np.float64]) -> list[bool]:
    """The definition: some building covers the point and is higher."""
    return [
        any(plan.intersects(shapely.Point(x, y)) and z < h for plan, h in zip(*pairs, strict=True))
        for x, y, z in points_m
        for pairs in [(buildings.footprints, buildings.height_m)]
    ]


def test_inside_is_what_its_definition_says() -> None:
    buildings = random_city(7, buildings=60)
    points_m = np.random.default_rng(1).uniform((0.0, 0.0, 0.0), (200.0, 200.0, 30.0), (150, 3))
    inside = inside_buildings(buildings, points_m)
    assert inside.tolist() == slow_inside(buildings, points_m)
    assert 15 < inside.sum() < 60
    assert not inside_buildings(Buildings.none(), points_m).any()


def test_a_court_is_open_and_a_roof_is_not_inside() -> None:
    court = shapely.box(10.0, 10.0, 30.0, 30.0)
    plan = shapely.Polygon(shapely.box(0.0, 0.0, 40.0, 40.0).exterior, [court.exterior])
    buildings = buildings_of([plan, shapely.box(-5.0, -5.0, 5.0, 5.0)], [12.0, 20.0])
    points_m = np.array([[20.0, 20.0, 1.0], [35.0, 20.0, 1.0], [35.0, 20.0, 12.0], [2.0, 2.0, 13.0], [0.0, 40.0, 1.0]])
    assert inside_buildings(buildings, points_m).tolist() == [False, True, False, True, True]
    assert roof_above_m(buildings, points_m).tolist() == [0.0, 12.0, 12.0, 20.0, 12.0]
