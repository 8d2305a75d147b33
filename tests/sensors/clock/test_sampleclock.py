"""The line through late anchors, against exact truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.clock.sampleclock import KEPT, SampleClock

RATE_HZ = 48_000
EVERY = 1024


def true_ns(frame: float, ppm: float) -> float:
    return frame / RATE_HZ * 1e9 * (1 + ppm * 1e-6)


def fed(seconds: float, late_ns: NDArray[np.float64] | float, ppm: float = 40.0, start_ns: int = 0) -> SampleClock:
    """A clock with anchors each 1024 frames, late by so much each."""
    clock = SampleClock(RATE_HZ)
    frames = np.arange(0, seconds * RATE_HZ, EVERY)
    for frame, late in zip(frames, np.broadcast_to(late_ns, len(frames)), strict=True):
        clock.add(int(frame), start_ns + round(true_ns(float(frame), ppm) + late))
    return clock


def error_ns(clock: SampleClock, frame: float, ppm: float = 40.0) -> tuple[float, float]:
    reading = clock.at(frame)
    assert reading is not None
    return reading.time_ns - true_ns(frame, ppm), reading.sigma_s * 1e9


def number(seconds: float) -> int:
    return len(np.arange(0, seconds * RATE_HZ, EVERY))


def test_nothing_is_known_before_an_anchor() -> None:
    assert SampleClock(RATE_HZ).at(0) is None


def test_exact_anchors_give_the_exact_line() -> None:
    clock = fed(60, 0.0)
    for frame in (60 * RATE_HZ, 59.3 * RATE_HZ, 61 * RATE_HZ):
        error, sigma = error_ns(clock, frame)
        assert abs(error) < 5
        assert sigma < 4_000
    assert clock.pace - 1 == pytest.approx(40e-6, abs=1e-10)


def test_one_anchor_is_taken_with_due_doubt() -> None:
    clock = SampleClock(RATE_HZ)
    clock.add(0, 1000)
    reading = clock.at(0)
    assert reading is not None
    assert reading.time_ns == 1000
    assert reading.sigma_s >= 5e-3


@pytest.mark.parametrize("ppm", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("scale_s", [10e-6, 300e-6, 5e-3])
def test_the_first_seconds_are_good(ppm: float, scale_s: float) -> None:
    """The prior on the rate: five seconds of exponential lateness leave some hundredths of it."""
    rng = np.random.default_rng(1)
    clock = fed(5, rng.exponential(scale_s * 1e9, number(5)), ppm)
    error, sigma = error_ns(clock, 5 * RATE_HZ, ppm)
    assert abs(error) <= 1.6 * sigma  # sigma holds in 95 %, and this is one draw
    assert abs(error) < 0.2 * scale_s * 1e9 + 5_000


def test_a_tail_of_many_milliseconds_hardly_counts() -> None:
    rng = np.random.default_rng(2)
    late = 2e4 * np.exp(rng.normal(0, 2.5, number(120)))
    assert late.max() > 20e6
    error, sigma = error_ns(fed(120, late), 120 * RATE_HZ)
    assert abs(error) < 10_000
    assert abs(error) <= sigma


def test_callbacks_late_by_whole_periods() -> None:
    rng = np.random.default_rng(3)
    late = (rng.geometric(0.4, number(60)) - 1) * EVERY / RATE_HZ * 1e9
    error, sigma = error_ns(fed(60, late), 60 * RATE_HZ)
    assert abs(error) < 30_000
    assert abs(error) <= sigma


def test_the_rate_is_learnt_from_anchors_that_are_late_by_whole_periods() -> None:
    """The drift of the first seconds was once taken for lateness, and the line ran away by 140 ppm."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        ppm = 180.0 if seed % 2 else -180.0
        late = (rng.geometric(0.4, number(90)) - 1) * EVERY / RATE_HZ * 1e9 + rng.exponential(1e4, number(90))
        clock = fed(90, late, ppm)
        error, sigma = error_ns(clock, 90 * RATE_HZ, ppm)
        assert abs(error) <= sigma
        assert sigma < 2e6
        assert clock.pace - 1 == pytest.approx(ppm * 1e-6, abs=5e-6)


def test_a_minute_that_is_late_as_a_whole_does_not_move_the_line_and_is_doubted() -> None:
    """It once did: ten seconds at 17 ms tilted the line after a new segment, with a small sigma."""
    late = np.where(np.arange(number(70)) > number(10), 17e6, 0.0)
    clock = SampleClock(RATE_HZ)
    frames = np.arange(0, 70 * RATE_HZ, EVERY)
    for number_of_anchor, (frame, l_ns) in enumerate(zip(frames, late, strict=True)):
        clock.add(int(frame), round(true_ns(float(frame), 100) + l_ns))
        if number_of_anchor % 20:
            continue
        error, sigma = error_ns(clock, float(frame), 100)
        assert abs(error) <= 1.01 * sigma
    assert abs(error) < 50_000
    assert sigma > 16e6


def test_what_stays_late_is_believed_in_the_end() -> None:
    late = np.where(np.arange(number(KEPT + 60)) > number(20), 5e6, 0.0)
    error, sigma = error_ns(fed(KEPT + 60, late), (KEPT + 60) * RATE_HZ)
    assert error == pytest.approx(5e6, abs=20_000)
    assert sigma < 50_000


def test_an_earlier_anchor_is_believed_within_seconds() -> None:
    """Anchors are never early: the ones before were late."""
    late = np.where(np.arange(number(80)) > number(60), 0.0, 3e6)
    clock = fed(80, late)
    error, sigma = error_ns(clock, 80 * RATE_HZ)
    assert abs(error) <= sigma
    assert abs(error) < 100_000


def test_a_coarse_counter_is_seen() -> None:
    """Anchors counted in milliseconds once looked exact for as long as the beat against the period lasted."""
    clock = SampleClock(RATE_HZ)
    for frame in range(0, 20 * RATE_HZ, EVERY):
        clock.add(frame, -(-round(true_ns(frame, 30)) // 1_000_000) * 1_000_000)
    error, sigma = error_ns(clock, 20 * RATE_HZ, 30)
    assert abs(error) <= 1_000_000 <= sigma


def test_noise_on_both_sides_is_told_from_lateness() -> None:
    rng = np.random.default_rng(4)
    error, sigma = error_ns(fed(60, rng.normal(0, 2e5, number(60))), 60 * RATE_HZ)
    assert abs(error) <= sigma


def test_filled_in_samples_cast_doubt_until_seen() -> None:
    clock = fed(30, 0.0)
    clock.lost(30 * RATE_HZ)
    assert error_ns(clock, 30 * RATE_HZ)[1] >= 1e6
    for frame in range(30 * RATE_HZ // EVERY * EVERY + EVERY, 36 * RATE_HZ, EVERY):
        clock.add(frame, round(true_ns(frame, 40)))
    assert error_ns(clock, 36 * RATE_HZ)[1] < 20_000


def test_wild_anchors_are_doubted_and_in_the_end_begin_anew() -> None:
    clock = fed(30, 0.0)
    frames = itertools.count(30 * RATE_HZ // EVERY * EVERY + EVERY, EVERY)
    for frame in itertools.islice(frames, 30):
        clock.add(frame, round(true_ns(frame, 40)) + 5_000_000_000)
    assert error_ns(clock, 30 * RATE_HZ)[1] > 0.9e9
    for frame in itertools.islice(frames, 2000):
        clock.add(frame, round(true_ns(frame, 40)) + 5_000_000_000)
    error, sigma = error_ns(clock, frame)
    assert error == pytest.approx(5e9, abs=10_000)
    assert sigma < 1e6


def test_a_rate_that_changes_with_temperature_is_followed() -> None:
    """One part in a million in five minutes."""
    clock = SampleClock(RATE_HZ)
    for frame in range(0, 600 * RATE_HZ, EVERY):
        t = frame / RATE_HZ
        clock.add(frame, round(t * 1e9 + 0.5 * 3.3 * t * t))
    t = 600.0
    reading = clock.at(t * RATE_HZ)
    assert reading is not None
    error = reading.time_ns - (t * 1e9 + 0.5 * 3.3 * t * t)
    assert abs(error) < 30_000
    assert abs(error) <= reading.sigma_s * 1e9


def test_memory_does_not_grow() -> None:
    clock = fed(KEPT + 60, 0.0)
    assert len(clock._x) == len(clock._y) == len(clock._own) == KEPT


@given(
    shift_ns=st.integers(-(2**61), 2**61),
    frames=st.integers(-(2**50), 2**50),
    seed=st.integers(0, 2**32 - 1),
)
def test_translation(shift_ns: int, frames: int, seed: int) -> None:
    """Counting frames or time from elsewhere changes nothing else."""
    late = np.random.default_rng(seed).exponential(1e5, number(3))
    here, there = SampleClock(RATE_HZ), SampleClock(RATE_HZ)
    for n, l_ns in enumerate(late):
        at_ns = round(true_ns(n * EVERY, 40) + l_ns)
        here.add(n * EVERY, at_ns)
        there.add(n * EVERY + frames, at_ns + shift_ns)
    one, two = here.at(2 * RATE_HZ), there.at(2 * RATE_HZ + frames)
    assert one is not None
    assert two is not None
    assert two.time_ns - one.time_ns == shift_ns
    assert two.sigma_s == one.sigma_s


@given(st.lists(st.floats(0, 3e6), min_size=60, max_size=200), st.integers(0, 2**32 - 1))
def test_the_order_within_a_second_does_not_matter(late: list[float], seed: int) -> None:
    """Anchors of one second in another order: the same line, as far as it is known (ties go to the first)."""
    rng = np.random.default_rng(seed)
    in_order, shuffled = SampleClock(RATE_HZ), SampleClock(RATE_HZ)
    anchors = [(n * EVERY, round(true_ns(n * EVERY, 0) + l_ns)) for n, l_ns in enumerate(late)]
    for anchor in anchors:
        in_order.add(*anchor)
    shuffled.add(*anchors[0])  # the first one of all is where seconds are counted from
    for _, group in itertools.groupby(anchors[1:], key=lambda a: a[0] // RATE_HZ):
        members = list(group)
        for i in rng.permutation(len(members)):
            shuffled.add(*members[int(i)])
    for frame in (RATE_HZ, len(late) * EVERY):
        one, two = in_order.at(frame), shuffled.at(frame)
        assert one is not None
        assert two is not None
        assert abs(one.time_ns - two.time_ns) <= 1e9 * min(one.sigma_s, two.sigma_s)


@given(st.lists(st.floats(0, 5e7), min_size=1, max_size=300), st.floats(-200, 200))
def test_time_rises_with_frames(late: list[float], ppm: float) -> None:
    clock = SampleClock(RATE_HZ)
    for n, l_ns in enumerate(late):
        clock.add(n * EVERY, round(true_ns(n * EVERY, ppm) + l_ns))
    times = [clock.at(frame) for frame in range(0, len(late) * EVERY + RATE_HZ, EVERY * 5 // 2)]
    assert all(a is not None and b is not None and a.time_ns < b.time_ns for a, b in itertools.pairwise(times))
