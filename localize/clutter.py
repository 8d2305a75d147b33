"""How many pulses a sensor reports anyway: the rate against which an arrival has to stand out.

A quiet sensor has a low rate of pulses of its own.  Every pulse is followed by echoes, whose rate dies away within about
half a second; an echo is seldom louder than what it echoes.  So the first pulse after silence is almost surely a first
arrival, a weak pulse after a strong one probably is not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["log_clutter_rate"]

MOST_ECHOES_HZ = 4.0  # however busy, a detector with a dead time after each onset reports no more echoes than this
LOUDER_DB = 3.0  # an echo may be this much louder than the direct sound (focusing, screening of the direct path)
LOUDER_SHARE = 0.35  # share of echoes louder still, of a direct sound that is screened


@njit(cache=True)
def log_clutter_rate(
    t: NDArray[np.float64],
    level: NDArray[np.float64],
    begin: NDArray[np.int64],
    order: NDArray[np.int64],
    quiet_hz: float,
    echo_hz: float,
    decay_s: float,
) -> NDArray[np.float64]:
    """Log of the clutter rate (1/s) at each pulse.

    Parameters
    ----------
    t : (n,) float64, seconds.
    level : (n,) float64, dB, NaN where unknown (then no pulse counts as louder).
    begin, order : pulses by sensor and time, as in ``localize.scene.Scene``.
    quiet_hz : rate at a quiet sensor.
    echo_hz : rate of echoes right after a pulse; ``decay_s`` the time in which it falls to 1/e.

    Returns
    -------
    (n,) float64.
    """
    out = np.empty(t.shape[0])
    for k in range(begin.shape[0] - 1):
        for q in range(begin[k], begin[k + 1]):
            i = order[q]
            echoes = 0.0
            p = q - 1
            while p >= begin[k]:
                j = order[p]
                age = t[i] - t[j]
                if age > 6.0 * decay_s:
                    break
                share = LOUDER_SHARE if level[i] > level[j] + LOUDER_DB else 1.0
                echoes += share * echo_hz * math.exp(-age / decay_s)
                p -= 1
            out[i] = math.log(quiet_hz + min(echoes, MOST_ECHOES_HZ))
    return out
