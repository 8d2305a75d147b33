"""Which pulses are of the same shot: families of candidates compete for pulses, the best-supported first.

Every free pulse in turn starts candidates (``localize.candidates``), each brings its repeats (``localize.families``).
The family with the greatest odds is accepted and its pulses are taken; families that wanted one of them are worked out
again with what is left.  Sweeps follow until nothing new is found.

Echoes repeat a burst's rhythm.  A family whose pulses follow those of an accepted one at the same sensors therefore
gains nothing by repeating at that one's lags: it has to stand on a single round, against the clutter rate after strong
pulses.  A second shooter has a rhythm of their own and is not hurt by this rule.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.candidates import Candidate, around_sensor, expected_hearers, find_candidates, latest, refine
from localize.families import find_repeats
from localize.rounds import block_declined, block_unrepeated, closest, earlier_rhythm, release
from localize.scene import Model, Scene

__all__ = ["associate"]

MOST_REPEATS = 40
SEEDS = 6
# Candidates this far below the threshold are kept for what their repeats may add.
PARENT_NATS = 14.0
SWEEPS = 4
# Pulses that are more probably echoes than not start candidates only after the first sweep, from fewer neighbours.
LOG_ECHOING = 0.0  # log of 1/s
CERTAIN_NATS = 22.0  # mean odds of a burst's rounds from which its pulses start no candidates of their own
# A family that follows another's pulses at this share of its sensors within this time may be its echo.
ECHO_SHARE, ECHO_SPAN_S = 0.6, 3.0
# Two shooters in one rhythm this close in time are one, with echoes mistaken for first arrivals.
AT_ONCE_S = 1.0
SAME_PLACE_M = 100.0

Repeats = tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]
Shots = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@njit(cache=True)
def _first_sensor(scene: Scene, used: NDArray[np.int64]) -> int:
    """Sensor of the earliest pulse of a candidate."""
    first = -1
    for k in range(used.shape[0]):
        if used[k] >= 0 and (first < 0 or scene.t[used[k]] < scene.t[first]):
            first = used[k]
    return int(scene.sensor[first])


@njit(cache=True)
def _all_free(scene: Scene, pulses: NDArray[np.int64]) -> bool:
    for k in range(pulses.shape[0]):  # noqa: SIM110  numba compiles no generators in closures
        if pulses[k] >= 0 and not scene.free[pulses[k]]:
            return False
    return True


@njit(cache=True)
def _same_shot(where: NDArray[np.float64], count: int, x: float, y: float, t0: float, apart: float) -> bool:
    """Whether an accepted shot stands at this place within the shortest time between two rounds."""
    for a in range(count):
        if abs(where[a, 2] - t0) < apart and math.hypot(where[a, 0] - x, where[a, 1] - y) < SAME_PLACE_M:
            return True
    return False


@njit(cache=True)
def _drop_echoed_rhythm(
    scene: Scene,
    model: Model,
    where: NDArray[np.float64],
    taken: NDArray[np.int64],
    family: NDArray[np.int64],
    count: int,
    used: NDArray[np.int64],
    t0: float,
    repeats: int,
    lags: NDArray[np.float64],
    gains: NDArray[np.float64],
    pulses: NDArray[np.int64],
) -> int:
    """Strike out repeats that an accepted family's echoes would show too; returns how many are left."""
    m = used.shape[0]
    echoed = np.zeros(max(repeats, 1), np.bool_)
    done = -1
    for a in range(count):
        f = family[a]
        if f == done or abs(where[a, 2] - t0) > ECHO_SPAN_S + 2.0:
            continue
        done = f
        follows, heard = 0, 0
        for k in range(m):
            if used[k] < 0:
                continue
            heard += 1
            for b in range(count):
                if family[b] == f and taken[b, k] >= 0:
                    dt = scene.t[used[k]] - scene.t[taken[b, k]]
                    if 0.0 < dt < ECHO_SPAN_S:
                        follows += 1
                        break
        after = follows >= ECHO_SHARE * heard
        if not after and abs(where[a, 2] - t0) >= AT_ONCE_S:
            continue
        shared = 0
        for r in range(repeats):
            echoed[r] = False
            for b in range(count):
                if family[b] != f:
                    continue
                for c in range(count):
                    if family[c] == f and abs(where[c, 2] - where[b, 2] - lags[r]) < 6.0 * model.repeat_sigma:
                        echoed[r] = True
            shared += echoed[r]
        # At the same time, some lags in common are chance; all of them are one rhythm.
        if not after and shared < repeats:
            continue
        left = 0
        for r in range(repeats):
            if not echoed[r]:
                lags[left], gains[left] = lags[r], gains[r]
                pulses[left] = pulses[r]
                left += 1
        repeats = left
    return repeats


@njit(cache=True)
def _cover(
    scene: Scene, model: Model, covered: NDArray[np.bool_], one: Candidate, more: Repeats
) -> None:
    """Mark pulses that need not start candidates of their own, when a family explains them beyond doubt.

    Either a single shot that nearly every sensor in range heard, or a burst whose rounds agree at many sensors.  This
    only saves time: the next sweep starts from every pulse that is still free.
    """
    x, y, _, _, odds, number, used = one
    rounds = more[0]
    if rounds == 0:
        if number < 7 or odds < 25.0:
            return
        around = around_sensor(scene, _first_sensor(scene, used))
        if number < 0.85 * expected_hearers(scene, model, around, x, y):
            return
    elif number < 5 or odds + more[2].sum() < CERTAIN_NATS * (rounds + 1):
        return
    for k in range(used.shape[0]):
        if used[k] >= 0:
            covered[used[k]] = True
        for r in range(rounds):
            if more[3][r, k] >= 0:
                covered[more[3][r, k]] = True


@njit(cache=True)
def associate(scene: Scene, model: Model) -> Shots:
    """Shots among the free pulses of a scene; marks their pulses as not free.

    Returns
    -------
    where : (s, 6) float64: x, y (m), t0 (s), score, odds of the single round, odds of its family (nats).
    taken : (s, m) int64, the pulse of each shot at each sensor, -1 for none.
    family : (s,) int64, shots of one number are rounds of one burst.
    count : (s,) int64, sensors that heard it.
    """
    n, m = scene.t.shape[0], scene.place.shape[0]
    most = n // 2 + 1
    where = np.zeros((most, 6))
    taken = np.full((most, m), -1, np.int64)
    family = np.zeros(most, np.int64)
    heard = np.zeros(most, np.int64)
    count, families = 0, 0
    covered = np.zeros(n, np.bool_)
    fresh = np.full(m, -1, np.int64)
    blocked = np.empty(8 * m, np.int64)
    # A pulse that started no candidate never will: taking other pulses away only lowers scores.
    hopeless = np.zeros(n, np.bool_)
    for sweep in range(SWEEPS):
        candidates = [(0.0, 0.0, 0.0, 0.0, 0.0, 0, fresh.copy())]
        candidates.clear()
        repeats = [(0, np.zeros(1), np.zeros(1), np.full((1, m), -1, np.int64))]
        repeats.clear()
        queue = [(0.0, 0)]
        queue.clear()
        covered[:] = False
        for a in range(n):
            if not scene.free[a] or covered[a] or hopeless[a]:
                continue
            echoing = scene.log_rate[a] > LOG_ECHOING
            if echoing and sweep == 0:
                continue
            best, best_odds = -1, 0.0
            for one in find_candidates(scene, model, a, SEEDS, model.threshold - PARENT_NATS, 5 if echoing else 9):
                more = find_repeats(scene, model, one[6], MOST_REPEATS)
                odds = one[4] + more[2].sum() - earlier_rhythm(scene, model, one[6], more[0], more[1], more[3])
                if odds <= model.threshold:
                    continue
                if odds > best_odds:
                    best, best_odds = len(candidates), odds
                heapq.heappush(queue, (-odds, len(candidates)))
                candidates.append(one)
                repeats.append(more)
            hopeless[a] = best < 0
            if best >= 0:
                _cover(scene, model, covered, candidates[best], repeats[best])
        new = 0
        while len(queue) > 0:
            negative, b = heapq.heappop(queue)
            x, y, t0, score, odds, number, used = candidates[b]
            found, lags, gains, pulses = repeats[b]
            around = around_sensor(scene, _first_sensor(scene, used))
            free = _all_free(scene, used)
            for r in range(found):
                free = free and _all_free(scene, pulses[r])
            if not free:
                again = fresh.copy()
                x, y, t0, score, odds, number = refine(scene, model, around, x, y, t0, again, latest(model))
                if number < model.least_sensors or odds <= model.threshold - PARENT_NATS:
                    continue
                more = find_repeats(scene, model, again, MOST_REPEATS)
                total = odds + more[2].sum() - earlier_rhythm(scene, model, again, more[0], more[1], more[3])
                if total > model.threshold:
                    candidates[b] = (x, y, t0, score, odds, number, again)
                    repeats[b] = more
                    heapq.heappush(queue, (max(-total, negative + 1e-9), b))
                continue
            if _same_shot(where, count, x, y, t0, model.shortest_repeat):
                continue
            if found > 0:
                left = _drop_echoed_rhythm(
                    scene, model, where, taken, family, count, used, t0, found, lags, gains, pulses
                )
                if left < found:
                    total = odds + gains[:left].sum()
                    if total > model.threshold:
                        repeats[b] = (left, lags, gains, pulses)
                        heapq.heappush(queue, (-total, b))
                    continue
            late = latest(model)
            if found > 0:
                late = min(late, 0.5 * closest(lags, found))
                again = fresh.copy()
                held = block_unrepeated(scene, model, x, y, t0, used, found, pulses, blocked)
                x2, y2, t2, score2, odds2, number2 = refine(scene, model, around, x, y, t0, again, late)
                release(scene, blocked, held)
                if number2 >= model.least_sensors and math.hypot(x2 - x, y2 - y) < SAME_PLACE_M:
                    x, y, t0, score, odds, number, used = x2, y2, t2, score2, odds2, number2, again
            families += 1
            new += 1
            total = odds + gains[:found].sum()
            where[count] = (x, y, t0, score, odds, total)
            taken[count], family[count], heard[count] = used, families, number
            count += 1
            for k in range(m):
                if used[k] >= 0:
                    scene.free[used[k]] = False
            for r in range(found):
                again = fresh.copy()
                held = block_declined(scene, model, x, y, t0, used, lags[r], blocked, 0)
                x2, y2, t2, score2, odds2, number2 = refine(
                    scene, model, around, x, y, t0 + lags[r], again, late, 3.0
                )
                release(scene, blocked, held)
                moved = math.hypot(x2 - x, y2 - y) > SAME_PLACE_M or abs(t2 - t0 - lags[r]) > model.shortest_repeat
                if number2 < 2 or moved or _same_shot(where, count, x2, y2, t2, model.shortest_repeat):
                    continue
                where[count] = (x2, y2, t2, score2, odds2, total)
                taken[count], family[count], heard[count] = again, families, number2
                count += 1
                for k in range(m):
                    if again[k] >= 0:
                        scene.free[again[k]] = False
        if new == 0 and sweep > 0:
            break
    return where[:count], taken[:count], family[:count], heard[:count]
