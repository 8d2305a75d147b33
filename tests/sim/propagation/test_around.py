"""Ways around corners: closed forms, and strings pulled tight by shapely's hulls."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from geo.sight import line_of_sight
from geo.wallgrid import WallGrid
from sim.propagation.around import MOST_DETOUR
from sim.propagation.paths import Kind
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import most_excess_m, trace
from sim.world import Surfaces
from tests.geo.small_cities import buildings_of, random_city, street_points
from tests.sim.propagation.test_over import traced
from tests.sim.propagation.tracing_oracle import brushes_a_corner, string_around

FAR = Surfaces(reflections=0, least_gain_db=-40.0)


def test_one_block_has_the_textbook_lengths() -> None:
    block = buildings_of([shapely.box(40, -10, 60, 15)], [50.0])
    paths = traced(block, (0, 0, 2), (100, 0, 5), FAR)
    left, right = np.hypot(40, 15), np.hypot(40, 10)
    around = paths.kind == Kind.AROUND
    plan = np.array([2 * right + 20, 2 * left + 20])
    assert paths.length_m[around] == pytest.approx(np.hypot(plan, 3), abs=1e-9)
    assert paths.excess_m[around] == pytest.approx(np.hypot(plan, 3) - np.hypot(100, 3), abs=1e-9)
    assert paths.edges[around].tolist() == [2, 2]
    assert paths.edge_span_m[around] == pytest.approx(20 * np.hypot(plan, 3) / plan, abs=1e-9)
    way = paths.way(int(np.flatnonzero(around)[0]))
    assert way == pytest.approx(
        np.array([[0, 0, 2], [40, -10, 2 + 3 * right / plan[0]], [60, -10, 5 - 3 * right / plan[0]], [100, 0, 5]])
    )


def test_a_second_house_joins_in_where_it_is_in_the_way() -> None:
    houses = buildings_of([shapely.box(40, -10, 60, 15), shapely.box(75, -30, 80, -2)], [50.0, 50.0])
    paths = traced(houses, (0, 0, 2), (100, 0, 2), FAR)
    around = paths.kind == Kind.AROUND
    left = 2 * np.hypot(40, 15) + 20
    right = np.hypot(75, 30) + 5 + np.hypot(20, 30)
    assert sorted(paths.length_m[around]) == pytest.approx(sorted([left, right]), abs=1e-9)


def test_a_lower_house_does_not_stop_the_string() -> None:
    houses = buildings_of([shapely.box(40, -10, 60, 15), shapely.box(75, -30, 80, -2)], [50.0, 1.5])
    paths = traced(houses, (0, 0, 2), (100, 0, 2), FAR)
    assert paths.length_m[paths.kind == Kind.AROUND].min() == pytest.approx(2 * np.hypot(40, 10) + 20, abs=1e-9)


def test_no_way_around_out_of_a_courtyard() -> None:
    court = shapely.box(-20, -20, 20, 20).difference(shapely.box(-10, -10, 10, 10))
    assert isinstance(court, shapely.Polygon)
    paths = traced(buildings_of([court], [3.0]), (0, 0, 1), (60, 0, 1), FAR)
    assert paths.kind.tolist() == [Kind.OVER]


def test_given_up_when_not_worth_it() -> None:
    block = buildings_of([shapely.box(40, -10, 60, 15)], [50.0])
    excess = 2 * np.hypot(40, 10) + 20 - 100  # 2.46 m
    n = 2 * excess / Weather().sound_speed_m_s * 1000
    loss = 10 * np.log10(3 + 20 * n)
    for least, found in ((-loss - 0.01, 1), (-loss + 0.01, 0)):
        paths = traced(block, (0, 0, 2), (100, 0, 2), Surfaces(reflections=0, least_gain_db=least))
        assert (paths.kind == Kind.AROUND).sum() == found
        assert (paths.kind == Kind.OVER).sum() == 1


@given(seed=st.integers(0, 10_000))
def test_is_the_string_pulled_by_shapely(seed: int) -> None:
    buildings = random_city(seed, buildings=14, overlapping=False)
    surroundings = Surroundings.of_buildings(buildings)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 12, 200.0), 2)
    a[:, 2], b[:, 2] = a[:, 2] / 4, b[:, 2] / 4
    paths = trace(surroundings, FAR, Weather(), a, b)
    most_m = most_excess_m(FAR.least_gain_db, Weather().sound_speed_m_s)
    for k in range(6):
        if (paths.kind[paths.pair == k] == Kind.DIRECT).any():
            assert not (paths.kind[paths.pair == k] == Kind.AROUND).any()
            continue
        straight = float(np.linalg.norm(b[k] - a[k]))
        strings = [
            string_around(buildings, a[k], b[k], side, min(straight + most_m, MOST_DETOUR * straight))
            for side in (1.0, -1.0)
        ]
        plans = [sum(float(np.linalg.norm(q - p)) for p, q in itertools.pairwise(way)) for way in strings if way]
        found = paths.length_m[(paths.pair == k) & (paths.kind == Kind.AROUND)]
        # Whether a corner that a string merely brushes bends it is the tolerance's to decide.
        doubt_m = 0.05 if any(brushes_a_corner(buildings, way) for way in strings if way) else 1e-7
        assert sorted(found) == pytest.approx(sorted(np.hypot(plans, b[k, 2] - a[k, 2])), abs=doubt_m)


@given(seed=st.integers(0, 10_000))
def test_legs_are_free_and_turn_one_way(seed: int) -> None:
    buildings = random_city(seed, buildings=20)
    grid = WallGrid.of(buildings)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 12, 200.0), 2)
    paths = traced(buildings, a, b, FAR)
    for path in np.flatnonzero(paths.kind == Kind.AROUND):
        way = paths.way(int(path))
        assert line_of_sight(grid, way[:-1], way[1:]).all()
        step = np.diff(way[:, :2], axis=0)
        turn = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
        assert (turn > 0).all() or (turn < 0).all()
