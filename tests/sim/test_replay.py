"""Replay: the same samples, never early, never drifting; a late reader loses nothing."""

from __future__ import annotations

import time

import numpy as np
import pytest

from errors import ConfigurationError
from sim.render import rendered
from sim.replay import replay
from sim.world import World
from tests.sim.small_world import bang, stations, world

RATE = 8_000
N = 800  # 0.1 s


class MadePace:
    """Time passes only by sleeping, a little too long each time, and by what a test says."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now_s += seconds + 1e-3


def scene() -> World:
    return world(stations(RATE)[:3], bang(1.0, (100.0, 80.0, 1.5)), duration_s=5.03)


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_blocks_come_when_they_are_due_and_never_drift(speed: float) -> None:
    of, pace = scene(), MadePace()
    capture, *_ = replay(of, speed=speed, pace=pace)
    heard, got = 0, []
    for block in capture.blocks(N):
        heard += len(block)
        due_s = 1000.0 + heard / RATE / speed
        assert -1e-9 <= pace.now_s - due_s < 2.1e-3
        got.append(block)
    assert np.array_equal(np.concatenate(got), np.concatenate(list(rendered(of)[0].blocks(N))))
    assert capture.frames is None
    assert capture.late_blocks == 0
    assert capture.most_late_s < 2.1e-3


def test_a_late_reader_gets_everything_and_catches_up() -> None:
    of, pace = scene(), MadePace()
    capture, *_ = replay(of, speed=1.0, pace=pace)
    got = []
    for number, block in enumerate(capture.blocks(N)):
        got.append(block)
        if number == 9:
            pace.now_s += 1.05  # ten blocks and a half
        if number == 25:
            assert pace.now_s == pytest.approx(1000.0 + 2.6, abs=3e-3)
    assert np.array_equal(np.concatenate(got), np.concatenate(list(rendered(of)[0].blocks(N))))
    assert capture.late_blocks == 9  # the tenth was due less than a block ago
    assert capture.most_late_s == pytest.approx(0.95, abs=3e-3)


def test_all_stations_share_one_start() -> None:
    of, pace = scene(), MadePace()
    captures = replay(of, speed=1.0, pace=pace)
    blocks = [capture.blocks(N) for capture in captures]
    next(blocks[0])
    pace.now_s += 0.05
    next(blocks[1])
    assert pace.now_s == pytest.approx(1000.151, abs=1e-6)  # not a tenth of a second after its own first block
    assert len({capture.start_ns for capture in captures}) == 1


def test_it_keeps_time_by_the_machines_clock() -> None:
    capture, *_ = replay(scene(), speed=20.0)
    began = time.monotonic()
    assert sum(len(block) for block in capture.blocks(N)) == round(5.03 * RATE)
    assert 0.24 <= time.monotonic() - began < 2.0


def test_a_capture_is_the_recordings_but_live() -> None:
    of = scene()
    for live, recording in zip(replay(of), rendered(of), strict=True):
        for name in ("sensor", "place", "rate_hz", "channels", "start_ns", "full_scale_db_spl", "clock_sigma_s"):
            assert getattr(live, name) == getattr(recording, name)
        assert (live.position_sigma_m, live.weather, live.findings) == (1.0, of.weather, ())
        assert live.source == "small/" + live.sensor + ", replayed"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="speed"):
        replay(scene(), speed=speed)
