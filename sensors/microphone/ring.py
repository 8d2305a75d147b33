"""The ring between the audio system's thread and the node's: sound, and how the clocks stood with each buffer of it.

One thread puts, one takes.  ``put`` runs in the audio system's callback, where waiting loses sound: it copies into
memory that has been there from the start, counts, and neither locks, logs nor raises.  Each side writes counters of
its own only, and ``put`` publishes a buffer by its last assignment, so a taker never sees one in part.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOAT_BYTES = 4


class Buffer(NamedTuple):
    """One buffer as the audio system handed it over.

    first : number of its first frame among all frames received, those included for which the ring had no room; so a
        buffer that does not begin where the one before ended tells exactly how many are missing.
    frames : its length.
    adc_s : when its first frame was digitised, and ``current_s`` what time it was at the call, both seconds by the
        audio system's own clock.
    monotonic_ns, realtime_ns : CLOCK_MONOTONIC and CLOCK_REALTIME, read one after the other at the call.
    overflow : the audio system says that it lost sound before this buffer.
    """

    first: int
    frames: int
    adc_s: float
    current_s: float
    monotonic_ns: int
    realtime_ns: int
    overflow: bool


NO_BUFFER = (0, 0, 0.0, 0.0, 0, 0, False)


class Ring:
    """Sound on its way from a callback to a reader.

    capacity : frames that it holds.
    channels : of each frame.
    buffers : how many buffers may wait, whatever their length.
    """

    def __init__(self, capacity: int, channels: int, buffers: int) -> None:
        self._capacity = capacity
        self._slots = buffers
        self._channels = channels
        self._frame_bytes = FLOAT_BYTES * channels
        # Written to, so that the callback never waits for the kernel to give it a page.
        self._sound = np.full((capacity, channels), 0.0, np.float32)
        self._bytes = self._sound.data.cast("B")
        self._log = [NO_BUFFER] * buffers
        # Of the putting side:
        self._received = 0
        self._refused = 0
        self._stored = 0
        self._put = 0
        # Of the taking side:
        self._taken = 0
        self._got = 0

    @property
    def received(self) -> int:
        """Frames that came so far."""
        return self._received

    @property
    def refused(self) -> int:
        """Those of them for which there was no room: lost."""
        return self._refused

    def put(self, sound: memoryview | bytes, frames: int, adc_s: float, current_s: float, overflow: bool) -> None:
        """Take in a buffer; one for which there is no room is counted and dropped.

        sound : ``frames`` interleaved frames of float32, native byte order, readable as bytes.
        """
        monotonic_ns = time.monotonic_ns()
        realtime_ns = time.time_ns()
        first = self._received
        self._received = first + frames
        stored = self._stored
        if stored + frames - self._taken > self._capacity or self._put - self._got >= self._slots:
            self._refused += frames
            return
        frame_bytes = self._frame_bytes
        at = stored % self._capacity
        before_end = self._capacity - at
        if frames <= before_end:
            self._bytes[at * frame_bytes : (at + frames) * frame_bytes] = sound
        else:
            cut = before_end * frame_bytes
            rest = memoryview(sound)
            self._bytes[at * frame_bytes :] = rest[:cut]
            self._bytes[: len(rest) - cut] = rest[cut:]
        self._stored = stored + frames
        self._log[self._put % self._slots] = (first, frames, adc_s, current_s, monotonic_ns, realtime_ns, overflow)
        self._put += 1  # last: from here on it can be taken

    def take(self, most: int) -> tuple[list[Buffer], NDArray[np.float32] | None]:
        """What has come since the last call.

        most : frames at most, but always a whole buffer if there is one.

        Returns
        -------
        The buffers, oldest first, and their sound one after the other, (n, channels) float32, the caller's own; None
        when nothing has come.
        """
        buffers: list[Buffer] = []
        n = 0
        for number in range(self._got, self._put):
            buffer = Buffer._make(self._log[number % self._slots])
            if buffers and n + buffer.frames > most:
                break
            n += buffer.frames
            buffers.append(buffer)
        if not buffers:
            return buffers, None
        at = self._taken % self._capacity
        if at + n <= self._capacity:
            sound = self._sound[at : at + n].copy()
        else:
            sound = np.concatenate((self._sound[at:], self._sound[: at + n - self._capacity]))
        # Only now may the callback write there again.
        self._taken += n
        self._got += len(buffers)
        return buffers, sound
