"""A recording listened to as if it were live."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from errors import CaptureError
from sensors.capture import Capture
from sensors.microphone.source import Anchor, Block, EndOfSound
from wire.utc import NS_PER_S

BLOCK_S = 0.020
"""Of the wall clock between two blocks when paced, as a microphone would give them."""

LARGE_BLOCK_S = 0.3
"""Sound in a block when read as fast as it goes, or much faster than in life."""


class RecordedSource:
    """A capture as a live source.  All of it is one segment: opening again goes on, and repeats nothing.

    capture : a recording; or one that paces itself (``frames`` is None), which is passed on as it comes.
    pace : seconds of sound a second, 1.0 as in life; 0 as fast as it is read.
    """

    def __init__(self, capture: Capture, pace: float) -> None:
        self._capture = capture
        self._pace = pace if capture.frames is not None else 0.0
        if capture.frames is None:
            block_s = BLOCK_S
        elif pace > 0.0:
            block_s = min(max(BLOCK_S * pace, BLOCK_S), LARGE_BLOCK_S)
        else:
            block_s = LARGE_BLOCK_S
        self._length = max(1, round(block_s * capture.rate_hz))
        self._blocks: Iterator[NDArray[np.float32]] | None = None
        self._next: NDArray[np.float32] | None = None
        self._first = 0
        self._start_ns = 0
        self._open = False

    @property
    def name(self) -> str:
        return self._capture.source

    @property
    def rate_hz(self) -> float:
        return self._capture.rate_hz

    @property
    def channels(self) -> int:
        return self._capture.channels

    @property
    def recorded(self) -> Capture | None:
        return self._capture

    def open(self) -> None:
        """See ``sensors.microphone.source.LiveSource``; never a new segment here."""
        self._open = True

    def read(self, timeout_s: float) -> Block | None:
        """See ``sensors.microphone.source.LiveSource``.

        Blocks are due as a microphone would have them: when their last frame has been heard, counted from the first
        call, so that nothing drifts.  In life's pace each block bears an anchor, which says when its first frame was
        due, exactly.  A capture that paces itself is waited for as long as it takes.

        Raises
        ------
        RecordingError
            The recording refuses its own content.
        """
        if not self._open:
            raise CaptureError(self.name, "is not open")
        if self._blocks is None:
            self._blocks = self._capture.blocks(self._length)
            self._start_ns = time.monotonic_ns()
        if self._next is None:
            self._next = next(self._blocks, None)
            if self._next is None:
                raise EndOfSound
        if self._pace > 0.0 and not self._wait(self._due_ns(self._first + len(self._next)), timeout_s):
            return None
        samples, self._next = self._next, None
        first = self._first
        self._first += len(samples)
        anchors = (Anchor(first, self._due_ns(first)),) if self._pace == 1.0 else ()
        return Block(samples, 0, first, anchors)

    def close(self) -> None:
        """See ``sensors.microphone.source.LiveSource``."""
        self._open = False

    def _due_ns(self, frame: int) -> int:
        """CLOCK_MONOTONIC when a frame is heard; counted in whole seconds first, for a week has 6e14 of these."""
        seconds, rest = divmod(frame / self._capture.rate_hz / self._pace, 1.0)
        return self._start_ns + int(seconds) * NS_PER_S + round(rest * NS_PER_S)

    @staticmethod
    def _wait(due_ns: int, timeout_s: float) -> bool:
        """Wait until then, at most so long; whether it has come."""
        left_s = (due_ns - time.monotonic_ns()) / NS_PER_S
        if left_s > 0.0:
            time.sleep(min(left_s, max(0.0, timeout_s)))
        return time.monotonic_ns() >= due_ns
