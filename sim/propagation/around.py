"""The shortest ways around the buildings in between, left and right.

Seen from above, a string is pulled tight around the corners on one side of everything that stands in the way: the
convex hull of both ends and of those buildings.  Where the string is stopped by another building, that building joins
in and the string is pulled anew, until it is free (the side hulls of NoiseModelling: Bocher et al. 2019,
"NoiseModelling: an open source GIS based tool to produce environmental noise maps", ISPRS Int. J. Geo-Inf. 8(3), 130;
lateral diffraction of CNOSSOS-EU, Directive (EU) 2015/996, annex II, 2.5.6).  Heights run evenly along the unrolled
string, which is the shortest way around upright prisms; a building that is lower than the string does not stop it.

Only corners on the string's own side of the straight way count, so it leads out of most bays as well.  What it does not
find: ways that pass left of one building and right of the next, ways out of a courtyard, and out of winding bays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.wallgrid import TOLERANCE_M, crossing, enter, leave
from sim.propagation.surroundings import Surroundings

__all__ = ["MOST_DETOUR", "MOST_ROUNDS", "Strings", "add_blockers", "pull_tight"]

MOST_DETOUR = 2.0
"""A string this many times as long as the straight line is given up."""

MOST_ROUNDS = 16
"""So is one that is stopped so often."""

MOST_BUILDINGS = 256
MOST_CORNERS = 4096
MOST_BENDS = 64
COLLINEAR = 1e-9  # of the distance between the ends: corners this little off the string do not bend it


class Strings(NamedTuple):
    """Scratch: the buildings in the way, the corners on one side, and the corners that bend the string.

    building : (MOST_BUILDINGS,) int32.
    x, y : (MOST_CORNERS,) float64, metres, site frame.
    bend : (MOST_BENDS,) int64, rows of ``x`` and ``y`` from source to receiver.
    """

    building: NDArray[np.int32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    bend: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Strings:
        """Room for one string."""
        return cls(
            np.empty(MOST_BUILDINGS, dtype=np.int32),
            np.empty(MOST_CORNERS),
            np.empty(MOST_CORNERS),
            np.empty(MOST_BENDS, dtype=np.int64),
        )


@njit(cache=True)
def add_blockers(
    around: Surroundings, strings: Strings, n: int, ax: float, ay: float, az: float, bx: float, by: float, bz: float
) -> tuple[int, bool]:
    """Add the buildings that stop the leg from a to b to the n known ones: how many then (-1: too many), and whether
    any building stops it, known or not."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    square = dx * dx + dy * dy
    stopped = False
    if square == 0.0:
        return n, stopped
    grid = around.grid
    west, south, size = grid.west_m, grid.south_m, grid.cell_m
    columns, rows = grid.columns, grid.rows
    i, j, end = enter(ax, ay, dx, dy, west, south, size, columns, rows)
    low = 0.0
    while end >= 0.0 and 0 <= i < columns and 0 <= j < rows:
        high, i_next, j_next = leave(i, j, ax, ay, dx, dy, west, south, size)
        high = min(high, 1.0)
        cell = j * columns + i
        if grid.top_m[cell] - TOLERANCE_M > min(az + low * dz, az + high * dz):
            for k in range(grid.first[cell], grid.first[cell + 1]):
                w = grid.wall[k]
                p = grid.inner_m[w]
                t = crossing(ax, ay, dx, dy, square, p[0], p[1], p[2], p[3])
                if t < 0.0 or az + t * dz >= grid.height_m[w] - TOLERANCE_M:
                    continue
                stopped = True
                b = grid.building[w]
                known = n - 1
                while known >= 0 and strings.building[known] != b:
                    known -= 1
                if known < 0:
                    if n == MOST_BUILDINGS:
                        return -1, True
                    strings.building[n] = b
                    n += 1
        if high >= end:
            break
        i, j, low = i_next, j_next, max(high, low)
    return n, stopped


@njit(cache=True)
def pull_tight(
    around: Surroundings,
    strings: Strings,
    n: int,
    side: float,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
    most_excess_m: float,
) -> int:
    """Pull the string from a to b tight around the first n buildings of ``strings`` and whatever stops it then.

    Parameters
    ----------
    side : 1 for the left, -1 for the right of the straight way.
    most_excess_m : give up when the string is longer than the straight line by more.

    Returns
    -------
    Number of bends, in ``strings.bend``; 0 when given up.
    """
    dx, dy, dz = bx - ax, by - ay, bz - az
    plan = math.sqrt(dx * dx + dy * dy)
    straight = math.sqrt(plan * plan + dz * dz)
    longest = min(straight + most_excess_m, MOST_DETOUR * straight)
    corners, done = 0, 0
    x, y, bend = strings.x, strings.y, strings.bend
    for _ in range(MOST_ROUNDS):
        for k in range(done, n):
            b = strings.building[k]
            for c in range(around.corner_first[b], around.corner_first[b + 1]):
                cx, cy = around.corner_m[c, 0], around.corner_m[c, 1]
                if side * (dx * (cy - ay) - dy * (cx - ax)) > 0.0:
                    if corners == MOST_CORNERS:
                        return 0
                    x[corners], y[corners] = cx, cy
                    corners += 1
        done = n
        bends = _wrap(strings, corners, side, ax, ay, bx, by, COLLINEAR * plan)
        if bends <= 0:
            return 0
        total = 0.0
        px, py = ax, ay
        for k in range(bends + 1):
            qx, qy = (x[bend[k]], y[bend[k]]) if k < bends else (bx, by)
            total += math.sqrt((qx - px) ** 2 + (qy - py) ** 2)
            px, py = qx, qy
        # More buildings only make it longer.
        if math.sqrt(total * total + dz * dz) > longest:
            return 0
        stopped, s = False, 0.0
        px, py, pz = ax, ay, az
        for k in range(bends + 1):
            qx, qy = (x[bend[k]], y[bend[k]]) if k < bends else (bx, by)
            s += math.sqrt((qx - px) ** 2 + (qy - py) ** 2)
            qz = az + dz * s / total
            n, leg_stopped = add_blockers(around, strings, n, px, py, pz, qx, qy, qz)
            if n < 0:
                return 0
            stopped = stopped or leg_stopped
            px, py, pz = qx, qy, qz
        if not stopped:
            return bends
        if n == done:  # stopped by what it goes around: an end lies in a courtyard or a bay
            return 0
    return 0


@njit(cache=True)
def _wrap(
    strings: Strings, corners: int, side: float, ax: float, ay: float, bx: float, by: float, collinear: float
) -> int:
    """Wrap the corners, all on one side of the straight way, from a to b: the gift wrapping of Jarvis 1973 ("On the
    identification of the convex hull of a finite set of points in the plane", Inf. Process. Lett. 2, 18-21)."""
    x, y, bend = strings.x, strings.y, strings.bend
    cx, cy = ax, ay
    for bends in range(MOST_BENDS):
        best, ux, uy = -1, bx - cx, by - cy
        for k in range(corners):
            vx, vy = x[k] - cx, y[k] - cy
            outward = side * (ux * vy - uy * vx)
            limit = collinear * math.sqrt(vx * vx + vy * vy)
            if outward > limit or (outward >= -limit and vx * ux + vy * uy > ux * ux + uy * uy):
                best, ux, uy = k, vx, vy
        if best < 0:
            return bends
        bend[bends] = best
        cx, cy = x[best], y[best]
    return 0
