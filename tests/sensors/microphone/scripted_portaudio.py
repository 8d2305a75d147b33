"""PortAudio as a script plays it: devices that come and go, streams that are fed by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.sensors.microphone.audio_system import ramp


class PortAudioError(Exception):
    """As sounddevice's."""


@dataclass
class ScriptedDevice:
    name: str
    inputs: int = 1
    host: int = 0
    rates: tuple[int, ...] = (44_100, 48_000)
    busy: bool = False


@dataclass
class Moment:
    """PaStreamCallbackTimeInfo."""

    inputBufferAdcTime: float  # noqa: N815
    currentTime: float  # noqa: N815


@dataclass
class Status:
    input_overflow: bool = False


@dataclass
class ScriptedStream:
    sound: dict[str, Any]
    active: bool = False
    closed: bool = False
    given: int = 0
    began_s: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        self.active = True

    def abort(self, ignore_errors: bool = False) -> None:
        self.active = False

    def close(self, ignore_errors: bool = False) -> None:
        self.closed = True

    def give(self, buffers: int) -> None:
        """Sound, in as many calls: a ramp since the stream's start, digitised since then at the nominal rate."""
        frames, rate_hz = self.sound["blocksize"], self.sound["samplerate"]
        for _ in range(buffers):
            samples = ramp(self.given, frames, self.sound["channels"])
            adc_s = self.began_s + self.given / rate_hz
            self.given += frames
            self.sound["callback"](samples.data.cast("B"), frames, Moment(adc_s, time.monotonic()), Status())


@dataclass
class ScriptedPortAudio:
    """Stands in for the module ``sounddevice``."""

    devices: list[ScriptedDevice]
    default_input: int = 0
    streams: list[ScriptedStream] = field(default_factory=list)
    _libname: str = "no library of this name"
    PortAudioError: type[Exception] = PortAudioError

    @property
    def default(self) -> Any:
        return type("default", (), {"device": (-1, -1)})

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [
            {"name": "ALSA", "default_input_device": self.default_input},
            {"name": "JACK", "default_input_device": -1},
        ]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {"name": d.name, "hostapi": d.host, "max_input_channels": d.inputs, "default_samplerate": 48_000.0}
            for d in self.devices
        ]

    def check_input_settings(self, device: int, channels: int, dtype: str, samplerate: int) -> None:
        asked = self.devices[device]
        if asked.busy:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        if samplerate not in asked.rates or channels > asked.inputs:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")

    def RawInputStream(self, **sound: Any) -> ScriptedStream:  # noqa: N802
        self.check_input_settings(sound["device"], sound["channels"], sound["dtype"], sound["samplerate"])
        stream = ScriptedStream(sound)
        self.streams.append(stream)
        return stream
