"""From arrivals at a sensor to the events that its detector reports: grouping, masking, chance (compiled)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@njit(cache=True)
def events(
    station: Index,
    time_s: Array,
    level_db: Array,
    noise_db: Array,
    chance: Array,
    half_snr_db: float,
    width_db: float,
    separation_s: float,
    first_share_db: float,
    coherent_s: float,
    tail_db: float,
    tail_fall_db_s: float,
) -> tuple[Index, Index, Array, Array]:
    """The events that are reported of n arrivals, sorted by station, then by time.

    An event is all arrivals within ``separation_s`` of the first; those closer than ``coherent_s`` add up in pressure.
    What it stands out against is the background and the fading reverberation of what came before.

    Parameters
    ----------
    station : (n,) int64.  time_s : (n,) float64, seconds.
    level_db, noise_db : (n,) float64, peak level and the background's root mean square in the picking band, dB SPL.
    chance : (n,) float64, uniform random numbers: the event of arrival k is reported when its probability exceeds
        ``chance[k]``, k its first.
    tail_fall_db_s : how fast reverberation fades, dB a second; 0 for no reverberation.

    Returns
    -------
    onset, loudest : (m,) int64, rows of the arrival whose onset is picked and of the strongest in each event.
    peak_db, snr_db : (m,) float64, peak level of the event in the picking band, and its ratio to what it stands out of.
    """
    n = len(time_s)
    onset = np.empty(n, dtype=np.int64)
    loudest = np.empty(n, dtype=np.int64)
    peak_db = np.empty(n)
    snr_db = np.empty(n)
    m = 0
    tail = 0.0  # power of the reverberation at ``tail_at``
    tail_at = 0.0
    first = 0
    while first < n:
        if first == 0 or station[first] != station[first - 1]:
            tail = 0.0
            tail_at = time_s[first]
        stop = first + 1
        while stop < n and station[stop] == station[first] and time_s[stop] - time_s[first] <= separation_s:
            stop += 1
        best, best_db = first, -1e9
        for k in range(first, stop):
            amplitude = 0.0
            for j in range(k, stop):
                if time_s[j] - time_s[k] > coherent_s:
                    break
                amplitude += 10.0 ** (level_db[j] / 20.0)
            together = 20.0 * np.log10(amplitude)
            if together > best_db:
                best, best_db = k, together
        before = 0.0
        if tail > 0.0 and tail_fall_db_s > 0.0:
            before = tail * 10.0 ** (-0.1 * tail_fall_db_s * (time_s[first] - tail_at))
        around_db = 10.0 * np.log10(10.0 ** (0.1 * noise_db[first]) + before)
        snr = best_db - around_db
        if chance[first] * (1.0 + np.exp(-(snr - half_snr_db) / width_db)) < 1.0:
            pick = best
            for k in range(first, best):
                # Too weak to be seen in the noise, it is not what is picked.
                if level_db[k] >= best_db - first_share_db and level_db[k] >= around_db + 8.0:
                    pick = k
                    break
            onset[m], loudest[m], peak_db[m], snr_db[m] = pick, best, best_db, snr
            m += 1
        tail = before + 10.0 ** (0.1 * (best_db - tail_db))
        tail_at = time_s[first]
        first = stop
    return onset[:m], loudest[:m], peak_db[:m], snr_db[:m]
