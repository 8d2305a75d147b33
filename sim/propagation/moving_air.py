"""Travel time of sound along a broken line in uniform wind.

In a uniform wind ``w`` and with the still-air speed ``c`` a wave front is a sphere that drifts with the air: after the
time ``T`` a point ``d`` away is reached when ``|d - w T| = c T`` (Ostashev & Wilson 2015, *Acoustics in Moving
Inhomogeneous Media*, sec. 3.3).  Each corner of a path, an edge or a bounce, sends the sound on from where it stands,
so the times of the legs add up.  Since ``T`` obeys the triangle inequality, no broken line is faster than the straight
one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from acoustic.weather import Weather

__all__ = ["Air", "leg_time_s", "polyline_time_s"]


class Air(NamedTuple):
    """Speed of sound in still air and where the air goes (east, north, up), m/s."""

    c: float
    wx: float
    wy: float
    wz: float

    @classmethod
    def of(cls, weather: Weather) -> Air:
        """The air of ``weather``.  Raises ValueError when its wind is as fast as sound."""
        wind = weather.wind_m_s
        air = cls(weather.sound_speed_m_s, float(wind[0]), float(wind[1]), float(wind[2]))
        if not float(np.linalg.norm(wind)) < air.c:
            raise ValueError(f"wind of {np.linalg.norm(wind):.1f} m/s: expected slower than sound ({air.c:.1f} m/s)")
        return air


@njit(cache=True)
def leg_time_s(dx: float, dy: float, dz: float, air: Air) -> float:
    """Seconds that sound takes over the straight leg (dx, dy, dz), metres.

    The positive root of ``(c^2 - w^2) T^2 + 2 (d.w) T - d^2 = 0``, written so that it keeps its digits against the
    wind as well.
    """
    square = dx * dx + dy * dy + dz * dz
    with_wind = dx * air.wx + dy * air.wy + dz * air.wz
    q = air.c * air.c - air.wx * air.wx - air.wy * air.wy - air.wz * air.wz
    root = math.sqrt(with_wind * with_wind + q * square)
    if with_wind > 0.0:
        return square / (root + with_wind)
    return (root - with_wind) / q


def polyline_time_s(points_m: NDArray[np.float64], weather: Weather) -> float:
    """Seconds that sound takes along a broken line.

    points_m : (k, 3) float64, corners, metres, site frame.

    Raises ValueError when the wind is as fast as sound.
    """
    air = Air.of(weather)
    return float(sum(leg_time_s(dx, dy, dz, air) for dx, dy, dz in np.diff(points_m, axis=0)))
