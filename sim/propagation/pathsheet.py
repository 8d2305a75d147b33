"""Where the tracers write down the ways they find: corners first, then the rest from the corners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.propagation.moving_air import Air, leg_time_s
from sim.propagation.paths import Paths

__all__ = ["FULL", "PATHS", "Sheet", "corner", "discard", "finish", "paths_of", "rewind"]

PATHS, POINTS, FULL = 0, 1, 2  # of ``Sheet.used``


class Sheet(NamedTuple):
    """Columns of fixed length, filled from the top; what does not fit sets a mark, and the tracer starts a new sheet.

    whole : (n, 4) int32: pair, kind, edges, bounces.
    real : (n, 8) float64: length, delay, excess, edge span, departure (3), grazing angle.
    end : (n,) int64, where each path's corners end in ``points``.
    points : (p, 3) float64, metres.
    used : (3,) int64: paths and points in use, and whether something did not fit.
    """

    whole: NDArray[np.int32]
    real: NDArray[np.float64]
    end: NDArray[np.int64]
    points: NDArray[np.float64]
    used: NDArray[np.int64]

    @classmethod
    def empty(cls, paths: int, points: int) -> Sheet:
        """A sheet with room for so many."""
        return cls(
            np.empty((paths, 4), dtype=np.int32),
            np.empty((paths, 8)),
            np.empty(paths, dtype=np.int64),
            np.empty((points, 3)),
            np.zeros(3, dtype=np.int64),
        )


@njit(cache=True)
def corner(sheet: Sheet, x: float, y: float, z: float) -> None:
    """One more corner of the path in hand, source first, receiver last."""
    n = sheet.used[POINTS]
    if n == len(sheet.points):
        sheet.used[FULL] = 1
        return
    sheet.points[n, 0] = x
    sheet.points[n, 1] = y
    sheet.points[n, 2] = z
    sheet.used[POINTS] = n + 1


@njit(cache=True)
def discard(sheet: Sheet) -> None:
    """Take back the corners of the path in hand."""
    n = sheet.used[PATHS]
    sheet.used[POINTS] = sheet.end[n - 1] if n else 0


@njit(cache=True)
def rewind(sheet: Sheet, paths: int) -> None:
    """Take back all but the first ``paths`` paths."""
    sheet.used[PATHS] = paths
    discard(sheet)


@njit(cache=True)
def finish(
    sheet: Sheet,
    air: Air,
    pair: int,
    kind: int,
    edges: int,
    bounces: int,
    unbent_m: float,
    edge_span_m: float,
    grazing_rad: float,
) -> None:
    """The path in hand is complete: its length, time and direction follow from its corners.

    unbent_m : length of the same path without its edges; ignored when there are none.
    """
    n = sheet.used[PATHS]
    if n == len(sheet.end) or sheet.used[FULL]:
        sheet.used[FULL] = 1
        return
    first = sheet.end[n - 1] if n else 0
    last = sheet.used[POINTS] - 1
    p = sheet.points
    length = delay = 0.0
    departure = 0
    for k in range(first, last):
        dx, dy, dz = p[k + 1, 0] - p[k, 0], p[k + 1, 1] - p[k, 1], p[k + 1, 2] - p[k, 2]
        leg = math.sqrt(dx * dx + dy * dy + dz * dz)
        if length == 0.0 and leg > 0.0:
            departure = k
        length += leg
        delay += leg_time_s(dx, dy, dz, air)
    # Digits lost in the sum must not make sound faster than along the straight line.
    straight = leg_time_s(p[last, 0] - p[first, 0], p[last, 1] - p[first, 1], p[last, 2] - p[first, 2], air)
    k = max(departure, first)
    dx, dy, dz = p[k + 1, 0] - p[k, 0], p[k + 1, 1] - p[k, 1], p[k + 1, 2] - p[k, 2]
    leg = math.sqrt(dx * dx + dy * dy + dz * dz)
    row = sheet.real[n]
    row[0] = length
    row[1] = max(delay, straight)
    row[2] = max(length - unbent_m, 0.0) if edges else 0.0
    row[3] = edge_span_m
    leg = leg if leg > 0.0 else 1.0
    row[4], row[5], row[6] = dx / leg, dy / leg, dz / leg
    row[7] = grazing_rad
    sheet.whole[n, 0] = pair
    sheet.whole[n, 1] = kind
    sheet.whole[n, 2] = edges
    sheet.whole[n, 3] = bounces
    sheet.end[n] = last + 1
    sheet.used[PATHS] = n + 1


def paths_of(sheets: Sequence[Sheet]) -> tuple[Paths, NDArray[np.int64]]:
    """All paths of all sheets, sorted by pair, then delay; equal ones by kind, then as they were found.

    Returns the paths, and for each of them the number under which it was found, (n,) int64.
    """
    sheets = [sheet for sheet in sheets if sheet.used[PATHS]] or [Sheet.empty(0, 0)]
    used = [int(sheet.used[PATHS]) for sheet in sheets]
    whole = np.concatenate([sheet.whole[:n] for sheet, n in zip(sheets, used, strict=True)])
    real = np.concatenate([sheet.real[:n] for sheet, n in zip(sheets, used, strict=True)])
    size = np.concatenate([np.diff(sheet.end[:n], prepend=0) for sheet, n in zip(sheets, used, strict=True)])
    points = np.concatenate([sheet.points[: sheet.used[POINTS]] for sheet in sheets])
    order = np.lexsort((whole[:, 1], real[:, 1], whole[:, 0]))
    begin = np.cumsum(size) - size
    first_point = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(size[order], out=first_point[1:])
    gather = np.repeat(begin[order] - first_point[:-1], size[order]) + np.arange(len(points))
    whole, real = whole[order], real[order]
    paths = Paths(
        pair=np.ascontiguousarray(whole[:, 0]),
        kind=whole[:, 1].astype(np.int8),
        length_m=np.ascontiguousarray(real[:, 0]),
        delay_s=np.ascontiguousarray(real[:, 1]),
        excess_m=np.ascontiguousarray(real[:, 2]),
        edges=whole[:, 2].astype(np.int16),
        edge_span_m=np.ascontiguousarray(real[:, 3]),
        bounces=whole[:, 3].astype(np.int16),
        departure=np.ascontiguousarray(real[:, 4:7]),
        grazing_rad=np.ascontiguousarray(real[:, 7]),
        points_m=points[gather],
        first_point=first_point,
    )
    return paths, order
