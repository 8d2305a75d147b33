"""Ways off walls: closed forms of one wall and of a street, and image by image through all walls."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from errors import BadInput
from sim.propagation.moving_air import polyline_time_s
from sim.propagation.paths import Kind
from sim.propagation.trace import most_excess_m
from sim.world import Surfaces
from tests.geo.small_cities import buildings_of, random_city, street_points
from tests.sim.propagation.test_over import traced
from tests.sim.propagation.tracing_oracle import is_clean, reflected

STREET = buildings_of([shapely.box(-500, 10, 500, 30), shapely.box(-500, -30, 500, -10)], [20.0, 20.0])


def image_offsets(y: float, half: float, orders: int) -> dict[int, list[float]]:
    """Where the images of a source at y between walls at +-half lie, by number of bounces."""
    return {
        n: [(-1) ** n * y + side * (-1) ** (n + 1) * 2 * n * half for side in (1, -1)] for n in range(1, orders + 1)
    }


@pytest.mark.parametrize("orders", [0, 1, 2, 3])
def test_a_street_has_the_lengths_of_its_images(orders: int) -> None:
    a, b = np.array([0.0, 3.0, 2.0]), np.array([70.0, -4.0, 6.0])
    paths = traced(STREET, a, b, Surfaces(reflections=orders, reflection_reach_m=100.0))
    assert (paths.kind != Kind.WALL).sum() == 2
    for n, offsets in image_offsets(a[1], 10.0, orders).items():
        lengths = sorted(np.hypot(np.hypot(70, offset - b[1]), 4) for offset in offsets)
        found = paths.length_m[(paths.kind == Kind.WALL) & (paths.bounces == n)]
        assert found == pytest.approx(np.array(lengths), abs=1e-9)
    assert len(paths) == 2 + 2 * orders
    assert not paths.edges.any()
    assert (np.diff(paths.delay_s) >= 0).all()


def test_every_bounce_is_specular_and_on_its_wall() -> None:
    paths = traced(STREET, (0, 3, 2), (70, -4, 6), Surfaces(reflections=3))
    for path in np.flatnonzero(paths.kind == Kind.WALL):
        way = paths.way(int(path))
        step = np.diff(way, axis=0) / np.linalg.norm(np.diff(way, axis=0), axis=1)[:, None]
        assert np.abs(way[1:-1, 1]) == pytest.approx(10.0, abs=1e-9)
        assert step[1:, [0, 2]] == pytest.approx(step[:-1, [0, 2]], abs=1e-12)
        assert step[1:, 1] == pytest.approx(-step[:-1, 1], abs=1e-12)
        assert paths.departure[path] == pytest.approx(step[0], abs=1e-12)


def test_a_bounce_must_be_on_the_wall_and_below_its_top() -> None:
    wall = buildings_of([shapely.box(40, 10, 60, 11)], [5.0])
    for a, b, bounces in [
        ((0, 0, 2), (100, 0, 2), 1),
        ((0, 0, 2), (130, 0, 2), 0),  # past its end
        ((0, 0, 2), (100, 0, 7.9), 1),  # 4.95 m up
        ((0, 0, 2), (100, 0, 8.1), 0),  # above it
        ((0, 20, 2), (100, 20, 2), 1),  # its other side
        ((0, 0, 2), (100, 21, 2), 0),  # through it
    ]:
        assert (traced(wall, a, b, Surfaces()).kind == Kind.WALL).sum() == bounces


def test_only_walls_within_reach_are_tried() -> None:
    wall = buildings_of([shapely.box(-500, 100, 500, 110)], [20.0])
    for reach, found in ((99.0, 0), (101.0, 1)):
        near = Surfaces(reflection_reach_m=reach)
        assert (traced(wall, (0, 0, 2), (50, -90, 2), near).kind == Kind.WALL).sum() == found
        assert (traced(wall, (50, -90, 2), (0, 0, 2), near).kind == Kind.WALL).sum() == found


def test_a_leg_is_bent_over_a_low_house() -> None:
    """A tower behind a low house throws back what comes over the roof."""
    scene = buildings_of([shapely.box(-500, 20, 500, 25), shapely.box(-500, 60, 500, 80)], [6.0, 40.0])
    paths = traced(scene, (0, 0, 2), (0, 10, 2), Surfaces(least_gain_db=-40))
    (bent,) = np.flatnonzero((paths.kind == Kind.WALL) & (paths.edges > 0))
    # Unfolded: the house from 20 to 25 m and again from 95 to 100 m, the receiver at 110 m.
    length = np.hypot(20, 4) + 80 + np.hypot(10, 4)
    assert paths.length_m[bent] == pytest.approx(length, abs=1e-9)
    assert paths.excess_m[bent] == pytest.approx(length - 110, abs=1e-9)
    assert paths.edge_span_m[bent] == pytest.approx(80, abs=1e-9)
    assert (paths.edges[bent], paths.bounces[bent]) == (2, 1)
    assert paths.way(int(bent)) == pytest.approx(
        np.array([[0, 0, 2], [0, 20, 6], [0, 60, 6], [0, 20, 6], [0, 10, 2]]), abs=1e-9
    )
    assert not (traced(scene, (0, 0, 2), (0, 10, 2), Surfaces(least_gain_db=-10)).edges > 0).any()


def test_the_wind_takes_each_leg_on_its_own() -> None:
    weather = Weather(wind_speed_m_s=12.0, wind_from_deg=200.0)
    paths = traced(STREET, (0, 3, 2), (70, -4, 6), Surfaces(reflections=2), weather)
    for path in range(len(paths)):
        assert paths.delay_s[path] == pytest.approx(polyline_time_s(paths.way(path), weather), rel=1e-13)
    calm = traced(STREET, (0, 3, 2), (70, -4, 6), Surfaces(reflections=2))
    assert sorted(paths.length_m) == pytest.approx(sorted(calm.length_m), abs=1e-12)


def test_walls_that_keep_everything_throw_nothing_back() -> None:
    assert not (traced(STREET, (0, 3, 2), (70, -4, 6), Surfaces(wall_absorption=1.0)).kind == Kind.WALL).any()
    quiet = Surfaces(reflections=3, wall_absorption=0.9, least_gain_db=-25.0)  # 10 dB a bounce
    assert traced(STREET, (0, 3, 2), (70, -4, 6), quiet).bounces.max() == 2


@pytest.mark.parametrize("reflections", [-1, 4])
def test_more_bounces_than_can_be_followed_are_refused(reflections: int) -> None:
    with pytest.raises(BadInput, match=r"reflections: expected 0 \.\. 3"):
        traced(STREET, (0, 3, 2), (70, -4, 6), Surfaces(reflections=reflections))


def compare_with_oracle(seed: int, buildings: int, orders: int, pairs: int, reach_m: float) -> int:
    city = random_city(seed, buildings=buildings, size_m=120.0, courtyards=False)
    surfaces = Surfaces(reflections=orders, reflection_reach_m=reach_m)
    a, b = np.split(street_points(city, np.random.default_rng(seed), 2 * pairs, 120.0), 2)
    paths = traced(city, a, b, surfaces)
    compared = 0
    for k in range(pairs):
        for order in range(1, orders + 1):
            least_db = surfaces.least_gain_db - order * 10 * np.log10(1 - surfaces.wall_absorption)
            most_m = most_excess_m(least_db, Weather().sound_speed_m_s)
            ways = reflected(city, a[k], b[k], order, reach_m)
            expected = sorted(over for unbent, over, plan in ways if over - unbent <= most_m and is_clean(city, plan))
            doubtful = [plan for _, _, plan in ways if not is_clean(city, plan)]
            found = sorted(paths.length_m[(paths.pair == k) & (paths.bounces == order)])
            for length in expected:
                assert np.abs(np.array(found) - length).min(initial=np.inf) < 1e-8
            # Where a leg brushes a corner, the tolerance decides whether it counts.
            strange = [length for length in found if np.abs(np.array(expected) - length).min(initial=np.inf) > 1e-8]
            assert len(strange) <= len(doubtful)
            compared += len(expected)
    return compared


@given(seed=st.integers(0, 10_000))
def test_one_bounce_agrees_with_image_by_image(seed: int) -> None:
    compare_with_oracle(seed, 12, 1, 5, 60.0)


@given(seed=st.integers(0, 10_000))
def test_two_bounces_agree_with_image_by_image(seed: int) -> None:
    compare_with_oracle(seed, 6, 2, 2, 200.0)


def test_three_bounces_agree_with_image_by_image() -> None:
    assert sum(compare_with_oracle(seed, 4, 3, 1, 200.0) for seed in range(8, 40)) > 10
