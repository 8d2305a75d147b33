"""From buffers in a ring to blocks whose frame numbers keep pace with time."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from sensors.microphone.adc_time import AdcClock, adc_ns, clock_of
from sensors.microphone.gaps import GapFinder, Look, Placed
from sensors.microphone.ring import Buffer, Ring
from sensors.microphone.source import Anchor, Block

MOST_S = 0.5
"""Sound in a block, about, filled gaps aside: a reader that was held up finds more than that waiting."""

FIRST_BUFFERS = 8
"""Of a stream: which clock their times are of is looked at anew with each, for the very first may tell nothing yet."""

Stretch = tuple[NDArray[np.float32], int, int]
"""Rows of an array: those from the first number until before the second."""


class Assembly:
    """Makes blocks of what a ring holds.

    ring : filled by the audio system.
    rate_hz : nominal.
    period : frames of a buffer.
    segment : number of the first segment; counts on when one ends amid a stream.
    """

    def __init__(self, ring: Ring, rate_hz: float, period: int, segment: int) -> None:
        self.segment = segment - 1
        """Of the block that was made last."""
        self.clock: AdcClock = "none"
        """Which clock the audio system's times are of; ``none`` before the first buffer as well."""
        self.missing = 0
        """Frames that the last segment to begin amid the stream has left out before it, about."""
        self.heard_ns = 0
        """CLOCK_MONOTONIC when the last buffer taken from the ring was handed over."""
        self._looked_at = 0
        self._ring = ring
        self._rate_hz = rate_hz
        self._finder = GapFinder(rate_hz, period)
        self._most = max(period, round(MOST_S * rate_hz))
        self._stretches: deque[Stretch] = deque()
        self._pieces: deque[tuple[Placed, Stretch]] = deque()

    def next_block(self) -> Block | None:
        """The next stretch of sound that is ready; None while none is."""
        if not self._pieces:
            buffers, sound = self._ring.take(self._most)
            if sound is None:
                return None
            self.heard_ns = buffers[-1].monotonic_ns
            at = 0
            for buffer in buffers:
                self._stretches.append((sound, at, at + buffer.frames))
                at += buffer.frames
                self._file(self._finder.step(self._look(buffer)))
        return self._joined()

    def flush(self) -> None:
        """Nothing more comes: let go what was held back until its place would be known."""
        self._file(self._finder.flush())

    def _look(self, buffer: Buffer) -> Look:
        if self._looked_at < FIRST_BUFFERS:
            self._looked_at += 1
            self.clock = clock_of(buffer)
        time_ns = adc_ns(buffer, self.clock, self._rate_hz)
        return Look(buffer.first, buffer.frames, time_ns, buffer.monotonic_ns, buffer.overflow)

    def _file(self, placed: list[Placed]) -> None:
        for one in placed:
            self._pieces.append((one, self._stretches.popleft()))

    def _joined(self) -> Block | None:
        """One block of the pieces up to the next beginning of a segment."""
        if not self._pieces:
            return None
        start = self._pieces[0][0]
        if start.fresh:
            self.segment += 1
            self.missing = start.missing
        sounds: list[Stretch] = []
        anchors: list[Anchor] = []
        lost: list[tuple[int, int]] = []
        untrusted: list[tuple[int, int]] = []
        first = start.first if start.fresh else start.first - start.missing
        while self._pieces and not (sounds and self._pieces[0][0].fresh):
            placed, stretch = self._pieces.popleft()
            if placed.missing and not placed.fresh:
                lost.append((placed.first - placed.missing, placed.first))
                sounds.append((np.zeros((placed.missing, stretch[0].shape[1]), np.float32), 0, placed.missing))
            if sounds and sounds[-1][0] is stretch[0] and sounds[-1][2] == stretch[1]:
                sounds[-1] = (stretch[0], sounds[-1][1], stretch[2])
            else:
                sounds.append(stretch)
            if placed.timely:
                anchors.append(Anchor(placed.first, placed.look.adc_ns))
            if placed.untrusted is not None:
                untrusted.append(_joint(untrusted, placed.untrusted))
        parts = [sound[start:stop] for sound, start, stop in sounds]
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Block(samples, self.segment, first, tuple(anchors), tuple(lost), tuple(untrusted))


def _joint(told: list[tuple[int, int]], stretch: tuple[int, int]) -> tuple[int, int]:
    """The stretch, joined with the last one told when they touch, which is taken away."""
    if told and stretch[0] <= told[-1][1]:
        earlier = told.pop()
        return min(earlier[0], stretch[0]), max(earlier[1], stretch[1])
    return stretch
