"""A microphone on this machine, by PortAudio."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

from errors import CaptureError
from sensors.capture import Capture
from sensors.microphone.assembly import Assembly
from sensors.microphone.devices import Device, choose, known_devices, portaudio, rates_of, set_periods
from sensors.microphone.ring import Ring
from sensors.microphone.source import Block
from wire.utc import NS_PER_S

LOG = logging.getLogger("tocsin.node.microphone")

BUFFERS_A_LOOK = 2
"""The ring is looked at when so many buffers should have come: one a look would cost twice the processor, and as it is
a buffer waits no longer than the next takes to come."""

MARGIN_S = 0.002
"""Of time for them to come."""

SILENT_S = 0.25
"""Without sound for so long, PortAudio is asked whether it still listens."""

LONGEST_PERIOD_S = 0.025
"""Of sound handed over at once; the longest power of two of frames within it is asked for."""

PERIODS = 16
"""Of the audio system's own buffer, which bridges moments in which this process does not run: 0.3 s."""

SHORTEST_BUFFERS = 64
"""Frames of the shortest buffers that the ring's log is made for."""


class DeviceSource:
    """Live sound of a device.

    device : part of its name, or its number; None for the machine's default.
    rate_hz, channels : asked of it.
    buffer_s : sound kept for a reader that is held up.
    """

    def __init__(self, device: str | int | None, rate_hz: int, channels: int = 1, buffer_s: float = 10.0) -> None:
        self._device = device
        self._rate_hz = rate_hz
        self._channels = channels
        self._buffer_s = buffer_s
        self._period = 1 << int(math.log2(LONGEST_PERIOD_S * rate_hz))
        self._segment = -1
        self._lock = threading.Lock()
        self._stream: Any = None
        self._assembly: Assembly | None = None
        self._ring: Ring | None = None
        self._refused = 0
        self._heard_s = 0.0

    @property
    def name(self) -> str:
        return "default microphone" if self._device is None else f"microphone {self._device!r}"

    @property
    def rate_hz(self) -> float:
        return float(self._rate_hz)

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def recorded(self) -> Capture | None:
        return None

    def open(self) -> None:
        """See ``sensors.microphone.source.LiveSource``.  The device is looked for anew, so one that was unplugged and
        came back is found again."""
        with self._lock:
            self._close()
            sounddevice = portaudio()
            device = choose(known_devices(sounddevice), self._device)
            ring = Ring(
                max(round(self._buffer_s * self._rate_hz), 4 * self._period),
                self._channels,
                max(64, round(self._buffer_s * self._rate_hz / SHORTEST_BUFFERS)),
            )
            self._stream = self._started(sounddevice, device, ring)
            self._segment += 1
            self._assembly = Assembly(ring, self._rate_hz, self._period, self._segment)
            self._ring, self._refused = ring, 0
            self._heard_s = time.monotonic()
        LOG.info(
            "%s: listening to %s at %d Hz, %d channel(s), %d frames at a time",
            self.name, device, self._rate_hz, self._channels, self._period,
        )  # fmt: skip

    def read(self, timeout_s: float) -> Block | None:
        """See ``sensors.microphone.source.LiveSource``."""
        now_s = time.monotonic()
        until_s = now_s + timeout_s
        while True:
            due_s = self._heard_s + BUFFERS_A_LOOK * self._period / self._rate_hz + MARGIN_S
            if now_s < due_s and now_s < until_s:
                time.sleep(min(due_s, until_s) - now_s)
                now_s = time.monotonic()
            assembly, stream = self._assembly, self._stream
            if assembly is None or stream is None:
                raise CaptureError(self.name, "is not open")
            block = assembly.next_block()
            if block is None and now_s - self._heard_s > SILENT_S and not self._running(stream):
                assembly.flush()
                block = assembly.next_block()
                if block is None:
                    raise CaptureError(self.name, "stopped giving sound: unplugged, or taken by the system")
            if block is not None:
                self._heard_s = assembly.heard_ns / NS_PER_S
                self._tell(assembly, block)
                return block
            if now_s >= until_s:
                return None
            if now_s >= due_s:  # late, or silent
                time.sleep(min(self._period / self._rate_hz, until_s - now_s))
                now_s = time.monotonic()

    def close(self) -> None:
        """See ``sensors.microphone.source.LiveSource``."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            # What is in the air is not waited for, and a device that is gone cannot be closed in an orderly manner.
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _running(self, stream: Any) -> bool:
        """Whether PortAudio still listens."""
        with self._lock:
            return self._stream is stream and bool(stream.active)

    def _started(self, sounddevice: Any, device: Device, ring: Ring) -> Any:
        """A running stream into the ring."""
        if self._channels > device.inputs:
            raise CaptureError(
                self.name, f"{device} has {device.inputs} channel(s), and {self._channels} are asked for"
            )
        put = ring.put

        def heard(sound: Any, frames: int, when: Any, status: Any) -> None:
            put(sound, frames, when.inputBufferAdcTime, when.currentTime, status.input_overflow)

        set_periods(sounddevice, PERIODS)
        stream = None
        try:
            stream = sounddevice.RawInputStream(
                samplerate=self._rate_hz,
                blocksize=self._period,
                device=device.number,
                channels=self._channels,
                dtype="float32",
                latency=(PERIODS - 1) * self._period / self._rate_hz,
                callback=heard,
            )
            stream.start()
        except sounddevice.PortAudioError as error:
            if stream is not None:
                stream.close(ignore_errors=True)
            raise CaptureError(self.name, self._refusal(sounddevice, device, error)) from error
        return stream

    def _refusal(self, sounddevice: Any, device: Device, error: Exception) -> str:
        """Why a device could not be opened, and what it would do."""
        rates = rates_of(sounddevice, device.number, self._channels)
        said = str(error).removeprefix("Error opening RawInputStream: ").removeprefix("Error starting stream: ")
        if rates and self._rate_hz not in rates:
            offered = ", ".join(map(str, rates))
            return (
                f"{device} does not record at {self._rate_hz} Hz; with {self._channels} channel(s) it takes {offered}"
            )
        if not rates:
            return f"{device} cannot be opened, it may be in use by another program ({said})"
        return f"{device} cannot be opened ({said})"

    def _tell(self, assembly: Assembly, block: Block) -> None:
        """Say what the reader's counts do not show."""
        if block.segment != self._segment:
            LOG.warning(
                "%s: times jumped, about %.3f s without sound; a new segment begins",
                self.name, assembly.missing / self._rate_hz,
            )  # fmt: skip
            self._segment = block.segment
        refused = self._ring.refused if self._ring is not None else 0
        if refused != self._refused:
            LOG.warning(
                "%s: sound was not taken for too long, %d frames found no room", self.name, refused - self._refused
            )
            self._refused = refused
        if assembly.clock == "none" and block.first == 0:
            LOG.warning("%s: its driver tells no times; those of arrival are taken, late by milliseconds", self.name)
