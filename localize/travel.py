"""Travel time of sound from a source to sensors, in air that moves.

In a uniform wind ``w`` and still-air sound speed ``c`` the wave front of a shot at ``x`` is a sphere that drifts with
the air: at travel time ``T`` it passes the points ``|s - x - w T| = c T``.  Squared, this is a quadratic in ``T`` with
one positive root (Ostashev & Wilson 2015, *Acoustics in Moving Inhomogeneous Media*, sec. 3.3):

    T = (-d.w + sqrt((d.w)^2 + (c^2 - w^2) d^2)) / (c^2 - w^2),   d = s - x.

Its gradient with respect to the source is ``dT/dx = -n / (c + n.w)`` with ``n`` the unit vector from the drifted centre
``x + w T`` to the sensor.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["travel_time", "travel_time_gradient", "travel_times_s"]


@njit(cache=True, inline="always")
def travel_time(dx: float, dy: float, dz: float, c: float, wx: float, wy: float) -> float:
    """Seconds that sound takes over (dx, dy, dz) metres, source to sensor, in horizontal wind (wx, wy) m/s."""
    square = dx * dx + dy * dy + dz * dz
    if wx == 0.0 and wy == 0.0:
        return math.sqrt(square) / c
    along = dx * wx + dy * wy
    q = c * c - wx * wx - wy * wy
    return (math.sqrt(along * along + q * square) - along) / q


@njit(cache=True, inline="always")
def travel_time_gradient(
    dx: float, dy: float, dz: float, t: float, c: float, wx: float, wy: float
) -> tuple[float, float, float]:
    """Gradient (s/m) of the travel time ``t`` with respect to the source's east, north and up."""
    radius = c * t
    if radius <= 0.0:
        return 0.0, 0.0, 0.0
    nx, ny, nz = (dx - wx * t) / radius, (dy - wy * t) / radius, dz / radius
    speed = c + nx * wx + ny * wy
    return -nx / speed, -ny / speed, -nz / speed


def travel_times_s(
    source_m: NDArray[np.float64],
    sensors_m: NDArray[np.float64],
    sound_speed_m_s: float,
    wind_m_s: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Travel times from one source to many sensors.

    Parameters
    ----------
    source_m : (3,) float64, site frame (east, north, up), metres.
    sensors_m : (n, 3) float64, same frame.
    sound_speed_m_s : still-air speed of sound.
    wind_m_s : (3,) float64, where the air goes, or None for still air; must be slower than sound.

    Returns
    -------
    (n,) float64, seconds.

    Raises
    ------
    ValueError
        When the wind is as fast as sound.
    """
    d = np.asarray(sensors_m, dtype=np.float64) - np.asarray(source_m, dtype=np.float64)
    w = np.zeros(3) if wind_m_s is None else np.asarray(wind_m_s, dtype=np.float64)
    q = sound_speed_m_s**2 - float(w @ w)
    if q <= 0.0:
        raise ValueError(f"wind of {math.sqrt(float(w @ w)):.1f} m/s: expected slower than sound")
    along = d @ w
    return (np.sqrt(along**2 + q * (d**2).sum(axis=1)) - along) / q  # type: ignore[no-any-return]
