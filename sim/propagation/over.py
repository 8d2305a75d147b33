"""The shortest way over roofs: a rubber band in the upright plane between source and receiver.

The plane cuts the city in a profile of building tops; the shortest way that stays above them is the upper convex hull
of the two ends and the tops between them (CNOSSOS-EU's path in the vertical plane: Directive (EU) 2015/996, annex II,
2.5.6).  For a path that is reflected by walls the plane is folded at each of them; unfolded, it is one profile again,
from the image of the source to the receiver.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.wallgrid import TOLERANCE_M, crossing, enter, leave
from sim.propagation.moving_air import Air
from sim.propagation.paths import Kind
from sim.propagation.pathsheet import Sheet, corner, finish
from sim.propagation.surroundings import Surroundings

__all__ = ["Profile", "add_leg", "band_height_m", "go_over", "rubber_band"]

OVER = int(Kind.OVER)
HOPELESS = -1
SAME_PLACE_M = 1e-6  # the two walls that neighbours share are one edge
SHIFT = 10.0  # tolerances by which a crossing may move when it is taken back to the true wall


class Profile(NamedTuple):
    """Tops along the unfolded way, in the order in which they were found.

    s, h : (n,) float64, distance from the source along the ground plan, height above the ground, metres.
    x, y : (n,) float64, where that is, metres, site frame.
    order, hull : (n,) int64, scratch; ``hull`` holds the rows on which the rubber band rests.
    """

    s: NDArray[np.float64]
    h: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    order: NDArray[np.int64]
    hull: NDArray[np.int64]

    @classmethod
    def empty(cls, size: int) -> Profile:
        """Room for so many tops."""
        s, h, x, y = np.empty((4, size))
        return cls(s, h, x, y, np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64))


@njit(cache=True)
def go_over(
    around: Surroundings,
    air: Air,
    profile: Profile,
    sheet: Sheet,
    pair: int,
    ax: float,
    ay: float,
    az: float,
    roof_a: float,
    bx: float,
    by: float,
    bz: float,
    roof_b: float,
) -> bool:
    """Write down the way from a to b over the roofs; whether anything was in the way (within ``TOLERANCE_M``).

    roof_a, roof_b : height of the roof over each end, metres; an end below it goes straight up first.
    """
    plan = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
    total = max(plan, 1e-9)
    n = 0
    if az < roof_a - TOLERANCE_M:
        n = _add_top(profile, n, 0.0, roof_a, ax, ay)
    n = add_leg(around, profile, n, ax, ay, bx, by, 0.0, total, az, bz, np.inf)
    if bz < roof_b - TOLERANCE_M:
        n = _add_top(profile, n, total, roof_b, bx, by)
    edges = rubber_band(profile, n, az, total, bz)
    if edges == 0:
        return False
    corner(sheet, ax, ay, az)
    span = 0.0
    for k in range(edges):
        p = profile.hull[k]
        corner(sheet, profile.x[p], profile.y[p], profile.h[p])
        if k:
            q = profile.hull[k - 1]
            span += math.sqrt((profile.s[p] - profile.s[q]) ** 2 + (profile.h[p] - profile.h[q]) ** 2)
    corner(sheet, bx, by, bz)
    finish(sheet, air, pair, OVER, edges, 0, math.sqrt(plan * plan + (bz - az) ** 2), span, np.nan)
    return True


@njit(cache=True)
def add_leg(
    around: Surroundings,
    profile: Profile,
    n: int,
    ax: float,
    ay: float,
    bx: float,
    by: float,
    s0: float,
    total: float,
    z0: float,
    z1: float,
    most_excess_m: float,
) -> int:
    """Add every top that sticks out above the unfolded straight line where the leg from a to b passes.

    Parameters
    ----------
    n : tops so far.
    s0 : where the leg begins along the unfolded way, which has the length ``total`` and runs from height ``z0`` to
        ``z1``; metres.
    most_excess_m : give up as soon as one top alone makes the way longer by more.

    Returns
    -------
    Number of tops, or -1 when given up.
    """
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    if square == 0.0:
        return n
    length = math.sqrt(square)
    slope = (z1 - z0) / total
    straight = math.sqrt(total * total + (z1 - z0) * (z1 - z0))
    grid = around.grid
    west, south, size = grid.west_m, grid.south_m, grid.cell_m
    columns, rows = grid.columns, grid.rows
    i, j, end = enter(ax, ay, dx, dy, west, south, size, columns, rows)
    low = -1.0
    while end >= 0.0 and 0 <= i < columns and 0 <= j < rows:
        high, i_next, j_next = leave(i, j, ax, ay, dx, dy, west, south, size)
        high = 2.0 if high >= end else max(high, low)
        cell = j * columns + i
        lowest = z0 + slope * (s0 + length * (max(low, 0.0) if slope > 0.0 else min(high, 1.0)))
        if grid.top_m[cell] - TOLERANCE_M > lowest:
            for k in range(grid.first[cell], grid.first[cell + 1]):
                w = grid.wall[k]
                p = grid.inner_m[w]
                t = crossing(ax, ay, dx, dy, square, p[0], p[1], p[2], p[3])
                if t < low or t >= high or t < 0.0:
                    continue
                h = grid.height_m[w]
                s = s0 + t * length
                if h - TOLERANCE_M <= z0 + slope * s:
                    continue
                # From the thinner outline back to the wall itself, where that is near.
                ux, uy = around.faces[w, 2], around.faces[w, 3]
                across = dx * uy - dy * ux
                off = (around.faces[w, 0] - ax) * uy - (around.faces[w, 1] - ay) * ux
                true = off / across if across != 0.0 else t
                shift = SHIFT * TOLERANCE_M / length
                t = min(max(min(max(true, t - shift), t + shift), 0.0), 1.0)
                s = s0 + t * length
                up, down = h - z0, h - z1
                if math.sqrt(s * s + up * up) + math.sqrt((total - s) ** 2 + down * down) - straight > most_excess_m:
                    return HOPELESS
                n = _add_top(profile, n, s, h, ax + t * dx, ay + t * dy)
        if high == 2.0:
            break
        i, j, low = i_next, j_next, high
    return n


@njit(cache=True)
def rubber_band(profile: Profile, n: int, z0: float, total: float, z1: float) -> int:
    """Stretch the band from (0, z0) to (total, z1) over n tops: the number of tops that hold it, in ``profile.hull``
    from source to receiver."""
    s, h, order, hull = profile.s, profile.h, profile.order, profile.hull
    for k in range(n):  # nearly sorted already: the walk found them cell by cell
        at = k
        while at > 0 and (s[order[at - 1]] > s[k]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = k
    kept = 0
    for k in range(n):
        p = order[k]
        if kept and s[p] - s[order[kept - 1]] < SAME_PLACE_M:
            if h[p] > h[order[kept - 1]]:
                order[kept - 1] = p
        else:
            order[kept] = p
            kept += 1
    m = 0
    for k in range(kept + 1):
        ps, ph = (s[order[k]], h[order[k]]) if k < kept else (total, z1)
        while m:
            ls, lh = s[hull[m - 1]], h[hull[m - 1]]
            bs, bh = (s[hull[m - 2]], h[hull[m - 2]]) if m > 1 else (0.0, z0)
            if (ls - bs) * (ph - bh) - (lh - bh) * (ps - bs) < 0.0:
                break
            m -= 1
        if k < kept:
            hull[m] = order[k]
            m += 1
    return m


@njit(cache=True)
def band_height_m(profile: Profile, m: int, z0: float, total: float, z1: float, s: float) -> float:
    """Height of the band, resting on m tops, at the distance ``s``."""
    bs, bh = 0.0, z0
    for k in range(m + 1):
        es, eh = (profile.s[profile.hull[k]], profile.h[profile.hull[k]]) if k < m else (total, z1)
        if s <= es or k == m:
            return bh + (eh - bh) * (s - bs) / (es - bs) if es > bs else max(bh, eh)
        bs, bh = es, eh
    return z1


@njit(cache=True)
def _add_top(profile: Profile, n: int, s: float, h: float, x: float, y: float) -> int:
    """Write one top down; the number of tops then."""
    profile.s[n], profile.h[n], profile.x[n], profile.y[n] = s, h, x, y
    return n + 1
