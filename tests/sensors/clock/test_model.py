"""The time of live and of recorded sound, as the node asks for it."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.clock_runs import NO_SOUND, Run, Scenario
from errors import ClockError, ConfigurationError
from sensors.capture import ArrayCapture, Capture, sample_ns
from sensors.clock.model import DisciplinedTime
from sensors.clock.opening import open_time
from sensors.clock.recorded import RecordedTime
from sensors.clock.utc import UNKNOWN_SIGMA_S
from sensors.microphone.source import Anchor, Block
from sensors.node.config import Clock
from wire.codec import decode, encode
from wire.messages import Pulse


def block(segment: int, first: int, frames: int, anchors: tuple[Anchor, ...] = ()) -> Block:
    return Block(np.zeros((frames, 1), np.float32), segment, first, anchors)


@dataclass
class Source:
    """What ``open_time`` asks of a source."""

    recorded: Capture | None = None
    name: str = "microphone 3"
    rate_hz: float = 48_000.0
    channels: int = 1

    def open(self) -> None: ...
    def read(self, timeout_s: float) -> Block | None: ...
    def close(self) -> None: ...


def test_stamps_of_one_moment_rise_with_frames() -> None:
    run = Run(Scenario(60.0, lateness="heavy"), 3)
    run.play()
    newest = int(run._frame(run.clocks.now_ns))
    stamps = [run.time.stamp(0, frame) for frame in range(newest - 48_000, newest, 100)]
    assert all(a.utc_ns < b.utc_ns for a, b in itertools.pairwise(stamps))


def test_a_fraction_of_a_frame() -> None:
    run = Run(Scenario(60.0), 3)
    run.play()
    whole, half = run.time.stamp(0, 2_000_000), run.time.stamp(0, 2_000_000.5)
    assert half.utc_ns - whole.utc_ns == pytest.approx(0.5 / 48_000 * 1e9, abs=2)


def test_the_input_delay_is_subtracted() -> None:
    plain, delayed = (Run(Scenario(40.0, config=Clock(input_delay_s=d)), 3) for d in (0.0, 0.0123))
    plain.play()
    delayed.play()
    assert plain.time.stamp(0, 1e6).utc_ns - delayed.time.stamp(0, 1e6).utc_ns == pytest.approx(12_300_000, abs=5)


def test_segments_are_kept_as_long_as_promised() -> None:
    clock = DisciplinedTime(Clock(), 48_000)
    with pytest.raises(KeyError):
        clock.stamp(0, 0)
    for segment in (0, 1, 2):
        clock.observe(block(segment, 0, 480, (Anchor(0, time.monotonic_ns()),)))
    clock.stamp(1, 0)
    clock.stamp(2, 0)
    with pytest.raises(KeyError):
        clock.stamp(0, 0)


def test_the_measured_rate() -> None:
    run = Run(Scenario(90.0, sample_ppm=-120.0, raw_ppm=33.0), 3)
    assert run.time.measured_rate_hz(0) == 48_000
    run.play()
    assert run.time.measured_rate_hz(0) == pytest.approx(48_000 * (1 - 120e-6), rel=2e-7)
    assert run.time.health().rate_ppm == pytest.approx(-120.0, abs=0.3)


def test_nobody_vouches() -> None:
    """Its pulses are marked, and can be written and read: JSON has no infinity."""
    clock = open_time(Clock(source="none"), Source())
    clock.observe(block(0, 0, 480, (Anchor(0, time.monotonic_ns()),)))
    stamp = clock.stamp(0, 0)
    clock.close()
    assert stamp.state == "unsynchronised"
    assert abs(stamp.utc_ns - time.time_ns()) < 1_000_000_000
    assert stamp.sigma_s >= UNKNOWN_SIGMA_S
    pulse = Pulse(sensor="s", arrival_ns=stamp.utc_ns, sigma_s=stamp.sigma_s, clock_sigma_s=stamp.sigma_s)
    assert decode(encode(pulse), Pulse) == pulse
    assert clock.health().sigma_s is None


def test_a_source_without_anchors_is_stamped_by_its_arrival() -> None:
    run = Run(Scenario(60.0), 3)
    run.play()
    now_ns = run.truth.posix_ns(run.clocks.now_ns)
    run.time.observe(Block(NO_SOUND, 7, 0))
    stamp = run.time.stamp(7, 0)
    assert abs(stamp.utc_ns - now_ns) < 10_000_000
    assert stamp.sigma_s > 5e-3


def test_untrusted_anchors_are_not_used() -> None:
    clock = DisciplinedTime(Clock(), 48_000)
    now = time.monotonic_ns()
    clock.observe(Block(NO_SOUND, 0, 0, (Anchor(100, now),), (), ((50, 150),)))
    assert clock.stamp(0, 100).state == "unsynchronised"


def test_chrony_that_does_not_answer_is_noted_and_found_again() -> None:
    answers = threading.Event()

    def ask() -> object:
        if not answers.is_set():
            raise ClockError("chronyc", "failed")
        return run.chrony.ask()

    run = Run(Scenario(30.0), 3)
    run.time._ask = ask  # type: ignore[assignment]
    run.play()
    assert run.time.health().state == "unsynchronised"
    assert run.time.note() == "chronyc: failed"
    answers.set()
    run.clocks.now_ns += 20_000_000_000
    run.time.poll()
    assert run.time.note() is None
    assert run.time.health().source == "PPS"


def test_the_thread_stops() -> None:
    clock = DisciplinedTime(Clock(), 48_000)
    clock.start()
    clock.close()
    clock.close()
    assert not any(t.name == "clock" for t in threading.enumerate())


def recording() -> ArrayCapture:
    return ArrayCapture("s", np.zeros(44_100, np.float32), 44_100.0, 1_700_000_000_123_456_789, clock_sigma_s=2e-4)


def test_recorded_time_is_the_recordings_own() -> None:
    capture = recording()
    clock = open_time(Clock(source="recorded"), Source(capture))
    clock.observe(block(0, 0, 4410))
    stamp = clock.stamp(0, 1234.5)
    assert stamp.utc_ns == sample_ns(capture.start_ns, 44_100.0, 1234.5)
    assert (stamp.sigma_s, stamp.state) == (2e-4, "recorded")
    assert clock.health().state == "recorded"
    assert clock.measured_rate_hz(0) == 44_100.0
    clock.close()


def test_recorded_time_goes_on_when_the_source_is_opened_again() -> None:
    capture = recording()
    clock = RecordedTime(capture)
    clock.observe(block(0, 0, 1000))
    clock.observe(block(0, 1000, 500))
    clock.observe(block(1, 0, 100))
    assert clock.stamp(1, 10).utc_ns == sample_ns(capture.start_ns, 44_100.0, 1510)
    clock.observe(block(2, 0, 100))
    with pytest.raises(KeyError):
        clock.stamp(0, 0)


def test_recorded_time_needs_a_recording() -> None:
    with pytest.raises(ConfigurationError, match=r"clock\.source.*microphone 3"):
        open_time(Clock(source="recorded"), Source())
