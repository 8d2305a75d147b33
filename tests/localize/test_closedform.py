"""Closed forms from exact arrivals give exact positions; where two roots fit, the truth is among them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from localize.closedform import bancroft, three_sensor_roots
from tests.strategies import points_m

C = 343.0
flat = points_m(reach_m=800.0)


def _roots(sensors: np.ndarray, source: np.ndarray) -> list[tuple[float, float, float]]:
    d = np.linalg.norm(sensors - source, axis=1)
    (x1, y1), (x2, y2) = sensors[1] - sensors[0], sensors[2] - sensors[0]
    count, xa, ya, ra, xb, yb, rb = three_sensor_roots(x1, y1, d[1] - d[0], x2, y2, d[2] - d[0])
    return [(xa, ya, ra), (xb, yb, rb)][:count]


@given(st.tuples(flat, flat, flat).map(np.array), flat)
def test_three_sensors_roots_hold_the_truth(sensors: np.ndarray, source: np.ndarray) -> None:
    a, b = sensors[1] - sensors[0], sensors[2] - sensors[0]
    sine = abs(a[0] * b[1] - a[1] * b[0]) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)
    assume(sine > 0.1 and min(np.linalg.norm(a), np.linalg.norm(b), np.linalg.norm(a - b)) > 20.0)
    roots = _roots(sensors, source)
    assert roots
    # the two roots may coincide: there a position goes with the square root of rounding
    errors = [np.hypot(*(sensors[0] + root[:2] - source)) for root in roots]
    assert min(errors) < 1e-6 * (1.0 if len(roots) == 1 or abs(roots[0][2] - roots[1][2]) > 1.0 else 1e4)
    for x, y, r in roots:
        assert np.hypot(x, y) == pytest.approx(r, abs=1e-4 + 1e-6 * r)
        assert r >= 0.0


@given(st.tuples(flat, flat, flat).map(np.array), flat)
def test_every_root_fits_the_three_arrivals(sensors: np.ndarray, source: np.ndarray) -> None:
    assume(min(np.linalg.norm(sensors[i] - sensors[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 20.0)
    d = np.linalg.norm(sensors - source, axis=1)
    roots = _roots(sensors, source)
    assume(len(roots) == 2 and abs(roots[0][2] - roots[1][2]) > 1.0 and roots[1][2] < 1e5)
    for x, y, _ in roots:
        e = np.linalg.norm(sensors - sensors[0] - (x, y), axis=1)
        assert e[1:] - e[0] == pytest.approx(d[1:] - d[0], abs=1e-5)


def test_sensors_in_a_line_bear_no_root() -> None:
    assert three_sensor_roots(100.0, 0.0, 10.0, 200.0, 1.0, 30.0)[0] == 0
    assert three_sensor_roots(0.0, 0.0, 0.0, 200.0, 1.0, 30.0)[0] == 0


def test_differences_that_no_source_causes_bear_no_root() -> None:
    assert three_sensor_roots(100.0, 0.0, 300.0, 0.0, 100.0, -300.0)[0] == 0


@given(flat, flat)
def test_a_source_at_the_first_sensor(a: np.ndarray, b: np.ndarray) -> None:
    """Its range is zero, which rounding once put below, so that the root was lost."""
    assume(abs(a[0] * b[1] - a[1] * b[0]) > 0.1 * np.linalg.norm(a) * np.linalg.norm(b) > 100.0)
    roots = _roots(np.array([[0.0, 0.0], a, b]), np.zeros(2))
    assert roots
    assert min(math.hypot(x, y) + r for x, y, r in roots) < 1e-3


def _well_placed(dimensions: int, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 600.0, (count, dimensions))


@pytest.mark.parametrize(("dimensions", "count"), [(2, 4), (2, 5), (2, 12), (3, 5), (3, 6), (3, 12)])
@given(seed=st.integers(0, 2**31), t0=st.floats(-100.0, 100.0))
def test_bancroft_gives_the_truth(dimensions: int, count: int, seed: int, t0: float) -> None:
    sensors = _well_placed(dimensions, count, seed)
    source = np.random.default_rng(seed + 1).uniform(0.0, 600.0, dimensions)
    arrival = t0 + np.linalg.norm(sensors - source, axis=1) / C
    rows = np.column_stack([sensors - sensors.mean(0), C * (arrival - arrival.mean())])
    assume(np.linalg.cond(rows) < 50.0)
    roots = bancroft(sensors, arrival, C)
    assume(len(roots) == 1 or np.linalg.norm(roots[0, :-1] - roots[1, :-1]) > 5.0)
    assert np.linalg.norm(roots[0, :-1] - source) < 1e-6
    assert roots[0, -1] == pytest.approx(t0, abs=1e-8)


def test_bancroft_of_exact_arrivals_puts_the_better_fit_first() -> None:
    sensors = _well_placed(2, 6, 5)
    arrival = np.linalg.norm(sensors - (250.0, 320.0), axis=1) / C
    roots = bancroft(sensors, arrival, C)
    misfit = [np.ptp(arrival - np.linalg.norm(sensors - root[:2], axis=1) / C) for root in roots]
    assert misfit == sorted(misfit)
