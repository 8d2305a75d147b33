"""Closed-form positions from arrival times: starting points for the iterative solver.

Three sensors give a quadratic with up to two positive roots (both are kept: the other sensors decide).  More sensors
give the linear least-squares form of Bancroft.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["bancroft", "three_sensor_roots"]


@njit(cache=True)
def three_sensor_roots(
    x1: float, y1: float, d1: float, x2: float, y2: float, d2: float
) -> tuple[int, float, float, float, float, float, float]:
    """Sources in the plane that fit three arrivals; the first sensor is the origin of place and range.

    With ranges r0, r0 + d1, r0 + d2 to the three sensors, subtracting the first circle leaves two equations linear in
    (x, y, r0); their solution put back into x^2 + y^2 = r0^2 is a quadratic in r0 (Fang 1990, IEEE TAES 26(5), eq. 9;
    Schmidt 1972, IEEE TAES 8(6)).

    Parameters
    ----------
    x1, y1, x2, y2 : second and third sensor relative to the first, metres.
    d1, d2 : how much farther the source is from them than from the first, metres (sound speed x arrival difference).

    Returns
    -------
    count, xa, ya, ra, xb, yb, rb : number of roots with a positive range (0..2), each relative to the first sensor.
    A slightly negative discriminant, as noise makes it, gives the double root (the nearest real position).
    """
    none = (0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    det = x1 * y2 - x2 * y1
    scale = math.sqrt((x1 * x1 + y1 * y1) * (x2 * x2 + y2 * y2))
    if abs(det) < 0.02 * scale or scale == 0.0:  # sensors within 1 degree of a line bear no position
        return none
    k1 = 0.5 * (x1 * x1 + y1 * y1 - d1 * d1)
    k2 = 0.5 * (x2 * x2 + y2 * y2 - d2 * d2)
    ax, ay = (k1 * y2 - k2 * y1) / det, (k2 * x1 - k1 * x2) / det
    bx, by = (-d1 * y2 + d2 * y1) / det, (-d2 * x1 + d1 * x2) / det
    a = bx * bx + by * by - 1.0
    b = ax * bx + ay * by
    c = ax * ax + ay * ay
    if abs(a) < 1e-12:
        if b >= 0.0:
            return none
        r = -0.5 * c / b
        return 1, ax + bx * r, ay + by * r, r, 0.0, 0.0, 0.0
    disc = b * b - a * c
    if disc < 0.0:
        if disc < -0.5 * b * b - 1e-18 * scale:  # the latter for a source at the first sensor, where all but a vanish
            return none
        disc = 0.0
    root = math.sqrt(disc)
    ra, rb = (-b - root) / a, (-b + root) / a
    if ra > rb:
        ra, rb = rb, ra
    # a source at the first sensor has range zero, which rounding may put below
    least = -1e-6 * math.sqrt(scale)
    ra = 0.0 if least < ra < 0.0 else ra
    rb = 0.0 if least < rb < 0.0 else rb
    good_a, good_b = ra >= 0.0, rb >= 0.0
    if good_a and good_b and root > 0.0:
        return 2, ax + bx * ra, ay + by * ra, ra, ax + bx * rb, ay + by * rb, rb
    if good_a:
        return 1, ax + bx * ra, ay + by * ra, ra, 0.0, 0.0, 0.0
    if good_b:
        return 1, ax + bx * rb, ay + by * rb, rb, 0.0, 0.0, 0.0
    return none


def bancroft(
    sensors_m: NDArray[np.float64], arrival_s: NDArray[np.float64], sound_speed_m_s: float
) -> NDArray[np.float64]:
    """Least-squares positions from four or more arrivals in the plane, or five or more in space.

    Bancroft 1985, IEEE TAES 21(7), eqs. 9-15, in Lorentz inner products; both roots of its quadratic.

    Parameters
    ----------
    sensors_m : (n, k) float64, k = 2 or 3 coordinates, metres; n >= k + 1.
    arrival_s : (n,) float64, seconds since any epoch near them.
    sound_speed_m_s : still-air speed of sound.

    Returns
    -------
    (m, k + 1) float64, m = 0..2: position (metres) and discharge time (seconds) of each root, best fit first.
    """
    n, k = sensors_m.shape
    origin, epoch = sensors_m.mean(axis=0), float(arrival_s.mean())
    rows = np.column_stack([sensors_m - origin, sound_speed_m_s * (arrival_s - epoch)])
    lorentz = np.r_[np.ones(k), -1.0]
    inverse = np.linalg.pinv(rows, rcond=1e-9)
    e, alpha = inverse @ np.ones(n), inverse @ (0.5 * (rows**2) @ lorentz)
    # <v, w> with the Lorentz metric; the unknown is L = <x, x> / 2 and x = M^-1 (L 1 + alpha)
    qa = float((e * e) @ lorentz)
    qb = 2.0 * (float((e * alpha) @ lorentz) - 1.0)
    qc = float((alpha * alpha) @ lorentz)
    if qa == 0.0:
        roots = [] if qb == 0.0 else [-qc / qb]
    else:
        disc = max(qb * qb - 4.0 * qa * qc, 0.0)
        q = -0.5 * (qb + math.copysign(math.sqrt(disc), qb))
        roots = [q / qa] + ([qc / q] if q != 0.0 else [])
    found: list[tuple[float, NDArray[np.float64]]] = []
    for root in roots:
        v = root * e + alpha  # position and minus c x discharge time: the metric is on the left of eq. 9
        place, t0 = v[:k] + origin, -v[k] / sound_speed_m_s + epoch
        misfit = arrival_s - t0 - np.linalg.norm(sensors_m - place, axis=1) / sound_speed_m_s
        found.append((float(misfit @ misfit), np.r_[place, t0]))
    found.sort(key=lambda pair: pair[0])
    return np.array([v for _, v in found]).reshape(-1, k + 1)
