"""What a run learns of its site: the truth where there is enough of it, the prior where there is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from localize.learning import learn
from localize.tuning import DEFAULT_TUNING, Tuning
from tests.localize.made import Scene, compile_scene, lattice, network_of

NETWORK = network_of(lattice(4))


def _site(
    shots: int,
    seed: int,
    *,
    noise_s: float = 2e-3,
    late_share: float = 0.0,
    late_mean_s: float = 0.02,
    half_m: float = 1e9,
    width_m: float = 100.0,
    top: float = 1.0,
    clutter_hz: float = 0.0,
) -> Scene:
    """Shots ten seconds apart under known noise, late arrivals, hearing and clutter; sigmas stated as nothing."""
    rng = np.random.default_rng(seed)
    made = Scene(NETWORK)
    for i in range(shots):
        source = np.array([*rng.uniform(0.0, 900.0, 2), 5.0])
        d = np.linalg.norm(NETWORK.positions_m - source, axis=1)
        deaf = np.nonzero(rng.random(16) > top / (1.0 + np.exp((d - half_m) / width_m)))[0]
        made.fire(10.0 * i, tuple(source.tolist()), noise_s=noise_s, rng=rng, deaf=deaf.tolist())
    made.rows = [
        (t + (rng.exponential(late_mean_s) if rng.random() < late_share else 0.0), k, level, 1e-6)
        for t, k, level, _ in made.rows
    ]
    for _ in range(rng.poisson(clutter_hz * 16 * 10.0 * shots)):
        made.add(float(rng.uniform(0.0, 10.0 * shots)), int(rng.integers(16)), sigma_s=1e-6)
    return made


def _learnt(made: Scene, prior: Tuning = DEFAULT_TUNING) -> Tuning:
    scene, _ = compile_scene(made, prior)
    return learn(scene, NETWORK, prior)


@pytest.mark.parametrize("noise_s", [0.5e-3, 2e-3, 8e-3])
def test_noise_is_recovered(noise_s: float) -> None:
    learnt = _learnt(_site(80, 1, noise_s=noise_s))
    assert learnt.propagation_sigma_s == pytest.approx(noise_s, rel=0.15)
    assert learnt.late_share < 0.05


def test_late_arrivals_are_recovered() -> None:
    learnt = _learnt(_site(120, 2, late_share=0.3, late_mean_s=0.02))
    assert learnt.propagation_sigma_s == pytest.approx(2e-3, rel=0.3)
    assert learnt.late_share == pytest.approx(0.3, abs=0.07)
    assert learnt.late_mean_s == pytest.approx(0.02, rel=0.3)


def test_hearing_is_recovered() -> None:
    learnt = _learnt(_site(120, 3, half_m=500.0, width_m=80.0, top=0.95))
    assert learnt.hearing_half_m == pytest.approx(500.0, rel=0.08)
    assert learnt.hearing_max == pytest.approx(0.95, abs=0.05)
    assert learnt.hearing_width_m == pytest.approx(80.0, rel=0.4)


@pytest.mark.parametrize("clutter_hz", [0.005, 0.05])
def test_clutter_is_recovered(clutter_hz: float) -> None:
    """An hour of each sensor is the prior's weight: the site's own quarter of an hour moves it part of the way."""
    shots = 90
    learnt = _learnt(_site(shots, 4, clutter_hz=clutter_hz))
    watched = 10.0 * shots * 16
    expected = (clutter_hz * watched + DEFAULT_TUNING.clutter_rate_hz * 3600.0) / (watched + 3600.0)
    assert learnt.clutter_rate_hz == pytest.approx(expected, rel=0.25)


def test_nothing_heard_leaves_the_prior() -> None:
    made = Scene(NETWORK)
    made.add(0.0, 0)
    made.add(1.0, 1)
    made.add(2.0, 2)
    learnt = _learnt(made)
    kept = dataclasses.replace(
        learnt, clutter_rate_hz=DEFAULT_TUNING.clutter_rate_hz, echo_rate_hz=DEFAULT_TUNING.echo_rate_hz
    )
    assert kept == DEFAULT_TUNING


def test_one_shot_moves_the_prior_little() -> None:
    """A strong prior is not overthrown by one shot, a weak one is by eighty."""
    firm = dataclasses.replace(DEFAULT_TUNING, propagation_strength=1e4, late_strength=1e4, hearing_strength=1e6)
    learnt = _learnt(_site(1, 5), firm)
    assert learnt.propagation_sigma_s == pytest.approx(firm.propagation_sigma_s, rel=0.05)
    assert learnt.late_share == pytest.approx(firm.late_share, rel=0.1)
    assert learnt.hearing_half_m == pytest.approx(firm.hearing_half_m, rel=0.02)


def test_learning_leaves_the_scene_as_it_was() -> None:
    made = _site(5, 6)
    scene, _ = compile_scene(made)
    before = [np.copy(column) for column in scene]
    learn(scene, NETWORK, DEFAULT_TUNING)
    for name, copy in zip(scene._fields, before, strict=True):
        column = np.asarray(getattr(scene, name))
        assert np.array_equal(column, copy, equal_nan=column.dtype.kind == "f")


def test_the_same_scene_teaches_the_same() -> None:
    made = _site(20, 7, late_share=0.2)
    assert _learnt(made) == _learnt(made)


def test_no_residual_is_learnt_from_few_sensors() -> None:
    """Five arrivals and three unknowns: residuals are mostly absorbed, and nothing is learnt of the noise."""
    rng = np.random.default_rng(8)
    made = Scene(NETWORK)
    for i in range(10):
        made.fire(10.0 * i, (420.0, 430.0, 5.0), noise_s=1e-5, rng=rng, deaf=list(range(5, 16)))
    assert _learnt(made).propagation_sigma_s == DEFAULT_TUNING.propagation_sigma_s
