"""Ways of a bullet's shock wave, with a bullet simple enough for closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.buildings import Buildings
from sim.propagation.paths import Kind
from sim.propagation.shockwaves import ShockPaths, trace_shock
from sim.propagation.surroundings import Surroundings
from sim.sound import Shock
from sim.world import Surfaces
from tests.geo.small_cities import buildings_of

SPEED = 850.0
CALM = Weather()
C = CALM.sound_speed_m_s
WIDE = Surfaces(reflections=1, reflection_reach_m=300.0)


class LevelBullet:
    """Flies east for ever at constant speed in still air; peak and duration are the miss distance in disguise."""

    def __init__(self, muzzle_m: tuple[float, float, float] = (0.0, 0.0, 1.5)) -> None:
        self.muzzle_m = np.array(muzzle_m)

    def shock(self, receivers_m: NDArray[np.float64], sound_speed_m_s: float, wind_m_s: NDArray[np.float64]) -> Shock:
        assert not wind_m_s.any()
        ahead = receivers_m - self.muzzle_m
        off = np.hypot(ahead[:, 1], ahead[:, 2])
        mach_angle = np.arcsin(sound_speed_m_s / SPEED)
        flown = ahead[:, 0] - off * np.tan(mach_angle)
        heard = flown >= 0
        nowhere = np.where(heard, 0.0, np.nan)
        emitted = self.muzzle_m + np.column_stack((flown, np.zeros(len(off)), np.zeros(len(off)))) + nowhere[:, None]
        miss = off / np.cos(mach_angle) + nowhere
        delay = flown / SPEED + miss / sound_speed_m_s
        return Shock(heard, emitted, flown / SPEED + nowhere, delay, miss, 1 / miss, 1e-3 * miss)


def shocked(buildings: Buildings, receivers: list[tuple[float, float, float]], surfaces: Surfaces = WIDE) -> ShockPaths:
    return trace_shock(
        Surroundings.of_buildings(buildings), surfaces, CALM, LevelBullet(), np.array(receivers, dtype=float)
    )


def test_in_the_open_it_comes_straight_and_off_the_ground() -> None:
    receivers = [(200.0, 40.0, 4.0), (100.0, -5.0, 1.5), (-10.0, 3.0, 2.0), (5.0, 300.0, 2.0)]
    found = shocked(Buildings.none(), receivers)
    paths = found.paths
    assert paths.pair.tolist() == [0, 0, 1, 1]  # the others are behind the muzzle or before the cone
    assert paths.kind.tolist() == [Kind.DIRECT, Kind.GROUND] * 2
    free = LevelBullet().shock(np.array(receivers[:2]), C, np.zeros(3))
    assert paths.delay_s[[0, 2]] == pytest.approx(free.delay_s, abs=1e-12)
    assert paths.length_m[[0, 2]] == pytest.approx(free.miss_m, abs=1e-10)
    assert found.peak_pa[[0, 2]].tolist() == free.peak_pa.tolist()
    assert found.duration_s[[0, 2]].tolist() == free.duration_s.tolist()
    image = LevelBullet().shock(np.array(receivers[:2]) * [1, 1, -1], C, np.zeros(3))
    assert paths.delay_s[[1, 3]] == pytest.approx(image.delay_s, abs=1e-12)
    assert found.peak_pa[[1, 3]].tolist() == image.peak_pa.tolist()
    way = paths.way(1)
    assert way[1, 2] == 0.0
    assert np.arctan2(way[0, 2], np.hypot(*(way[1] - way[0])[:2])) == pytest.approx(paths.grazing_rad[1])
    assert paths.departure[0] == pytest.approx((paths.way(0)[1] - paths.way(0)[0]) / paths.length_m[0])


def test_off_a_wall_it_comes_as_to_the_image() -> None:
    wall = buildings_of([shapely.box(-100, 60, 400, 70)], [20.0])
    found = shocked(wall, [(200.0, 40.0, 4.0)])
    (row,) = np.flatnonzero(found.paths.kind == Kind.WALL)
    image = LevelBullet().shock(np.array([[200.0, 80.0, 4.0]]), C, np.zeros(3))
    assert found.paths.delay_s[row] == pytest.approx(image.delay_s[0], abs=1e-12)
    assert found.paths.length_m[row] == pytest.approx(image.miss_m[0], abs=1e-10)
    assert found.peak_pa[row] == image.peak_pa[0]
    assert found.duration_s[row] == image.duration_s[0]
    assert found.paths.bounces[row] == 1
    way = found.paths.way(int(row))
    assert way[1, 1] == pytest.approx(60.0, abs=1e-9)
    assert way[0] == pytest.approx(image.emitted_m[0])
    assert not (shocked(wall, [(200.0, 40.0, 4.0)], Surfaces(reflections=0)).paths.kind == Kind.WALL).any()
    low = buildings_of([shapely.box(-100, 60, 400, 70)], [2.0])
    assert not (shocked(low, [(200.0, 40.0, 4.0)]).paths.kind == Kind.WALL).any()


def test_behind_a_house_it_comes_over_the_roof() -> None:
    house = buildings_of([shapely.box(-100, 20, 400, 30)], [12.0])
    found = shocked(house, [(200.0, 40.0, 4.0)])
    assert found.paths.kind.tolist() == [Kind.OVER]
    free = LevelBullet().shock(np.array([[200.0, 40.0, 4.0]]), C, np.zeros(3))
    assert found.paths.excess_m[0] == pytest.approx(found.paths.length_m[0] - free.miss_m[0], abs=1e-9)
    assert found.paths.delay_s[0] == pytest.approx(free.delay_s[0] + found.paths.excess_m[0] / C, abs=1e-12)
    assert found.paths.edges[0] == 2
    assert found.peak_pa.tolist() == free.peak_pa.tolist()


def test_the_flight_ends_in_a_wall() -> None:
    target = buildings_of([shapely.box(150, -0.2, 160, 0.2)], [10.0])
    tan = np.tan(np.arcsin(C / SPEED))
    before, after = 149.0 + 50 * tan, 151.0 + 50 * tan  # where the shock emitted 1 m before and after the wall goes
    found = shocked(target, [(before, 50.0, 1.5), (after, 50.0, 1.5), (400.0, 50.0, 1.5)], Surfaces(reflections=0))
    assert found.paths.pair.tolist() == [0, 0]
    assert found.paths.kind.tolist() == [Kind.DIRECT, Kind.GROUND]
    below = buildings_of([shapely.box(150, -0.2, 160, 0.2)], [1.0])  # flies over it
    found = shocked(below, [(before, 50.0, 1.5), (after, 50.0, 1.5), (400.0, 50.0, 1.5)], Surfaces(reflections=0))
    assert sorted(set(found.paths.pair)) == [0, 1, 2]


def test_sorted_by_receiver_then_delay_with_peaks_alongside() -> None:
    street = buildings_of([shapely.box(-100, 60, 400, 70), shapely.box(-100, -70, 400, -60)], [20.0, 20.0])
    found = shocked(street, [(200.0, y, 4.0) for y in (50.0, -20.0, 10.0)])
    paths = found.paths
    assert (np.lexsort((paths.delay_s, paths.pair)) == np.arange(len(paths))).all()
    straight = paths.edges == 0
    # The bullet's peak is one over the length of the way: each must stand beside its own.
    assert found.peak_pa[straight] == pytest.approx(1 / paths.length_m[straight], rel=1e-9)
    assert len(paths) == 12
