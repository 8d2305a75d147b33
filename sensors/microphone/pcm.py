"""Raw sound from a stream of bytes: what ``arecord -t raw`` or a radio sends into standard input."""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from errors import CaptureError
from sensors.capture import Capture, require_finite
from sensors.microphone.source import Anchor, Block, EndOfSound
from wire.utc import NS_PER_S

LOG = logging.getLogger("tocsin.node.microphone")

SampleFormat = Literal["s16", "s24", "s32", "f32"]

LEAST_S = 0.020
"""Sound that is waited for once some has come: a writer of few bytes at a time shall not wake the node for each."""

MOST_S = 0.5
"""Sound that is read at once."""

PIPE_BYTES = 1 << 20
"""Asked of the system for a pipe: bridges a moment in which the node does not read, and makes large reads possible."""


def _s16(raw: bytes) -> NDArray[np.float32]:
    return np.frombuffer(raw, "<i2").astype(np.float32) * np.float32(2.0**-15)


def _s24(raw: bytes) -> NDArray[np.float32]:
    wide = np.zeros((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    return _s32(wide.tobytes())


def _s32(raw: bytes) -> NDArray[np.float32]:
    # In double precision: 2^31 - 1 rounds up in single precision and would then be beyond full scale by rounding alone.
    return (np.frombuffer(raw, "<i4") * 2.0**-31).astype(np.float32)


def _f32(raw: bytes) -> NDArray[np.float32]:
    return np.frombuffer(raw, "<f4").astype(np.float32)


FORMATS: dict[SampleFormat, tuple[int, Callable[[bytes], NDArray[np.float32]]]] = {
    "s16": (2, _s16),
    "s24": (3, _s24),
    "s32": (4, _s32),
    "f32": (4, _f32),
}
"""Bytes of a sample, little-endian, and what makes float32 of full scale -1..1 of them."""


class PcmSource:
    """Live sound from a binary stream, which is read from one thread and never closed here.

    stream : interleaved samples.  One with a file descriptor is read past its own buffer, from the descriptor.
    rate_hz, channels, sample_format : of the samples; nothing in the stream says.
    name : of the stream, for logs and errors.
    """

    def __init__(
        self, stream: BinaryIO, rate_hz: float, channels: int, sample_format: SampleFormat, name: str = "standard input"
    ) -> None:
        self._stream = stream
        self._rate_hz = rate_hz
        self._channels = channels
        self._name = name
        sample_bytes, self._decode = FORMATS[sample_format]
        self._checked = sample_format == "f32"  # an integer is always finite
        self._frame_bytes = sample_bytes * channels
        self._least = max(1, round(LEAST_S * rate_hz)) * self._frame_bytes
        self._most = max(1, round(MOST_S * rate_hz)) * self._frame_bytes
        self._descriptor = _descriptor(stream)
        self._segment = -1
        self._first = 0
        self._read_frames = 0
        self._pending = b""
        self._open = False
        self._ended = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def rate_hz(self) -> float:
        return self._rate_hz

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def recorded(self) -> Capture | None:
        return None

    def open(self) -> None:
        """See ``sensors.microphone.source.LiveSource``; the stream is read on from where it is."""
        if self._descriptor is not None:
            _widen(self._descriptor)
        self._segment += 1
        self._first = 0
        self._open = True

    def read(self, timeout_s: float) -> Block | None:
        """See ``sensors.microphone.source.LiveSource``.

        Raises
        ------
        RecordingError
            A sample is not a finite number; the sentence tells which, counted from the beginning of the stream.
        """
        if not self._open:
            raise CaptureError(self._name, "is not open")
        raw = self._gather(time.monotonic() + timeout_s)
        now_ns = time.monotonic_ns()
        whole = len(raw) // self._frame_bytes * self._frame_bytes
        self._pending = raw[whole:]
        if whole == 0:
            if not self._ended:
                return None
            if self._pending:
                LOG.warning(
                    "%s: ended within a frame: expected %d bytes, found %d", self._name, self._frame_bytes, len(raw)
                )
                self._pending = b""
            raise EndOfSound
        samples = self._decode(raw[:whole]).reshape(-1, self._channels)
        if self._checked:
            require_finite(samples, self._read_frames, self._name)
        first, self._first = self._first, self._first + len(samples)
        self._read_frames += len(samples)
        # The last frame had been digitised, for at least the length of a frame, when it could be read.
        anchor = Anchor(self._first - 1, now_ns - round(NS_PER_S / self._rate_hz))
        return Block(samples, self._segment, first, (anchor,))

    def close(self) -> None:
        """See ``sensors.microphone.source.LiveSource``."""
        self._open = False

    def _gather(self, until_s: float) -> bytes:
        """What is left over and what has come: waits until ``until_s`` for some, then ``LEAST_S`` for more."""
        parts, n = [self._pending], len(self._pending)
        if self._descriptor is None:
            more = b"" if self._ended else self._stream.read(self._most)
            self._ended = not more
            return self._pending + more
        while not self._ended and n < self._least:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, until_s - time.monotonic()))
            if not ready:
                break
            more = os.read(self._descriptor, self._most)
            self._ended = not more
            if len(parts) == 1:
                until_s = min(until_s, time.monotonic() + LEAST_S)
            parts.append(more)
            n += len(more)
        return b"".join(parts)


def _descriptor(stream: BinaryIO) -> int | None:
    """The stream's file descriptor; None for one in memory."""
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None


def _widen(descriptor: int) -> None:
    """Have a pipe hold more; what is not a pipe, or where the system does not allow it, stays as it is."""
    try:
        import fcntl  # noqa: PLC0415

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        return
