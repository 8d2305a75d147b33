"""One sound from its arrivals: exact truth to a micrometre, invariance, honest failure, calibrated covariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2

from errors import BadInput, NotEnoughEvidence
from localize.multilaterate import Fix, Status, multilaterate
from localize.travel import travel_times_s
from tests.localize.made import lattice
from tests.strategies import headings_rad, points_m, winds_m_s

C = 343.0
Floats = NDArray[np.float64]
SEEDS = st.integers(0, 2**31)


def _site(seed: int, count: int, tall_m: float = 20.0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(0.0, 1000.0, (count, 2)), rng.uniform(0.0, tall_m, count)])


def _nearest(fix: Fix, source: Floats) -> float:
    """Distance of the truth from the nearest root."""
    return min(float(np.linalg.norm(p - source)) for p in (fix.position_m, *(r.position_m for r in fix.alternatives)))


@given(SEEDS, st.integers(4, 12), st.tuples(st.floats(-100, 1100), st.floats(-100, 1100)), winds_m_s())
def test_noise_free_to_a_micrometre(seed: int, count: int, place: tuple[float, float], wind: Floats) -> None:
    sensors, source = _site(seed, count), np.array([*place, 1.5])
    spread = np.linalg.svd(sensors[:, :2] - sensors[:, :2].mean(axis=0), compute_uv=False)
    assume(spread[1] > 0.2 * spread[0])
    arrival = 12.25 + travel_times_s(source, sensors, C, wind)
    fix = multilaterate(sensors, arrival, 1e-3, C, wind, height=1.5)
    assert _nearest(fix, source) < 1e-6
    if fix.status == Status.CONVERGED:
        assert np.linalg.norm(fix.position_m - source) < 1e-6
        assert fix.fired_s == pytest.approx(12.25, abs=1e-8)
        assert np.abs(fix.residuals_s).max() < 1e-8
        assert fix.covariance.shape == (2, 2)


@given(SEEDS, st.integers(7, 12), st.floats(0.0, 60.0), winds_m_s())
def test_noise_free_in_space(seed: int, count: int, z: float, wind: Floats) -> None:
    sensors = _site(seed, count, tall_m=300.0)
    spread = np.linalg.svd(sensors - sensors.mean(axis=0), compute_uv=False)
    assume(spread[2] > 0.2 * spread[0])
    source = np.array([*np.random.default_rng(seed + 1).uniform(200.0, 800.0, 2), z])
    fix = multilaterate(sensors, 3.0 + travel_times_s(source, sensors, C, wind), 1e-3, C, wind)
    assume(fix.covariance.shape == (3, 3))
    assert _nearest(fix, source) < 1e-6


def test_height_is_solved_for_where_sensors_stand_high_and_low() -> None:
    sensors = np.array([[0, 0, 0], [300, 0, 120], [300, 300, 0], [0, 300, 120], [150, 20, 60], [20, 150, 5.0]])
    source = np.array([180.0, 120.0, 33.0])
    fix = multilaterate(sensors, travel_times_s(source, sensors, C), 1e-3, C)
    assert fix.covariance.shape == (3, 3)
    assert np.linalg.norm(fix.position_m - source) < 1e-6


def test_height_is_not_claimed_on_flat_ground() -> None:
    sensors = lattice(3)
    sensors[:, 2] = 2.0
    fix = multilaterate(sensors, travel_times_s(np.array([250.0, 320.0, 2.0]), sensors, C), 1e-3, C)
    assert fix.covariance.shape == (2, 2)
    assert np.linalg.norm(fix.position_m - (250.0, 320.0, 2.0)) < 1e-6


def test_a_source_high_above_flat_ground_is_two_roots() -> None:
    """Only up and down remain in question; both are said."""
    sensors = np.column_stack([np.random.default_rng(3).uniform(0, 300, (8, 2)), np.zeros(8)])
    source = np.array([140.0, 160.0, 150.0])
    fix = multilaterate(sensors, travel_times_s(source, sensors, C), 1e-3, C)
    assert fix.status == Status.TWO_ROOTS
    assert _nearest(fix, source) < 1e-6
    assert abs(fix.position_m[2]) == pytest.approx(150.0, abs=1e-6)
    assert fix.alternatives[0].position_m[2] == pytest.approx(-fix.position_m[2], abs=1e-6)
    assert fix.alternatives[0].weight == pytest.approx(0.5, abs=1e-6)


@given(SEEDS, points_m(5000.0), headings_rad(), st.floats(-1e4, 1e4))
def test_moves_turns_and_shifts_with_its_input(seed: int, move: Floats, turn: float, later: float) -> None:
    sensors, rng = _site(seed, 7), np.random.default_rng(seed)
    wind = np.array([4.0, -2.0, 0.0])
    arrival = travel_times_s(np.array([480.0, 530.0, 1.5]), sensors, C, wind) + 1e-3 * rng.standard_normal(7)
    one = multilaterate(sensors, arrival, 1e-3, C, wind, height=1.5)
    assume(one.status == Status.CONVERGED)
    matrix = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    shift = np.array([*move, 10.0])
    two = multilaterate(sensors @ matrix.T + shift, arrival + later, 1e-3, C, matrix @ wind, height=11.5)
    assert two.position_m == pytest.approx(matrix @ one.position_m + shift, abs=1e-5)
    assert two.fired_s - later == pytest.approx(one.fired_s, abs=1e-8)
    assert two.covariance == pytest.approx(matrix[:2, :2] @ one.covariance @ matrix[:2, :2].T, rel=1e-4, abs=1e-6)
    assert two.residuals_s == pytest.approx(one.residuals_s, abs=1e-8)
    assert two.status == one.status


@given(SEEDS)
def test_order_of_the_sensors_is_nothing(seed: int) -> None:
    sensors, rng = _site(seed, 7), np.random.default_rng(seed)
    arrival = travel_times_s(np.array([480.0, 530.0, 1.5]), sensors, C) + 1e-3 * rng.standard_normal(7)
    one = multilaterate(sensors, arrival, 1e-3, C, height=1.5)
    assume(one.status == Status.CONVERGED)
    order = rng.permutation(7)
    two = multilaterate(sensors[order], arrival[order], 1e-3, C, height=1.5)
    assert two.position_m == pytest.approx(one.position_m, abs=1e-5)
    assert two.residuals_s == pytest.approx(one.residuals_s[order], abs=1e-8)


def test_a_late_arrival_moves_the_robust_fix_less() -> None:
    sensors = lattice(3)
    source = np.array([250.0, 320.0, 2.0])
    for late in range(len(sensors)):
        arrival = travel_times_s(source, sensors, C)
        arrival[late] += 0.05
        plain = multilaterate(sensors, arrival, 2e-3, C, height=2.0)
        robust = multilaterate(sensors, arrival, 2e-3, C, height=2.0, late_share=0.1)
        off = [float(np.linalg.norm(fix.position_m - source)) for fix in (plain, robust)]
        assert off[1] < 0.25 * off[0]
        assert off[1] < 1.5
        assert robust.residuals_s[late] == pytest.approx(0.05, abs=5e-3)


def test_both_roots_of_three_sensors_are_given() -> None:
    sensors = np.array([[0.0, 0, 0], [200, 0, 0], [0, 200, 0]])
    source = np.array([-60.0, -40.0, 0.0])
    fix = multilaterate(sensors, travel_times_s(source, sensors, C), 1e-3, C, height=0.0)
    assert fix.status == Status.TWO_ROOTS
    assert _nearest(fix, source) < 1e-6
    (other,) = fix.alternatives
    for place, fired in ((fix.position_m, fix.fired_s), (other.position_m, other.fired_s)):
        assert fired + travel_times_s(place, sensors, C) == pytest.approx(travel_times_s(source, sensors, C), abs=1e-9)
    assert 0.05 <= other.weight < 1.0


def test_a_fourth_sensor_decides_between_the_roots() -> None:
    sensors = np.array([[0.0, 0, 0], [200, 0, 0], [0, 200, 0], [250, 260, 0]])
    source = np.array([-60.0, -40.0, 0.0])
    fix = multilaterate(sensors, travel_times_s(source, sensors, C), 1e-3, C, height=0.0)
    assert fix.status == Status.CONVERGED
    assert np.linalg.norm(fix.position_m - source) < 1e-6


@pytest.mark.parametrize("range_m", [20000.0, 60000.0])
@pytest.mark.parametrize("bearing", [0.1, 2.0, 4.5])
def test_far_outside_it_is_a_direction(range_m: float, bearing: float) -> None:
    rng = np.random.default_rng(8)
    sensors = _site(2, 7) * 0.4
    centre = sensors.mean(axis=0)
    source = centre + range_m * np.array([math.sin(bearing), math.cos(bearing), 0.0])
    source[2] = 0.0
    held = 0
    for _ in range(20):
        arrival = travel_times_s(source, sensors, C) + 1e-3 * rng.standard_normal(7)
        fix = multilaterate(sensors, arrival, 1e-3, C, height=0.0)
        assert fix.status == Status.FAR
        assert fix.direction is not None
        turn = (fix.direction.bearing_rad - bearing + math.pi) % (2 * math.pi) - math.pi
        assert abs(turn) < 5.0 * fix.direction.bearing_sigma_rad
        assert fix.direction.bearing_sigma_rad < 0.02
        low, high = fix.direction.range_m
        assert 0.0 < low < high
        held += low <= range_m <= high
    assert held >= 16  # of 20 where 19 are meant to be: 95 % binomial bound


def test_inside_the_network_it_is_never_far() -> None:
    sensors = lattice(3)
    arrival = travel_times_s(sensors.mean(axis=0) + 0.3, sensors, C)
    fix = multilaterate(sensors, arrival, 0.02, C, height=0.0)
    assert fix.direction is None


@pytest.mark.parametrize(("count", "space"), [(4, False), (6, False), (10, False), (9, True)])
def test_covariance_is_calibrated(count: int, space: bool) -> None:
    """Squared Mahalanobis distances of Monte Carlo errors are chi-square: mean and 95 % share."""
    rng = np.random.default_rng(11)
    angle = np.linspace(0.0, 2 * math.pi, count, endpoint=False) + rng.uniform(-0.1, 0.1, count)
    heights = np.where(np.arange(count) % 2, 150.0, 0.0) if space else rng.uniform(0, 10, count)
    sensors = np.column_stack([400 * np.cos(angle), 400 * np.sin(angle), heights])
    sensors[0, :2] = 50.0, -80.0
    source, sigma = np.array([60.0, 30.0, 40.0]), rng.uniform(0.5e-3, 3e-3, count)
    exact, k = travel_times_s(source, sensors, C), 3 if space else 2
    squares = []
    for _ in range(200):
        noisy = exact + sigma * rng.standard_normal(count)
        fix = multilaterate(sensors, noisy, sigma, C, height="free" if space else 40.0)
        assert fix.covariance.shape == (k, k)
        e = (fix.position_m - source)[:k]
        squares.append(float(e @ np.linalg.solve(fix.covariance, e)))
    assert np.mean(squares) == pytest.approx(k, abs=4.0 * math.sqrt(2 * k / 200))
    assert 0.90 <= np.mean(np.array(squares) <= chi2.ppf(0.95, k)) <= 0.99


def test_cost_is_minus_the_log_likelihood() -> None:
    sensors = lattice(3)
    rng = np.random.default_rng(1)
    arrival = travel_times_s(np.array([250.0, 320.0, 2.0]), sensors, C) + 1e-3 * rng.standard_normal(9)
    fix = multilaterate(sensors, arrival, 1e-3, C, height=2.0)
    expected = float((0.5 * (fix.residuals_s / 1e-3) ** 2 + math.log(1e-3) + 0.5 * math.log(2 * math.pi)).sum())
    assert fix.cost == pytest.approx(expected, rel=1e-9)
    assert fix.iterations >= 1


SQUARE = np.array([[0.0, 0, 0], [100, 0, 0], [100, 100, 0], [0, 100, 0]])


def test_too_few_sensors() -> None:
    with pytest.raises(NotEnoughEvidence, match="2 arrivals: a position needs at least three sensors"):
        multilaterate(SQUARE[:2], [0.0, 0.1], 1e-3, C)


@pytest.mark.parametrize("count", [3, 6])
def test_sensors_in_a_line(count: int) -> None:
    sensors = np.column_stack([np.arange(count) * 100.0, np.arange(count) * 50.0, np.arange(count) ** 2])
    with pytest.raises(NotEnoughEvidence, match="stand in one line"):
        multilaterate(sensors, np.zeros(count), 1e-3, C)


def test_sensors_at_one_place() -> None:
    with pytest.raises(NotEnoughEvidence, match="stand in one line"):
        multilaterate(np.ones((4, 3)), np.zeros(4), 1e-3, C)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"arrival_s": [0.0, 0.1]}, r"sensors_m, arrival_s: expected shapes"),
        ({"sensors_m": SQUARE[:, :2]}, r"sensors_m, arrival_s: expected shapes"),
        ({"sigma_s": [1e-3, 1e-3]}, r"sigma_s: expected shape \(4,\) or one number, found \(2,\)"),
        ({"sigma_s": 0.0}, "sigma_s: expected above 0, found 0.0"),
        ({"arrival_s": [0.0, 0.1, math.nan, 0.2]}, "arrival_s: expected finite numbers, found nan"),
        ({"sensors_m": SQUARE + math.inf}, "sensors_m: expected finite numbers"),
        ({"wind_m_s": [1.0, 2.0]}, r"wind_m_s: expected shape \(3,\)"),
        ({"wind_m_s": [400.0, 0.0, 0.0]}, "sound_speed_m_s: expected finite and above the wind's speed"),
        ({"sound_speed_m_s": math.nan}, "sound_speed_m_s"),
        ({"late_share": 1.0}, r"late_share: expected 0 \.\. 1, found 1.0"),
        ({"late_mean_s": 0.0}, "late_mean_s: expected above 0"),
        ({"height": math.nan}, "height: expected"),
        ({"height": "roof"}, "height: expected"),
    ],
)
def test_refuses(change: dict[str, object], sentence: str) -> None:
    good: dict[str, object] = {"sensors_m": SQUARE, "arrival_s": [0.0, 0.1, 0.2, 0.1], "sigma_s": 1e-3}
    good["sound_speed_m_s"] = C
    with pytest.raises(BadInput, match=f"^multilaterate: {sentence}"):
        multilaterate(**{**good, **change})  # type: ignore[arg-type]


@given(SEEDS, st.integers(3, 8), st.floats(1e-5, 0.1), st.sampled_from([0.0, 0.1]))
def test_any_arrivals_end_in_a_finite_answer(seed: int, count: int, sigma: float, late_share: float) -> None:
    """Arrivals that no sound causes still give finite numbers and a status."""
    rng = np.random.default_rng(seed)
    sensors, arrival = _site(seed, count), rng.uniform(0.0, 3.0, count)
    try:
        fix = multilaterate(sensors, arrival, sigma, C, late_share=late_share)
    except NotEnoughEvidence:
        return
    assert np.isfinite(fix.position_m).all()
    assert math.isfinite(fix.fired_s)
    assert math.isfinite(fix.cost)
    assert np.isfinite(fix.residuals_s).all()
    assert np.allclose(fix.covariance, fix.covariance.T)
