"""Line of sight between points in a city of upright prisms."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from geo.wallgrid import TOLERANCE_M, WallGrid, crossing, enter, leave, roof_m

__all__ = ["blocked", "line_of_sight"]


def line_of_sight(grid: WallGrid, from_m: ArrayLike, to_m: ArrayLike) -> NDArray[np.bool_]:
    """Whether points see each other past walls and roofs.

    A building hides one point from the other where the ray passes inside its outline below its roof.  Both are taken
    ``geo.wallgrid.TOLERANCE_M`` (2 mm) smaller than they are, so a point on a wall's face or on a roof sees out, and
    looks through nothing.  The ground at ``up = 0`` hides nothing.  A point inside a building, below its roof, sees
    nothing.

    Parameters
    ----------
    grid : over the walls of the city.
    from_m, to_m : (n, 3) array_like, metres, site frame; one of the two may be a single (3,) point.

    Returns
    -------
    (n,) bool.

    Raises
    ------
    ValueError
        When the shapes do not fit.
    """
    a, b = (np.asarray(points, dtype=np.float64) for points in (from_m, to_m))
    if a.shape[-1:] != (3,) or b.shape[-1:] != (3,) or max(a.ndim, b.ndim) > 2:
        raise ValueError(f"points: expected (n, 3) from and to, found {a.shape} and {b.shape}")
    a, b = np.broadcast_arrays(np.atleast_2d(a), np.atleast_2d(b))
    return np.asarray(_in_sight(grid, np.array(a, order="C"), np.array(b, order="C")))


@njit(cache=True)
def blocked(grid: WallGrid, ax: float, ay: float, az: float, bx: float, by: float, bz: float) -> bool:
    """Whether a building stands between a and b (``line_of_sight`` says how that is meant)."""
    if (az < roof_m(grid, ax, ay) - TOLERANCE_M) or (bz < roof_m(grid, bx, by) - TOLERANCE_M):
        return True
    return crosses_below_roof(grid, ax, ay, az, bx, by, bz)


@njit(cache=True)
def crosses_below_roof(grid: WallGrid, ax: float, ay: float, az: float, bx: float, by: float, bz: float) -> bool:
    """Whether the way from a to b crosses a wall below its top; ends inside buildings are not looked for."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    square = dx * dx + dy * dy
    if square == 0.0:
        return False
    west, south, size = grid.west_m, grid.south_m, grid.cell_m
    columns, rows = grid.columns, grid.rows
    i, j, end = enter(ax, ay, dx, dy, west, south, size, columns, rows)
    low = 0.0
    while end >= 0.0 and 0 <= i < columns and 0 <= j < rows:
        high, i_next, j_next = leave(i, j, ax, ay, dx, dy, west, south, size)
        high = min(high, 1.0)
        cell = j * columns + i
        if grid.top_m[cell] - TOLERANCE_M > min(az + low * dz, az + high * dz):
            # A wall may be met in several cells; that it is tested twice does no harm here.
            for k in range(grid.first[cell], grid.first[cell + 1]):
                w = grid.wall[k]
                p = grid.inner_m[w]
                t = crossing(ax, ay, dx, dy, square, p[0], p[1], p[2], p[3])
                if t >= 0.0 and az + t * dz < grid.height_m[w] - TOLERANCE_M:
                    return True
        if high >= end:
            return False
        i, j, low = i_next, j_next, max(high, low)
    return False


@njit(cache=True)
def _in_sight(grid: WallGrid, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    seen = np.empty(len(a), dtype=np.bool_)
    for n in range(len(a)):
        seen[n] = not blocked(grid, a[n, 0], a[n, 1], a[n, 2], b[n, 0], b[n, 1], b[n, 2])
    return seen
