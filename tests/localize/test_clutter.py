"""Clutter rates: low after silence, high after a pulse, dying away, and never another sensor's business."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localize.tuning import DEFAULT_TUNING
from tests.localize.made import Scene, compile_scene, lattice, network_of

QUIET = math.log(DEFAULT_TUNING.clutter_rate_hz)
NETWORK = network_of(lattice(2))
LONG = 10.0 * DEFAULT_TUNING.echo_decay_s


def _rates(pulses: list[tuple[float, int, float]]) -> NDArray[np.float64]:
    """Log rates in the order given."""
    made = Scene(NETWORK)
    for t, sensor, level in pulses:
        made.add(t, sensor, level)
    table = made.table()
    scene, _ = compile_scene(made, table=table)
    out = np.empty(len(pulses))
    out[table.source] = scene.log_rate
    return out


def test_after_silence_it_is_the_quiet_rate() -> None:
    assert _rates([(0.0, 0, math.nan), (LONG, 0, math.nan)]) == pytest.approx([QUIET, QUIET])


def test_another_sensor_is_no_matter() -> None:
    assert _rates([(0.0, 0, math.nan), (0.1, 1, math.nan)])[1] == pytest.approx(QUIET)


def test_right_after_a_pulse_it_is_the_echo_rate() -> None:
    age = 0.05
    t = DEFAULT_TUNING
    expected = math.log(t.clutter_rate_hz + t.echo_rate_hz * math.exp(-age / t.echo_decay_s))
    assert _rates([(0.0, 0, math.nan), (age, 0, math.nan)])[1] == pytest.approx(expected, rel=1e-6)


@given(st.floats(0.05, 1.0), st.floats(0.01, 1.0))
def test_it_dies_away(age: float, more: float) -> None:
    early, late = (_rates([(0.0, 0, math.nan), (a, 0, math.nan)])[1] for a in (age, age + more))
    assert QUIET <= late <= early


@given(st.floats(60.0, 140.0), st.floats(0.0, 30.0))
def test_louder_pulses_are_less_probably_echoes(level: float, more: float) -> None:
    weak, strong = (_rates([(0.0, 0, 100.0), (0.2, 0, db)])[1] for db in (level, level + more))
    assert strong <= weak + 1e-9


@given(st.integers(2, 30))
def test_echoes_of_a_busy_sensor_are_bounded(count: int) -> None:
    rates = _rates([(0.01 * i, 0, math.nan) for i in range(count)])
    assert np.isfinite(rates).all()
    assert rates.max() <= math.log(10.0)


@given(st.permutations(range(6)))
def test_order_of_input_is_nothing(order: list[int]) -> None:
    pulses = [(0.0, 0, 90.0), (0.1, 0, 85.0), (0.1, 1, 90.0), (0.3, 0, 99.0), (0.35, 1, 80.0), (9.0, 0, 70.0)]
    straight, shuffled = _rates(pulses), _rates([pulses[i] for i in order])
    assert shuffled == pytest.approx(straight[order], rel=1e-12)
