"""Loss at edges: Maekawa's chart, the standard's limits, and where they meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.propagation.diffraction import edge_loss_db, fresnel_number

SPEED = 340.0


def loss(frequency_hz: float, excess_m: float, edges: int = 1, span_m: float = 0.0) -> float:
    return float(
        edge_loss_db(np.array([frequency_hz]), np.array([excess_m]), np.array([edges]), np.array([span_m]), SPEED)[0, 0]
    )


@pytest.mark.parametrize(
    ("fresnel", "read_from_chart"), [(0.0, 5.0), (0.1, 7.0), (0.5, 10.5), (1.0, 13.0), (2.0, 16.0), (4.0, 19.0)]
)
def test_loss_is_that_of_maekawas_chart(fresnel: float, read_from_chart: float) -> None:
    """Maekawa 1968, figure 5, as far as the printed curve can be read (0.7 dB)."""
    assert loss(1000.0, fresnel * 0.34 / 2) == pytest.approx(read_from_chart, abs=0.7)


def test_grazing_costs_five_decibels_and_sight_nothing() -> None:
    assert loss(1000.0, 0.0) == pytest.approx(5.0, abs=1e-12)
    assert loss(0.0, 3.0) == pytest.approx(5.0, abs=1e-12)
    assert loss(1000.0, 1e-12) == pytest.approx(5.0, abs=1e-6)
    assert loss(1000.0, 0.0, edges=0) == 0.0


def test_screens_take_no_more_than_the_standard_says() -> None:
    assert loss(8000.0, 50.0) == 20.0
    assert loss(8000.0, 50.0, edges=2, span_m=1.0) == 25.0


def test_far_edges_count_three_times() -> None:
    """ISO 9613-2:1996, eq. 15: C3 is 1 for edges close together, 3 for edges far apart, 1.5 at 5 wavelengths."""
    one = fresnel_number(np.array([1000.0]), np.array([0.1]), np.array([0.0]), SPEED)[0, 0]
    assert one == pytest.approx(2 * 0.1 / 0.34)
    spans = np.array([1e-6, 5 * 0.34, 1e6])
    ratio = fresnel_number(np.array([1000.0]), np.full(3, 0.1), spans, SPEED)[:, 0] / one
    np.testing.assert_allclose(ratio, [1.0, 1.5, 3.0], rtol=1e-6)


@given(st.floats(0.0, 20_000.0), st.floats(0.0, 100.0), st.integers(1, 8), st.floats(0.0, 200.0))
def test_loss_grows_with_frequency_and_detour(frequency: float, excess: float, edges: int, span: float) -> None:
    here = loss(frequency, excess, edges, span)
    assert 5.0 <= here <= 25.0
    assert loss(frequency + 10.0, excess, edges, span) >= here - 1e-9
    assert loss(frequency, excess + 0.1, edges, span) >= here - 1e-9
    assert loss(frequency, excess, edges, span + 1.0) >= here - 1e-9
