"""The samples of a rendered world as a live source gives them: in time, or so many times faster.

A microphone hands over a block when its last sample has been heard: the first k blocks of n samples are due by
``k n / rate / speed`` seconds after the start.  Due times are counted from the start, never from the block before, so
nothing drifts.
All captures of one replay share one start, the moment at which the first block of any of them is ready; a block is
rendered before it is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import ConfigurationError
from geo.place import Place
from sensors.capture import Finding
from sim.render import StationSound, rendered
from sim.world import World


class Pace(Protocol):
    """A clock that never jumps, and a way to wait on it."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Come back no earlier than after so many seconds."""
        ...


class WallPace:
    """The machine's own."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(slots=True, eq=False)
class Start:
    """The moment at which a replay began; set once, by whoever is first."""

    pace: Pace
    at_s: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def since(self) -> float:
        """That moment, on the pace's clock; it is now when nobody was earlier."""
        with self._lock:
            if self.at_s is None:
                self.at_s = self.pace.monotonic()
            return self.at_s


@dataclass(slots=True, eq=False)
class ReplayCapture:
    """One station's sound, paced: a live capture, so ``frames`` is None; the other attributes are the recording's.

    late_blocks : blocks that were asked for only after the next was due as well.  None is lost: a late reader gets them
        without waiting until it has caught up.
    most_late_s : the worst delay so far, seconds by the pace's clock.
    """

    recording: StationSound
    speed: float
    start: Start
    late_blocks: int = 0
    most_late_s: float = 0.0

    @property
    def sensor(self) -> str:
        return self.recording.sensor

    @property
    def place(self) -> Place | None:
        return self.recording.place

    @property
    def rate_hz(self) -> float:
        return self.recording.rate_hz

    @property
    def channels(self) -> int:
        return 1

    @property
    def start_ns(self) -> int:
        return self.recording.start_ns

    @property
    def frames(self) -> int | None:
        return None

    @property
    def full_scale_db_spl(self) -> float | None:
        return self.recording.full_scale_db_spl

    @property
    def clock_sigma_s(self) -> float:
        return self.recording.clock_sigma_s

    @property
    def position_sigma_m(self) -> float | None:
        return self.recording.position_sigma_m

    @property
    def weather(self) -> Weather | None:
        return self.recording.weather

    @property
    def source(self) -> str:
        return f"{self.recording.source}, replayed"

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.recording.findings

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        """See ``sensors.capture.Capture.blocks``; each block comes no earlier than it is due."""
        pace = self.start.pace
        heard = 0
        for block in self.recording.blocks(n):
            start_s = self.start.since()
            heard += len(block)
            due_s = start_s + heard / self.rate_hz / self.speed
            now_s = pace.monotonic()
            while now_s < due_s:
                pace.sleep(due_s - now_s)
                now_s = pace.monotonic()
            late_s = now_s - due_s
            self.most_late_s = max(self.most_late_s, late_s)
            if late_s > len(block) / self.rate_hz / self.speed:
                self.late_blocks += 1
            yield block


def replay(world: World, *, speed: float = 1.0, pace: Pace | None = None) -> tuple[ReplayCapture, ...]:
    """One live capture a station: the samples of ``sim.render.rendered``, paced.

    Parameters
    ----------
    world : what sounds and who hears.
    speed : seconds of the scenario in a second; greater than 0.
    pace : the clock; None for the machine's own.

    Raises
    ------
    ConfigurationError
        When ``speed`` is not a number greater than 0.
    """
    if not 0.0 < speed < float("inf"):
        raise ConfigurationError(world.name, "speed", expected="a number greater than 0", seen=speed)
    start = Start(WallPace() if pace is None else pace)
    return tuple(ReplayCapture(recording, speed, start) for recording in rendered(world))
