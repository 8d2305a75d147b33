"""Repeats: the rounds of a burst come from one place, so each sensor hears the same rhythm.

A candidate shot brings its *family*: the lags at which the same arrival pattern stands again.  Between two rounds from
one place everything that the model does not know of the path (survey errors, diffraction, weather) cancels, so a lag is
known far better than an arrival: about ``repeat_sigma`` instead of the propagation's sigma.  Families, not single
candidates, compete for pulses: a mixture of one round's arrivals at some sensors with the next round's at others
repeats one time less than the truth.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.candidates import first_at_or_after
from localize.scene import Model, Scene

__all__ = ["find_repeats"]

_LOG_SQRT_2PI = 0.9189385332046727


@njit(cache=True)
def find_repeats(
    scene: Scene, model: Model, used: NDArray[np.int64], most: int
) -> tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lags at which the pattern of a candidate's pulses stands again among the free pulses.

    Parameters
    ----------
    used : (m,) int64, the candidate's pulse at each sensor, -1 for none.
    most : how many repeats at the most.

    Returns
    -------
    count : number of repeats.
    lags : (most,) float64, seconds after (or before) the candidate, the first ``count`` valid.
    gains : (most,) float64, log odds of each repeat, nats.
    pulses : (most, m) int64, the repeat's pulse at each sensor, -1 for none.
    """
    m = used.shape[0]
    lags = np.zeros(most)
    pulses = np.full((most, m), -1, np.int64)
    gains = np.zeros(most)
    total = 0
    for k in range(m):
        if used[k] >= 0:
            at = scene.t[used[k]]
            total += first_at_or_after(scene, k, at + model.repeat_span) - first_at_or_after(
                scene, k, at - model.repeat_span
            )
    total += m  # pulses exactly at the far end
    lag = np.empty(total)
    who = np.empty(total, np.int64)
    gain = np.empty(total)
    n = 0
    heard = 0
    logp = math.log(model.repeat_heard)
    missed = math.log1p(-model.repeat_heard)
    for k in range(m):
        j = used[k]
        if j < 0:
            continue
        heard += 1
        for q in range(first_at_or_after(scene, k, scene.t[j] - model.repeat_span), scene.begin[k + 1]):
            i = scene.order[q]
            dt = scene.t[i] - scene.t[j]
            if dt > model.repeat_span:
                break
            if i == j or not scene.free[i] or abs(dt) < model.shortest_repeat:
                continue
            g = logp - _LOG_SQRT_2PI - math.log(model.repeat_sigma) - scene.log_rate[i]
            dl = scene.peak[i] - scene.peak[j]
            if not math.isnan(dl):  # both levels known: rounds of one weapon are alike, clutter is not
                a, b = model.repeat_level, model.clutter_level
                g += math.log(b / a) - 0.5 * dl * dl * (1.0 / (a * a) - 1.0 / (b * b))
            lag[n] = dt
            who[n] = i
            gain[n] = g
            n += 1
    if n < 2 or heard < 2:
        return 0, lags, gains, pulses
    rank = np.argsort(lag[:n])
    taken = np.zeros(n, np.bool_)
    best_of = np.full(m, -1e300)
    pulse_of = np.full(m, -1, np.int64)
    reach = 3.5 * model.repeat_sigma
    found = 0
    least = max(2, (heard + 1) // 2)
    # the value of each lag as a centre, once; a later pick only lowers those near it
    value = np.full(n, -1e300)
    fresh = np.ones(n, np.bool_)
    while found < most:
        top, at = model.repeat_nats, -1
        for c in range(n):
            rc = rank[c]
            if taken[rc]:
                continue
            if fresh[c]:
                fresh[c] = False
                lo = c
                while lo > 0 and lag[rank[lo - 1]] >= lag[rc] - reach:
                    lo -= 1
                score = heard * missed + model.log_repeat_prior
                hi = lo
                touched = 0
                while hi < n and lag[rank[hi]] <= lag[rc] + reach:
                    r = rank[hi]
                    hi += 1
                    if taken[r]:
                        continue
                    z = (lag[r] - lag[rc]) / model.repeat_sigma
                    g = gain[r] - 0.5 * z * z - missed
                    k = scene.sensor[who[r]]
                    if g > 0.0 and g > best_of[k]:
                        if best_of[k] > 0.0:
                            score -= best_of[k]
                        else:
                            touched += 1
                        best_of[k] = g
                        score += g
                q = lo
                while q < hi:
                    best_of[scene.sensor[who[rank[q]]]] = -1e300
                    q += 1
                value[c] = score if touched >= least else -1e300
            if value[c] > top:
                top, at = value[c], c
        if at < 0:
            break
        rc = rank[at]
        centre = lag[rc]
        pulse_of[:] = -1
        for c in range(n):
            r = rank[c]
            if abs(lag[r] - centre) > reach or taken[r]:
                continue
            z = (lag[r] - centre) / model.repeat_sigma
            g = gain[r] - 0.5 * z * z - missed
            k = scene.sensor[who[r]]
            if g > 0.0 and g > best_of[k]:
                best_of[k] = g
                pulse_of[k] = who[r]
        best_of[:] = -1e300
        mean, parts = 0.0, 0
        for c in range(n):
            r = rank[c]
            if pulse_of[scene.sensor[who[r]]] == who[r]:
                mean += lag[r]
                parts += 1
        mean /= parts
        lags[found] = mean
        pulses[found] = pulse_of
        gains[found] = top
        found += 1
        for c in range(n):
            r = rank[c]
            if abs(lag[r] - centre) < model.shortest_repeat:
                taken[r] = True
            if abs(lag[r] - centre) < model.shortest_repeat + reach:
                fresh[c] = True
    return found, lags, gains, pulses
