"""What the rounds of one burst say of each other's pulses.

A path does the same to every round.  So a pulse that no other round repeats is probably not of the burst, and a pulse
whose counterpart the best round declined is of the same echo that the best round declined.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.candidates import first_at_or_after
from localize.likelihood import arrival_log_density
from localize.scene import Model, Scene
from localize.travel import travel_time

__all__ = ["block_declined", "block_unrepeated", "closest", "earlier_rhythm", "release"]

ON_BEAT = 5.0  # sigmas of a repeat within which two pulses are of one rhythm
# How long before a pulse its direct sound may stand, and what each sensor where it does says against a family.
EARLIER_S, EARLIER_NATS = 0.6, 4.0
SCREENED = 0.15  # share of the sensors in range that hear no round from a place
AROUND_S = 0.15  # pulses this near to a round's predicted arrival could be taken for it


@njit(cache=True)
def closest(lags: NDArray[np.float64], count: int) -> float:
    """Least time between any two rounds of a family, the first at lag zero; seconds.

    No arrival may be later than half of it: a sensor that missed one round would lend it the next round's arrival as
    a late one, that round would take from the one after, and the last would be lost.
    """
    least = 1e300
    for a in range(count):
        least = min(least, abs(lags[a]))
        for b in range(a):
            least = min(least, abs(lags[a] - lags[b]))
    return least


@njit(cache=True)
def earlier_rhythm(
    scene: Scene,
    model: Model,
    used: NDArray[np.int64],
    rounds: int,
    lags: NDArray[np.float64],
    pulses: NDArray[np.int64],
) -> float:
    """Log odds against a family, nats: at how many sensors the same rhythm stands earlier, unexplained.

    Echoes come after the direct sound, never before.  Where an earlier pulse repeats at the family's own lags and is of
    no round of it, the family's pulse at that sensor is the echo of the earlier one.
    """
    near = ON_BEAT * model.repeat_sigma
    count = 0
    for k in range(used.shape[0]):
        j = used[k]
        if j < 0 or rounds == 0:
            continue
        q = first_at_or_after(scene, k, scene.t[j] - EARLIER_S)
        while q < scene.begin[k + 1] and scene.t[scene.order[q]] < scene.t[j] - near:
            i = scene.order[q]
            q += 1
            ahead = scene.t[j] - scene.t[i]
            own = False  # a round of this family, or a beat of its rhythm
            hits = 0
            for r in range(rounds):
                own = own or pulses[r, k] == i or abs(ahead - abs(lags[r])) < near
                for s in range(r):
                    own = own or abs(ahead - abs(lags[r] - lags[s])) < near
                p = first_at_or_after(scene, k, scene.t[i] + lags[r] - near)
                if p < scene.begin[k + 1] and scene.t[scene.order[p]] <= scene.t[i] + lags[r] + near:
                    hits += 1
            if not own and 2 * hits >= rounds:
                count += 1
                break
    return EARLIER_NATS * count


@njit(cache=True)
def block_unrepeated(
    scene: Scene,
    model: Model,
    x: float,
    y: float,
    t0: float,
    used: NDArray[np.int64],
    rounds: int,
    pulses: NDArray[np.int64],
    blocked: NDArray[np.int64],
) -> int:
    """Block pulses of the best round that no other round repeats and that fit too badly to be believed alone.

    The alternative to "heard once, missed in every other round" is "never heard, and one pulse of clutter".  Blocked
    pulses are marked as not free and listed in ``blocked``; returns their number.
    """
    n = 0
    for k in range(used.shape[0]):
        j = used[k]
        if j < 0:
            continue
        repeated = False
        for r in range(rounds):
            repeated = repeated or pulses[r, k] >= 0
        if repeated:
            continue
        dx, dy, dz = scene.place[k, 0] - x, scene.place[k, 1] - y, scene.place[k, 2] - model.height
        residual = scene.t[j] - t0 - travel_time(dx, dy, dz, model.c, model.wind_x, model.wind_y)
        gain = (
            math.log(model.hear_max)
            + arrival_log_density(residual, scene.sigma[j], model.late_share, model.late_mean)
            - scene.log_rate[j]
        )
        if gain + rounds * math.log1p(-model.repeat_heard) < math.log(SCREENED):
            scene.free[j] = False
            blocked[n] = j
            n += 1
    return n


@njit(cache=True)
def block_declined(
    scene: Scene,
    model: Model,
    x: float,
    y: float,
    t0: float,
    used: NDArray[np.int64],
    lag: float,
    blocked: NDArray[np.int64],
    n: int,
) -> int:
    """Block pulses of a round whose counterparts on the beat the best round, ``used`` at (x, y, t0), did not take.

    Appends to ``blocked`` after its first ``n``; returns how many there are then.
    """
    for k in range(used.shape[0]):
        if used[k] >= 0:
            continue
        dx, dy, dz = scene.place[k, 0] - x, scene.place[k, 1] - y, scene.place[k, 2] - model.height
        when = t0 + lag + travel_time(dx, dy, dz, model.c, model.wind_x, model.wind_y)
        q = first_at_or_after(scene, k, when - AROUND_S)
        while q < scene.begin[k + 1] and n < blocked.shape[0]:
            j = scene.order[q]
            if scene.t[j] > when + AROUND_S:
                break
            if scene.free[j]:
                near = ON_BEAT * model.repeat_sigma
                p = first_at_or_after(scene, k, scene.t[j] - lag - near)
                before = scene.order[p] if p < scene.begin[k + 1] else j
                if before != j and scene.t[before] <= scene.t[j] - lag + near:
                    scene.free[j] = False
                    blocked[n] = j
                    n += 1
            q += 1
    return n


@njit(cache=True)
def release(scene: Scene, blocked: NDArray[np.int64], n: int) -> None:
    """Give blocked pulses back."""
    for i in range(n):
        scene.free[blocked[i]] = True
