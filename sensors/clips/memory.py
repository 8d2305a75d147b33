"""The short memory of sound: a ring of the last seconds, in memory only.  Nothing here ever touches a disk."""

from __future__ import annotations

import math
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sensors.microphone.source import Block

LONGEST_S = 60.0
"""No node remembers more."""


class SoundMemory:
    """The last seconds of sound, frame by frame.

    One thread appends, any thread reads.  A new segment takes the place of the old one as it comes in: until its frames
    are overwritten, the end of the segment before can still be read.

    Parameters
    ----------
    rate_hz : nominal samples a second.
    channels : of the sound.
    seconds : how much is remembered, more than 0 and at most ``LONGEST_S``; allocated at once.

    Raises
    ------
    ValueError
        A rate, number of channels or length out of range.
    """

    def __init__(self, rate_hz: float, channels: int, seconds: float) -> None:
        if not (rate_hz > 0.0 and math.isfinite(rate_hz)):
            raise ValueError(f"rate_hz: expected a positive rate, got {rate_hz!r}")
        if channels < 1:
            raise ValueError(f"channels: expected at least 1, got {channels}")
        if not 0.0 < seconds <= LONGEST_S:
            raise ValueError(f"seconds: expected above 0 up to {LONGEST_S:g}, got {seconds!r}")
        self._rows = np.zeros((math.ceil(seconds * rate_hz), channels), dtype=np.float32)
        self._written = 0  # rows ever written, in all segments; row w of the stream lies in slot w % len(rows)
        self._spans: list[tuple[int, int, int, int]] = []  # segment, first frame, stop frame, ``written`` at first
        self._lock = Lock()

    @property
    def frames(self) -> int:
        """How many are remembered at most."""
        return len(self._rows)

    def append(self, block: Block) -> None:
        """Take in a block.  Frames that are not the next of their segment begin anew: what lies between is not there.

        Raises
        ------
        ValueError
            The block has another number of channels.
        """
        samples, room = block.samples, len(self._rows)
        if samples.ndim != 2 or samples.shape[1] != self._rows.shape[1]:
            raise ValueError(f"block: expected shape (n, {self._rows.shape[1]}), got {samples.shape}")
        n = len(samples)
        if n == 0:
            return
        newest = samples[-room:]
        with self._lock:
            at = (self._written + n - len(newest)) % room
            head = min(len(newest), room - at)
            self._rows[at : at + head] = newest[:head]
            self._rows[: len(newest) - head] = newest[head:]
            last = self._spans[-1] if self._spans else None
            if last is not None and last[0] == block.segment and last[2] == block.first:
                self._spans[-1] = (last[0], last[1], block.stop, last[3])
            else:
                # A segment that begins again replaces what was known under its frame numbers.
                self._spans = [s for s in self._spans if not _overlap(s, block)]
                self._spans.append((block.segment, block.first, block.stop, self._written))
            self._written += n
            self._spans = [s for s in self._spans if s[3] + s[2] - s[1] > self._written - room]

    def read(self, segment: int, first: int, stop: int) -> NDArray[np.float32] | None:
        """A copy of frames ``first`` up to ``stop`` of a segment.

        Returns
        -------
        (stop - first, channels) float32; None when a frame of them is gone, or has not come yet.

        Raises
        ------
        ValueError
            When ``stop`` lies before ``first``.
        """
        if stop < first:
            raise ValueError(f"stop: expected at least {first}, got {stop}")
        room = len(self._rows)
        with self._lock:
            for known, begin, end, written in self._spans:
                if known != segment or first < begin or stop > end:
                    continue
                place = written + first - begin
                if place < self._written - room:
                    return None
                slot, count = place % room, stop - first
                head = min(count, room - slot)
                out = np.empty((count, self._rows.shape[1]), dtype=np.float32)
                out[:head] = self._rows[slot : slot + head]
                out[head:] = self._rows[: count - head]
                return out
        return None


def _overlap(span: tuple[int, int, int, int], block: Block) -> bool:
    return span[0] == block.segment and span[1] < block.stop and block.first < span[2]
