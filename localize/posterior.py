"""The posterior of a shot's position: where it may have been fired, and with what probability.

For a position (x, y), every arrival ``t_i`` has the density ``f(t_i - t0 - T_i(x, y, z))`` of ``localize.likelihood``
with a small share of arrivals that have nothing to do with the shot; the discharge time is integrated out by
quadrature, the height is profiled under a prior from the relief of the network.  Sensors in range that heard nothing
count by ``1 - P(d)``, those that heard by ``P(d)``, and levels by their scatter around spherical spreading with a free
source level.

The density is evaluated on a grid along the axes of each mode's Laplace approximation, so that regions take the shape
that the arrivals give them: crescents far outside the network, two islands where two roots fit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.likelihood import arrival_log_density, arrival_score
from localize.travel import travel_time, travel_time_gradient

__all__ = ["Evidence", "Ground", "climb", "log_arrivals", "log_context", "log_posterior", "tabulate"]

TABLE_SIZE = 192
CORE = 112  # of the table's steps: an eighth of a sigma each, from -7 to 7 sigma; the rest is the tail of late arrivals
# Share of a shot's pulses that are not of it although they fit, and how far off such a pulse may lie: by eye a
# nuisance, by effect the tail that keeps a region honest when one echo was taken for a first arrival.
STRAY_SHARE = 0.01
STRAY_SPAN_S = 0.3


class Evidence(NamedTuple):
    """What is known of one shot; arrays over its n arrivals and its k silent sensors.

    place : (n, 3) float64, sensors of the arrivals, metres.
    t : (n,) float64, arrivals, seconds.
    sigma : (n,) float64, total timing sigma, seconds.
    level : (n,) float64, dB re 20 uPa; NaN where unknown or clipped.
    silent : (k, 3) float64, sensors that reported nothing.
    """

    place: NDArray[np.float64]
    t: NDArray[np.float64]
    sigma: NDArray[np.float64]
    level: NDArray[np.float64]
    silent: NDArray[np.float64]


class Ground(NamedTuple):
    """What is believed of air, paths and relief around one shot."""

    c: float
    wind_x: float
    wind_y: float
    height: float  # prior mean of the source's height, m
    height_sigma: float  # its standard deviation, m; 0 fixes it
    late_share: float
    late_mean: float
    hear_max: float
    hear_half: float
    hear_width: float
    level_sigma: float


@njit(cache=True)
def tabulate(
    evidence: Evidence, ground: Ground
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Log density of each arrival on a grid: (n, TABLE_SIZE) values, (n,) first residual, (n, 2) steps."""
    n = evidence.t.shape[0]
    table = np.empty((n, TABLE_SIZE))
    first = np.empty(n)
    step = np.empty((n, 2))
    late = 10.0 * ground.late_mean if ground.late_share > 0.0 else 1e-6
    stray = math.log(STRAY_SHARE / STRAY_SPAN_S)
    for i in range(n):
        if i > 0 and evidence.sigma[i] == evidence.sigma[i - 1]:
            table[i] = table[i - 1]
            first[i], step[i] = first[i - 1], step[i - 1]
            continue
        s = evidence.sigma[i]
        first[i] = -7.0 * s
        step[i, 0] = 14.0 * s / CORE
        step[i, 1] = late / (TABLE_SIZE - 1 - CORE)
        for q in range(TABLE_SIZE):
            r = first[i] + min(q, CORE) * step[i, 0] + max(q - CORE, 0) * step[i, 1]
            a = arrival_log_density(r, s, ground.late_share, ground.late_mean)
            a += math.log1p(-STRAY_SHARE)
            top = max(a, stray)
            table[i, q] = top + math.log1p(math.exp(-abs(a - stray)))
    return table, first, step


@njit(cache=True)
def log_context(evidence: Evidence, ground: Ground, x: float, y: float) -> float:
    """Log likelihood of who heard and how loud, given a horizontal position."""
    total = 0.0
    n = evidence.t.shape[0]
    mean, square, known = 0.0, 0.0, 0
    for i in range(n):
        dx, dy = evidence.place[i, 0] - x, evidence.place[i, 1] - y
        d = math.sqrt(dx * dx + dy * dy)
        total += math.log(ground.hear_max) - math.log1p(math.exp((d - ground.hear_half) / ground.hear_width))
        if evidence.level[i] == evidence.level[i]:
            e = evidence.level[i] + 20.0 * math.log10(max(d, 5.0))
            mean += e
            square += e * e
            known += 1
    for k in range(evidence.silent.shape[0]):
        dx, dy = evidence.silent[k, 0] - x, evidence.silent[k, 1] - y
        d = math.sqrt(dx * dx + dy * dy)
        z = (d - ground.hear_half) / ground.hear_width
        if z < 30.0:
            total += math.log1p(-ground.hear_max / (1.0 + math.exp(z)))
    if known > 1:
        total -= 0.5 * (square - mean * mean / known) / (ground.level_sigma * ground.level_sigma)
    return total


@njit(cache=True, inline="always")
def _at(
    u: NDArray[np.float64], t0: float, table: NDArray[np.float64], first: NDArray[np.float64], step: NDArray[np.float64]
) -> float:
    """Log likelihood of arrivals less travel times ``u``, given a discharge time."""
    value = 0.0
    for i in range(u.shape[0]):
        p = (u[i] - t0 - first[i]) / step[i, 0]
        if p > CORE:
            p = CORE + (p - CORE) * step[i, 0] / step[i, 1]
        if p <= 0.0:
            value += table[i, 0]
        elif p >= TABLE_SIZE - 1:
            value += table[i, TABLE_SIZE - 1]
        else:
            k = int(p)
            value += table[i, k] + (p - k) * (table[i, k + 1] - table[i, k])
    return value


@njit(cache=True)
def log_arrivals(
    evidence: Evidence,
    ground: Ground,
    table: NDArray[np.float64],
    first: NDArray[np.float64],
    step: NDArray[np.float64],
    x: float,
    y: float,
    z: float,
    t_guess: float,
) -> tuple[float, float, float]:
    """(log likelihood of the arrivals, height, discharge time) at a place; time integrated, height profiled."""
    n = evidence.t.shape[0]
    u = np.empty(n)
    if ground.height_sigma > 0.0:
        # one scoring step in (z, t0) from the neighbour's values is enough on a smooth grid
        for _ in range(2):
            a, b, cc = 1.0 / ground.height_sigma**2, 0.0, 0.0
            gz, gt = (ground.height - z) / ground.height_sigma**2, 0.0
            for i in range(n):
                dx, dy, dz = evidence.place[i, 0] - x, evidence.place[i, 1] - y, evidence.place[i, 2] - z
                tt = travel_time(dx, dy, dz, ground.c, ground.wind_x, ground.wind_y)
                _, _, slope_z = travel_time_gradient(dx, dy, dz, tt, ground.c, ground.wind_x, ground.wind_y)
                residual = evidence.t[i] - t_guess - tt
                g, h = arrival_score(residual, evidence.sigma[i], ground.late_share, ground.late_mean)
                gz += g * slope_z
                gt += g
                a += h * slope_z * slope_z
                b += h * slope_z
                cc += h
            det = a * cc - b * b
            z += (cc * gz - b * gt) / det
            t_guess += (a * gt - b * gz) / det
    for i in range(n):
        dx, dy, dz = evidence.place[i, 0] - x, evidence.place[i, 1] - y, evidence.place[i, 2] - z
        u[i] = evidence.t[i] - travel_time(dx, dy, dz, ground.c, ground.wind_x, ground.wind_y)
    weight, mean = 0.0, 0.0
    for i in range(n):
        w = 1.0 / (evidence.sigma[i] * evidence.sigma[i])
        weight += w
        mean += w * u[i]
    # Far outside the network a neighbour lies many timing sigmas off in discharge time: its guess would be lost.
    if _at(u, mean / weight, table, first, step) > _at(u, t_guess, table, first, step):
        t_guess = mean / weight
    # Trapezoid rule, outwards from the best discharge time until the integrand has died away: at one sigma a node it is
    # exact to 1e-8 for a Gaussian (Trefethen & Weideman 2014, SIAM Review 56(3)), and heavy tails are simply followed.
    delta = 1.0 / math.sqrt(weight)
    best, best_t = _at(u, t_guess, table, first, step), t_guess
    total = 1.0
    for sign in (1.0, -1.0):
        for q in range(1, 60):
            t0 = t_guess + sign * q * delta
            value = _at(u, t0, table, first, step)
            if value > best:
                total = total * math.exp(best - value) + 1.0
                best, best_t = value, t0
            else:
                total += math.exp(value - best)
                if value < best - 7.0:
                    break
    log_density = best + math.log(total * delta)
    t_guess = best_t
    if ground.height_sigma > 0.0:
        log_density -= 0.5 * ((z - ground.height) / ground.height_sigma) ** 2
    return log_density, z, t_guess


@njit(cache=True)
def log_posterior(
    evidence: Evidence,
    ground: Ground,
    table: NDArray[np.float64],
    first: NDArray[np.float64],
    step: NDArray[np.float64],
    x: float,
    y: float,
    z: float,
    t_guess: float,
) -> tuple[float, float, float]:
    """(log density, height, discharge time) at a horizontal position: arrivals, hearing and levels together."""
    value, z, t_guess = log_arrivals(evidence, ground, table, first, step, x, y, z, t_guess)
    return value + log_context(evidence, ground, x, y), z, t_guess


@njit(cache=True)
def climb(
    evidence: Evidence, ground: Ground, x: float, y: float, z: float, t0: float
) -> tuple[bool, float, float, float, float, NDArray[np.float64]]:
    """Newton ascent of the arrivals' likelihood from a start.

    Returns ok, x, y, z, t0 and the (4, 4) normal matrix in (x, y, z, t0) at the top.
    """
    h = np.zeros((4, 4))
    g = np.zeros(4)
    fixed = not ground.height_sigma > 0.0
    for it in range(25):
        h[:] = 0.0
        g[:] = 0.0
        widen = 4.0 if it < 2 else (2.0 if it < 4 else 1.0)
        for i in range(evidence.t.shape[0]):
            dx, dy, dz = evidence.place[i, 0] - x, evidence.place[i, 1] - y, evidence.place[i, 2] - z
            tt = travel_time(dx, dy, dz, ground.c, ground.wind_x, ground.wind_y)
            gx, gy, gz = travel_time_gradient(dx, dy, dz, tt, ground.c, ground.wind_x, ground.wind_y)
            slope, curve = arrival_score(
                evidence.t[i] - t0 - tt, widen * evidence.sigma[i], ground.late_share, ground.late_mean
            )
            j = (gx, gy, gz, 1.0)
            for a in range(4):
                g[a] += slope * j[a]
                for b in range(4):
                    h[a, b] += curve * j[a] * j[b]
        h[0, 0] += 1e-7
        h[1, 1] += 1e-7
        if fixed:
            h[2, :] = 0.0
            h[:, 2] = 0.0
            h[2, 2] = 1.0
            g[2] = 0.0
        else:
            h[2, 2] += 1.0 / ground.height_sigma**2
            g[2] += (ground.height - z) / ground.height_sigma**2
        s = np.linalg.solve(h, g)
        size = math.sqrt(s[0] * s[0] + s[1] * s[1])
        if not size < 1e7:
            return False, x, y, z, t0, h
        if size > 200.0:
            s *= 200.0 / size
        x, y, z, t0 = x + s[0], y + s[1], z + s[2], t0 + s[3]
        if it > 4 and size < 1e-3:
            return True, x, y, z, t0, h
    return size < 1.0, x, y, z, t0, h
