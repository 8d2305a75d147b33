"""Ways off walls, by image sources.

A flat wall throws sound back as if it came from the source's mirror image behind it (Allen and Berkley 1979, "Image
method for efficiently simulating small-room acoustics", J. Acoust. Soc. Am. 65, 943-950; for any plan of walls Borish
1984, "Extension of the image model to arbitrary polyhedra", 75, 1827-1836).  Walls are upright, so images lie at the
source's own height, and the bounce is decided in the plan: it lies within the wall's width, with both neighbours on the
wall's open side.  The way is found unfolded, straight from image to receiver.  Buildings in the way of a leg bend it
over their roofs (``over``); where it bounces it must still be below the wall's top.

Two and more bounces follow the beam that each wall cuts out of the plan (Borish's validity test done on segments): the
next wall must lie in it, in part at least.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.wallgrid import TOLERANCE_M
from sim.propagation.moving_air import Air
from sim.propagation.over import Profile, add_leg, band_height_m, rubber_band
from sim.propagation.paths import Kind
from sim.propagation.pathsheet import Sheet, corner, finish
from sim.propagation.surroundings import Surroundings

__all__ = ["MOST_REFLECTIONS", "Bounces", "bounce_often", "bounce_once", "near_walls", "walls_near"]

MOST_REFLECTIONS = 3
"""Orders above cost more than they bring: the late tail stands for them."""

WALL = int(Kind.WALL)


class Bounces(NamedTuple):
    """Scratch for one sequence of walls; level k is the k-th wall from the source, level 0 the source itself.

    wall : (levels,) int32; image : (levels, 2); beam : (levels, 4), the lit part of each wall (two points);
    place : (levels + 1, 2), source, bounces and receiver; all metres, site frame.
    s : (levels + 1,) float64, where ``place`` is along the unfolded way.
    next : (levels,) int64, the candidate that comes next on each level.
    candidate : (w,) int32; seen : (w,) int64, marks of the walls already among them; mark : (1,) int64, the last.
    """

    wall: NDArray[np.int32]
    image: NDArray[np.float64]
    beam: NDArray[np.float64]
    place: NDArray[np.float64]
    s: NDArray[np.float64]
    next: NDArray[np.int64]
    candidate: NDArray[np.int32]
    seen: NDArray[np.int64]
    mark: NDArray[np.int64]

    @classmethod
    def empty(cls, walls: int) -> Bounces:
        """Room for a city of so many walls."""
        levels = MOST_REFLECTIONS + 1
        return cls(
            np.empty(levels, dtype=np.int32),
            np.empty((levels, 2)),
            np.empty((levels, 4)),
            np.empty((levels + 1, 2)),
            np.empty(levels + 1),
            np.empty(levels, dtype=np.int64),
            np.empty(walls, dtype=np.int32),
            np.zeros(walls, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
        )


@njit(cache=True)
def walls_near(
    around: Surroundings,
    bounces: Bounces,
    x: float,
    y: float,
    reach_m: float,
    facing: bool,
    walls: NDArray[np.int32],
    n: int,
) -> int:
    """Append to the n ``walls`` those within reach of (x, y) that bear no mark yet, and mark them; how many then.

    facing : take only walls whose open side (x, y) is on.
    """
    grid, faces = around.grid, around.faces
    size = grid.cell_m
    i0 = max(int(np.floor((x - reach_m - grid.west_m) / size)), 0)
    i1 = min(int(np.floor((x + reach_m - grid.west_m) / size)), grid.columns - 1)
    j0 = max(int(np.floor((y - reach_m - grid.south_m) / size)), 0)
    j1 = min(int(np.floor((y + reach_m - grid.south_m) / size)), grid.rows - 1)
    mark = bounces.mark[0]
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            cell = j * grid.columns + i
            for k in range(grid.first[cell], grid.first[cell + 1]):
                w = grid.wall[k]
                if bounces.seen[w] == mark:
                    continue
                bounces.seen[w] = mark
                if facing and _outward(faces, w, x, y) <= TOLERANCE_M:
                    continue
                if _distance(faces, w, x, y) <= reach_m:
                    walls[n] = w
                    n += 1
    return n


@njit(cache=True)
def near_walls(
    around: Surroundings, bounces: Bounces, points: NDArray[np.float64], reach_m: float, facing: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The walls within reach of each point: (n + 1,) int64 offsets, and walls one point after the other."""
    first = np.zeros(len(points) + 1, dtype=np.int64)
    walls = np.empty(1024, dtype=np.int32)
    for p in range(len(points)):
        bounces.mark[0] += 1
        n = walls_near(around, bounces, points[p, 0], points[p, 1], reach_m, facing, bounces.candidate, 0)
        first[p + 1] = first[p] + n
        while first[p + 1] > len(walls):
            walls = np.append(walls, np.empty_like(walls))
        walls[first[p] : first[p + 1]] = bounces.candidate[:n]
    return first, walls[: first[-1]]


@njit(cache=True)
def bounce_once(
    around: Surroundings,
    air: Air,
    profile: Profile,
    bounces: Bounces,
    sheet: Sheet,
    pair: int,
    walls: NDArray[np.int32],
    not_near: bool,
    reach_m: float,
    most_excess_m: float,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
) -> None:
    """Write down every way from a to b off one of ``walls``.

    not_near : pass over walls within reach of b, which have been tried.
    most_excess_m : edges that make the way longer by more are not worth it; negative for no edges at all.
    """
    faces = around.faces
    for k in range(len(walls)):
        w = walls[k]
        off_a, off_b = _outward(faces, w, ax, ay), _outward(faces, w, bx, by)
        if off_a <= TOLERANCE_M or off_b <= TOLERANCE_M:
            continue
        part = off_a / (off_a + off_b)
        ux, uy = faces[w, 2], faces[w, 3]
        along_a = (ax - faces[w, 0]) * ux + (ay - faces[w, 1]) * uy
        along_b = (bx - faces[w, 0]) * ux + (by - faces[w, 1]) * uy
        along = along_a + part * (along_b - along_a)
        if along < 0.0 or along >= faces[w, 4] or az + part * (bz - az) >= faces[w, 5]:
            continue
        if not_near and _distance(faces, w, bx, by) <= reach_m:
            continue
        bounces.wall[1] = w
        bounces.place[1, 0], bounces.place[1, 1] = faces[w, 0] + along * ux, faces[w, 1] + along * uy
        _follow(around, air, profile, bounces, sheet, pair, 1, most_excess_m, ax, ay, az, bx, by, bz)


@njit(cache=True)
def bounce_often(
    around: Surroundings,
    air: Air,
    profile: Profile,
    bounces: Bounces,
    sheet: Sheet,
    pair: int,
    order: int,
    reach_m: float,
    most_excess_m: NDArray[np.float64],
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
) -> None:
    """Write down every way from a to b off two walls and up to ``order`` walls, each within reach of a or b.

    most_excess_m : (order + 1,) float64, by number of bounces.
    """
    faces, wall, image = around.faces, bounces.wall, bounces.image
    bounces.mark[0] += 1
    n = walls_near(around, bounces, ax, ay, reach_m, False, bounces.candidate, 0)
    # The walls out of reach of a were marked as seen on the way: b needs a mark of its own.
    first = n
    bounces.mark[0] += 1
    for k in range(first):
        bounces.seen[bounces.candidate[k]] = bounces.mark[0]
    n = walls_near(around, bounces, bx, by, reach_m, False, bounces.candidate, first)
    wall[0] = -1
    image[0, 0], image[0, 1] = ax, ay
    level = 0
    bounces.next[0] = 0
    while level >= 0:
        if level == order or bounces.next[level] == n:
            level -= 1
            continue
        w = bounces.candidate[bounces.next[level]]
        bounces.next[level] += 1
        if w == wall[level]:
            continue
        ix, iy = image[level, 0], image[level, 1]
        off = _outward(faces, w, ix, iy)
        if off <= TOLERANCE_M or not _lit(faces, bounces, level, w):
            continue
        level += 1
        wall[level] = w
        # Mirrored in the wall: back through it along its normal, which points (uy, -ux) to the open side.
        image[level, 0], image[level, 1] = ix - 2.0 * off * faces[w, 3], iy + 2.0 * off * faces[w, 2]
        bounces.next[level] = 0
        if level > 1 and _outward(faces, w, bx, by) > TOLERANCE_M and _fold_back(faces, bounces, level, bx, by):
            _follow(around, air, profile, bounces, sheet, pair, level, most_excess_m[level], ax, ay, az, bx, by, bz)


@njit(cache=True)
def _lit(faces: NDArray[np.float64], bounces: Bounces, level: int, w: int) -> bool:
    """Whether some of wall ``w`` lies in the beam of ``level``; that part becomes the beam of the next one."""
    px, py = faces[w, 0], faces[w, 1]
    qx, qy = px + faces[w, 4] * faces[w, 2], py + faces[w, 4] * faces[w, 3]
    t0, t1 = 0.0, 1.0
    if level:
        last = bounces.wall[level]
        ix, iy = bounces.image[level, 0], bounces.image[level, 1]
        b = bounces.beam[level]
        turn = (b[0] - ix) * (b[3] - iy) - (b[1] - iy) * (b[2] - ix)
        turn = 1.0 if turn > 0.0 else -1.0
        for side in range(3):
            if side == 0:  # in front of the last wall
                p, q = _outward(faces, last, px, py), _outward(faces, last, qx, qy)
            elif side == 1:  # past the ray through the first end of its lit part
                p = turn * ((b[0] - ix) * (py - iy) - (b[1] - iy) * (px - ix))
                q = turn * ((b[0] - ix) * (qy - iy) - (b[1] - iy) * (qx - ix))
            else:  # and before the ray through the other
                p = -turn * ((b[2] - ix) * (py - iy) - (b[3] - iy) * (px - ix))
                q = -turn * ((b[2] - ix) * (qy - iy) - (b[3] - iy) * (qx - ix))
            if p <= 0.0 and q <= 0.0:
                return False
            if p < 0.0:
                t0 = max(t0, p / (p - q))
            elif q < 0.0:
                t1 = min(t1, p / (p - q))
        if t0 >= t1:
            return False
    lit = bounces.beam[level + 1]
    lit[0], lit[1] = px + t0 * (qx - px), py + t0 * (qy - py)
    lit[2], lit[3] = px + t1 * (qx - px), py + t1 * (qy - py)
    return True


@njit(cache=True)
def _fold_back(faces: NDArray[np.float64], bounces: Bounces, level: int, bx: float, by: float) -> bool:
    """Find the bounces from the last to the first; whether each lies within its wall."""
    x, y = bx, by
    for k in range(level, 0, -1):
        w = bounces.wall[k]
        ix, iy = bounces.image[k, 0], bounces.image[k, 1]
        near, far = _outward(faces, w, x, y), -_outward(faces, w, ix, iy)
        if near <= TOLERANCE_M or far <= 0.0:
            return False
        part = near / (near + far)
        x, y = x + part * (ix - x), y + part * (iy - y)
        along = (x - faces[w, 0]) * faces[w, 2] + (y - faces[w, 1]) * faces[w, 3]
        if along < 0.0 or along >= faces[w, 4]:
            return False
        bounces.place[k, 0], bounces.place[k, 1] = x, y
    return True


@njit(cache=True)
def _follow(
    around: Surroundings,
    air: Air,
    profile: Profile,
    bounces: Bounces,
    sheet: Sheet,
    pair: int,
    order: int,
    most_excess_m: float,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
) -> None:
    """Write down the way from a over the ``order`` bounces in ``bounces.place`` to b, bent over roofs where need be, if
    there is one that is worth it."""
    place, s, faces = bounces.place, bounces.s, around.faces
    place[0, 0], place[0, 1] = ax, ay
    place[order + 1, 0], place[order + 1, 1] = bx, by
    s[0] = 0.0
    for k in range(order + 1):
        s[k + 1] = s[k] + math.sqrt((place[k + 1, 0] - place[k, 0]) ** 2 + (place[k + 1, 1] - place[k, 1]) ** 2)
    total = s[order + 1]
    unbent = math.sqrt(total * total + (bz - az) ** 2)
    for k in range(1, order + 1):
        if az + (bz - az) * s[k] / total >= faces[bounces.wall[k], 5]:
            return
    # Most ways end at the first row of houses: the short legs are quickly walked, and decide as well as the long.
    n, walked = 0, 0
    for _ in range(order + 1):
        leg = -1
        for k in range(order + 1):
            if not walked >> k & 1 and (leg < 0 or s[k + 1] - s[k] < s[leg + 1] - s[leg]):
                leg = k
        walked |= 1 << leg
        n = add_leg(
            around, profile, n, place[leg, 0], place[leg, 1], place[leg + 1, 0], place[leg + 1, 1],
            s[leg], total, az, bz, max(most_excess_m, 0.0),
        )  # fmt: skip
        if n < 0:
            return
    edges = rubber_band(profile, n, az, total, bz)
    if edges:
        if most_excess_m < 0.0 or _band_length(profile, edges, az, total, bz) - unbent > most_excess_m:
            return
        for k in range(1, order + 1):
            if band_height_m(profile, edges, az, total, bz, s[k]) >= faces[bounces.wall[k], 5]:
                return
    corner(sheet, ax, ay, az)
    edge, span, last = 0, 0.0, -1
    for k in range(1, order + 2):
        while edge < edges and profile.s[profile.hull[edge]] <= s[k]:
            p = profile.hull[edge]
            corner(sheet, profile.x[p], profile.y[p], profile.h[p])
            if last >= 0:
                span += math.sqrt((profile.s[p] - profile.s[last]) ** 2 + (profile.h[p] - profile.h[last]) ** 2)
            last = p
            edge += 1
        if k <= order:
            corner(sheet, place[k, 0], place[k, 1], band_height_m(profile, edges, az, total, bz, s[k]))
    corner(sheet, bx, by, bz)
    finish(sheet, air, pair, WALL, edges, order, unbent, span, np.nan)


@njit(cache=True)
def _band_length(profile: Profile, edges: int, z0: float, total: float, z1: float) -> float:
    length, s, h = 0.0, 0.0, z0
    for k in range(edges + 1):
        es, eh = (profile.s[profile.hull[k]], profile.h[profile.hull[k]]) if k < edges else (total, z1)
        length += math.sqrt((es - s) ** 2 + (eh - h) ** 2)
        s, h = es, eh
    return length


@njit(cache=True)
def _outward(faces: NDArray[np.float64], w: int, x: float, y: float) -> float:
    """How far (x, y) lies on the open side of wall ``w``, metres; negative behind it."""
    off: float = faces[w, 3] * (x - faces[w, 0]) - faces[w, 2] * (y - faces[w, 1])
    return off


@njit(cache=True)
def _distance(faces: NDArray[np.float64], w: int, x: float, y: float) -> float:
    """Metres from (x, y) to wall ``w``, in the plan."""
    dx, dy = x - faces[w, 0], y - faces[w, 1]
    along = min(max(dx * faces[w, 2] + dy * faces[w, 3], 0.0), faces[w, 4])
    off_x, off_y = dx - along * faces[w, 2], dy - along * faces[w, 3]
    return math.sqrt(off_x * off_x + off_y * off_y)
