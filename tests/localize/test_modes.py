"""Grids over the posterior: moments of a known shape, islands where two roots fit, crescents far outside."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localize.modes import explore, root_starts
from localize.posterior import Evidence, Ground, climb
from localize.region import Mode, Summary, summarise
from localize.travel import travel_times_s
from tests.localize.made import evidence_of, ground_with, lattice

Floats = NDArray[np.float64]
SOURCE = np.array([420.0, 510.0, 6.0])


def _modes(evidence: Evidence, ground: Ground, starts: Floats, size: int = 25) -> list[Mode]:
    out = []
    for top, frame, grid in explore(evidence, ground, starts, size):
        axes = np.array([[frame[2], frame[3]], [-frame[3], frame[2]]])
        out.append(Mode(top[:3], float(top[3]), frame[:2], axes, frame[4:6], grid))
    return out


def _summary(evidence: Evidence, ground: Ground, size: int = 25) -> tuple[list[Mode], Summary]:
    modes = _modes(evidence, ground, root_starts(evidence, ground, 5), size)
    return modes, summarise(modes)


@pytest.mark.parametrize("seed", range(5))
def test_many_arrivals_give_the_gaussian_of_their_normal_matrix(seed: int) -> None:
    """Without late arrivals the posterior is Laplace's to the share of strays."""
    ground, place = ground_with(height=6.0), lattice(4, seed=seed)
    t = travel_times_s(SOURCE, place, ground.c) + 2e-3 * np.random.default_rng(seed).standard_normal(16)
    evidence = evidence_of(place, t, 2e-3)
    ok, x, y, _, _, normal = climb(evidence, ground, 400.0, 500.0, 6.0, 0.0)
    assert ok
    expected = np.linalg.inv(normal)[:2, :2]
    _, summary = _summary(evidence, ground)
    assert len(summary.roots) == 1
    assert summary.position_m == pytest.approx([x, y], abs=0.1 * math.sqrt(expected.trace()))
    assert summary.covariance_m2 == pytest.approx(expected, rel=0.2, abs=0.1 * expected.trace())
    area = math.pi * math.sqrt(float(np.linalg.det(summary.covariance_m2)))
    assert summary.regions[0].area == pytest.approx(area * 2 * math.log(2), rel=0.06)
    assert summary.regions[1].area == pytest.approx(area * 2 * math.log(20), rel=0.06)


def test_finer_grids_change_nothing() -> None:
    ground, place = ground_with(height=6.0, late_share=0.1), lattice(3)
    t = travel_times_s(SOURCE, place, ground.c)
    evidence = evidence_of(place, t, 3e-3)
    _, coarse = _summary(evidence, ground, 25)
    _, fine = _summary(evidence, ground, 75)
    assert coarse.position_m == pytest.approx(fine.position_m, abs=0.02)
    assert coarse.covariance_m2 == pytest.approx(fine.covariance_m2, rel=0.03, abs=0.01)
    for a, b in zip(coarse.regions, fine.regions, strict=True):
        assert a.area == pytest.approx(b.area, rel=0.04)


def test_two_roots_of_three_sensors_are_two_islands() -> None:
    place = np.array([[0.0, 0, 0], [200, 0, 0], [0, 200, 0]])
    source = np.array([-60.0, -40.0, 0.0])
    ground = ground_with()
    evidence = evidence_of(place, travel_times_s(source, place, ground.c), 1e-3)
    modes, summary = _summary(evidence, ground)
    assert len(modes) == 2
    assert min(np.hypot(*(mode.top[:2] - source[:2])) for mode in modes) < 0.01
    assert isinstance(summary.regions[1], shapely.MultiPolygon)
    assert len(summary.regions[1].geoms) == len(summary.roots) == 2
    assert sum(weight for _, weight in summary.roots) == pytest.approx(1.0)
    assert summary.regions[1].covers(shapely.Point(source[:2]))
    # the covariance is about the position: the other island stretches it
    (here, _), (there, other) = summary.roots
    assert summary.covariance_m2.trace() > 0.9 * other * float((there - here) @ (there - here))


@pytest.mark.parametrize("sigma_s", [2e-4, 1e-3])
def test_far_outside_it_is_a_crescent(sigma_s: float) -> None:
    """Cells are many timing sigmas wide here: following the discharge time from cell to cell once lost the arrivals."""
    rng = np.random.default_rng(2)
    place = np.column_stack([rng.uniform(-200, 200, (6, 2)), np.zeros(6)])
    source = np.array([0.0, 1200.0, 0.0])
    ground = ground_with()._replace(hear_half=1e5)  # who hears says nothing here
    evidence = evidence_of(place, travel_times_s(source, place, ground.c), sigma_s)
    modes, summary = _summary(evidence, ground)
    region = summary.regions[1]
    assert region.covers(shapely.Point(0.0, 1200.0))
    assert region.bounds[1] > 300.0  # never on the other side of the network
    along, across = math.sqrt(summary.covariance_m2[1, 1]), math.sqrt(summary.covariance_m2[0, 0])
    assert along > 2.0 * across
    for mode in modes:
        size = len(mode.log_density)
        top = mode.log_density.max()
        inside = mode.axes @ (mode.top[:2] - mode.origin) / mode.half_m
        cell = np.round(0.5 * (inside[::-1] + 1.0) * (size - 1)).astype(int)
        assert mode.log_density[tuple(cell)] > top - 2.0


@given(st.integers(0, 10_000))
def test_no_edge_cuts_off_what_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = lattice(3, seed=seed % 50)[rng.permutation(9)[:5]]
    ground = ground_with(late_share=0.1)
    source = np.array([*rng.uniform(0, 600, 2), 0.0])
    t = travel_times_s(source, place, ground.c) + 3e-3 * rng.standard_normal(5)
    for mode in _modes(evidence_of(place, t, 3e-3), ground, np.array([[*source, 0.0]])):
        d = mode.log_density
        edge = max(d[0].max(), d[-1].max(), d[:, 0].max(), d[:, -1].max())
        if mode.half_m.max() < 700.0:
            assert edge < d.max() - 3.0
        assert mode.axes @ mode.axes.T == pytest.approx(np.eye(2), abs=1e-12)


@given(st.integers(0, 10_000))
def test_starts_hold_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = lattice(3, seed=seed % 50)[rng.permutation(9)[:4]]
    place[:, 2] = 3.0
    ground = ground_with(height=3.0)
    source = np.array([*rng.uniform(0, 600, 2), 3.0])
    starts = root_starts(evidence_of(place, travel_times_s(source, place, ground.c), 1e-3), ground, 4)
    near_line = min(
        abs(np.linalg.det((place[list(ij)] - place[k])[:, :2]))
        for *ij, k in itertools.combinations(range(4), 3)
    )  # fmt: skip
    if near_line > 1e4:
        off = np.hypot(*(starts[:, :2] - source[:2]).T)
        assert off.min() < 1e-2
        assert abs(starts[off.argmin(), 3]) < 1e-4


def test_starts_are_at_most_those_of_the_arrivals_combined() -> None:
    place = lattice(4)
    ground = ground_with()
    evidence = evidence_of(place, travel_times_s(SOURCE, place, ground.c), 1e-3)
    assert len(root_starts(evidence, ground, 3)) <= 2
    assert len(root_starts(evidence, ground, 5)) <= 20
