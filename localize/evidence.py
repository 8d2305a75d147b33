"""What is known of each located shot, gathered for its posterior: own arrivals, arrivals lent by other rounds, silence.

A sensor that heard one round of a burst and missed another still tells of the place: the other rounds' arrival there,
moved by the lag that the common sensors agree on, is lent to the round that lacks it.  A pulse whose lag to the best
round is not the family's was picked on something else, an echo of the round before mostly: the best round's arrival
takes its place.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.candidates import first_at_or_after
from localize.posterior import Evidence, Ground
from localize.scene import Model, Scene

__all__ = ["gather", "ground_of", "lend"]

OFF_BEAT = 5.0  # sigmas of a repeat from which a pulse is not of the round
RELIEF_NEAR_M = 100.0  # sensors closer than this say the same about the height of the ground


@njit(cache=True)
def _drop_off_beat(
    scene: Scene,
    model: Model,
    where: NDArray[np.float64],
    taken: NDArray[np.int64],
    family: NDArray[np.int64],
    a: int,
) -> None:
    """Take from round a the pulses whose lag to the family's best round is not that of the other sensors."""
    best = a
    for step in (-1, 1):
        b = a + step
        while 0 <= b < family.shape[0] and abs(where[b, 2] - where[a, 2]) < 2.0 * model.repeat_span:
            if family[b] == family[a] and where[b, 4] > where[best, 4]:
                best = b
            b += step
    if best == a:
        return
    m = taken.shape[1]
    lags = np.empty(m)
    common = 0
    for k in range(m):
        if taken[a, k] >= 0 and taken[best, k] >= 0:
            lags[common] = scene.t[taken[a, k]] - scene.t[taken[best, k]]
            common += 1
    if common < 3:
        return
    lag = np.median(lags[:common])
    # with an even number the median may lie between two lags that agree with nobody: take the lag that most agree with
    most = 0
    for i in range(common):
        agree = 0
        for j in range(common):
            if abs(lags[i] - lags[j]) <= OFF_BEAT * model.repeat_sigma:
                agree += 1
        if agree > most:
            most = agree
            lag = lags[i]
    if most < 2:
        return
    for k in range(m):
        if taken[a, k] >= 0 and taken[best, k] >= 0:
            off = scene.t[taken[a, k]] - scene.t[taken[best, k]] - lag
            if abs(off) > OFF_BEAT * model.repeat_sigma:
                scene.free[taken[a, k]] = True
                taken[a, k] = -1


@njit(cache=True)
def lend(
    scene: Scene, model: Model, where: NDArray[np.float64], taken: NDArray[np.int64], family: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arrivals of each shot at each sensor, its own or lent by the nearest round of its family that has one.

    Parameters
    ----------
    where, taken, family : as ``localize.associate.associate`` returns them, by discharge time; pulses off the beat of
        their family are struck out of ``taken`` and freed.

    Returns
    -------
    t : (s, m) float64, arrival, seconds; NaN for none.
    sigma : (s, m) float64, its total timing sigma, seconds.
    """
    s, m = taken.shape
    t = np.full((s, m), np.nan)
    sigma = np.full((s, m), np.nan)
    lags = np.empty(m)
    for a in range(s):
        _drop_off_beat(scene, model, where, taken, family, a)
    for a in range(s):
        for k in range(m):
            if taken[a, k] >= 0:
                t[a, k] = scene.t[taken[a, k]]
                sigma[a, k] = scene.sigma[taken[a, k]]
        for step in range(1, s):
            done = True
            for b in (a - step, a + step):
                if b < 0 or b >= s or abs(where[b, 2] - where[a, 2]) > 2.0 * model.repeat_span:
                    continue
                done = False
                if family[b] != family[a]:
                    continue
                common = 0
                for k in range(m):
                    if taken[a, k] >= 0 and taken[b, k] >= 0:
                        lags[common] = scene.t[taken[a, k]] - scene.t[taken[b, k]]
                        common += 1
                if common < 2:
                    continue
                lag = np.median(lags[:common])
                extra = model.repeat_sigma * model.repeat_sigma * (1.0 + 1.0 / common)
                for k in range(m):
                    if taken[b, k] < 0 or not np.isnan(t[a, k]):
                        continue
                    # A round that had a pulse on the beat and did not take it wants no loan of it.
                    expected = scene.t[taken[b, k]] + lag
                    near = OFF_BEAT * model.repeat_sigma
                    q = first_at_or_after(scene, k, expected - near)
                    declined = q < scene.begin[k + 1] and scene.t[scene.order[q]] <= expected + near
                    if not declined:
                        t[a, k] = expected
                        sigma[a, k] = np.sqrt(scene.sigma[taken[b, k]] ** 2 + extra)
            if done:
                break
    return t, sigma


def ground_of(model: Model, place: NDArray[np.float64], x: float, y: float, level_sigma_db: float) -> Ground:
    """Air, paths and the height of the ground around (x, y): the mean height of the sensors, the near ones first."""
    weight = 1.0 / ((place[:, 0] - x) ** 2 + (place[:, 1] - y) ** 2 + RELIEF_NEAR_M**2)
    height = float(weight @ place[:, 2] / weight.sum())
    return Ground(
        model.c, model.wind_x, model.wind_y, height, 0.0, model.late_share, model.late_mean,
        model.hear_max, model.hear_half, model.hear_width, level_sigma_db,
    )


def gather(
    scene: Scene,
    model: Model,
    taken: NDArray[np.int64],
    t: NDArray[np.float64],
    sigma: NDArray[np.float64],
    origin: NDArray[np.float64],
) -> tuple[Evidence, float, NDArray[np.int64]]:
    """Evidence of one shot, its times relative to its first arrival.

    Parameters
    ----------
    taken : (m,) int64, own pulses; t, sigma (m,) float64, arrivals with lent ones, from ``lend``.
    origin : (2,) float64, where the shot about is, metres: sensors within twice the hearing range of it can be silent.

    Returns
    -------
    evidence, epoch (seconds of its time zero), sensors (n,) int64 of its arrivals.
    """
    heard = np.nonzero(~np.isnan(t))[0]
    epoch = float(t[heard].min())
    own = taken[heard]
    level = np.where(own >= 0, scene.level[own], np.nan)
    near = (scene.place[:, :2] - origin) ** 2 @ np.ones(2) < (2.0 * model.hear_range) ** 2
    near[heard] = False
    evidence = Evidence(scene.place[heard], t[heard] - epoch, sigma[heard], level, scene.place[near])
    return evidence, epoch, heard
