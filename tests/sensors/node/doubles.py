"""Doubles of what a node stands on: a source that plays a script, a clock that is right, a keeper that remembers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture
from sensors.clock.stamp import Stamp
from sensors.microphone.source import Block, EndOfSound
from wire.messages import Clip, ClockHealth, Pulse
from wire.utc import NS_PER_S

START_NS = 1_790_000_000 * NS_PER_S


@dataclass(slots=True)
class ScriptedSource:
    """Plays a script: a block is handed out, None is a time without sound, an error is raised; then the sound ends.

    opened : how often it was.
    """

    script: Iterable[Block | Exception | None]
    rate_hz: float = 16_000.0
    channels: int = 1
    name: str = "script"
    recorded: Capture | None = None
    opened: int = 0
    closed: int = 0
    _steps: Iterator[Block | Exception | None] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = iter(self.script)

    def open(self) -> None:
        self.opened += 1

    def read(self, timeout_s: float) -> Block | None:
        step = next(self._steps, EndOfSound())
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed += 1


@dataclass(slots=True)
class RightTime:
    """Segment s begins s hours after `START_NS`; stamps are right."""

    rate_hz: float = 16_000.0
    observed: list[int] = field(default_factory=list)

    def observe(self, block: Block) -> None:
        self.observed.append(block.segment)

    def stamp(self, segment: int, frame: float) -> Stamp:
        assert segment in self.observed
        return Stamp(START_NS + segment * 3600 * NS_PER_S + round(frame / self.rate_hz * NS_PER_S), 2e-5, "pps")

    def health(self) -> ClockHealth:
        return ClockHealth(state="pps", sigma_s=2e-5)

    def measured_rate_hz(self, segment: int) -> float:
        return self.rate_hz

    def note(self) -> str | None:
        return None

    def close(self) -> None:
        pass


@dataclass(slots=True)
class MemoryKeeper:
    """Keeps in memory; ``refuse_clips`` has no room for clips."""

    pulses: list[Pulse] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    refuse_clips: bool = False

    def put_pulse(self, pulse: Pulse) -> bool:
        self.pulses.append(pulse)
        return True

    def put_clip(self, clip: Clip) -> bool:
        if not self.refuse_clips:
            self.clips.append(clip)
        return not self.refuse_clips


def blocks(
    sound: NDArray[np.float64] | NDArray[np.float32], *, segment: int = 0, first: int = 0, size: int = 320
) -> list[Block]:
    """Sound, (n,) or (n, channels), as blocks of a segment that begin at frame ``first``."""
    rows = np.asarray(sound, dtype=np.float32).reshape(len(sound), -1)
    return [Block(rows[at : at + size], segment, first + at) for at in range(0, len(rows), size)]
