"""A WAV or FLAC file as a capture, read in blocks: memory does not grow with the length of the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import RecordingError
from geo.place import Place
from sensors.capture import Finding, require_finite
from sensors.riff import read_chunks

SUFFIXES = (".wav", ".wave", ".flac")

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 96_000
"""What the filter bank is built for: below, the bands that carry a shot are missing; above, nothing is gained."""

_READ_FRAMES = 65_536
"""Samples that are read at once whatever the block size asked for: small reads cost more than the sound in them."""

_STEP = {
    "PCM_S8": 2**-7,
    "PCM_U8": 2**-7,
    "PCM_16": 2**-15,
    "PCM_24": 2**-23,
    "PCM_32": 2**-31,
    "FLOAT": 0.0,
    "DOUBLE": 0.0,
}
"""Size of one step of each sample format that is read, as a part of full scale."""


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """What the head of a file says: samples a second, channels, samples of each channel, size of one step."""

    rate_hz: float
    channels: int
    frames: int
    step: float


def read_header(path: Path) -> AudioHeader:
    """The head of a WAV or FLAC file, after the checks that do not need the whole sound.

    Raises
    ------
    RecordingError
        When the file is not a WAV or FLAC file, is cut short, holds no sample, is coded with loss, or has a rate
        outside 8,000..96,000 Hz.
    """
    if path.suffix.lower() != ".flac":
        read_chunks(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.format not in ("WAV", "WAVEX", "RF64", "FLAC"):
                raise RecordingError(path, "file format", expected="WAV or FLAC", seen=file.format)
            if file.subtype not in _STEP:
                raise RecordingError(path, "sample format", expected=" or ".join(_STEP), seen=file.subtype)
            if not LOWEST_RATE_HZ <= file.samplerate <= HIGHEST_RATE_HZ:
                expected = f"{LOWEST_RATE_HZ} .. {HIGHEST_RATE_HZ} Hz"
                raise RecordingError(path, "sample rate", expected=expected, seen=file.samplerate)
            if not 0 < file.frames < 2**48:
                expected = "one or more, stated in the header"
                raise RecordingError(path, "number of samples", expected=expected, seen=file.frames)
            header = AudioHeader(float(file.samplerate), file.channels, file.frames, _STEP[file.subtype])
            if file.format == "FLAC":
                # FLAC states its length up front and libsndfile believes it: the last sample tells whether it is there.
                file.seek(file.frames - 1)
                if len(file.read(1)) != 1:
                    raise RecordingError(path, "is cut short", expected=f"{header.frames} samples", seen="fewer")
            return header
    except (soundfile.LibsndfileError, OSError) as error:
        raise RecordingError(path, f"cannot be read as audio, wrong or cut short ({_reason(error)})") from error


@dataclass(slots=True, eq=False)
class FileCapture:
    """A capture that is a file.

    Attributes as in ``sensors.capture.Capture``, and ``path``, ``header``; ``noted`` are the findings of the reader
    that opened it.
    """

    path: Path
    header: AudioHeader
    sensor: str
    start_ns: int
    place: Place | None
    full_scale_db_spl: float | None
    clock_sigma_s: float
    position_sigma_m: float | None
    weather: Weather | None
    noted: tuple[Finding, ...] = ()
    _heard: tuple[Finding, ...] = field(default=(), init=False, repr=False)

    @property
    def rate_hz(self) -> float:
        return self.header.rate_hz

    @property
    def channels(self) -> int:
        return self.header.channels

    @property
    def frames(self) -> int:
        return self.header.frames

    @property
    def source(self) -> str:
        return str(self.path)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.noted + self._heard

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        """See ``sensors.capture.Capture.blocks``."""
        at_once = n * max(1, _READ_FRAMES // n)
        low = np.full(self.channels, np.inf, np.float32)
        high = np.full(self.channels, -np.inf, np.float32)
        first = 0
        try:
            with soundfile.SoundFile(str(self.path)) as file:
                while first < self.frames:
                    rows = file.read(min(at_once, self.frames - first), dtype="float32", always_2d=True)
                    if len(rows) == 0:
                        raise RecordingError(self.source, "is cut short", expected=f"{self.frames} samples", seen=first)
                    require_finite(rows, first, self.source)
                    columns = np.ascontiguousarray(rows.T)
                    np.minimum(low, columns.min(axis=1), out=low)
                    np.maximum(high, columns.max(axis=1), out=high)
                    for row in range(0, len(rows), n):
                        yield rows[row : row + n]
                    first += len(rows)
        except (soundfile.LibsndfileError, OSError) as error:
            reason = f"cannot be read after sample {first}, wrong or cut short ({_reason(error)})"
            raise RecordingError(self.source, reason) from error
        self._heard = self._judge(low, high)

    def _judge(self, low: NDArray[np.float32], high: NDArray[np.float32]) -> tuple[Finding, ...]:
        """low, high : (channels,) float32, the least and the greatest sample of each channel."""
        findings = []
        for channel, (least, greatest) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            where = f"{self.source}, channel {channel}"
            if greatest - least <= self.header.step:  # one step: a resting converter may flicker in its last bit
                findings.append(Finding("silent_channel", where, "is silent from beginning to end; it says nothing"))
            if max(greatest, -least) > 1.0:
                what = f"has samples of up to {max(greatest, -least):.3g} of full scale; levels may be wrong"
                findings.append(Finding("over_full_scale", where, what))
        return tuple(findings)


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error).strip().rstrip(".")
