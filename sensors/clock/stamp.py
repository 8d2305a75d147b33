"""What a clock says of a sample, and who can say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sensors.microphone.source import Block
from wire.messages import ClockHealth, ClockState


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time of a sample.

    utc_ns : UTC nanoseconds.
    sigma_s : the clock's part of its uncertainty: at least 95 % of stamps lie within it of the truth; finite, but not
        to be believed, when ``state`` is ``unsynchronised``.
    state : what it rests on.
    """

    utc_ns: int
    sigma_s: float
    state: ClockState


class SampleTime(Protocol):
    """The time of a node's samples.  Thread-safe: one thread observes and stamps, another asks for health."""

    def observe(self, block: Block) -> None:
        """Take in what a block tells of the sample clock; a new segment starts a new one."""
        ...

    def stamp(self, segment: int, frame: float) -> Stamp:
        """The time of a frame (a fraction is allowed) of a segment that has been observed.

        Raises
        ------
        KeyError
            The segment has not been observed, or is older than the one before the last.
        """
        ...

    def health(self) -> ClockHealth:
        """How the time is known now."""
        ...

    def measured_rate_hz(self, segment: int) -> float:
        """Samples a second by the disciplined clock; the nominal rate before it is known."""
        ...

    def note(self) -> str | None:
        """What a technician should know of the clock, one sentence; None when there is nothing."""
        ...

    def close(self) -> None:
        """Stop whatever it runs beside."""
        ...
