"""The ways of a bullet's shock wave: from where it was emitted, straight, over roofs, off the ground and off walls.

What a receiver hears of a bullet leaves the flight at one point (``sim.sound.Bullet``).  A plane that throws the shock
back sends it as to the receiver's mirror image, which hears the bullet from another point of its flight.  The flight
ends where the bullet hits a building or the ground: what would have been emitted later never was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.sight import blocked, line_of_sight
from geo.wallgrid import TOLERANCE_M, roof_m
from sim.propagation.moving_air import Air
from sim.propagation.over import Profile, go_over
from sim.propagation.paths import Kind, Paths
from sim.propagation.pathsheet import FULL, Sheet, corner, finish, paths_of
from sim.propagation.reflections import Bounces, near_walls
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import checked_places, worth_following
from sim.sound import Bullet, Shock
from sim.world import Surfaces

__all__ = ["ShockPaths", "trace_shock"]

DIRECT, GROUND, WALL = int(Kind.DIRECT), int(Kind.GROUND), int(Kind.WALL)


@dataclass(frozen=True, slots=True, eq=False)
class ShockPaths:
    """The ways of one bullet's shock wave.

    paths : n paths; a pair is a receiver's row, lengths begin at the point of emission, delays at leaving the muzzle.
    peak_pa : (n,) float64, amplitude of the N-wave after spreading, without what edges, walls and absorption take.
    duration_s : (n,) float64, from front to rear shock.
    """

    paths: Paths
    peak_pa: NDArray[np.float64]
    duration_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """k ways of one kind: receiver's row, where they bounce (anything for the straight one), the shock along them."""

    receiver: NDArray[np.int64]
    kind: int
    bounce_m: NDArray[np.float64]
    shock: Shock

    def only(self, keep: NDArray[np.bool_]) -> _Ways:
        """The rows to keep."""
        s = self.shock
        shock = Shock(
            heard=s.heard[keep],
            emitted_m=s.emitted_m[keep],
            emitted_s=s.emitted_s[keep],
            delay_s=s.delay_s[keep],
            miss_m=s.miss_m[keep],
            peak_pa=s.peak_pa[keep],
            duration_s=s.duration_s[keep],
        )
        return _Ways(self.receiver[keep], self.kind, self.bounce_m[keep], shock)


def trace_shock(
    surroundings: Surroundings,
    surfaces: Surfaces,
    weather: Weather,
    bullet: Bullet,
    receivers_m: NDArray[np.float64],
) -> ShockPaths:
    """Paths of a bullet's shock wave to each receiver that hears it.

    Straight where the point of emission is in sight, over the roofs from there otherwise, off the ground, and with
    ``surfaces.reflections`` of 1 and more once off each wall within reach of the receiver or of the straight way's
    point of emission; bounces need clear legs.  A receiver that the shock does not pass, or only past the end of the
    flight, has no path.  In wind a bounce leaves the flight where the
    image would hear it from, and takes the time of its legs.

    Parameters
    ----------
    receivers_m : (n, 3) float64, metres, site frame.

    Raises
    ------
    BadInput
        When a receiver is not a number or lies below the ground.
    """
    receivers = checked_places("receiver", receivers_m)
    air = Air.of(weather)
    sound_speed, wind = weather.sound_speed_m_s, weather.wind_m_s
    muzzle = np.asarray(bullet.muzzle_m, dtype=np.float64)
    grid = surroundings.grid

    def flown(ways: _Ways) -> _Ways:
        """Those that the bullet lived to emit."""
        ways = ways.only(ways.shock.heard)
        ways = ways.only(ways.shock.emitted_m[:, 2] >= 0.0)
        return ways.only(line_of_sight(grid, muzzle, ways.shock.emitted_m))

    def clear(ways: _Ways) -> _Ways:
        """Those that nothing is in the way of."""
        ways = ways.only(line_of_sight(grid, ways.bounce_m, receivers[ways.receiver]))
        return ways.only(line_of_sight(grid, ways.shock.emitted_m, ways.bounce_m))

    rows = np.arange(len(receivers))
    direct = flown(_Ways(rows, DIRECT, receivers, bullet.shock(receivers, sound_speed, wind)))
    found = [direct]
    image = receivers * np.array([1.0, 1.0, -1.0])
    ground = flown(_Ways(rows, GROUND, receivers, bullet.shock(image, sound_speed, wind)))
    up, to = ground.shock.emitted_m[:, 2], receivers[ground.receiver]
    part = np.divide(up, up + to[:, 2], out=np.full(len(up), 0.5), where=up + to[:, 2] > 0.0)[:, None]
    bounce_m = (1.0 - part) * ground.shock.emitted_m + part * to
    bounce_m[:, 2] = 0.0
    found.append(clear(_Ways(ground.receiver, ground.kind, bounce_m, ground.shock)))
    if len(worth_following(surfaces, air)) > 1:
        receiver, wall = _candidates(surroundings, surfaces, receivers, direct)
        faces = surroundings.faces[wall]
        normal = np.column_stack((faces[:, 3], -faces[:, 2], np.zeros(len(wall))))
        foot = np.column_stack((faces[:, :2], np.zeros(len(wall))))
        off_b = ((receivers[receiver] - foot) * normal).sum(axis=1)
        image = receivers[receiver] - 2.0 * off_b[:, None] * normal
        shock = bullet.shock(image, sound_speed, wind)
        off_a = ((shock.emitted_m - foot) * normal).sum(axis=1)
        # Where no shock passes the image nothing is a number; emitted as far behind the wall as the receiver is before
        # it, the shock divides by zero, and hits nothing.
        with np.errstate(invalid="ignore", divide="ignore"):
            part = (off_a / (off_a + off_b))[:, None]
            bounce_m = (1.0 - part) * shock.emitted_m + part * image
            along = ((bounce_m - foot)[:, :2] * faces[:, 2:4]).sum(axis=1)
            hit = (off_a > TOLERANCE_M) & (along >= 0.0) & (along < faces[:, 4]) & (bounce_m[:, 2] < faces[:, 5])
        found.append(clear(flown(_Ways(receiver, WALL, bounce_m, shock).only(hit))))
    return _written(surroundings, air, receivers, found)


def _candidates(
    surroundings: Surroundings, surfaces: Surfaces, receivers: NDArray[np.float64], direct: _Ways
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every pair of a receiver and a wall that it faces, within reach of it or of where its shock was emitted."""
    bounces = Bounces.empty(len(surroundings.faces))
    places = np.concatenate((receivers, direct.shock.emitted_m))
    first, wall = near_walls(surroundings, bounces, places, surfaces.reflection_reach_m, False)
    receiver = np.repeat(np.concatenate((np.arange(len(receivers)), direct.receiver)), np.diff(first))
    pair = np.unique(receiver * len(surroundings.faces) + wall)
    receiver, wall = pair // len(surroundings.faces), (pair % len(surroundings.faces)).astype(np.int32)
    faces = surroundings.faces[wall]
    off = faces[:, 3] * (receivers[receiver, 0] - faces[:, 0]) - faces[:, 2] * (receivers[receiver, 1] - faces[:, 1])
    return receiver[off > TOLERANCE_M], wall[off > TOLERANCE_M]


def _written(surroundings: Surroundings, air: Air, receivers: NDArray[np.float64], found: list[_Ways]) -> ShockPaths:
    """Write down all that was found, sorted."""
    size = sum(len(ways.receiver) for ways in found)
    profile = Profile.empty(len(surroundings.faces) + 2)
    points = 4 * size + 64
    while True:
        sheet = Sheet.empty(size, points)
        for ways in found:
            emitted_m, bounce_m = np.array(ways.shock.emitted_m), np.array(ways.bounce_m)
            _write(surroundings, air, profile, sheet, ways.receiver, ways.kind, emitted_m, bounce_m, receivers)
        if not sheet.used[FULL]:
            break
        points *= 2  # some way has very many edges
    sheet.real[:, 1] += np.concatenate([ways.shock.emitted_s for ways in found])
    paths, order = paths_of([sheet])
    return ShockPaths(
        paths,
        np.concatenate([ways.shock.peak_pa for ways in found])[order],
        np.concatenate([ways.shock.duration_s for ways in found])[order],
    )


@njit(cache=True)
def _write(
    around: Surroundings,
    air: Air,
    profile: Profile,
    sheet: Sheet,
    receiver: NDArray[np.int64],
    kind: int,
    emitted: NDArray[np.float64],
    bounce: NDArray[np.float64],
    receivers: NDArray[np.float64],
) -> None:
    for k in range(len(receiver)):
        ax, ay, az = emitted[k]
        bx, by, bz = receivers[receiver[k]]
        pair = receiver[k]
        if kind == DIRECT and blocked(around.grid, ax, ay, az, bx, by, bz):
            roof_a, roof_b = roof_m(around.grid, ax, ay), roof_m(around.grid, bx, by)
            if go_over(around, air, profile, sheet, pair, ax, ay, az, roof_a, bx, by, bz, roof_b):
                continue
        corner(sheet, ax, ay, az)
        if kind != DIRECT:
            corner(sheet, bounce[k, 0], bounce[k, 1], bounce[k, 2])
        corner(sheet, bx, by, bz)
        grazing = math.nan
        if kind == GROUND:
            grazing = math.atan2(az + bz, math.sqrt((bx - ax) ** 2 + (by - ay) ** 2))
        finish(sheet, air, pair, kind, 0, 1 if kind == WALL else 0, 0.0, 0.0, grazing)
