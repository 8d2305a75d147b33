"""Where a supersonic bullet's shock wave left its path for each receiver, to rounding.

In a uniform wind ``w`` the bullet, which the air alone slows down, flies straight *in the air*: along ``e`` with Mach
number ``M``, from the muzzle ``m``.  Emitted at flight time ``t`` after the way ``s`` through the air, sound arrives
at the receiver ``x`` after the travel time ``D`` with ``|x - q - w D| = c D``, ``q = m + s e + w t`` (Ostashev &
Wilson 2015, "Acoustics in Moving Inhomogeneous Media", sec. 3.3).  The shock is the envelope of all these: the
emission whose arrival ``t + D`` is stationary,

    d(t + D)/dt = 0   <=>   M n.e = 1,   n = (x - q - w D) / (c D),                                     (1)

so its ray leaves at the angle ``arccos(1/M)``, the complement of the Mach angle.  ``M n.e - 1`` falls steadily along
the path (the bullet slows down and the receiver falls behind), so that there is one root or none, found by bisection.

With drag, way and time are closed forms of the Mach number between two entries of the drag table, ``Cd = a + b M``
(``sim.sources.drag``, eq. 1, ``k`` its factor):

    s = log1p(x) / (k a),   x = a (M0 - M) / (M (a + b M0))                                             (2)
    t = ((1/M - 1/M0) / a - b log1p(x) / a^2) / (k c)                                                   (3)
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

LEAST_MACH = 1.01
"""Slower than this a bullet sends no shock: Whitham's far field knows no transonic flow, where the shock thins out."""

BISECTIONS = 60
"""Halvings of the path: enough for the last bit of a float64."""


@njit(cache=True)
def flight_nodes(
    table: NDArray[np.float64], slowing_per_m: float, sound_speed_m_s: float, mach: float
) -> NDArray[np.float64]:
    """(n, 5) float64, the corners of a flight from Mach ``mach`` down to ``LEAST_MACH``: Mach number, way, time, and
    ``a``, ``b`` of the piece that begins there.

    table : (m, 2) float64, Mach number and drag coefficient.
    """
    nodes = np.empty((len(table) + 2, 5))
    nodes[0, 0] = mach
    nodes[0, 1] = 0.0
    nodes[0, 2] = 0.0
    count = 1
    row = len(table) - 1
    while row > 0 and table[row, 0] >= mach:
        row -= 1
    # ``row`` is the entry below the current Mach number; beyond the table's end the last coefficient stays.
    while nodes[count - 1, 0] > LEAST_MACH:
        if row == len(table) - 1:
            a, b = table[row, 1], 0.0
        else:
            b = (table[row + 1, 1] - table[row, 1]) / (table[row + 1, 0] - table[row, 0])
            a = table[row, 1] - b * table[row, 0]
        nodes[count - 1, 3] = a
        nodes[count - 1, 4] = b
        below = max(table[row, 0], LEAST_MACH)
        way, time = _piece(nodes[count - 1, 0], below, a, b, slowing_per_m, sound_speed_m_s)
        nodes[count, 0] = below
        nodes[count, 1] = nodes[count - 1, 1] + way
        nodes[count, 2] = nodes[count - 1, 2] + time
        nodes[count, 3] = a
        nodes[count, 4] = b
        count += 1
        row -= 1
    return nodes[:count].copy()


@njit(cache=True)
def _piece(mach0: float, mach: float, a: float, b: float, k: float, c: float) -> tuple[float, float]:
    """Way and time while the Mach number falls from ``mach0`` to ``mach`` on one straight piece of the table."""
    logarithm = math.log1p(a * (mach0 - mach) / (mach * (a + b * mach0))) / a
    return logarithm / k, ((1.0 / mach - 1.0 / mach0) / a - b * logarithm / a) / (k * c)


@njit(cache=True)
def flight_at(share: float, nodes: NDArray[np.float64], k: float, c: float, last: float) -> tuple[float, float, float]:
    """Way, time and Mach number after ``share`` (0..1) of a flight.

    nodes : as of ``flight_nodes``, or a single row for a flight at constant speed.
    last : the Mach number at its end; with constant speed the length of the way.
    """
    if len(nodes) == 1:
        return share * last, share * last / (c * nodes[0, 0]), nodes[0, 0]
    mach = nodes[0, 0] + share * (last - nodes[0, 0])
    low, high = 0, len(nodes) - 1  # nodes[low] is the last corner that is at least as fast
    while high - low > 1:
        middle = (low + high) // 2
        if nodes[middle, 0] >= mach:
            low = middle
        else:
            high = middle
    way, time = _piece(nodes[low, 0], mach, nodes[low, 3], nodes[low, 4], k, c)
    return nodes[low, 1] + way, nodes[low, 2] + time, mach


@njit(cache=True)
def flight_end(nodes: NDArray[np.float64], k: float, c: float, range_m: float, longest_s: float) -> float:
    """Mach number (with constant speed: way) at which a flight ends: by range, time, or ``LEAST_MACH``."""
    if len(nodes) == 1:
        return min(range_m, longest_s * c * float(nodes[0, 0]))
    last = float(nodes[-1, 0])
    if nodes[-1, 1] <= range_m and nodes[-1, 2] <= longest_s:
        return last
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        way, time, _mach = flight_at(middle, nodes, k, c, last)
        if way <= range_m and time <= longest_s:
            low = middle
        else:
            high = middle
    return float(nodes[0, 0] + low * (last - nodes[0, 0]))


@njit(cache=True)
def find_emissions(
    receivers_m: NDArray[np.float64],
    muzzle_m: NDArray[np.float64],
    along: NDArray[np.float64],
    wind_m_s: NDArray[np.float64],
    c: float,
    nodes: NDArray[np.float64],
    k: float,
    last: float,
) -> NDArray[np.float64]:
    """(n, 7) float64 for n receivers: place of emission (3), its flight time, arrival, length of the ray through the
    air, Mach number; NaN where no shock passes.

    receivers_m : (n, 3) float64.  along : (3,) float64 unit vector of the flight through the air.
    """
    found = np.full((len(receivers_m), 7), np.nan)
    for row in range(len(receivers_m)):
        lead, _, _, _, _ = _ray(0.0, receivers_m[row], muzzle_m, along, wind_m_s, c, nodes, k, last)
        if not lead >= 0.0:
            continue  # behind the cone's first ray
        lead, _, _, _, _ = _ray(1.0, receivers_m[row], muzzle_m, along, wind_m_s, c, nodes, k, last)
        if lead > 0.0:
            continue  # ahead of its last ray
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            lead, _, _, _, _ = _ray(middle, receivers_m[row], muzzle_m, along, wind_m_s, c, nodes, k, last)
            if lead >= 0.0:
                low = middle
            else:
                high = middle
        _, way, time, travel, mach = _ray(low, receivers_m[row], muzzle_m, along, wind_m_s, c, nodes, k, last)
        for axis in range(3):
            found[row, axis] = muzzle_m[axis] + along[axis] * way + wind_m_s[axis] * time
        found[row, 3] = time
        found[row, 4] = time + travel
        found[row, 5] = c * travel
        found[row, 6] = mach
    return found


@njit(cache=True)
def _ray(
    share: float,
    receiver_m: NDArray[np.float64],
    muzzle_m: NDArray[np.float64],
    along: NDArray[np.float64],
    wind_m_s: NDArray[np.float64],
    c: float,
    nodes: NDArray[np.float64],
    k: float,
    last: float,
) -> tuple[float, float, float, float, float]:
    """``M n.e - 1`` of eq. 1 after ``share`` of the flight, then way, time, travel time of the ray, Mach number."""
    way, time, mach = flight_at(share, nodes, k, c, last)
    square = 0.0
    with_wind = 0.0
    wind_square = 0.0
    ahead = 0.0
    wind_ahead = 0.0
    for axis in range(3):
        gap = receiver_m[axis] - muzzle_m[axis] - along[axis] * way - wind_m_s[axis] * time
        square += gap * gap
        with_wind += gap * wind_m_s[axis]
        wind_square += wind_m_s[axis] * wind_m_s[axis]
        ahead += gap * along[axis]
        wind_ahead += wind_m_s[axis] * along[axis]
    slack = c * c - wind_square
    travel = (math.sqrt(with_wind * with_wind + slack * square) - with_wind) / slack
    if travel == 0.0:
        return -1.0, way, time, 0.0, mach
    return mach * (ahead - wind_ahead * travel) / (c * travel) - 1.0, way, time, travel, mach
