"""Laws of all paths together, on small random cities and on Geneva."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from errors import BadInput
from geo.buildings import Buildings
from geo.osm import read_osm
from geo.wallgrid import roof_m
from sim.propagation import trace as tracer
from sim.propagation.moving_air import polyline_time_s
from sim.propagation.paths import Kind, Paths
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import most_excess_m, trace
from sim.world import Surfaces
from tests.geo.small_cities import buildings_of, random_city, street_points
from tests.sim.propagation.test_over import traced
from tests.sim.propagation.tracing_oracle import is_clean, unfolded_over

TWICE = Surfaces(reflections=2, reflection_reach_m=60.0)
BREEZE = Weather(wind_speed_m_s=7.0, wind_from_deg=77.0)


def lengths_by_kind(paths: Paths, pair: int) -> list[tuple[int, float]]:
    rows = np.flatnonzero(paths.pair == pair)
    return sorted((int(paths.kind[row]), float(paths.length_m[row])) for row in rows)


def assert_same_lengths(one: Paths, other: Paths) -> None:
    for pair in range(max(one.pair, default=-1) + 1):
        first, second = lengths_by_kind(one, pair), lengths_by_kind(other, pair)
        assert [kind for kind, _ in first] == [kind for kind, _ in second]
        assert [length for _, length in first] == pytest.approx([length for _, length in second], abs=1e-6)


@given(
    a=st.tuples(st.floats(-900, 900), st.floats(-900, 900), st.floats(0.1, 40)),
    b=st.tuples(st.floats(-900, 900), st.floats(-900, 900), st.floats(0.1, 40)),
)
def test_open_country_has_the_straight_line_and_the_ground(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    if np.linalg.norm(np.subtract(a, b)) < 0.01:
        return
    paths = traced(Buildings.none(), a, b, Surfaces(reflections=3))
    plan, rise, sum_of_heights = np.hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2], a[2] + b[2]
    assert paths.kind.tolist() == [Kind.DIRECT, Kind.GROUND]
    assert paths.length_m == pytest.approx(np.hypot(plan, [rise, sum_of_heights]), rel=1e-12)
    assert paths.grazing_rad[1] == pytest.approx(np.arctan2(sum_of_heights, plan))
    assert np.isnan(paths.grazing_rad[0])
    assert paths.way(1)[1, 2] == 0.0
    for column in (paths.excess_m, paths.edges, paths.bounces, paths.edge_span_m):
        assert not column.any()


@given(seed=st.integers(0, 10_000))
def test_laws_of_every_path(seed: int) -> None:
    buildings = random_city(seed, buildings=15, size_m=120.0)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 8, 120.0), 2)
    paths = traced(buildings, a, b, TWICE, BREEZE)
    assert (np.lexsort((paths.delay_s, paths.pair)) == np.arange(len(paths))).all()
    assert set(paths.pair) == {0, 1, 2, 3}
    assert paths.first_point[0] == 0
    assert paths.first_point[-1] == len(paths.points_m)
    for path in range(len(paths)):
        way, pair = paths.way(path), paths.pair[path]
        assert (way[0] == a[pair]).all()
        assert (way[-1] == b[pair]).all()
        steps = np.diff(way, axis=0)
        assert paths.length_m[path] == pytest.approx(np.linalg.norm(steps, axis=1).sum(), rel=1e-12)
        assert paths.delay_s[path] == pytest.approx(polyline_time_s(way, BREEZE), rel=1e-12)
        assert paths.delay_s[path] >= polyline_time_s(way[[0, -1]], BREEZE)
        assert paths.length_m[path] >= np.linalg.norm(b[pair] - a[pair]) * (1 - 1e-14)
        assert paths.departure[path] == pytest.approx(steps[0] / np.linalg.norm(steps[0]), abs=1e-12)
        assert len(way) == 2 + paths.edges[path] + paths.bounces[path] + (paths.kind[path] == Kind.GROUND)
        assert (paths.edges[path] > 0) == (paths.excess_m[path] > 0)
        assert (paths.edges[path] > 1) == (paths.edge_span_m[path] > 0)
    kinds = [set(paths.kind[paths.pair == pair]) for pair in range(4)]
    for kind in kinds:
        assert (Kind.DIRECT in kind) != (Kind.OVER in kind)
        assert Kind.GROUND not in kind or Kind.DIRECT in kind
        assert Kind.AROUND not in kind or Kind.OVER in kind
    worth = (paths.edges == 0) | (paths.kind == Kind.OVER)
    most_m = most_excess_m(TWICE.least_gain_db, BREEZE.sound_speed_m_s)
    assert (worth | (paths.excess_m <= most_m)).all()


@given(seed=st.integers(0, 10_000))
def test_source_and_receiver_may_change_places(seed: int) -> None:
    buildings = random_city(seed, buildings=15, size_m=120.0)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 8, 120.0), 2)
    assert_same_lengths(traced(buildings, a, b, TWICE), traced(buildings, b, a, TWICE))


@given(seed=st.integers(0, 10_000), turn=st.floats(0, 360), east=st.floats(-3000, 3000), north=st.floats(-3000, 3000))
def test_the_scene_may_be_moved_and_turned(seed: int, turn: float, east: float, north: float) -> None:
    buildings = random_city(seed, buildings=15, size_m=120.0)
    a, b = np.split(street_points(buildings, np.random.default_rng(seed), 8, 120.0), 2)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))

    def moved(points: np.ndarray) -> np.ndarray:
        plan = points[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + [east, north]
        return np.column_stack((plan, points[:, 2:]))

    footprints = [shapely.transform(footprint, moved) for footprint in buildings.footprints]
    elsewhere = buildings_of(footprints, list(buildings.height_m))
    assert_same_lengths(traced(buildings, a, b, TWICE), traced(elsewhere, moved(a), moved(b), TWICE))


def test_small_sheets_and_chunks_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    buildings = random_city(5, buildings=15, size_m=120.0)
    a, b = np.split(street_points(buildings, np.random.default_rng(5), 40, 120.0), 2)
    whole = traced(buildings, a, b, TWICE)
    monkeypatch.setattr(tracer, "FIRST_SHEET", 1)
    monkeypatch.setattr(tracer, "CHUNK", 3)
    pieces = traced(buildings, a, b, TWICE)
    for name in Paths.__slots__:
        assert getattr(whole, name).tobytes() == getattr(pieces, name).tobytes(), name
        assert getattr(whole, name).dtype == getattr(pieces, name).dtype


def test_no_pairs_no_paths() -> None:
    surroundings = Surroundings.of_buildings(random_city(1))
    paths = trace(surroundings, Surfaces(), Weather(), np.empty((0, 3)), np.empty((0, 3)))
    assert len(paths) == 0
    assert paths.first_point.tolist() == [0]


@pytest.mark.parametrize(
    ("source", "receiver", "message"),
    [
        ((0, 0, -1), (9, 9, 1), "source 0: up: expected 0 m or higher, the ground, found -1.0"),
        ((0, 0, 1), (9, np.nan, 1), "receiver 0: place: expected finite numbers"),
        ((0, 0, 1), (0, 0, 1.0005), "source 0: place: expected 1 mm or more from its receiver"),
    ],
)
def test_places_that_cannot_be_are_refused(
    source: tuple[float, ...], receiver: tuple[float, ...], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        traced(Buildings.none(), source, receiver)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="as many as sources"):
        traced(Buildings.none(), np.ones((2, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"expected \(n, 3\)"):
        traced(Buildings.none(), np.ones((2, 2)), np.zeros((2, 2)))


def test_the_first_way_on_geneva_is_the_shortest_above_the_roofs(shared: Path) -> None:
    buildings = read_osm(shared / "city" / "geneva.osm.pbf").buildings
    surroundings = Surroundings.of_buildings(buildings)
    tree = shapely.STRtree(buildings.footprints)
    generator = np.random.default_rng(7)
    a = generator.uniform([-1000, -1000, 1], [1000, 1000, 30], (600, 3))
    b = a + generator.normal(0.0, [120.0, 120.0, 5.0], (600, 3))
    b[:, 2] = np.abs(b[:, 2])
    open_sky = [
        roof_m(surroundings.grid, p[0], p[1]) == roof_m(surroundings.grid, q[0], q[1]) == 0
        for p, q in zip(a, b, strict=True)
    ]
    a, b = a[open_sky], b[open_sky]
    paths = trace(surroundings, Surfaces(reflections=1), Weather(), a, b)
    back = trace(surroundings, Surfaces(reflections=1), Weather(), b, a)
    assert_same_lengths(paths, back)
    compared = 0
    for k in range(len(a)):
        near = np.sort(tree.query(shapely.LineString([a[k, :2], b[k, :2]])))
        some = buildings_of(list(buildings.footprints[near]), list(buildings.height_m[near]))
        if len(near) and not is_clean(some, [a[k], b[k]]):
            continue
        length, edges = unfolded_over(some, [a[k], b[k]], a[k, 2], b[k, 2])
        first = np.flatnonzero((paths.pair == k) & np.isin(paths.kind, [Kind.DIRECT, Kind.OVER]))[0]
        assert paths.length_m[first] == pytest.approx(length, abs=1e-9)
        compared += len(edges) > 0
    assert compared > 50
