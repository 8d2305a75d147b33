"""The posterior on grids: one grid per mode, along the axes of its Laplace approximation.

A shot heard by many sensors has one mode, almost a Gaussian.  With three or four sensors two roots may fit; far outside
the network the mode is a long crescent.  Grids grow until nothing that matters is cut off.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.closedform import three_sensor_roots
from localize.posterior import Evidence, Ground, climb, log_arrivals, log_context, log_posterior, tabulate
from localize.travel import travel_time

__all__ = ["explore", "root_starts"]

EDGE_NATS = 7.0  # a grid is wide enough when its edge is this far below its top: under 0.2 % lie outside
# Half axes up to which hearing and levels are taken from the grid's corners, and from nine nodes an axis.
SMALL_M, MIDDLE_M = 60.0, 300.0
MOST_CELLS = 45
FARTHEST_M = 4000.0  # farther away than twice any hearing range, nothing is claimed
MODE_NATS = 6.0  # a second root less likely than exp(-6) beside the best does not reach the 95 % region


@njit(cache=True)
def root_starts(evidence: Evidence, ground: Ground, most: int) -> NDArray[np.float64]:
    """Starts (s, 4) in x, y, z, t0 from the closed-form roots of all triplets of the first ``most`` arrivals."""
    n = min(evidence.t.shape[0], most)
    out = np.empty((2 * n * n * n, 4))
    filled = 0
    c = ground.c
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                p = evidence.place
                roots, xa, ya, _ra, xb, yb, _rb = three_sensor_roots(
                    p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], c * (evidence.t[j] - evidence.t[i]),
                    p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], c * (evidence.t[k] - evidence.t[i]),
                )
                for r in range(roots):
                    x, y = (xa, ya) if r == 0 else (xb, yb)
                    if x * x + y * y > 9.0e6:
                        continue
                    tt = travel_time(-x, -y, p[i, 2] - ground.height, c, ground.wind_x, ground.wind_y)
                    out[filled] = (p[i, 0] + x, p[i, 1] + y, ground.height, evidence.t[i] - tt)
                    filled += 1
    return out[:filled]


@njit(cache=True)
def _fill(
    evidence: Evidence,
    ground: Ground,
    table: NDArray[np.float64],
    first: NDArray[np.float64],
    step: NDArray[np.float64],
    frame: NDArray[np.float64],
    size: int,
    z: float,
    t0: float,
) -> NDArray[np.float64]:
    """Log posterior on a grid; frame = (x, y, ux, uy, half_u, half_v): centre, unit vector of u, half lengths."""
    grid = np.empty((size, size))
    # Hearing and levels change over tens of metres: on a grid of a few hundred, nodes far apart are enough.
    longest = max(frame[4], frame[5])
    nodes = 2 if longest < SMALL_M else (9 if longest < MIDDLE_M else size)
    context = np.empty((nodes, nodes))
    for b in range(nodes):
        for a in range(nodes):
            x, y = _at_cell(frame, 2.0 * a / (nodes - 1) - 1.0, 2.0 * b / (nodes - 1) - 1.0)
            context[b, a] = log_context(evidence, ground, x, y)
    stride = (nodes - 1) / (size - 1)
    for b in range(size):
        v = 2.0 * b / (size - 1) - 1.0
        zz, tt = z, t0
        for a in range(size):
            u = 2.0 * a / (size - 1) - 1.0
            x, y = _at_cell(frame, u, v)
            # each row starts from the height of the mode and the median of its own times, then follows its neighbour
            if a == 0:
                ahead = np.empty(evidence.t.shape[0])
                for i in range(evidence.t.shape[0]):
                    dx, dy, dz = evidence.place[i, 0] - x, evidence.place[i, 1] - y, evidence.place[i, 2] - z
                    ahead[i] = evidence.t[i] - travel_time(dx, dy, dz, ground.c, ground.wind_x, ground.wind_y)
                tt = np.median(ahead)
            value, zz, tt = log_arrivals(evidence, ground, table, first, step, x, y, zz, tt)
            p, q = min(int(a * stride), nodes - 2), min(int(b * stride), nodes - 2)
            fp, fq = a * stride - p, b * stride - q
            low = (1.0 - fp) * context[q, p] + fp * context[q, p + 1]
            high = (1.0 - fp) * context[q + 1, p] + fp * context[q + 1, p + 1]
            grid[b, a] = value + (1.0 - fq) * low + fq * high
    return grid


@njit(cache=True, inline="always")
def _at_cell(frame: NDArray[np.float64], u: float, v: float) -> tuple[float, float]:
    """Site coordinates of a place on a frame, u and v from -1 to 1."""
    du, dv = frame[4] * u, frame[5] * v
    return frame[0] + du * frame[2] - dv * frame[3], frame[1] + du * frame[3] + dv * frame[2]


@njit(cache=True)
def _reach(
    evidence: Evidence,
    ground: Ground,
    table: NDArray[np.float64],
    first: NDArray[np.float64],
    step: NDArray[np.float64],
    top: NDArray[np.float64],
    ux: float,
    uy: float,
    scale: float,
) -> float:
    """How far along a direction the log density has fallen by ``EDGE_NATS``, metres; a sixth of it exact."""
    z, t0 = top[2], top[3]
    far = 3.0 * scale
    near = 0.0
    for _ in range(30):
        value, z, t0 = log_posterior(evidence, ground, table, first, step, top[0] + far * ux, top[1] + far * uy, z, t0)
        if value < top[4] - EDGE_NATS:
            break
        near = far
        far *= 1.5
        if far > FARTHEST_M:
            return FARTHEST_M
    for _ in range(2):
        middle = 0.5 * (near + far)
        value, _, _ = log_posterior(
            evidence, ground, table, first, step, top[0] + middle * ux, top[1] + middle * uy, top[2], t0
        )
        if value < top[4] - EDGE_NATS:
            far = middle
        else:
            near = middle
    return far


@njit(cache=True, nogil=True)
def explore(
    evidence: Evidence, ground: Ground, starts: NDArray[np.float64], size: int
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Modes of the posterior, each with its grid.

    Parameters
    ----------
    starts : (s, 4) float64: x, y, z (m) and t0 (s) to climb from.
    size : cells along each axis of a grid that needs no widening (odd).

    Returns
    -------
    list of (top, frame, grid): top (5,) = x, y, z, t0, log density at the mode; frame (6,) as in ``_fill``; grid
    (k, k) float64 log density, rows along v, columns along u.
    """
    table, first, step = tabulate(evidence, ground)
    tops = np.empty((starts.shape[0], 5))
    shapes = np.empty((starts.shape[0], 4, 4))
    found = 0
    for s in range(starts.shape[0]):
        ok, x, y, z, t0, h = climb(evidence, ground, starts[s, 0], starts[s, 1], starts[s, 2], starts[s, 3])
        if not ok:
            continue
        known = False
        for q in range(found):
            if abs(tops[q, 0] - x) + abs(tops[q, 1] - y) < 2.0:
                known = True
        if known:
            continue
        value, _, _ = log_posterior(evidence, ground, table, first, step, x, y, z, t0)
        tops[found] = (x, y, z, t0, value)
        shapes[found] = h
        found += 1
    out = [(np.empty(5), np.empty(6), np.empty((1, 1)))]
    out.clear()
    if found == 0:
        return out
    best = tops[:found, 4].max()
    for q in np.argsort(-tops[:found, 4]):
        if tops[q, 4] < best - MODE_NATS:
            break
        inside = False
        for other in out:
            f = other[1]
            rx, ry = tops[q, 0] - f[0], tops[q, 1] - f[1]
            if abs(rx * f[2] + ry * f[3]) < f[4] and abs(-rx * f[3] + ry * f[2]) < f[5]:
                inside = True
        if inside:
            continue
        cov = np.linalg.inv(shapes[q])
        xx, xy, yy = cov[0, 0], cov[0, 1], cov[1, 1]
        angle = 0.5 * math.atan2(2.0 * xy, xx - yy)
        ux, uy = math.cos(angle), math.sin(angle)
        middle, half = 0.5 * (xx + yy), math.sqrt(0.25 * (xx - yy) ** 2 + xy * xy)
        su = math.sqrt(max(middle + half, 0.01))
        sv = math.sqrt(max(middle - half, 0.01))
        # the tails are skew: reach along each half axis on its own, with a margin for what bends off the axes
        right = 1.15 * _reach(evidence, ground, table, first, step, tops[q], ux, uy, su)
        left = 1.15 * _reach(evidence, ground, table, first, step, tops[q], -ux, -uy, su)
        high = 1.15 * _reach(evidence, ground, table, first, step, tops[q], -uy, ux, sv)
        low = 1.15 * _reach(evidence, ground, table, first, step, tops[q], uy, -ux, sv)
        du, dv = 0.5 * (right - left), 0.5 * (high - low)
        frame = np.array(
            [
                tops[q, 0] + du * ux - dv * uy,
                tops[q, 1] + du * uy + dv * ux,
                ux,
                uy,
                0.5 * (right + left),
                0.5 * (high + low),
            ]
        )
        cells = size
        grid = np.empty((1, 1))
        for attempt in range(3):
            # more cells where the Laplace approximation is a small part of what is covered
            room = max(frame[4] / su, frame[5] / sv)
            cells = min(max(size, int(size * math.sqrt(room / 4.0)) | 1), MOST_CELLS)
            grid = _fill(evidence, ground, table, first, step, frame, cells, tops[q, 2], tops[q, 3])
            peak = grid.max()
            edge_u = max(grid[:, 0].max(), grid[:, cells - 1].max()) - peak
            edge_v = max(grid[0].max(), grid[cells - 1].max()) - peak
            if attempt == 2 or max(edge_u, edge_v) < -EDGE_NATS + 1.5:
                break
            if edge_u >= -EDGE_NATS + 1.5:
                frame[4] *= 1.8
            if edge_v >= -EDGE_NATS + 1.5:
                frame[5] *= 1.8
        out.append((tops[q], frame, grid))
    return out
