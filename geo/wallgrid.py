"""A uniform grid over the walls of a city, and the walk along a ray through it.

Every ray of sound and of sight asks the same: which walls are crossed on the way, and where?  The walls are sorted into
square cells; a ray walks from cell to cell (Amanatides & Woo 1987, "A fast voxel traversal algorithm for ray tracing",
Eurographics 87, 3-10) and tests the walls of those cells only.

Tolerance.  Buildings are taken ``TOLERANCE_M`` thinner than they are, on every side and on the roof.  So a point on a
wall's face or on a roof is outside, a ray along a row of fronts is not stopped by the last digit of a coordinate, and
one that touches a corner passes.  The thinner outlines are closed rings like the true ones, so what enters a building
leaves it: no ray slips through a corner.  All crossings of one ring are counted by the same half-open rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geo.buildings import Buildings, Walls

__all__ = ["MARGIN_M", "TOLERANCE_M", "WallGrid", "crossing", "crossings", "enter", "leave", "roof_m"]

TOLERANCE_M = 0.002
"""Two millimetres: far above the rounding of coordinates, far below what a survey or a wavelength resolves."""

CELL_M = 16.0
"""About two walls' length.  On Geneva 12 to 32 m give as many rays a second within a tenth; 6 m a quarter fewer, 50 m
nearly half fewer."""

MOST_CELLS = 4_000_000
LONGEST_MITRE = 10.0  # tolerances: how far the thinner ring may draw back from a needle's tip
MARGIN_M = 0.01  # a wall belongs to every cell within this distance, so rounding of the walk loses none


class WallGrid(NamedTuple):
    """Walls in square cells, in arrays that compiled code takes as they are; w walls, c cells row by row from the
    south-west.

    west_m, south_m, cell_m : corner of the grid and side of a cell, metres, site frame.
    columns, rows : cells west to east, south to north.
    first : (c + 1,) int64, where each cell's walls begin in ``wall``.
    wall : (k,) int32, walls of all cells one after the other, in a cell by building.
    under_first, under : the same for the buildings that a cell's middle lies in.
    top_m : (c,) float64, highest roof in the cell, 0 in an empty one.
    inner_m : (w, 4) float64, start and end of each wall of the thinner outline (east, north, east, north), metres.
    height_m : (w,) float64, of each wall's top.
    building : (w,) int32.
    roof_m : (b,) float64, of each building.
    """

    west_m: float
    south_m: float
    cell_m: float
    columns: int
    rows: int
    first: NDArray[np.int64]
    wall: NDArray[np.int32]
    under_first: NDArray[np.int64]
    under: NDArray[np.int32]
    top_m: NDArray[np.float64]
    inner_m: NDArray[np.float64]
    height_m: NDArray[np.float64]
    building: NDArray[np.int32]
    roof_m: NDArray[np.float64]

    @classmethod
    def of(cls, buildings: Buildings, cell_m: float = CELL_M) -> WallGrid:
        """The grid over all walls of ``buildings``; cells grow when a wide city would need more than four million."""
        walls = buildings.walls
        inner_m = _thinner(walls)
        if not len(walls):
            none, no_wall = np.zeros(2, dtype=np.int64), np.empty(0, dtype=np.int32)
            return cls(
                0.0, 0.0, cell_m, 1, 1, none, no_wall, none, no_wall, np.zeros(1), inner_m, walls.height_m,
                walls.building, np.ascontiguousarray(buildings.height_m),
            )  # fmt: skip
        corners = inner_m.reshape(-1, 2)
        low, high = corners.min(axis=0) - 2 * MARGIN_M, corners.max(axis=0) + 2 * MARGIN_M
        cell_m = max(cell_m, float(np.sqrt(np.prod(high - low) / MOST_CELLS)))
        columns, rows = (int(n) for n in np.floor((high - low) / cell_m).astype(int) + 1)
        cell, wall = _cells_of_walls(inner_m, low, cell_m, columns, rows)
        order = np.lexsort((wall, walls.building[wall], cell))
        cell, wall = cell[order], wall[order]
        under_cell, under = _buildings_over_middles(inner_m, walls.building, low, cell_m, columns, rows)
        top_m = np.zeros(columns * rows)
        np.maximum.at(top_m, cell, walls.height_m[wall])
        np.maximum.at(top_m, under_cell, buildings.height_m[under])
        return cls(
            float(low[0]), float(low[1]), cell_m, columns, rows,
            _offsets(cell, columns * rows), wall, _offsets(under_cell, columns * rows), under, top_m,
            inner_m, np.ascontiguousarray(walls.height_m), walls.building, np.ascontiguousarray(buildings.height_m),
        )  # fmt: skip


def crossings(
    grid: WallGrid, from_m: NDArray[np.float64], to_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Every wall that a straight way crosses, seen from above, whatever the heights.

    Parameters
    ----------
    from_m, to_m : (2,) or (3,) float64, metres, site frame.

    Returns
    -------
    fraction : (k,) float64, 0..1 of the way from ``from_m`` to ``to_m``, ascending.
    wall : (k,) int32, rows of ``Buildings.walls``.  Each wall comes once at most.
    """
    fraction, wall = _crossings(grid, float(from_m[0]), float(from_m[1]), float(to_m[0]), float(to_m[1]))
    order = np.lexsort((wall, fraction))
    return fraction[order], wall[order]


@njit(cache=True)
def enter(
    ax: float, ay: float, dx: float, dy: float, west: float, south: float, cell: float, columns: int, rows: int
) -> tuple[int, int, float]:
    """Where a ray from (ax, ay) over (dx, dy) begins its walk: column, row, and the fraction at which it ends; the
    end is negative when the ray misses the grid."""
    t_in, t_out = 0.0, 1.0
    for axis in range(2):
        a, d = (ax - west, dx) if axis == 0 else (ay - south, dy)
        size = cell * (columns if axis == 0 else rows)
        if d == 0.0:
            if a < 0.0 or a > size:
                return 0, 0, -1.0
        else:
            t0, t1 = -a / d, (size - a) / d
            t_in, t_out = max(t_in, min(t0, t1)), min(t_out, max(t0, t1))
    if t_in > t_out:
        return 0, 0, -1.0
    i = min(max(int((ax + t_in * dx - west) / cell), 0), columns - 1)
    j = min(max(int((ay + t_in * dy - south) / cell), 0), rows - 1)
    return i, j, t_out


@njit(cache=True)
def leave(
    i: int, j: int, ax: float, ay: float, dx: float, dy: float, west: float, south: float, cell: float
) -> tuple[float, int, int]:
    """Fraction at which the ray leaves cell (i, j), and the cell that it comes to."""
    tx = ty = np.inf
    # Each border is computed afresh: a running sum would drift away from it on long rays.
    if dx > 0.0:
        tx = (west + (i + 1) * cell - ax) / dx
    elif dx < 0.0:
        tx = (west + i * cell - ax) / dx
    if dy > 0.0:
        ty = (south + (j + 1) * cell - ay) / dy
    elif dy < 0.0:
        ty = (south + j * cell - ay) / dy
    if tx <= ty:
        return tx, i + (1 if dx > 0.0 else -1), j
    return ty, i, j + (1 if dy > 0.0 else -1)


@njit(cache=True)
def crossing(
    ax: float, ay: float, dx: float, dy: float, square: float, px: float, py: float, qx: float, qy: float
) -> float:
    """Fraction along the ray from (ax, ay) over (dx, dy), of squared length ``square``, at which it crosses the wall
    from p to q; -1 when it does not.

    A wall's end that lies on the ray's line counts as left of it, so where two walls meet on the line exactly one of
    them is crossed when the ring goes through, and none or both when it only touches.
    """
    left_p = dx * (py - ay) - dy * (px - ax)
    left_q = dx * (qy - ay) - dy * (qx - ax)
    if (left_p >= 0.0) == (left_q >= 0.0):
        return -1.0
    # Between the feet of p and q, so that even along a wall the result stays on it.
    foot_p = (px - ax) * dx + (py - ay) * dy
    foot_q = (qx - ax) * dx + (qy - ay) * dy
    t = (foot_p + left_p / (left_p - left_q) * (foot_q - foot_p)) / square
    return t if 0.0 <= t <= 1.0 else -1.0


@njit(cache=True)
def roof_m(grid: WallGrid, x: float, y: float) -> float:
    """Highest roof over the point (x, y), metres above the ground; 0 under the open sky."""
    i = int(np.floor((x - grid.west_m) / grid.cell_m))
    j = int(np.floor((y - grid.south_m) / grid.cell_m))
    if i < 0 or j < 0 or i >= grid.columns or j >= grid.rows:
        return 0.0
    cell = j * grid.columns + i
    if grid.top_m[cell] == 0.0:
        return 0.0
    # Which buildings the cell's middle lies in is known; each crossing on the way there turns inside into outside.
    dx = grid.west_m + (i + 0.5) * grid.cell_m - x
    dy = grid.south_m + (j + 0.5) * grid.cell_m - y
    square = dx * dx + dy * dy
    roof = 0.0
    k, last = grid.first[cell], grid.first[cell + 1]
    u, u_last = grid.under_first[cell], grid.under_first[cell + 1]
    while k < last or u < u_last:
        b = grid.building[grid.wall[k]] if k < last else grid.under[u]
        if u < u_last and grid.under[u] < b:
            b = grid.under[u]
        inside = False
        if u < u_last and grid.under[u] == b:
            inside = True
            u += 1
        while k < last and grid.building[grid.wall[k]] == b:
            w = grid.wall[k]
            if square > 0.0:
                p = grid.inner_m[w]
                if crossing(x, y, dx, dy, square, p[0], p[1], p[2], p[3]) >= 0.0:
                    inside = not inside
            k += 1
        if inside and grid.roof_m[b] > roof:
            roof = grid.roof_m[b]
    return roof


@njit(cache=True)
def _crossings(
    grid: WallGrid, ax: float, ay: float, bx: float, by: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    fraction, wall, n = np.empty(64), np.empty(64, dtype=np.int32), 0
    if square == 0.0:
        return fraction[:0], wall[:0]
    i, j, end = enter(ax, ay, dx, dy, grid.west_m, grid.south_m, grid.cell_m, grid.columns, grid.rows)
    low = -1.0
    while end >= 0.0 and 0 <= i < grid.columns and 0 <= j < grid.rows:
        high, i_next, j_next = leave(i, j, ax, ay, dx, dy, grid.west_m, grid.south_m, grid.cell_m)
        high = 2.0 if high >= end else max(high, low)
        cell = j * grid.columns + i
        for k in range(grid.first[cell], grid.first[cell + 1]):
            p = grid.inner_m[grid.wall[k]]
            t = crossing(ax, ay, dx, dy, square, p[0], p[1], p[2], p[3])
            # The walk cuts 0..1 into pieces without gap or overlap: the piece that holds the crossing counts it.
            if t >= 0.0 and low <= t < high:
                if n == len(fraction):
                    fraction, wall = np.append(fraction, np.empty(n)), np.append(wall, np.empty(n, dtype=np.int32))
                fraction[n], wall[n] = t, grid.wall[k]
                n += 1
        if high == 2.0:
            break
        i, j, low = i_next, j_next, high
    return fraction[:n], wall[:n]


def _thinner(walls: Walls) -> NDArray[np.float64]:
    """(w, 4) float64, each wall moved ``TOLERANCE_M`` into its building, rings kept closed (mitred corners)."""
    if not len(walls):
        return np.empty((0, 4))
    following = _following(walls.start_m, walls.end_m)
    along = walls.end_m - walls.start_m
    along /= np.linalg.norm(along, axis=1)[:, None]
    inward = np.column_stack((-along[:, 1], along[:, 0]))
    both = inward + inward[following]
    # The corner of two lines moved by e along n1 and n2 moves by e (n1 + n2) / (1 + n1.n2).
    spread = 1.0 + (inward * inward[following]).sum(axis=1)
    at_end = both * (TOLERANCE_M / np.maximum(spread, 2.0 / LONGEST_MITRE**2))[:, None]
    at_start = np.empty_like(at_end)
    at_start[following] = at_end
    return np.ascontiguousarray(np.hstack((walls.start_m + at_start, walls.end_m + at_end)))


@njit(cache=True)
def _following(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.int64]:
    """(w,) int64, the wall after each in its ring; walls come ring by ring."""
    following = np.empty(len(start), dtype=np.int64)
    i = 0
    while i < len(start):
        ring = i
        while end[i, 0] != start[ring, 0] or end[i, 1] != start[ring, 1]:
            following[i] = i + 1
            i += 1
        following[i] = ring
        i += 1
    return following


def _cells_of_walls(
    inner_m: NDArray[np.float64], low: NDArray[np.float64], cell_m: float, columns: int, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every pair of a cell and a wall within ``MARGIN_M`` of it."""
    a, b = inner_m[:, :2], inner_m[:, 2:]
    most = np.array([columns, rows]) - 1
    from_cell = np.clip(np.floor((np.minimum(a, b) - MARGIN_M - low) / cell_m).astype(np.int64), 0, most)
    to_cell = np.clip(np.floor((np.maximum(a, b) + MARGIN_M - low) / cell_m).astype(np.int64), 0, most)
    wide, high = (to_cell - from_cell + 1).T
    wall, within = _spread(wide * high)
    column = from_cell[wall, 0] + within % wide[wall]
    row = from_cell[wall, 1] + within // wide[wall]
    # A long slanting wall misses most cells of its bounding box: the box's axes are tested above, its normal here.
    along = b - a
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-300)
    normal = np.column_stack((-along[:, 1], along[:, 0])) / length[:, None]
    middle = low + (np.column_stack((column, row)) + 0.5) * cell_m
    off = np.abs(((middle - a[wall]) * normal[wall]).sum(axis=1))
    keep = off <= 0.5 * cell_m * np.abs(normal[wall]).sum(axis=1) + MARGIN_M
    return (row * columns + column)[keep], wall[keep].astype(np.int32)


def _buildings_over_middles(
    inner_m: NDArray[np.float64],
    building: NDArray[np.int32],
    low: NDArray[np.float64],
    cell_m: float,
    columns: int,
    rows: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every pair of a cell and a building over its middle, sorted: spans between crossings of the rows' middle lines
    with each outline, two by two."""
    ax, ay, bx, by = inner_m.T
    # Rows whose middle line y has min <= y < max: the half-open rule.
    lower, upper = np.minimum(ay, by), np.maximum(ay, by)
    first_row = np.ceil((lower - low[1]) / cell_m - 0.5).astype(np.int64)
    count = np.ceil((upper - low[1]) / cell_m - 0.5).astype(np.int64) - first_row
    wall, within = _spread(np.maximum(count, 0))
    row = first_row[wall] + within
    y = low[1] + (row + 0.5) * cell_m
    x = ax[wall] + (y - ay[wall]) / (by - ay)[wall] * (bx - ax)[wall]
    order = np.lexsort((x, building[wall], row))
    x, row, owner = x[order], row[order], building[wall][order]
    first_column = np.clip(np.ceil((x[0::2] - low[0]) / cell_m - 0.5).astype(np.int64), 0, columns)
    end_column = np.clip(np.ceil((x[1::2] - low[0]) / cell_m - 0.5).astype(np.int64), 0, columns)
    span, within = _spread(np.maximum(end_column - first_column, 0))
    cell = row[0::2][span] * columns + first_column[span] + within
    over = owner[0::2][span]
    order = np.lexsort((over, cell))
    return cell[order], over[order]


def _spread(count: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each index repeated ``count`` times, and the number of each repeat."""
    index = np.repeat(np.arange(len(count)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)


def _offsets(sorted_cell: NDArray[np.int64], cells: int) -> NDArray[np.int64]:
    return np.searchsorted(sorted_cell, np.arange(cells + 1)).astype(np.int64)
