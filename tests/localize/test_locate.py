"""The whole from pulses to shots: exact, repeatable, honest, and complete about every sensor's part."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from acoustic.weather import Weather
from errors import NotEnoughEvidence
from localize.apparent import DISPLACEMENT
from localize.locate import LocateResult, locate
from localize.network import Network
from localize.pulses import PulseTable
from localize.shot import Shot
from localize.travel import travel_times_s
from localize.tuning import Tuning
from tests.localize.made import EPOCH_NS, STILL, Scene, lattice, network_of
from wire.utc import NS_PER_S

Floats = NDArray[np.float64]
FLAT = lattice(4)
FLAT[:, 2] = 3.0
NETWORK = network_of(FLAT)


def _some_shots(seed: int, count: int = 4, noise_s: float = 2e-3, network: Network = NETWORK, misses: int = 2) -> Scene:
    rng = np.random.default_rng(seed)
    made = Scene(network)
    for i in range(count):
        x, y = rng.uniform(150.0, 750.0, 2)
        deaf = rng.permutation(len(network))[:misses].tolist()
        made.fire(6.0 * i, (float(x), float(y), 3.0), noise_s=noise_s, rng=rng, deaf=deaf, level_db=150.0)
    return made


def _text(result: LocateResult) -> str:
    """Everything that a result says, to the last bit."""

    def plain(value: object) -> object:
        if isinstance(value, np.ndarray):
            return value.tobytes().hex()
        if isinstance(value, float):
            return value.hex()
        if isinstance(value, shapely.Geometry):
            return shapely.to_wkb(value).hex()
        if isinstance(value, tuple):
            return [plain(v) for v in value]
        if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return value

    return repr(plain(result))


def _shot_of(result: LocateResult, t0: float) -> Shot:
    near = [s for s in result.shots if abs(s.fired_ns - EPOCH_NS - t0 * NS_PER_S) < 0.05 * NS_PER_S]
    assert len(near) == 1
    return near[0]


@pytest.mark.parametrize(("sigma_s", "metres"), [(1e-3, 2e-3), (1e-4, 1e-4), (1e-5, 1e-4)])
@pytest.mark.parametrize("wind", [(0.0, 0.0), (12.0, 250.0)])
def test_noise_free_arrivals_give_the_truth(wind: tuple[float, float], sigma_s: float, metres: float) -> None:
    weather = Weather(wind_speed_m_s=wind[0], wind_from_deg=wind[1], measured_speed_m_s=343.0)
    made = _some_shots(1, noise_s=0.0, network=network_of(FLAT, weather), misses=0)
    made.rows = [(t, k, level, sigma_s) for t, k, level, _ in made.rows]
    result = locate(made.table(), made.network)
    assert len(result.shots) == len(made.shots)
    for t0, source in made.shots:
        shot = _shot_of(result, t0)
        assert np.hypot(*(shot.position_m - source)[:2]) < metres
        assert abs(shot.fired_ns - EPOCH_NS - t0 * NS_PER_S) < metres / 343.0 * NS_PER_S * 2.0
        assert shot.region_50.covers(shapely.Point(source[:2]))


def test_same_bytes_twice() -> None:
    made = _some_shots(2)
    assert _text(locate(made.table(), NETWORK)) == _text(locate(made.table(), NETWORK))


def test_what_a_shot_says_holds_together() -> None:
    made = _some_shots(3)
    result = locate(made.table(), NETWORK)
    assert len(result.shots) == 4
    assert [s.fired_ns for s in result.shots] == sorted(s.fired_ns for s in result.shots)
    assert len({s.id for s in result.shots}) == 4
    wind = NETWORK.weather.wind_m_s
    for shot in result.shots:
        assert shot.revision == 1
        assert not shot.provisional
        assert shot.region_95.is_valid
        assert shot.region_50.is_valid
        assert shot.region_95.buffer(1e-6).covers(shot.region_50)
        assert shot.region_95.covers(shapely.Point(shot.position_m[:2]))
        assert np.linalg.eigvalsh(shot.covariance_m2).min() > 0.0
        assert shot.score > 0.0
        assert 0.0 < shot.fired_sigma_s < 0.01
        assert sum(weight for _, weight in shot.roots) == pytest.approx(1.0)
        # levels were made by spherical spreading from 150 dB at 1 m
        assert shot.level_db_spl_1m == pytest.approx(150.0, abs=0.5)
        for arrival in shot.used:
            k = NETWORK.index[arrival.sensor]
            travel = travel_times_s(shot.position_m, NETWORK.positions_m[k : k + 1], 343.0, wind)[0]
            assert arrival.arrival_ns is not None
            expected = (arrival.arrival_ns - shot.fired_ns) * 1e-9 - travel
            assert arrival.residual_s == pytest.approx(expected, abs=1e-7)
            assert arrival.distance_m == pytest.approx(np.linalg.norm(NETWORK.positions_m[k] - shot.position_m))
            assert 0.0 < arrival.weight <= 1.0


def test_every_sensor_in_range_has_its_part() -> None:
    """Used, rejected, silent: none is left out, none named twice."""
    rng = np.random.default_rng(4)
    made = Scene(NETWORK)
    exact = made.fire(0.0, (430.0, 470.0, 3.0), noise_s=1e-3, rng=rng, deaf=[5, 10])
    made.add(float(exact[10]) + 0.18, 10)
    (shot,) = locate(made.table(), NETWORK).shots
    parts = {a.sensor: a for a in shot.arrivals}
    assert len(parts) == len(shot.arrivals) == 16
    assert parts["s05"].status == "silent"
    assert parts["s05"].arrival_ns is None
    assert math.isnan(parts["s05"].residual_s)
    assert parts["s05"].source == -1
    assert parts["s10"].status == "rejected"
    assert parts["s10"].residual_s == pytest.approx(0.18, abs=0.01)
    assert sorted(a.sensor for a in shot.used) == [f"s{k:02d}" for k in range(16) if k not in (5, 10)]
    table = made.table()
    for a in shot.used:
        row = int(np.nonzero(table.source == a.source)[0][0])
        assert NETWORK.ids[table.sensor[row]] == a.sensor
        assert table.arrival_ns[row] == a.arrival_ns
    distances = [a.distance_m for a in shot.arrivals]
    assert distances == sorted(distances)


def test_a_round_borrows_what_it_lacks() -> None:
    rng = np.random.default_rng(6)
    made = Scene(NETWORK)
    for i in range(4):
        made.fire(0.15 * i, (430.0, 470.0, 3.0), noise_s=1e-3, rng=rng, deaf=[7] if i == 2 else [])
    result = locate(made.table(), NETWORK)
    assert len(result.shots) == 4
    parts = {a.sensor: a for a in _shot_of(result, 0.3).arrivals}
    assert parts["s07"].status == "lent"
    assert parts["s07"].weight == 0.0


def test_ids_stay_when_other_shots_come() -> None:
    made = _some_shots(7, count=5)
    before = {s.id for s in locate(made.table(), NETWORK).shots}
    made.fire(60.0, (300.0, 300.0, 3.0))
    after = {s.id for s in locate(made.table(), NETWORK).shots}
    assert before < after


@settings(max_examples=10)
@given(st.integers(-(10**9), 10**9))
def test_a_shifted_clock_shifts_the_shots(shift_s: int) -> None:
    made = _some_shots(8)
    one, two = locate(made.table(), NETWORK), locate(made.table(shift_s=shift_s), NETWORK)
    assert len(one.shots) == len(two.shots) == 4
    for a, b in zip(one.shots, two.shots, strict=True):
        assert b.fired_ns - a.fired_ns == pytest.approx(shift_s * NS_PER_S, abs=2000)
        assert b.position_m == pytest.approx(a.position_m, abs=1e-2)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_order_of_sensors_is_nothing(seed: int) -> None:
    made = _some_shots(9)
    order = np.random.default_rng(seed).permutation(16)
    place = np.argsort(order)
    other = Scene(network_of(FLAT[order]))
    for t, sensor, level, sigma in made.rows:
        other.add(t, int(place[int(sensor)]), level, sigma_s=sigma)
    one, two = locate(made.table(), NETWORK), locate(other.table(), other.network)
    assert len(two.shots) == len(one.shots)
    for a, b in zip(one.shots, two.shots, strict=True):
        assert b.position_m == pytest.approx(a.position_m, abs=0.05)
        assert b.region_95.area == pytest.approx(a.region_95.area, rel=0.02)
        assert {x.source for x in a.used} == {x.source for x in b.used}


def test_three_sensors_without_levels_are_not_placed() -> None:
    """Heard, said so, but no position is claimed."""
    rng = np.random.default_rng(1)
    source = np.array([440.0, 460.0, 3.0])
    rank = np.argsort(np.linalg.norm(FLAT - source, axis=1))
    small = network_of(FLAT[np.sort(rank[:3])])
    part = Scene(small)
    for i in range(3):
        part.fire(8.0 * i, tuple(source.tolist()), noise_s=1e-3, rng=rng)
    result = locate(part.table(), small)
    assert not result.shots
    for shot in result.unplaced:
        assert shot.provisional
        assert shot.notes
    assert len(result.notes) == len(result.unplaced)


@pytest.mark.parametrize("count", [1, 2])
def test_networks_too_small(count: int) -> None:
    network = network_of(FLAT[:count])
    made = Scene(network)
    made.add(0.0, 0)
    with pytest.raises(NotEnoughEvidence, match=f"{count} sensors? in the network: a position needs at least three"):
        locate(made.table(), network)


def test_sensors_in_a_line() -> None:
    place = np.column_stack([np.arange(6) * 100.0, np.arange(6) * 30.0, np.zeros(6)])
    network = network_of(place)
    made = Scene(network)
    made.fire(0.0, (200.0, 300.0, 0.0))
    with pytest.raises(NotEnoughEvidence, match="all sensors stand in one line"):
        locate(made.table(), network)


def test_two_sensors_that_heard_are_no_shot() -> None:
    made = Scene(NETWORK)
    made.add(0.0, 0)
    made.add(0.1, 1)
    result = locate(made.table(), NETWORK)
    assert result.shots == ()
    assert result.notes == ("pulses at 2 of 16 sensors: no shot can be located",)


def test_no_pulses_at_all() -> None:
    nothing = np.empty(0)
    table = PulseTable(
        nothing.astype(np.int64), nothing.astype(np.int32), nothing, nothing, nothing, nothing.astype(np.int64)
    )
    result = locate(table, NETWORK)
    assert result.shots == result.unplaced == ()


@pytest.mark.parametrize(("stated_s", "noise_s", "median_m"), [(2e-3, 2e-3, 1.0), (0.5e-3, 6e-3, 4.0)])
def test_regions_hold_the_truth_as_often_as_they_say(stated_s: float, noise_s: float, median_m: float) -> None:
    """300 shots with false pulses: within binomial bounds of one in a thousand.

    Noise that the pulses state is of picks, and independent; noise beyond it is of paths, which displace the source.
    """
    rng = np.random.default_rng(12)
    made = Scene(NETWORK)
    aside_m = DISPLACEMENT * 343.0 * noise_s if noise_s > stated_s else 0.0
    sources = rng.uniform(0.0, 900.0, (300, 2))
    for i, place in enumerate(sources):
        x, y = place + aside_m * rng.standard_normal(2)
        deaf = np.nonzero(rng.random(16) < 0.2)[0].tolist()
        made.fire(15.0 * i, (float(x), float(y), 3.0), noise_s=noise_s, rng=rng, deaf=deaf)
    for _ in range(700):
        made.add(float(rng.uniform(0.0, 4500.0)), int(rng.integers(16)))
    made.rows = [(t, k, level, stated_s) for t, k, level, _ in made.rows]
    result = locate(made.table(), NETWORK)
    held = np.zeros(2, dtype=int)
    errors = []
    for (t0, _), source in zip(made.shots, sources, strict=True):
        shot = _shot_of(result, t0)
        errors.append(float(np.hypot(*(shot.position_m[:2] - source))))
        held += [r.covers(shapely.Point(source)) for r in (shot.region_50, shot.region_95)]
    assert len(result.shots) == 300
    assert np.median(errors) < median_m
    for count, level in zip(held, (0.5, 0.95), strict=True):
        low, high = binom.interval(0.999, 300, level)
        assert low <= count <= high


def test_what_is_learnt_is_the_noise_there_is() -> None:
    made = _some_shots(13, count=40, noise_s=2e-3)
    learnt = locate(made.table(), NETWORK).learnt
    total = math.hypot(learnt.propagation_sigma_s, 1e-3)  # the pulses state 1 ms
    assert total == pytest.approx(2e-3, rel=0.2)
    assert learnt.late_share < 0.06


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_one_more_pulse_that_agrees_never_widens_the_region_much(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = _some_shots(seed, count=3)
    source = np.array([*rng.uniform(200.0, 700.0, 2), 3.0])
    lacking = int(rng.integers(16))
    exact = base.fire(40.0, tuple(source.tolist()), noise_s=1e-3, rng=rng, deaf=[lacking])
    before = _shot_of(locate(base.table(), NETWORK), 40.0)
    base.add(float(exact[lacking]), lacking)
    after = _shot_of(locate(base.table(), NETWORK), 40.0)
    assert len(after.used) == len(before.used) + 1
    assert after.region_95.area < 1.15 * before.region_95.area


@pytest.mark.parametrize("wrong_s", [0.5, 0.06])
def test_a_wrong_clock_is_named_and_harmless(wrong_s: float) -> None:
    made = _some_shots(14, count=6, misses=0)
    right = locate(made.table(), NETWORK)
    made.rows = [(t + wrong_s, k, *rest) if k == 6 else (t, k, *rest) for t, k, *rest in made.rows]  # type: ignore[misc]
    wrong = locate(made.table(), NETWORK)
    assert len(wrong.shots) == len(right.shots) == 6
    for t0, source in made.shots:
        shot = _shot_of(wrong, t0)
        assert np.hypot(*(shot.position_m - source)[:2]) < 4.0
        (part,) = (a for a in shot.arrivals if a.sensor == "s06")
        if wrong_s < 0.25 and part.status != "used":
            assert part.status == "rejected"
            assert part.residual_s == pytest.approx(wrong_s, abs=0.015)


def test_far_outside_is_said_as_direction_and_range() -> None:
    rng = np.random.default_rng(3)
    made = _some_shots(15, count=8)
    made.fire(100.0, (440.0, 2100.0, 3.0), noise_s=2e-3, rng=rng, reach_m=2500.0)
    result = locate(made.table(), NETWORK, Tuning(hearing_half_m=2500.0))
    every = [*result.shots, *result.unplaced]
    (far,) = [s for s in every if abs(s.fired_ns - EPOCH_NS - 100 * NS_PER_S) < NS_PER_S]
    assert far.region_95.buffer(20.0).covers(shapely.Point(440.0, 2100.0))


def test_weather_of_the_network_is_used() -> None:
    cold = network_of(FLAT, dataclasses.replace(STILL, measured_speed_m_s=320.0))
    made = _some_shots(16, network=cold)
    for t0, source in made.shots:
        assert np.hypot(*(_shot_of(locate(made.table(), cold), t0).position_m - source)[:2]) < 3.0
