"""The density of arrivals against scipy's, and its derivatives against differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import exponnorm, norm

from localize.likelihood import arrival_log_density, arrival_score, log_density

sigmas = st.floats(1e-4, 2e-2)
shares = st.floats(0.001, 0.8)
means = st.floats(2e-3, 6e-2)


@given(sigmas, shares, means)
def test_integrates_to_one(s: float, q: float, m: float) -> None:
    def density(r: float) -> float:
        return math.exp(arrival_log_density(r, s, q, m))

    edges = (-12 * s, 12 * s, 12 * s + 5 * m, 12 * s + 40 * m)
    total = sum(
        quad(density, a, b, points=(0.0,) if a < 0 else None, limit=200, epsabs=1e-12)[0]
        for a, b in itertools.pairwise(edges)
    )
    assert total == pytest.approx(1.0, abs=1e-8)


@given(sigmas, shares, means, st.floats(-6.0, 6.0), st.floats(0.0, 8.0))
def test_is_the_mixture_of_normal_and_exponnorm(s: float, q: float, m: float, z: float, late: float) -> None:
    r = z * s + late * m
    expected = math.log((1 - q) * norm.pdf(r, scale=s) + q * exponnorm.pdf(r, m / s, scale=s))
    assert arrival_log_density(r, s, q, m) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(sigmas, shares, means)
def test_far_too_early_is_the_normal_tail(s: float, q: float, m: float) -> None:
    """The asymptote of erfc takes over where erfc underflows, without a step."""
    r = -60.0 * s
    inside = arrival_log_density(r, s, q, m)
    assert math.isfinite(inside)
    ladder = [arrival_log_density(-k * s, s, q, m) for k in np.arange(0.0, 60.0, 0.05)]
    assert np.all(np.diff(ladder) < 0.0)
    # second differences of an almost quadratic function vary slowly: a step would stand out
    assert np.abs(np.diff(ladder, 3)).max() < 0.02


@given(sigmas, st.just(0.0) | shares, means, st.floats(-8.0, 8.0), st.floats(0.0, 8.0))
def test_score_is_the_derivative(s: float, q: float, m: float, z: float, late: float) -> None:
    r, h = z * s + late * m, 1e-4 * s
    slope, curve = arrival_score(r, s, q, m)
    numeric = -(arrival_log_density(r + h, s, q, m) - arrival_log_density(r - h, s, q, m)) / (2 * h)
    assert slope == pytest.approx(numeric, rel=2e-5, abs=2e-5 / s)
    assert 0.0 < curve <= 1.0 / s**2 * (1 + 1e-12)


def test_without_late_arrivals_it_is_normal() -> None:
    assert arrival_log_density(2e-3, 1e-3, 0.0, 0.015) == pytest.approx(norm.logpdf(2e-3, scale=1e-3), rel=1e-14)
    assert arrival_score(2e-3, 1e-3, 0.0, 0.015) == pytest.approx((2e3, 1e6))


@given(sigmas, shares, means)
def test_late_is_likelier_than_early(s: float, q: float, m: float) -> None:
    r = np.linspace(0.5 * s, 8 * s + 8 * m, 50)
    sigma = np.full(len(r), s)
    assert (log_density(r, sigma, q, m) >= log_density(-r, sigma, q, m) - 1e-9).all()


@given(sigmas, shares, means)
def test_array_form_equals_the_scalar_one(s: float, q: float, m: float) -> None:
    r = np.concatenate([np.linspace(-15 * s, 15 * s, 41), np.linspace(0.0, 10 * m, 21)])
    one = np.array([arrival_log_density(float(v), s, q, m) for v in r])
    assert np.allclose(log_density(r, np.full(len(r), s), q, m), one, rtol=1e-9, atol=1e-9)
