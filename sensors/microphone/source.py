"""What a node listens to: blocks of live sound, numbered by the sample clock, with what was seen of that clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture


@dataclass(frozen=True, slots=True)
class Anchor:
    """One look at the sample clock.

    frame : number of a frame in its segment.
    monotonic_ns : CLOCK_MONOTONIC when that frame was digitised, as far as the audio system tells; late by what the
        system was late, never early but for rounding.
    """

    frame: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A stretch of sound.

    samples : (n, channels) float32, full scale is -1..1; zeros where samples were lost.  The reader may keep it.
    segment : counts the times that the source was opened, or began anew after more than a second without sound.
        Within a segment frames are numbered without holes, so that frame n comes n / rate after frame 0 by the sample
        clock; lost frames have been filled in.  Each segment has a sample clock of its own.
    first : number of the first row in its segment.
    anchors : looks at the sample clock taken in this stretch, oldest first.
    lost : stretches of frame numbers, (first, one past the last), that were filled in; they may lie in this block
        in part only.
    untrusted : stretches of frame numbers around what was lost whose times may be off by as much.
    """

    samples: NDArray[np.float32]
    segment: int
    first: int
    anchors: tuple[Anchor, ...] = ()
    lost: tuple[tuple[int, int], ...] = ()
    untrusted: tuple[tuple[int, int], ...] = ()

    @property
    def stop(self) -> int:
        """Number of the frame after the last."""
        return self.first + len(self.samples)


class EndOfSound(Exception):
    """A recording or standard input has ended.  A microphone never ends."""


class LiveSource(Protocol):
    """A source of live sound.  Used by one thread, but for ``close``.

    name : as a technician knows it, for logs and errors.
    rate_hz : nominal samples a second.  channels : microphones at one place.
    recorded : the sound's own time and calibration, when it is a recording or a simulation; None for what is live.
    """

    @property
    def name(self) -> str: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def channels(self) -> int: ...
    @property
    def recorded(self) -> Capture | None: ...

    def open(self) -> None:
        """Begin a new segment; closes first when open.

        Raises CaptureError when the device is missing, busy or does not do what is asked of it.
        """
        ...

    def read(self, timeout_s: float) -> Block | None:
        """The sound that has come since the last call; waits for some, at most so long; None when none came.

        A recording that paces itself waits until it is due.

        Raises
        ------
        CaptureError
            The device is gone or has failed: ``open`` may help later.
        EndOfSound
            There is no more, ever.
        """
        ...

    def close(self) -> None:
        """Stop; harmless when closed."""
        ...
