"""Candidates: seeds from triplets lead to the truth, scores are what their definition says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localize.candidates import expected_hearers, find_candidates, first_at_or_after, latest, refine, score_at
from localize.likelihood import arrival_log_density
from localize.scene import Model
from localize.scene import Scene as Compiled
from localize.travel import travel_times_s
from tests.localize.made import Scene, compile_scene, lattice, network_of

NETWORK = network_of(lattice(4))
SENSORS = np.arange(16, dtype=np.int32)
Floats = NDArray[np.float64]


def _scene(seed: int, clutter: int = 20, noise_s: float = 2e-3) -> tuple[Scene, Compiled, Model]:
    rng = np.random.default_rng(seed)
    made = Scene(NETWORK)
    x, y = rng.uniform(150.0, 750.0, 2)
    made.fire(1.0, (float(x), float(y), 5.0), noise_s=noise_s, rng=rng, deaf=rng.permutation(16)[:3].tolist())
    for _ in range(clutter):
        made.add(float(rng.uniform(0.0, 4.0)), int(rng.integers(16)))
    return made, *compile_scene(made)


def _chance(d: float, model: Model) -> float:
    return model.hear_max / (1.0 + math.exp((d - model.hear_half) / model.hear_width))


def _slow_score(scene: Compiled, model: Model, x: float, y: float, t0: float) -> tuple[float, dict[int, int]]:
    """The definition: at each sensor in range, the best of its pulses or of having missed it."""
    source, total, used = np.array([x, y, model.height]), 0.0, {}
    travel = travel_times_s(source, scene.place, model.c, np.array([model.wind_x, model.wind_y, 0.0]))
    for k in range(len(scene.place)):
        d = float(np.hypot(*(scene.place[k, :2] - (x, y))))
        if d > model.hear_range:
            continue
        p = _chance(d, model)
        best = math.log1p(-p)
        for j in np.nonzero((scene.sensor == k) & scene.free)[0]:
            r = float(scene.t[j] - t0 - travel[k])
            if -model.reach <= r <= model.reach + latest(model):
                f = arrival_log_density(r, float(scene.sigma[j]), model.late_share, model.late_mean)
                gain = math.log(p) + f - float(scene.log_rate[j])
                if gain > best:
                    best, used[k] = gain, int(j)
        total += best
    return total, used


@given(st.integers(0, 10_000), st.floats(-20.0, 20.0), st.floats(-0.02, 0.02))
def test_score_is_its_definition(seed: int, off: float, late: float) -> None:
    made, scene, model = _scene(seed)
    t0, source = made.shots[0]
    used = np.full(16, -1, np.int64)
    score, count = score_at(scene, model, SENSORS, source[0] + off, source[1], t0 + late, 1.0, used, latest(model))
    expected, chosen = _slow_score(scene, model, source[0] + off, source[1], t0 + late)
    assert score == pytest.approx(expected, rel=1e-10)
    assert count == len(chosen)
    assert {k: int(j) for k, j in enumerate(used) if j >= 0} == chosen


@given(st.integers(0, 10_000))
def test_refining_never_leaves_the_truth(seed: int) -> None:
    """From 30 m off, steps lead back to within what the noise allows, with the shot's own pulses."""
    made, scene, model = _scene(seed, clutter=5)
    t0, source = made.shots[0]
    used = np.full(16, -1, np.int64)
    x, y, t, score, odds, count = refine(
        scene, model, SENSORS, source[0] + 25.0, source[1] - 15.0, t0, used, latest(model)
    )
    assert count >= 11
    assert math.hypot(x - source[0], y - source[1]) < 20.0  # a false pulse may fit by chance
    assert abs(t - t0) < 0.01
    assert odds > model.threshold
    assert score == pytest.approx(_slow_score(scene, model, x, y, t)[0], abs=0.5)


@given(st.integers(0, 10_000))
def test_the_first_pulse_of_a_shot_finds_it(seed: int) -> None:
    made, scene, model = _scene(seed)
    table = made.table()
    first = next(j for j in range(len(table)) if made.truth[table.source[j]] == 0)
    found = find_candidates(scene, model, first, 6, model.threshold, 9)
    assert found
    best = max(found, key=lambda one: one[4])
    assert math.hypot(best[0] - made.shots[0][1][0], best[1] - made.shots[0][1][1]) < 20.0
    for one in found:
        rows = one[6]
        heard = np.nonzero(rows >= 0)[0]
        assert len(heard) == one[5] >= model.least_sensors
        assert (scene.sensor[rows[heard]] == heard).all()
        assert one[4] > model.threshold


@given(st.integers(0, 10_000))
def test_no_candidate_uses_a_taken_pulse(seed: int) -> None:
    _, scene, model = _scene(seed)
    rng = np.random.default_rng(seed)
    scene.free[rng.permutation(len(scene.t))[:15]] = False
    for a in np.nonzero(scene.free)[0][:10]:
        for one in find_candidates(scene, model, int(a), 6, -1e9, 9):
            assert scene.free[one[6][one[6] >= 0]].all()


def test_fewer_than_three_pulses_are_no_candidate() -> None:
    made = Scene(NETWORK)
    made.fire(1.0, (400.0, 400.0, 5.0), deaf=range(2, 16))
    scene, model = compile_scene(made)
    assert not find_candidates(scene, model, 0, 6, -1e9, 9)
    used = np.full(16, -1, np.int64)
    assert refine(scene, model, SENSORS, 400.0, 400.0, 1.0, used, latest(model))[5] == 0


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=30), st.floats(-1.0, 11.0))
def test_first_at_or_after(times: list[float], when: float) -> None:
    made = Scene(NETWORK)
    for t in times:
        made.add(t, 3)
    made.add(5.0, 4)
    scene, _ = compile_scene(made)
    at = first_at_or_after(scene, 3, when)
    own = scene.t[scene.order[scene.begin[3] : scene.begin[4]]]
    assert at - scene.begin[3] == np.searchsorted(own, when, side="left")


def test_expected_hearers_is_the_sum_of_chances() -> None:
    _, scene, model = _scene(1)
    d = np.hypot(*(scene.place[:, :2] - (300.0, 300.0)).T)
    expected = sum(_chance(float(v), model) for v in d if v < model.hear_range)
    assert expected_hearers(scene, model, SENSORS, 300.0, 300.0) == pytest.approx(expected, rel=1e-12)
