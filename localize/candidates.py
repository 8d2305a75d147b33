"""Compiled kernels: from pulses to candidate shots.

A *candidate* is a position, a discharge time and, for each sensor within hearing range, the pulse that it explains or
none.  Its score is the log likelihood ratio of "a shot" against "clutter only":

    score = sum over sensors in range of  max( log(P(d) f(r) / rate),  log(1 - P(d)) )

with the hearing curve P(d), the arrival density f(r) of ``localize.likelihood`` and the rate of clutter pulses.  A
sensor that should have heard and did not is evidence too.

Seeds come from triplets: each pulse in turn is taken for the earliest of three, the other two from sensors nearby, and
the closed-form roots of the three are scored against all sensors.  The best seeds are refined by Newton steps on the
likelihood with the pulses re-assigned between steps.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.closedform import three_sensor_roots
from localize.likelihood import arrival_log_density, arrival_score
from localize.scene import Model, Scene
from localize.travel import travel_time, travel_time_gradient

__all__ = ["Candidate", "expected_hearers", "find_candidates", "first_at_or_after", "latest", "refine", "score_at"]

# x, y (m), t0 (s), score, odds (nats), count, pulse explained at each sensor or -1: tuples, for numba's typed lists
Candidate = tuple[float, float, float, float, float, int, NDArray[np.int64]]


# An arrival later than this many mean excess delays is of something else: 2 % are given up.
LATE_MEANS = 4.0


@njit(cache=True, inline="always")
def latest(model: Model) -> float:
    """The greatest excess delay that an arrival of a shot is credited with, seconds."""
    return LATE_MEANS * model.late_mean if model.late_share > 0.0 else 0.0


@njit(cache=True, inline="always")
def _hearing(d: float, model: Model) -> float:
    return model.hear_max / (1.0 + math.exp((d - model.hear_half) / model.hear_width))


@njit(cache=True)
def first_at_or_after(scene: Scene, k: int, when: float) -> int:
    """Index into ``order`` of sensor k's first pulse at or after a time."""
    low, high = int(scene.begin[k]), int(scene.begin[k + 1])
    while low < high:
        middle = (low + high) // 2
        if scene.t[scene.order[middle]] < when:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def _seed_score(scene: Scene, model: Model, around: NDArray[np.int32], x: float, y: float, t0: float) -> float:
    """Cheap score of a seed: normal residuals of ``seed_sigma``, no assignment kept."""
    total = 0.0
    sd = model.seed_sigma
    peak = -math.log(sd) - 0.9189385332046727
    tolerance = 3.0 * sd
    for k in around:
        dx, dy, dz = scene.place[k, 0] - x, scene.place[k, 1] - y, scene.place[k, 2] - model.height
        d = math.sqrt(dx * dx + dy * dy)
        if d > model.hear_range:
            continue
        p = _hearing(d, model)
        best = math.log1p(-p)
        when = t0 + travel_time(dx, dy, dz, model.c, model.wind_x, model.wind_y)
        i = first_at_or_after(scene, k, when - tolerance)
        end = scene.begin[k + 1]
        logp = math.log(p)
        while i < end:
            j = scene.order[i]
            r = scene.t[j] - when
            if r > tolerance:
                break
            if scene.free[j]:
                gain = logp + peak - 0.5 * (r / sd) ** 2 - scene.log_rate[j]
                best = max(best, gain)
            i += 1
        total += best
    return total


@njit(cache=True)
def score_at(
    scene: Scene, model: Model, around: NDArray[np.int32], x: float, y: float, t0: float, widen: float,
    used: NDArray[np.int64], late: float,
) -> tuple[float, int]:
    """Score of a candidate; fills ``used``.

    ``widen`` multiplies every sigma while a position is still being found; ``late`` is the greatest excess delay.
    """
    total = 0.0
    count = 0
    used[:] = -1
    for k in around:
        dx, dy, dz = scene.place[k, 0] - x, scene.place[k, 1] - y, scene.place[k, 2] - model.height
        d = math.sqrt(dx * dx + dy * dy)
        if d > model.hear_range:
            continue
        p = _hearing(d, model)
        missed = math.log1p(-p)
        best, chosen = missed, -1
        when = t0 + travel_time(dx, dy, dz, model.c, model.wind_x, model.wind_y)
        reach = widen * model.reach
        i = first_at_or_after(scene, k, when - reach)
        end = scene.begin[k + 1]
        logp = math.log(p)
        while i < end:
            j = scene.order[i]
            r = scene.t[j] - when
            if r > reach + late:
                break
            if scene.free[j]:
                gain = logp - scene.log_rate[j] + arrival_log_density(
                    r, widen * scene.sigma[j], model.late_share, model.late_mean
                )
                if gain > best:
                    best, chosen = gain, j
            i += 1
        total += best
        if chosen >= 0:
            used[k] = chosen
            count += 1
    return total, count


@njit(cache=True)
def _solve3(h: NDArray[np.float64], g: NDArray[np.float64]) -> tuple[bool, float, float, float, float]:
    """Solve h s = g for a symmetric positive 3 x 3; (ok, s0, s1, s2, det)."""
    a, b, c = h[0, 0], h[0, 1], h[0, 2]
    d, e, f = h[1, 1], h[1, 2], h[2, 2]
    c00, c01, c02 = d * f - e * e, c * e - b * f, b * e - c * d
    det = a * c00 + b * c01 + c * c02
    if not det > 1e-14 * a * d * f:
        return False, 0.0, 0.0, 0.0, 0.0
    c11, c12, c22 = a * f - c * c, b * c - a * e, a * d - b * b
    return (
        True,
        (c00 * g[0] + c01 * g[1] + c02 * g[2]) / det,
        (c01 * g[0] + c11 * g[1] + c12 * g[2]) / det,
        (c02 * g[0] + c12 * g[1] + c22 * g[2]) / det,
        det,
    )


@njit(cache=True)
def refine(
    scene: Scene, model: Model, around: NDArray[np.int32], x: float, y: float, t0: float, used: NDArray[np.int64],
    late: float, widest: float = 3.0,
) -> tuple[float, float, float, float, float, int]:
    """Newton steps on the likelihood, pulses re-assigned between them, sigmas narrowing from seed to model.

    ``late`` is the greatest excess delay; ``widest`` multiplies the sigmas of the first step.
    Returns x, y, t0, score, odds, count, and fills ``used``; count 0 when the candidate fell apart.
    """
    h = np.zeros((3, 3))
    g = np.zeros(3)
    det = 0.0
    before = np.empty_like(used)
    score, count = 0.0, 0
    for step in range(14):
        widen = widest if step == 0 else (min(1.7, widest) if step == 1 else 1.0)
        before[:] = used
        score, count = score_at(scene, model, around, x, y, t0, widen, used, late)
        if count < 3:
            return x, y, t0, score, -1e300, 0
        h[:] = 0.0
        g[:] = 0.0
        for k in around:
            j = used[k]
            if j < 0:
                continue
            dx, dy, dz = scene.place[k, 0] - x, scene.place[k, 1] - y, scene.place[k, 2] - model.height
            tt = travel_time(dx, dy, dz, model.c, model.wind_x, model.wind_y)
            gx, gy, _ = travel_time_gradient(dx, dy, dz, tt, model.c, model.wind_x, model.wind_y)
            slope, curve = arrival_score(
                scene.t[j] - t0 - tt, widen * scene.sigma[j], model.late_share, model.late_mean
            )
            # residual = t - t0 - T(x): its gradient is (-dT/dx, -dT/dy, -1); minus the gradient of -log f is the step
            g[0] += slope * gx
            g[1] += slope * gy
            g[2] += slope
            h[0, 0] += curve * gx * gx
            h[0, 1] += curve * gx * gy
            h[0, 2] += curve * gx
            h[1, 1] += curve * gy * gy
            h[1, 2] += curve * gy
            h[2, 2] += curve
        # a weak prior of 1 km keeps a near-singular geometry from leaping away
        h[0, 0] += 1e-6
        h[1, 1] += 1e-6
        ok, sx, sy, st, det = _solve3(h, g)
        if not ok:
            return x, y, t0, score, -1e300, 0
        size = math.sqrt(sx * sx + sy * sy)
        if size > 150.0:
            sx, sy, st = sx * 150.0 / size, sy * 150.0 / size, st * 150.0 / size
        if step > 2 and size < 0.02:
            same = True
            for k in around:
                if before[k] != used[k]:
                    same = False
                    break
            if same:
                break
        x, y, t0 = x + sx, y + sy, t0 + st
    # Laplace: log of the integral of exp(score) over (x, y, t0), with the prior density of shots
    odds = score + model.log_prior + 2.756815599614018 - 0.5 * math.log(det)
    return x, y, t0, score, odds, count


@njit(cache=True)
def expected_hearers(scene: Scene, model: Model, around: NDArray[np.int32], x: float, y: float) -> float:
    """Number of sensors that a shot at (x, y) is expected to be heard by."""
    total = 0.0
    for k in around:
        dx, dy = scene.place[k, 0] - x, scene.place[k, 1] - y
        d = math.sqrt(dx * dx + dy * dy)
        if d < model.hear_range:
            total += _hearing(d, model)
    return total


@njit(cache=True)
def around_sensor(scene: Scene, i: int) -> NDArray[np.int32]:
    """Sensors within twice the hearing range of sensor i."""
    n = 0
    while n < scene.around.shape[1] and scene.around[i, n] >= 0:
        n += 1
    return scene.around[i, :n]


@njit(cache=True)
def find_candidates(
    scene: Scene, model: Model, a: int, keep: int, threshold: float, partners_from: int
) -> list[Candidate]:
    """Candidates whose earliest triplet starts at pulse ``a``.

    Parameters
    ----------
    keep : how many seeds are refined.
    threshold : least odds of a candidate worth keeping, nats.
    partners_from : how many of the nearest sensors may complete a triplet.
    """
    m = scene.place.shape[0]
    out = [(0.0, 0.0, 0.0, 0.0, 0.0, 0, np.full(m, -1, np.int64))]
    out.clear()
    i = scene.sensor[a]
    ta = scene.t[a]
    around = around_sensor(scene, i)
    # pulses after the anchor, at sensors nearby, that one source could have caused
    partners = np.empty(256, np.int64)
    n = 0
    for k in scene.near[i, :partners_from]:
        if k < 0:
            break
        bx, by = scene.place[k, 0] - scene.place[i, 0], scene.place[k, 1] - scene.place[i, 1]
        limit = math.sqrt(bx * bx + by * by) / model.c + model.seed_sigma
        q = first_at_or_after(scene, k, ta)
        while q < scene.begin[k + 1] and n < partners.shape[0]:
            j = scene.order[q]
            if scene.t[j] - ta > limit:
                break
            if scene.free[j]:
                partners[n] = j
                n += 1
            q += 1
    seeds = np.empty((keep, 4))
    filled = 0
    for u in range(n):
        ju = partners[u]
        ku = scene.sensor[ju]
        for v in range(u + 1, n):
            jv = partners[v]
            kv = scene.sensor[jv]
            if ku == kv:
                continue
            bx, by = scene.place[kv, 0] - scene.place[ku, 0], scene.place[kv, 1] - scene.place[ku, 1]
            slack = abs(scene.t[ju] - scene.t[jv]) - model.seed_sigma
            if slack > 0.0 and slack * slack * model.c * model.c > bx * bx + by * by:
                continue
            roots, xa, ya, ra, xb, yb, rb = three_sensor_roots(
                scene.place[ku, 0] - scene.place[i, 0],
                scene.place[ku, 1] - scene.place[i, 1],
                model.c * (scene.t[ju] - ta),
                scene.place[kv, 0] - scene.place[i, 0],
                scene.place[kv, 1] - scene.place[i, 1],
                model.c * (scene.t[jv] - ta),
            )
            for w in range(roots):
                rx, ry, r = (xa, ya, ra) if w == 0 else (xb, yb, rb)
                if r > model.hear_range:
                    continue
                sx, sy = scene.place[i, 0] + rx, scene.place[i, 1] + ry
                dz = scene.place[i, 2] - model.height
                t0 = ta - travel_time(-rx, -ry, dz, model.c, model.wind_x, model.wind_y)
                value = _seed_score(scene, model, around, sx, sy, t0)
                filled = _keep_seed(seeds, filled, value, sx, sy, t0)
    used = np.full(m, -1, np.int64)
    late = latest(model)
    for s in range(filled):
        x, y, t0, score, odds, count = refine(scene, model, around, seeds[s, 1], seeds[s, 2], seeds[s, 3], used, late)
        if count < model.least_sensors or odds <= threshold:
            continue
        known = False
        for other in out:
            if abs(other[0] - x) + abs(other[1] - y) < 0.5 and abs(other[2] - t0) < 0.002:
                known = True
        if not known:
            out.append((x, y, t0, score, odds, count, used.copy()))
    return out


@njit(cache=True)
def _keep_seed(seeds: NDArray[np.float64], filled: int, value: float, x: float, y: float, t0: float) -> int:
    """Keep a seed (value, x, y, t0) among the best of different places and times; returns how many are kept."""
    for s in range(filled):
        if abs(seeds[s, 1] - x) + abs(seeds[s, 2] - y) < 20.0 and abs(seeds[s, 3] - t0) < 0.02:
            if value > seeds[s, 0]:
                seeds[s] = (value, x, y, t0)
            return filled
    if filled < seeds.shape[0]:
        seeds[filled] = (value, x, y, t0)
        return filled + 1
    worst = int(np.argmin(seeds[:, 0]))
    if value > seeds[worst, 0]:
        seeds[worst] = (value, x, y, t0)
    return filled
