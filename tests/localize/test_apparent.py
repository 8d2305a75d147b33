"""The apparent source: how far it may be displaced, and a place's own scale of noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from localize.apparent import DISPLACEMENT, at_its_place
from localize.posterior import Evidence
from localize.travel import travel_times_s
from tests.localize.made import evidence_of, ground_with, lattice

Floats = NDArray[np.float64]
GROUND = ground_with(height=6.0)
SOURCE = np.array([420.0, 510.0, 6.0])
START = np.array([*SOURCE, 0.0])


def _heard(noise_s: float, sigma_s: float, seed: int, side: int = 5) -> Evidence:
    place = lattice(side, seed=seed)
    rng = np.random.default_rng(seed)
    t = travel_times_s(SOURCE, place, GROUND.c) + noise_s * rng.standard_normal(len(place))
    return evidence_of(place, t, sigma_s)


def test_displacement_is_that_of_the_paths_sigma() -> None:
    """A place as noisy as the run: the mixture's median is what the constant says, the sigmas hardly change."""
    evidence = _heard(10e-3, 10e-3, 3)
    own, by = at_its_place(evidence, GROUND, START, 10e-3)
    assert by.weight.sum() == pytest.approx(1.0)
    assert np.median(by.sigma_m) == pytest.approx(DISPLACEMENT * GROUND.c * 10e-3)
    assert own.sigma == pytest.approx(evidence.sigma, rel=0.4)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scale_follows_the_arrivals(factor: float) -> None:
    scales = []
    for seed in range(12):
        own, _ = at_its_place(_heard(factor * 8e-3, 8e-3, seed), GROUND, START, 8e-3)
        scales.append(float(np.median(own.sigma)) / 8e-3)
    # the prior draws it towards 1
    assert math.exp(np.mean(np.log(scales))) == pytest.approx(factor, rel=0.25)


def test_errors_of_measurement_are_not_scaled() -> None:
    """What the pulses state of picks stays, however small the paths' part becomes."""
    evidence = _heard(0.0, math.hypot(8e-3, 3e-3), 1)
    own, _ = at_its_place(evidence, GROUND, START, 8e-3)
    assert (own.sigma >= 3e-3).all()
    assert (own.sigma < evidence.sigma).all()


def test_small_sigma_beside_large_errors_of_measurement_displaces_next_to_nothing() -> None:
    evidence = _heard(2e-3, math.hypot(2e-3, 0.5e-3), 2)
    own, by = at_its_place(evidence, GROUND, START, 0.5e-3)
    assert own is evidence
    assert by.sigma_m.max() < 0.005 * GROUND.c * 2e-3


def test_few_arrivals_keep_the_runs_sigma() -> None:
    """Three unknowns fitted to four arrivals leave one residual: a perfect fit must not be taken for a quiet place."""
    whole = _heard(0.0, 8e-3, 4)
    few = Evidence(whole.place[:4], whole.t[:4], whole.sigma[:4], whole.level[:4], whole.silent)
    own, by = at_its_place(few, GROUND, START, 8e-3)
    assert own is few
    assert by.sigma_m == pytest.approx([DISPLACEMENT * GROUND.c * 8e-3])


def test_start_that_leads_nowhere_leaves_the_prior() -> None:
    evidence = _heard(8e-3, 8e-3, 5)
    own, by = at_its_place(evidence, GROUND, np.array([4e7, 4e7, 6.0, 0.0]), 8e-3)
    assert np.isfinite(own.sigma).all()
    assert by.weight.sum() == pytest.approx(1.0)
