"""The posterior against a slow, obvious oracle: exact densities, quadrature by scipy, optimum by scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import exponnorm, norm

from localize.posterior import STRAY_SHARE, STRAY_SPAN_S, Evidence, Ground, climb, log_posterior, tabulate
from localize.travel import travel_times_s
from tests.localize.made import evidence_of, ground_with, lattice

Floats = NDArray[np.float64]
SOURCE = np.array([420.0, 510.0, 6.0])


def _wind(ground: Ground) -> Floats:
    return np.array([ground.wind_x, ground.wind_y, 0.0])


def _arrivals(ground: Ground, seed: int = 0, noise_s: float = 2e-3) -> tuple[Floats, Floats]:
    place = lattice(3)
    exact = travel_times_s(SOURCE, place, ground.c, _wind(ground))
    return place, exact + noise_s * np.random.default_rng(seed).standard_normal(len(place))


def _log_f(r: Floats, s: Floats, q: float, m: float) -> Floats:
    mix = (1 - q) * norm.pdf(r, scale=s) + (q * exponnorm.pdf(r, m / s, scale=s) if q > 0 else 0.0)
    return np.asarray(np.log((1 - STRAY_SHARE) * mix + STRAY_SHARE / STRAY_SPAN_S))


def _oracle_context(e: Evidence, g: Ground, x: float, y: float) -> float:
    """Hearing, silence and levels as their definitions say."""

    def chance(place: Floats) -> Floats:
        d = np.hypot(place[:, 0] - x, place[:, 1] - y)
        return np.asarray(g.hear_max / (1.0 + np.exp((d - g.hear_half) / g.hear_width)))

    total = float(np.log(chance(e.place)).sum() + np.log1p(-chance(e.silent)).sum())
    known = ~np.isnan(e.level)
    if known.sum() > 1:
        d = np.maximum(np.hypot(e.place[known, 0] - x, e.place[known, 1] - y), 5.0)
        source = e.level[known] + 20.0 * np.log10(d)
        total -= 0.5 * float(((source - source.mean()) ** 2).sum()) / g.level_sigma**2
    return total


def _oracle(e: Evidence, g: Ground, x: float, y: float, z: float) -> float:
    """Discharge time integrated by adaptive quadrature over the exact density."""
    ahead = e.t - travel_times_s(np.array([x, y, z]), e.place, g.c, _wind(g))

    def log_likelihood(t0: float) -> float:
        return float(_log_f(ahead - t0, e.sigma, g.late_share, g.late_mean).sum())

    grid = np.linspace(ahead.min() - 0.05, ahead.max() + 0.05, 4001)
    values = np.array([log_likelihood(float(t)) for t in grid])
    top, step = values.max(), grid[1] - grid[0]
    nodes = grid[values > top - 35.0]
    integral, _ = quad(
        lambda t: math.exp(log_likelihood(t) - top),
        nodes[0] - step, nodes[-1] + step, points=[float(grid[values.argmax()])], limit=400, epsabs=1e-12,
    )  # fmt: skip
    return float(top + math.log(integral)) + _oracle_context(e, g, x, y)


def _ours(e: Evidence, g: Ground, x: float, y: float, z: float) -> float:
    table, first, step = tabulate(e, g)
    ahead = e.t - travel_times_s(np.array([x, y, z]), e.place, g.c, _wind(g))
    return float(log_posterior(e, g, table, first, step, x, y, z, float(np.median(ahead)))[0])


@pytest.mark.parametrize("late_share", [0.0, 0.15])
@pytest.mark.parametrize("wind", [(0.0, 0.0), (7.0, -3.0)])
def test_equals_the_oracle(late_share: float, wind: tuple[float, float]) -> None:
    ground = ground_with(wind=wind, height=6.0, late_share=late_share)
    place, t = _arrivals(ground)
    rng = np.random.default_rng(4)
    level = 100.0 + 7.0 * rng.standard_normal(len(t))
    level[2] = np.nan
    silent = np.array([[900.0, 1500.0, 3.0], [-300.0, 0.0, 3.0]])
    sigma = np.where(np.arange(len(t)) % 2, 2e-3, 4e-3)
    evidence = evidence_of(place, t, sigma, level, silent)
    for dx, dy in ((0.0, 0.0), (0.5, -0.4), (1.5, 1.0), (-3.0, 2.0)):
        x, y = SOURCE[0] + dx, SOURCE[1] + dy
        # straight lines between tabulated log densities half a sigma apart: h^2 / 8 = 0.03 nats an arrival at most
        assert _ours(evidence, ground, x, y, 6.0) == pytest.approx(_oracle(evidence, ground, x, y, 6.0), abs=0.15)


def test_equals_the_oracle_for_good_nodes_too() -> None:
    """A good node is 0.1 ms off, the mean excess delay 15 ms: the table has to bear both."""
    ground = ground_with(height=6.0, late_share=0.05)
    for sigma in (1e-4, 5e-4, 1e-3):
        place, t = _arrivals(ground, noise_s=sigma)
        evidence = evidence_of(place, t, sigma)
        for off in (0.0, 0.5 * sigma * 343.0, 2.0 * sigma * 343.0):
            x = SOURCE[0] + off
            assert _ours(evidence, ground, x, SOURCE[1], 6.0) == pytest.approx(
                _oracle(evidence, ground, x, SOURCE[1], 6.0), abs=0.03
            )


def test_differences_between_places_are_exact_enough() -> None:
    """What shapes a region is how the density falls, not its constant."""
    ground = ground_with(height=6.0, late_share=0.15)
    place, t = _arrivals(ground, seed=2)
    t[3] += 0.03
    evidence = evidence_of(place, t, 2e-3)
    at = [(SOURCE[0] + dx, SOURCE[1] + dy) for dx in (-1.0, 0.0, 1.0) for dy in (-1.0, 0.0, 1.0)]
    ours = np.array([_ours(evidence, ground, x, y, 6.0) for x, y in at])
    oracle = np.array([_oracle(evidence, ground, x, y, 6.0) for x, y in at])
    assert ours - ours[4] == pytest.approx(oracle - oracle[4], abs=0.08)


def test_a_poor_guess_of_the_discharge_time_does_no_harm() -> None:
    ground = ground_with(height=6.0, late_share=0.05)
    place, t = _arrivals(ground)
    evidence = evidence_of(place, t, 2e-3)
    table, first, step = tabulate(evidence, ground)
    exact = log_posterior(evidence, ground, table, first, step, 420.0, 510.0, 6.0, 0.0)
    for off in (-5e-3, -1e-3, 2e-3, 5e-3):
        value, _, t0 = log_posterior(evidence, ground, table, first, step, 420.0, 510.0, 6.0, off)
        assert value == pytest.approx(exact[0], abs=1e-2)
        assert t0 == pytest.approx(exact[2], abs=1e-3)


def test_a_single_arrival_integrates_to_what_it_should() -> None:
    """One arrival alone says nothing of the place: its density integrates to 1 but for what strays add in the tails."""
    ground = ground_with(late_share=0.1)._replace(hear_half=1e9)
    evidence = evidence_of(np.array([[100.0, 50.0, 0.0]]), np.array([0.3]), 2e-3)
    values = [_ours(evidence, ground, x, y, 0.0) for x, y in ((0.0, 0.0), (300.0, -80.0), (99.0, 50.0))]
    assert np.ptp(values) < 1e-6
    assert values[0] - math.log(ground.hear_max) == pytest.approx(0.0, abs=0.05)


def _cost(p: Floats, e: Evidence, g: Ground, z: float) -> float:
    """Minus the arrivals' log likelihood without strays, as ``climb`` sees it; p = x, y, c t0 in metres."""
    r = e.t - p[2] / g.c - travel_times_s(np.array([p[0], p[1], z]), e.place, g.c, _wind(g))
    q, m = g.late_share, g.late_mean
    plain = np.log1p(-q) + norm.logpdf(r, scale=e.sigma)
    if q == 0.0:
        return -float(plain.sum())
    return -float(np.logaddexp(plain, np.log(q) + exponnorm.logpdf(r, m / e.sigma, scale=e.sigma)).sum())


@pytest.mark.parametrize("late_share", [0.0, 0.15])
@pytest.mark.parametrize("seed", range(4))
def test_climb_ends_where_scipy_does(late_share: float, seed: int) -> None:
    ground = ground_with(wind=(4.0, 2.0), height=6.0, late_share=late_share)
    place, t = _arrivals(ground, seed)
    if late_share > 0.0:
        t[seed] += 0.02
    evidence = evidence_of(place, t, 2e-3)
    ok, x, y, z, t0, normal = climb(evidence, ground, SOURCE[0] + 30.0, SOURCE[1] - 20.0, 6.0, 0.01)
    assert ok
    assert z == 6.0
    simplex = np.array([x, y, t0 * ground.c]) + np.array([[1.0, -1, 0.5], [-1, 0, 0.5], [0, 1, 0.5], [0, 0, -1.0]])
    options = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000, "initial_simplex": simplex}
    best = minimize(lambda p: _cost(p, evidence, ground, 6.0), simplex[0], method="Nelder-Mead", options=options)  # type: ignore[call-overload]
    assert (x, y, t0 * ground.c) == pytest.approx(best.x, abs=2e-3)
    if late_share == 0.0:
        assert np.linalg.eigvalsh(normal[:2, :2]).min() > 0.0


def test_noise_free_climb_is_exact() -> None:
    ground = ground_with(wind=(4.0, 2.0), height=6.0)
    place, t = _arrivals(ground, noise_s=0.0)
    ok, x, y, _, t0, normal = climb(evidence_of(place, t, 1e-3), ground, 300.0, 600.0, 6.0, 0.0)
    assert ok
    assert np.hypot(x - SOURCE[0], y - SOURCE[1]) < 1e-6
    assert abs(t0) < 1e-9
    # the covariance is the Cramer-Rao bound: (J^T J)^-1 sigma^2 with J by differences
    h = 1e-3
    rows = [np.ones(len(t))]
    for axis in (0, 1):
        e = np.zeros(3)
        e[axis] = h
        up = travel_times_s(SOURCE + e, place, ground.c, _wind(ground))
        rows.insert(axis, (up - travel_times_s(SOURCE - e, place, ground.c, _wind(ground))) / (2 * h))
    bound = np.linalg.inv(np.array(rows) @ np.array(rows).T) * 1e-6
    mine = np.linalg.inv(normal[np.ix_([0, 1, 3], [0, 1, 3])])
    assert mine == pytest.approx(bound, rel=1e-4, abs=1e-12)


def test_height_follows_its_prior_on_flat_ground() -> None:
    place = lattice(3)
    place[:, 2] = 0.0
    ground = ground_with(height=2.0, height_sigma=3.0)
    t = travel_times_s(np.array([420.0, 510.0, 2.0]), place, ground.c)
    ok, x, y, z, _, _ = climb(evidence_of(place, t, 1e-3), ground, 400.0, 500.0, 2.0, 0.0)
    assert ok
    assert (x, y, z) == pytest.approx((420.0, 510.0, 2.0), abs=1e-4)


def test_a_sensor_that_heard_nothing_pushes_away() -> None:
    ground = ground_with()
    place, t = _arrivals(ground)
    quiet = np.array([[SOURCE[0], SOURCE[1], 0.0]])
    without, beside = evidence_of(place, t, 2e-3), evidence_of(place, t, 2e-3, silent=quiet)
    lost = _ours(beside, ground, SOURCE[0], SOURCE[1], 0.0) - _ours(without, ground, SOURCE[0], SOURCE[1], 0.0)
    assert lost == pytest.approx(math.log1p(-ground.hear_max / (1 + math.exp(-9.0))), abs=1e-9)
    far = evidence_of(place, t, 2e-3, silent=np.array([[9e4, 0.0, 0.0]]))
    assert _ours(far, ground, 420.0, 510.0, 0.0) == _ours(without, ground, 420.0, 510.0, 0.0)
