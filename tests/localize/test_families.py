"""Repeats: a burst's lags are found exactly, no sensor counts twice, and what is taken stays taken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localize.families import find_repeats
from localize.scene import Model
from localize.scene import Scene as Compiled
from tests.localize.made import Scene, compile_scene, lattice, network_of

SOURCE = (410.0, 520.0, 5.0)
NETWORK = network_of(lattice(4))


def _burst(times: list[float], **options: object) -> tuple[Scene, Compiled, Model, NDArray[np.int64]]:
    """A burst, compiled, and the pulses of its first round."""
    made = Scene(NETWORK)
    for t in times:
        made.fire(t, SOURCE, **options)  # type: ignore[arg-type]
    table = made.table()
    scene, model = compile_scene(made, table=table)
    used = np.full(len(NETWORK), -1, np.int64)
    for j, source in enumerate(table.source):
        if made.truth[source] == 0:
            used[table.sensor[j]] = j
    return made, scene, model, used


@given(st.lists(st.integers(60, 400), min_size=1, max_size=6))
def test_lags_are_found_exactly(gaps_ms: list[int]) -> None:
    times = np.cumsum([0, *gaps_ms]) * 1e-3
    _, scene, model, used = _burst([float(t) for t in times])
    found, lags, gains, pulses = find_repeats(scene, model, used, 40)
    assert found == len(times) - 1
    assert np.sort(lags[:found]) == pytest.approx(times[1:], abs=1e-8)
    assert (gains[:found] > model.repeat_nats).all()
    heard = used >= 0
    assert ((pulses[:found] >= 0) == heard).all()
    for row, lag in zip(pulses[:found], lags[:found], strict=True):
        assert scene.t[row[heard]] - scene.t[used[heard]] == pytest.approx(lag, abs=1e-8)


def test_rounds_before_the_candidate_are_repeats_too() -> None:
    made = Scene(NETWORK)
    for t in (0.0, 0.1, 0.25):
        made.fire(t, SOURCE)
    table = made.table()
    scene, model = compile_scene(made, table=table)
    used = np.full(len(NETWORK), -1, np.int64)
    for j, source in enumerate(table.source):
        if made.truth[source] == 1:
            used[table.sensor[j]] = j
    found, lags, _, _ = find_repeats(scene, model, used, 40)
    assert sorted(lags[:found]) == pytest.approx([-0.1, 0.15], abs=1e-8)


@pytest.mark.parametrize("most", [1, 3, 7])
def test_at_most_so_many(most: int) -> None:
    _, scene, model, used = _burst([0.1 * i for i in range(8)])
    found, lags, gains, pulses = find_repeats(scene, model, used, most)
    assert found == most
    assert len(lags) == len(gains) == len(pulses) == most


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_a_pulse_is_used_once_and_a_sensor_once_a_round(seed: int, clutter: int) -> None:
    rng = np.random.default_rng(seed)
    made = Scene(NETWORK)
    for t in (0.0, 0.08, 0.16, 0.31):
        made.fire(t, SOURCE, noise_s=2e-3, rng=rng, deaf=rng.permutation(16)[:5].tolist())
    for _ in range(clutter):
        made.add(float(rng.uniform(0.0, 3.0)), int(rng.integers(16)))
    table = made.table()
    scene, model = compile_scene(made, table=table)
    used = np.full(len(NETWORK), -1, np.int64)
    for j, source in enumerate(table.source):
        if made.truth[source] == 0:
            used[table.sensor[j]] = j
    found, lags, _, pulses = find_repeats(scene, model, used, 40)
    every = pulses[:found][pulses[:found] >= 0]
    assert len(np.unique(every)) == len(every)
    assert not np.isin(every, used).any()
    for row in pulses[:found]:
        sensors = np.nonzero(row >= 0)[0]
        assert (scene.sensor[row[sensors]] == sensors).all()
        assert (used[sensors] >= 0).all()  # a lag needs both ends
    gaps = np.abs(np.subtract.outer(lags[:found], lags[:found]))[~np.eye(found, dtype=bool)]
    assert not len(gaps) or gaps.min() > 0.5 * model.shortest_repeat


def test_pulses_that_are_taken_are_not_offered() -> None:
    made, scene, model, used = _burst([0.0, 0.1, 0.2])
    table = made.table()
    second = np.array([j for j, source in enumerate(table.source) if made.truth[source] == 1])
    scene.free[second] = False
    found, lags, _, pulses = find_repeats(scene, model, used, 40)
    assert found == 1
    assert lags[0] == pytest.approx(0.2, abs=1e-8)
    assert not np.isin(second, pulses).any()


def test_closer_than_the_shortest_repeat_is_no_repeat() -> None:
    _, scene, model, used = _burst([0.0, 0.03])
    assert find_repeats(scene, model, used, 40)[0] == 0


def test_beyond_the_span_is_no_repeat() -> None:
    _, scene, model, used = _burst([0.0, 5.5])
    assert find_repeats(scene, model, used, 40)[0] == 0


def test_few_of_many_sensors_are_no_repeat() -> None:
    """Half of the candidate's sensors at least must hear a repeat."""
    made = Scene(NETWORK)
    made.fire(0.0, SOURCE)
    made.fire(0.2, SOURCE, deaf=range(4, 16))
    table = made.table()
    scene, model = compile_scene(made, table=table)
    used = np.full(len(NETWORK), -1, np.int64)
    for j, source in enumerate(table.source):
        if made.truth[source] == 0:
            used[table.sensor[j]] = j
    assert find_repeats(scene, model, used, 40)[0] == 0
