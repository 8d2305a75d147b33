"""Ways over roofs: closed forms, and the shortest of all chains of straight pieces above the profile."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from geo.buildings import Buildings
from sim.propagation.paths import Kind, Paths
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import trace
from sim.world import Surfaces
from tests.geo.small_cities import buildings_of, random_city, street_points
from tests.sim.propagation.tracing_oracle import is_clean, unfolded_over

CALM, NO_WALLS = Weather(), Surfaces(reflections=0)


def traced(buildings: Buildings, a: object, b: object, surfaces: Surfaces = NO_WALLS, weather: Weather = CALM) -> Paths:
    surroundings = Surroundings.of_buildings(buildings)
    points = (np.atleast_2d(np.asarray(p, dtype=np.float64)) for p in (a, b))
    return trace(surroundings, surfaces, weather, *points)


def test_one_thin_wall_has_the_textbook_length() -> None:
    paths = traced(buildings_of([shapely.box(40, -500, 40.5, 500)], [10.0]), (0, 0, 2), (100, 0, 4))
    (over,) = np.flatnonzero(paths.kind == Kind.OVER)
    first, last = np.hypot(40, 8), np.hypot(59.5, 6)
    assert paths.length_m[over] == pytest.approx(first + 0.5 + last, abs=1e-9)
    assert paths.excess_m[over] == pytest.approx(first + 0.5 + last - np.hypot(100, 2), abs=1e-9)
    assert paths.edges[over] == 2
    assert paths.edge_span_m[over] == pytest.approx(0.5, abs=1e-9)
    assert paths.delay_s[over] == pytest.approx(paths.length_m[over] / CALM.sound_speed_m_s, rel=1e-14)
    assert paths.way(int(over)) == pytest.approx(
        np.array([[0, 0, 2], [40, 0, 10], [40.5, 0, 10], [100, 0, 4]]), abs=1e-9
    )
    assert paths.departure[over] == pytest.approx(np.array([40, 0, 8]) / first, abs=1e-12)


def test_a_row_that_shares_walls_has_two_edges() -> None:
    row = buildings_of([shapely.box(x, -500, x + 10, 500) for x in (40, 50, 60)], [10.0, 10.0, 10.0])
    paths = traced(row, (0, 0, 2), (100, 0, 4))
    assert paths.edges.tolist() == [2]
    assert paths.edge_span_m[0] == pytest.approx(30.0, abs=1e-9)


def test_a_lower_house_between_does_not_count() -> None:
    street = buildings_of([shapely.box(x, -500, x + 10, 500) for x in (20, 45, 70)], [12.0, 6.0, 12.0])
    paths = traced(street, (0, 0, 2), (100, 0, 2))
    assert paths.edges.tolist() == [2]
    assert paths.length_m[0] == pytest.approx(2 * np.hypot(20, 10) + 60, abs=1e-9)


def test_from_indoors_sound_goes_straight_up_first() -> None:
    paths = traced(buildings_of([shapely.box(-10, -10, 10, 10)], [15.0]), (0, 0, 3), (100, 0, 3))
    assert paths.kind.tolist() == [Kind.OVER]
    assert paths.length_m[0] == pytest.approx(12 + 10 + np.hypot(90, 12), abs=1e-9)
    assert paths.departure[0].tolist() == [0, 0, 1]


@given(seed=st.integers(0, 10_000))
def test_is_the_shortest_of_all_chains_above_the_roofs(seed: int) -> None:
    buildings = random_city(seed)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 16, 200.0), 2)
    paths = traced(buildings, a, b)
    for k in range(8):
        if not is_clean(buildings, [a[k], b[k]]):
            continue
        length, edges = unfolded_over(buildings, [a[k], b[k]], a[k, 2], b[k, 2])
        first = np.flatnonzero((paths.pair == k) & (paths.kind <= Kind.OVER) & (paths.kind != Kind.GROUND))
        assert len(first) == 1
        assert paths.length_m[first[0]] == pytest.approx(length, abs=1e-9)
        assert (paths.kind[first[0]] == Kind.OVER) == (len(edges) > 0)
