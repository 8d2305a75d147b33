"""What the shots of a run teach about its site: timing noise, excess delay, hearing, clutter (empirical Bayes).

A first pass associates with the prior's constants.  Its well-heard shots then update them: each constant is the
posterior mode under a prior that counts for a stated number of observations (Efron & Morris 1973, JASA 68(341)).  One
round of a burst stands for all, since what a path does to one round it does to the next.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from localize.associate import associate
from localize.evidence import gather, ground_of
from localize.likelihood import log_density
from localize.network import Network
from localize.posterior import climb
from localize.scene import Model, Scene, model_of, retuned
from localize.travel import travel_times_s
from localize.tuning import Tuning

__all__ = ["learn"]

WELL_HEARD = 6  # a position from fewer arrivals absorbs their errors
ROUNDS = 2  # the second association already has the site's own sigmas
STRAY_SHARE, STRAY_SPAN_S = 0.02, 0.1  # residuals that are of no shot must not widen the noise
PILOT_PULSES = 2000  # the first so many pulses teach; a city's day has the rest
MOST_SHOTS = 80  # more teach nothing that matters
ECHO_SPANS = 3.0  # echoes are counted over this many decay times after an arrival: 95 % of them
QUIET_PRIOR_S = 3600.0
ECHO_PRIOR_S = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Lesson:
    """One shot: residuals of its arrivals, their measured sigmas, what stretches them to unit variance (leverage), and
    distance and hearing of all sensors in range."""

    residual_s: NDArray[np.float64]
    measured_s: NDArray[np.float64]
    stretch: NDArray[np.float64]
    distance_m: NDArray[np.float64]
    heard: NDArray[np.bool_]


def learn(scene: Scene, network: Network, tuning: Tuning) -> Tuning:
    """The tuning after what a scene's shots show; the prior's where they show too little.

    Parameters
    ----------
    scene : all pulses free; left as it was.
    tuning : the prior.
    """
    learnt = tuning
    lessons: list[_Lesson] = []
    for _ in range(ROUNDS):
        pilot = retuned(scene, learnt)
        pilot.free[PILOT_PULSES:] = False
        where, taken, family, count = associate(pilot, model_of(pilot, network, learnt))
        learnt = _learn_clutter(scene, tuning, learnt, taken, min(len(scene.t), PILOT_PULSES))
        chosen = _best_heard(family, count)
        for _ in range(2):
            tuned = retuned(scene, learnt)
            model = model_of(tuned, network, learnt)
            studied = [_study(tuned, model, learnt, where[s], taken[s], taken[family == family[s]]) for s in chosen]
            lessons = [lesson for lesson in studied if lesson is not None]
            if not lessons:
                return learnt
            learnt = _learn_timing(lessons, tuning, learnt)
        learnt = _learn_hearing(lessons, tuning, learnt)
    return learnt


def _best_heard(family: NDArray[np.int64], count: NDArray[np.int64]) -> list[int]:
    """The best-heard round of each family that is heard well, at most ``MOST_SHOTS`` of them, evenly over the run."""
    best: dict[int, int] = {}
    for s in np.argsort(-count, kind="stable"):
        if count[s] >= WELL_HEARD:
            best.setdefault(int(family[s]), int(s))
    chosen = sorted(best.values())
    if len(chosen) > MOST_SHOTS:
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, MOST_SHOTS).astype(int)]
    return chosen


def _study(
    scene: Scene,
    model: Model,
    tuning: Tuning,
    where: NDArray[np.float64],
    taken: NDArray[np.int64],
    rounds: NDArray[np.int64],
) -> _Lesson | None:
    """Residuals of one shot about its most likely position, and who heard it and the other rounds of its burst."""
    heard = taken >= 0
    pulses = taken[heard]
    t, sigma = np.full(len(taken), np.nan), np.full(len(taken), np.nan)
    t[heard], sigma[heard] = scene.t[pulses], scene.sigma[pulses]
    evidence, epoch, _ = gather(scene, model, taken, t, sigma, where[:2])
    ground = ground_of(model, scene.place, where[0], where[1], tuning.level_sigma_db)
    ok, x, y, z, t0, _ = climb(evidence, ground, where[0], where[1], ground.height, where[2] - epoch)
    if not ok:
        return None
    at = np.array([x, y, z])
    travel = travel_times_s(at, evidence.place, model.c, np.array([model.wind_x, model.wind_y, 0.0]))
    d = at - evidence.place
    slant = np.maximum(np.linalg.norm(d, axis=1), 1.0)
    design = np.column_stack([d[:, 0] / slant / model.c, d[:, 1] / slant / model.c, np.ones(len(d))])
    white = design / evidence.sigma[:, None]
    leverage = np.einsum("ij,ji->i", white, np.linalg.pinv(white))
    stretch = 1.0 / np.sqrt(np.maximum(1.0 - leverage, 0.05))
    flat = np.hypot(*(scene.place[:, :2] - at[:2]).T)
    near = flat < 2.0 * tuning.hearing_range_m
    # All rounds, not the best-heard one alone: hearing learnt from the best would be too good.
    distance = np.tile(flat[near], len(rounds))
    residual = evidence.t - t0 - travel
    hearing = (rounds[:, near] >= 0).ravel()
    return _Lesson(residual, scene.measured[pulses], stretch, distance, hearing)


def _learn_timing(lessons: list[_Lesson], prior: Tuning, start: Tuning) -> Tuning:
    """Propagation sigma, late share and late mean: posterior mode of the stretched residuals' likelihood."""
    residual = np.concatenate([lesson.residual_s * lesson.stretch for lesson in lessons])
    measured = np.concatenate([lesson.measured_s for lesson in lessons])
    # The fit has absorbed part of every residual: its degrees of freedom, not its count, weigh against the prior.
    weight = 1.0 / np.concatenate([lesson.stretch for lesson in lessons]) ** 2
    stray = math.log(STRAY_SHARE / STRAY_SPAN_S)
    q0, m0, s0 = prior.late_share, prior.late_mean_s, prior.propagation_sigma_s

    def cost(p: NDArray[np.float64]) -> float:
        s, q, m = math.exp(p[0]), 1.0 / (1.0 + math.exp(-p[1])), math.exp(p[2])
        of_shot = log_density(residual, np.hypot(measured, s), q, m)
        density = np.logaddexp(math.log1p(-STRAY_SHARE) + of_shot, stray)
        fit = -float(weight @ density)
        # near the prior as so many residuals would weigh, far from it only logarithmically: a site may be much better
        fit += prior.propagation_strength * math.log1p(math.log(s / s0) ** 2)
        fit -= prior.late_strength * (q0 * math.log(q) + (1.0 - q0) * math.log(1.0 - q))
        return fit + prior.late_strength * q0 * (math.log(m) + m0 / m)

    guess = [
        math.log(start.propagation_sigma_s),
        math.log(start.late_share / (1.0 - start.late_share)),
        math.log(start.late_mean_s),
    ]
    late_bounds = (math.log(m0 / 3.0), math.log(2.0 * m0))
    bounds = [(math.log(5e-5), math.log(0.05)), (math.log(1e-4), math.log(4.0)), late_bounds]
    found = minimize(cost, guess, method="L-BFGS-B", bounds=bounds).x
    return dataclasses.replace(
        start,
        propagation_sigma_s=math.exp(found[0]),
        late_share=1.0 / (1.0 + math.exp(-found[1])),
        late_mean_s=math.exp(found[2]),
    )


def _learn_hearing(lessons: list[_Lesson], prior: Tuning, start: Tuning) -> Tuning:
    """The hearing curve: logistic regression on distance, with the prior's curve as pseudo-observations."""
    d = np.concatenate([lesson.distance_m for lesson in lessons])
    heard = np.concatenate([lesson.heard for lesson in lessons])
    grid = np.linspace(0.0, prior.hearing_range_m + 200.0, 40)
    belief = prior.hearing_max / (1.0 + np.exp((grid - prior.hearing_half_m) / prior.hearing_width_m))
    share = prior.hearing_strength / len(grid)

    def cost(p: NDArray[np.float64]) -> float:
        top, half, width = 1.0 / (1.0 + math.exp(-p[0])), p[1] * 100.0, math.exp(p[2])
        chance = np.clip(top / (1.0 + np.exp(np.clip((d - half) / width, -50.0, 50.0))), 1e-6, 1.0 - 1e-6)
        fit = -float(np.log(chance[heard]).sum() + np.log1p(-chance[~heard]).sum())
        model = np.clip(top / (1.0 + np.exp(np.clip((grid - half) / width, -50.0, 50.0))), 1e-6, 1.0 - 1e-6)
        return fit - share * float(belief @ np.log(model) + (1.0 - belief) @ np.log1p(-model))

    guess = [math.log(prior.hearing_max / (1.0 - prior.hearing_max)), prior.hearing_half_m / 100.0]
    bounds = [(0.0, 5.0), (1.0, 30.0), (math.log(15.0), math.log(600.0))]
    found = minimize(cost, [*guess, math.log(prior.hearing_width_m)], method="L-BFGS-B", bounds=bounds).x
    return dataclasses.replace(
        start,
        hearing_max=1.0 / (1.0 + math.exp(-found[0])),
        hearing_half_m=found[1] * 100.0,
        hearing_width_m=math.exp(found[2]),
    )


def _learn_clutter(scene: Scene, prior: Tuning, start: Tuning, taken: NDArray[np.int64], count: int) -> Tuning:
    """Rates of pulses at quiet sensors, and of echoes after arrivals of shots, among the first ``count`` pulses."""
    used = np.zeros(len(scene.t), dtype=np.bool_)
    used[taken[taken >= 0]] = True
    span = prior.echo_decay_s * ECHO_SPANS
    echoes, quiet, busy_s = 0.0, 0.0, 0.0
    for k in range(len(scene.begin) - 1):
        rows = scene.order[scene.begin[k] : scene.begin[k + 1]]
        rows = rows[rows < count]
        strong, other = scene.t[rows[used[rows]]], scene.t[rows[~used[rows]]]
        if len(strong):
            last = np.searchsorted(strong, other) - 1
            age = np.where(last >= 0, other - strong[np.maximum(last, 0)], np.inf)
            echoes += float((age < span).sum())
            quiet += float((age >= span).sum())
            busy_s += float(np.minimum(np.diff(strong, append=np.inf), span).sum())
        else:
            quiet += len(other)
    watched_s = float(np.ptp(scene.t[:count])) * (len(scene.begin) - 1)
    rest_s = max(watched_s - busy_s, 0.0)
    # An hour of one sensor's prior: a recording of seconds around a shot says little about quiet times.
    quiet_hz = (quiet + prior.clutter_rate_hz * QUIET_PRIOR_S) / (rest_s + QUIET_PRIOR_S)
    chances = busy_s / span * prior.echo_decay_s + ECHO_PRIOR_S
    excess = max(echoes - quiet_hz * busy_s, 0.0)
    echo_hz = (excess + prior.echo_rate_hz * ECHO_PRIOR_S) / chances
    # Never below: a sensor that was quiet may still become a nuisance, and a logarithm needs a rate.
    return dataclasses.replace(start, clutter_rate_hz=max(quiet_hz, 1e-4), echo_rate_hz=max(echo_hz, 0.02))
