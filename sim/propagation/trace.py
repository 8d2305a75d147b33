"""Every way that sound takes from sources to receivers through a city, as far as it is worth following.

In sight of each other, source and receiver are joined by the straight line and by the bounce off the ground.  Otherwise
sound comes over the roofs (``over``) and around the corners (``around``).  Walls throw it to and fro in both cases
(``reflections``).

What is followed.  The way over the roofs is always kept, however weak, so that no pair is silent by the tracer's
choice.  Any other way must be worth it: its gain beyond spreading, by Maekawa's chart at 1 kHz in the form
``-10 log10(3 + 20 N)``, ``N = 2 excess / wavelength`` (ISO 9613-2:1996, eq. 14), less what its bounces lose, must reach
``surfaces.least_gain_db``.  The chart is not capped here as the standard caps it: the cap stands for what turbulence
scatters into the shadow, and that has come by the first way already.

A point below a roof (inside a building) is heard by way of the point straight above it on the roof, as through a light
well; nothing is followed around corners or off walls from there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import BadInput
from geo.sight import blocked, crosses_below_roof
from geo.wallgrid import TOLERANCE_M, roof_m
from sim.propagation.around import Strings, add_blockers, pull_tight
from sim.propagation.moving_air import Air
from sim.propagation.over import Profile, go_over
from sim.propagation.paths import Kind, Paths
from sim.propagation.pathsheet import FULL, PATHS, Sheet, corner, finish, paths_of, rewind
from sim.propagation.reflections import MOST_REFLECTIONS, Bounces, bounce_often, bounce_once, near_walls
from sim.propagation.surroundings import Surroundings
from sim.world import Surfaces

__all__ = ["checked_places", "most_excess_m", "trace", "worth_following"]

DIRECT, GROUND, AROUND = int(Kind.DIRECT), int(Kind.GROUND), int(Kind.AROUND)
JUDGED_AT_HZ = 1000.0
NEAREST_M = 1e-3
FIRST_SHEET = 16_384
CHUNK = 4096  # pairs: what is near their ends is found once, and fits the processor's cache


def trace(
    surroundings: Surroundings,
    surfaces: Surfaces,
    weather: Weather,
    sources_m: NDArray[np.float64],
    receivers_m: NDArray[np.float64],
) -> Paths:
    """Paths from each source to its receiver.

    Parameters
    ----------
    surroundings : of the city.
    surfaces : how many bounces, how far, how weak.
    weather : uniform; its wind shifts the delays, not the ways.
    sources_m, receivers_m : (n, 3) float64, metres, site frame; row k of both is pair k.

    Returns
    -------
    Paths, one or more of each pair.  The first of a pair is never faster than the straight line.

    Raises
    ------
    BadInput
        When a place is not a number, lies below the ground, or source and receiver are in one place (within 1 mm).
    ValueError
        When the shapes do not fit, or the wind is as fast as sound.
    """
    sources, receivers = checked_places("source", sources_m), checked_places("receiver", receivers_m)
    if sources.shape != receivers.shape:
        raise ValueError(f"receivers: expected as many as sources ({len(sources)}), found {len(receivers)}")
    near = np.flatnonzero(np.linalg.norm(sources - receivers, axis=1) < NEAREST_M)
    if len(near):
        place = sources[near[0]].tolist()
        raise BadInput(f"source {near[0]}", "place", expected="1 mm or more from its receiver", seen=place)
    air = Air.of(weather)
    most_m = worth_following(surfaces, air)
    bench = Bench.of(surroundings)
    sheets, room = [], FIRST_SHEET
    for start in range(0, len(sources), CHUNK):
        a, b = sources[start : start + CHUNK], receivers[start : start + CHUNK]
        places, row = np.unique(np.concatenate((a, b)), axis=0, return_inverse=True)
        reach_m = surfaces.reflection_reach_m if len(most_m) > 1 else -1.0
        first, walls = near_walls(surroundings, bench.bounces, places, reach_m, True)
        nearby = Nearby(first, walls, row.reshape(2, -1), reach_m)
        done = 0
        while done < len(a):
            sheet = Sheet.empty(room, 8 * room)
            reached = _trace(surroundings, air, a, b, done, start, nearby, most_m, bench, sheet)
            room = 2 * room if reached == done else room
            done = reached
            sheets.append(sheet)
    paths, _ = paths_of(sheets)
    return paths


def most_excess_m(least_gain_db: float, sound_speed_m_s: float) -> float:
    """How much longer edges may make a way before Maekawa's estimate falls below ``least_gain_db``; negative when not
    even an edge that just touches the way is worth it."""
    wavelength = sound_speed_m_s / JUDGED_AT_HZ
    return float((10.0 ** (-least_gain_db / 10.0) - 3.0) / 40.0 * wavelength)


def worth_following(surfaces: Surfaces, air: Air) -> NDArray[np.float64]:
    """(k + 1,) float64, how much longer edges may make a way with 0 .. k bounces; k is the most that is worth it.

    Raises BadInput for more reflections than can be followed.
    """
    if not 0 <= surfaces.reflections <= MOST_REFLECTIONS:
        raise BadInput("surfaces", "reflections", expected=f"0 .. {MOST_REFLECTIONS}", seen=surfaces.reflections)
    kept = 1.0 - surfaces.wall_absorption
    bounce_db = 10.0 * math.log10(kept) if kept > 0.0 else -math.inf
    left = [
        surfaces.least_gain_db - k * bounce_db if k else surfaces.least_gain_db for k in range(surfaces.reflections + 1)
    ]
    return np.array([most_excess_m(gain, air.c) for k, gain in enumerate(left) if not k or gain <= 0.0])


def checked_places(what: str, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same (n, 3) float64 places, contiguous.

    Raises ValueError for another shape, BadInput for one that is not a number or lies below the ground.
    """
    points = np.ascontiguousarray(points_m, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"{what}s: expected (n, 3), found {points.shape}")
    lost = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(lost):
        raise BadInput(f"{what} {lost[0]}", "place", expected="finite numbers", seen=points[lost[0]].tolist())
    low = np.flatnonzero(points[:, 2] < 0.0)
    if len(low):
        up = float(points[low[0], 2])
        raise BadInput(f"{what} {low[0]}", "up", expected="0 m or higher, the ground", seen=up)
    return points


class Nearby(NamedTuple):
    """Walls within reach, for order-1 reflections.

    first, walls : of each distinct place, those that face it.
    row : (2, n) int64, the place of each source and each receiver.
    reach_m : metres; negative for no reflections.
    """

    first: NDArray[np.int64]
    walls: NDArray[np.int32]
    row: NDArray[np.int64]
    reach_m: float


class Bench(NamedTuple):
    """Scratch of the tracers."""

    profile: Profile
    strings: Strings
    bounces: Bounces

    @classmethod
    def of(cls, surroundings: Surroundings) -> Bench:
        """Room enough for these surroundings."""
        walls = len(surroundings.faces)
        return cls(Profile.empty((MOST_REFLECTIONS + 1) * walls + 2), Strings.empty(), Bounces.empty(walls))


@njit(cache=True)
def _trace(
    around: Surroundings,
    air: Air,
    sources: NDArray[np.float64],
    receivers: NDArray[np.float64],
    row: int,
    first_pair: int,
    nearby: Nearby,
    most_m: NDArray[np.float64],
    bench: Bench,
    sheet: Sheet,
) -> int:
    """Trace rows from ``row`` on until the sheet is full; the first row that found no room."""
    profile, strings, bounces, reach_m = bench.profile, bench.strings, bench.bounces, nearby.reach_m
    orders = len(most_m) - 1
    while row < len(sources):
        before, pair = sheet.used[PATHS], first_pair + row
        ax, ay, az = sources[row, 0], sources[row, 1], sources[row, 2]
        bx, by, bz = receivers[row, 0], receivers[row, 1], receivers[row, 2]
        hidden, inside = _straight_or_over(around, air, profile, sheet, pair, ax, ay, az, bx, by, bz)
        if hidden and not inside and most_m[0] >= 0.0:
            _left_and_right(around, air, strings, sheet, pair, ax, ay, az, bx, by, bz, most_m[0])
        if orders and not inside:
            for end in range(2):  # walls near the receiver, then those near the source alone
                place = nearby.row[1 - end, row]
                walls = nearby.walls[nearby.first[place] : nearby.first[place + 1]]
                bounce_once(
                    around, air, profile, bounces, sheet, pair, walls, end == 1, reach_m, most_m[1],
                    ax, ay, az, bx, by, bz,
                )  # fmt: skip
            if orders > 1:
                bounce_often(
                    around, air, profile, bounces, sheet, pair, orders, reach_m, most_m, ax, ay, az, bx, by, bz
                )
        if sheet.used[FULL]:
            rewind(sheet, before)
            return row
        row += 1
    return row


@njit(cache=True)
def _straight_or_over(
    around: Surroundings,
    air: Air,
    profile: Profile,
    sheet: Sheet,
    pair: int,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
) -> tuple[bool, bool]:
    """Direct way and ground, or the way over the roofs; whether it was the latter, and whether an end is indoors."""
    roof_a, roof_b = roof_m(around.grid, ax, ay), roof_m(around.grid, bx, by)
    inside = az < roof_a - TOLERANCE_M or bz < roof_b - TOLERANCE_M
    if (inside or crosses_below_roof(around.grid, ax, ay, az, bx, by, bz)) and go_over(
        around, air, profile, sheet, pair, ax, ay, az, roof_a, bx, by, bz, roof_b
    ):
        return True, inside
    corner(sheet, ax, ay, az)
    corner(sheet, bx, by, bz)
    finish(sheet, air, pair, DIRECT, 0, 0, 0.0, 0.0, np.nan)
    plan = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
    part = az / (az + bz) if az + bz > 0.0 else 0.5
    gx, gy = ax + part * (bx - ax), ay + part * (by - ay)
    if not (blocked(around.grid, ax, ay, az, gx, gy, 0.0) or crosses_below_roof(around.grid, gx, gy, 0.0, bx, by, bz)):
        corner(sheet, ax, ay, az)
        corner(sheet, gx, gy, 0.0)
        corner(sheet, bx, by, bz)
        finish(sheet, air, pair, GROUND, 0, 0, 0.0, 0.0, math.atan2(az + bz, plan))
    return False, inside


@njit(cache=True)
def _left_and_right(
    around: Surroundings,
    air: Air,
    strings: Strings,
    sheet: Sheet,
    pair: int,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
    most_m: float,
) -> None:
    """The ways around on both sides, where they are worth it."""
    n, _ = add_blockers(around, strings, 0, ax, ay, az, bx, by, bz)
    unbent = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2 + (bz - az) ** 2)
    for side in (1.0, -1.0):
        bends = pull_tight(around, strings, n, side, ax, ay, az, bx, by, bz, most_m) if n > 0 else 0
        if not bends:
            continue
        total, px, py = 0.0, ax, ay
        for k in range(bends + 1):
            qx, qy = (strings.x[strings.bend[k]], strings.y[strings.bend[k]]) if k < bends else (bx, by)
            total += math.sqrt((qx - px) ** 2 + (qy - py) ** 2)
            px, py = qx, qy
        corner(sheet, ax, ay, az)
        s, px, py, first_s = 0.0, ax, ay, 0.0
        for k in range(bends):
            qx, qy = strings.x[strings.bend[k]], strings.y[strings.bend[k]]
            s += math.sqrt((qx - px) ** 2 + (qy - py) ** 2)
            first_s = s if k == 0 else first_s
            corner(sheet, qx, qy, az + (bz - az) * s / total)
            px, py = qx, qy
        corner(sheet, bx, by, bz)
        span = (s - first_s) * math.sqrt(1.0 + ((bz - az) / total) ** 2)
        finish(sheet, air, pair, AROUND, bends, 0, unbent, span, np.nan)
