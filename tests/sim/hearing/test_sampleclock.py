"""A sensor's time line, against the samples counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.hearing.sampleclock import SampleClock
from sim.world import Clock, Faults
from tests.sim.small_world import START_NS, station, world

RATE = 8_000
SECONDS = 4.0


def made(clock: Clock | None = None, faults: Faults | None = None) -> SampleClock:
    hearing = station("a", (0, 0, 5), rate_hz=RATE, clock=clock or Clock(), faults=faults or Faults())
    return SampleClock(world((hearing,), duration_s=SECONDS), hearing)


def test_a_good_clock_counts_true_time() -> None:
    clock = made()
    assert clock.raw_position(1.25) == 1.25 * RATE
    assert clock.stamped_ns(1.25) == START_NS + 1_250_000_000
    assert clock.frames == clock.raw_frames == round(SECONDS * RATE)
    assert clock.kept(10, 20) == [(10, 20)]


def test_offset_drift_and_steps_move_the_position() -> None:
    clock = made(Clock(offset_s=0.5, drift_ppm=100.0, steps=((2.0, -0.25),)))
    assert float(clock.raw_position(1.0)) == pytest.approx((1.0 + 0.5 + 1e-4) * RATE)
    assert float(clock.raw_position(3.0)) == pytest.approx((3.0 + 0.5 + 3e-4 - 0.25) * RATE)
    assert clock.stamped_ns(3.0) == START_NS + 3_250_300_000
    assert clock.least_error_s() == pytest.approx(0.25)
    assert clock.greatest_error_s() >= 0.5 + 4e-4


spans = st.lists(st.tuples(st.floats(0.0, 3.9), st.floats(0.0, 1.5)), max_size=5).map(tuple)


@given(spans, st.integers(0, 40_000), st.integers(0, 40_000))
def test_lost_samples_are_cut_out_of_the_raw_ones(
    lost: tuple[tuple[float, float], ...], first: int, length: int
) -> None:
    clock = made(faults=Faults(lost=lost))
    gone = np.zeros(clock.raw_frames, dtype=bool)
    for when, seconds in lost:
        begin = round(when * RATE)
        gone[begin : begin + round(seconds * RATE)] = True
    delivered = np.flatnonzero(~gone)
    assert clock.frames == len(delivered)
    for frame in {0, len(delivered) // 3, len(delivered) - 1} & set(range(len(delivered))):
        assert clock.raw_of_frame(frame) == delivered[frame]
    stop = min(first + length, clock.raw_frames)
    kept = [sample for a, b in clock.kept(first, stop) for sample in range(a, b)]
    assert kept == [sample for sample in range(first, stop) if not gone[sample]]
    for at_s in (0.5, 1.77, 3.3):
        before = int(gone[: round(at_s * RATE)].sum())
        assert (clock.stamped_ns(at_s) - START_NS) * 1e-9 == pytest.approx(at_s - before / RATE, abs=1.01 / RATE)


def test_lost_samples_are_where_the_clock_then_is() -> None:
    """A fault happens at a true instant; a clock that is half a second ahead counts it half a second later."""
    clock = made(Clock(offset_s=0.5), Faults(lost=((1.0, 0.25),), dead=((2.0, 2.5),)))
    assert clock.lost.tolist() == [[round(1.5 * RATE), round(1.75 * RATE)]]
    assert clock.dead.tolist() == [[round(2.5 * RATE), round(3.0 * RATE)]]
