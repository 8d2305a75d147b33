"""How many pulses a sensor reports anyway: the rate against which an arrival has to stand out.

Pulses that are of no shot are of two kinds.  Those of a quiet sensor are rare and barely above its threshold: their
number falls to 1/e every few decibels, while first arrivals of shots are spread over tens of decibels.  Echoes follow
a pulse at a rate that dies away within half a second, and are seldom louder than what they echo.  So the first strong
pulse after silence is almost surely a first arrival; a weak one, or one right after a strong one, probably is not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["log_clutter_rate", "quiet_mark"]

MOST_ECHOES_HZ = 4.5  # however busy, a detector with a dead time after each onset reports no more echoes than this
# An echo is as often louder as weaker than this many decibels above what it echoes, and hardly ever much louder; the
# floor is for a direct sound that is screened while its reflection is not.
EVEN_DB, EVEN_WIDTH_DB, LOUDER_FLOOR = -1.0, 4.0, 0.03
# Excess over the detector's floor: of clutter exponential with this mean, of shots about even over this span (measured
# on the live-fire recordings: clutter median 3 dB, shots 23 dB).
CLUTTER_EXCESS_DB, SHOT_SPAN_DB, MOST_EXCESS_DB = 4.5, 35.0, 27.0


def quiet_mark(snr_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of how much likelier clutter of a quiet sensor is than a shot to have each pulse's SNR.

    Parameters
    ----------
    snr_db : (n,) float64; NaN where unknown (then 0: no evidence).  The floor is the 2nd percentile of all.

    Returns
    -------
    (n,) float64, nats.
    """
    known = np.isfinite(snr_db)
    if not known.any():
        return np.zeros(len(snr_db))
    floor = float(np.percentile(snr_db[known], 2.0))
    excess = np.clip(np.where(known, snr_db - floor, 0.0), 0.0, MOST_EXCESS_DB)
    mark = math.log(SHOT_SPAN_DB / CLUTTER_EXCESS_DB) - excess / CLUTTER_EXCESS_DB
    return np.where(known, mark, 0.0)


@njit(cache=True)
def log_clutter_rate(
    t: NDArray[np.float64],
    loudness: NDArray[np.float64],
    mark: NDArray[np.float64],
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
    loudness : (n,) float64, peak level or SNR, dB, comparable within a sensor; NaN where unknown.
    mark : (n,) float64, from ``quiet_mark``.
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
                louder = loudness[i] - loudness[j]
                share = 1.0
                if not math.isnan(louder):
                    share = max(1.0 / (1.0 + math.exp((louder - EVEN_DB) / EVEN_WIDTH_DB)), LOUDER_FLOOR)
                echoes += share * echo_hz * math.exp(-age / decay_s)
                p -= 1
            out[i] = math.log(quiet_hz * math.exp(mark[i]) + min(echoes, MOST_ECHOES_HZ))
    return out
