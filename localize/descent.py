"""Damped scoring on the likelihood of arrivals: the climb from a start to the nearest top.

A *chart* says which positions are tried (a plane of known height, space, a circle about a centre); discharge time is
always free.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.likelihood import arrival_log_density, arrival_score
from localize.travel import travel_times_s

__all__ = ["RUNAWAY", "WIDENED", "Arc", "Chart", "Heard", "Plane", "Space", "Top", "climb", "climb_all", "look"]

Floats = NDArray[np.float64]

STEPS = 60  # of one climb
STEP_M = 1e-7  # a climb ends when a step is shorter
WIDENED = (4.0, 2.0, 1.0)  # sigmas in turn while a robust likelihood is climbed: at first all arrivals are felt
SAME_TOP_M = 0.5
RUNAWAY = 30.0  # network radii: farther out a wave front is plane for any timing that microphones have


@dataclass(frozen=True, slots=True)
class Heard:
    """Arrivals of one sound, seconds since the first of them, and the air."""

    place: Floats
    t: Floats
    sigma: Floats
    c: float
    wind: Floats
    late_share: float
    late_mean: float

    @property
    def centre(self) -> Floats:
        return np.asarray(self.place.mean(axis=0))

    @property
    def radius(self) -> float:
        return float(np.hypot(*(self.place - self.centre)[:, :2].T).max())


class Chart(Protocol):
    """Positions by the parameters that are solved for, all in metres."""

    def position(self, p: Floats) -> Floats: ...

    def basis(self, p: Floats) -> Floats:
        """(3, k) derivative of the position."""
        ...


@dataclass(frozen=True, slots=True)
class Plane:
    height: float

    def position(self, p: Floats) -> Floats:
        return np.array([p[0], p[1], self.height])

    def basis(self, p: Floats) -> Floats:
        return np.eye(3)[:, :2]


@dataclass(frozen=True, slots=True)
class Space:
    def position(self, p: Floats) -> Floats:
        return np.array(p)

    def basis(self, p: Floats) -> Floats:
        return np.eye(3)


@dataclass(frozen=True, slots=True)
class Arc:
    """A horizontal circle about a centre; the parameter is metres along it, clockwise from north."""

    centre: Floats
    height: float
    range_m: float

    def position(self, p: Floats) -> Floats:
        a = p[0] / self.range_m
        x, y = self.centre[0] + self.range_m * math.sin(a), self.centre[1] + self.range_m * math.cos(a)
        return np.array([x, y, self.height])

    def basis(self, p: Floats) -> Floats:
        a = p[0] / self.range_m
        return np.array([[math.cos(a)], [-math.sin(a)], [0.0]])


@dataclass(frozen=True, slots=True)
class Top:
    """Where a climb ended; ``normal`` (k + 1, k + 1) is the information matrix of the parameters and c t0, 1/m^2."""

    p: Floats
    t0: float
    cost: float
    normal: Floats
    iterations: int
    converged: bool


@njit(cache=True)
def _scores(r: Floats, sigma: Floats, q: float, m: float) -> tuple[float, Floats, Floats]:
    """Minus the log likelihood of residuals, and slope and curvature of each term."""
    n = r.shape[0]
    slope, curve, cost = np.empty(n), np.empty(n), 0.0
    for i in range(n):
        cost -= arrival_log_density(r[i], sigma[i], q, m)
        slope[i], curve[i] = arrival_score(r[i], sigma[i], q, m)
    return cost, slope, curve


def look(chart: Chart, p: Floats, t0: float, data: Heard, widen: float) -> tuple[float, Floats, Floats]:
    """Cost, ascent (k + 1,) and normal matrix (k + 1, k + 1) at a point; the last unknown is c t0, metres."""
    position = chart.position(p)
    travel = travel_times_s(position, data.place, data.c, data.wind)
    cost, slope, curve = _scores(data.t - t0 - travel, widen * data.sigma, data.late_share, data.late_mean)
    # dT/dx = -n / (c + n.w), see localize.travel
    radius = np.maximum(data.c * travel, 1e-9)
    n = (data.place - position - travel[:, None] * data.wind) / radius[:, None]
    gradient = -n / (data.c + n @ data.wind)[:, None]
    rows = np.column_stack([gradient @ chart.basis(p), np.full(len(travel), 1.0 / data.c)])
    return cost, rows.T @ slope, (rows * curve[:, None]).T @ rows


def climb(chart: Chart, p: Floats, t0: float, data: Heard) -> Top:
    """Damped scoring steps (Marquardt 1963, SIAM J. 11(2)), each of which lowers the cost."""
    done, iterations = False, 0
    cost, normal = math.inf, np.eye(len(p) + 1)
    away = float(np.linalg.norm(chart.position(p) - data.centre))
    for widen in WIDENED if data.late_share > 0.0 else WIDENED[-1:]:
        damping, done = 1e-3, False
        cost, ascent, normal = look(chart, p, t0, data, widen)
        for _ in range(STEPS):
            iterations += 1
            scale = np.diag(normal) + 1e-12 * float(np.trace(normal))
            step = np.linalg.solve(normal + np.diag(damping * scale), ascent)
            size = float(np.linalg.norm(step[:-1]))
            if size > away + data.radius:  # the curvature says nothing of places so much farther off
                step *= (away + data.radius) / size
            there, then = p + step[:-1], t0 + step[-1] / data.c
            value, further, shape = look(chart, there, then, data, widen)
            # rounding of the sum of a few dozen logarithms must not look like a rise
            if value <= cost + 1e-10 * (1.0 + abs(cost)):
                p, t0, cost, ascent, normal = there, then, value, further, shape
                damping = max(0.1 * damping, 1e-12)
                away = float(np.linalg.norm(chart.position(p) - data.centre))
            else:
                damping *= 10.0
            done = size < STEP_M
            if done or away > 10.0 * RUNAWAY * data.radius:
                break
    return Top(p, t0, cost, normal, iterations, done)


def climb_all(chart: Chart, starts: Sequence[tuple[Floats, float]], data: Heard) -> list[Top]:
    """The different tops that the starts lead to, the likeliest first."""
    tops = sorted((climb(chart, p, t0, data) for p, t0 in starts), key=lambda top: top.cost)
    apart: list[Top] = []
    for top in tops:
        # what did not converge is on its way to a top, most likely one that is known
        new = all(float(np.linalg.norm(top.p - other.p)) > SAME_TOP_M for other in apart)
        if not apart or (new and top.converged):
            apart.append(top)
    return apart
