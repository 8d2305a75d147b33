"""The capture protocol: whatever gives sound, be it a recording, a microphone or the simulator.

Everything above reads captures and never knows where the sound came from.  ``ArrayCapture`` is the double for tests and
for rendered sound; files are read by ``sensors.audio_file``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import RecordingError
from geo.place import Place
from wire.utc import NS_PER_S


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an auditor should know about an input that can still be used honestly.

    kind : one word for machines: ``silent_channel``, ``over_full_scale``, ``time_order``, ``duplicate_pulse``,
        ``moved_sensor``, ``weather``, ``no_weather``, ``no_sound``.
    where : the file, and the field or channel in it, as the user named it.
    what : the finding in words.
    """

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Capture(Protocol):
    """A stretch of sound from one sensor, without holes.

    sensor : the sensor's id.
    place : where it stands; None when only a network file knows.
    rate_hz : samples a second of each channel.
    channels : 1, or the number of microphones of an array that stands at ``place``.
    start_ns : UTC nanoseconds of the first sample.
    frames : samples of each channel; None for a live source.
    full_scale_db_spl : peak level of a sample of magnitude 1.0, dB re 20 uPa; None when the sensor is not calibrated.
    clock_sigma_s : one standard deviation of ``start_ns``, seconds.
    position_sigma_m : one standard deviation of ``place`` on each horizontal axis, metres; None when not known.
    weather : as recorded with the sound; None when not recorded.
    source : what to name in errors and findings.
    findings : what the reader noticed so far; what needs the whole sound (a silent channel) is there once ``blocks``
        has been read to its end.
    """

    @property
    def sensor(self) -> str: ...
    @property
    def place(self) -> Place | None: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def channels(self) -> int: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def frames(self) -> int | None: ...
    @property
    def full_scale_db_spl(self) -> float | None: ...
    @property
    def clock_sigma_s(self) -> float: ...
    @property
    def position_sigma_m(self) -> float | None: ...
    @property
    def weather(self) -> Weather | None: ...
    @property
    def source(self) -> str: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        """The sound in order, ``n`` samples at a time; each call starts again at the first sample.

        Yields
        ------
        (k, channels) float32, full scale is -1..1; k = n, but for the last block, which may be shorter.

        Raises
        ------
        RecordingError
            At the first sample that is not a finite number, or when the file ends before its header says.
        """
        ...


def sample_ns(start_ns: int, rate_hz: float, index: int | float) -> int:
    """UTC nanoseconds of sample ``index`` (a fraction is allowed) of a capture that begins at ``start_ns``.

    Counts from the start in whole seconds first: a float64 product over a day would keep only tens of nanoseconds.
    """
    seconds, rest = divmod(index, rate_hz)
    return start_ns + int(seconds) * NS_PER_S + round(rest / rate_hz * NS_PER_S)


def end_ns(capture: Capture) -> int | None:
    """UTC nanoseconds just after the last sample; None for a live source."""
    return None if capture.frames is None else sample_ns(capture.start_ns, capture.rate_hz, capture.frames)


def require_finite(block: NDArray[np.float32], first_frame: int, source: str) -> None:
    """Refuse a block that holds a NaN or an infinity.

    block : (k, channels) float32; ``first_frame`` is the position of its first row in the file ``source``.

    Raises RecordingError, which names the file, the sample and the channel.
    """
    # The sum is not finite when any sample is not; it costs a tenth of np.isfinite().all() and needs no mask.
    if np.isfinite(np.sum(block, dtype=np.float64)):
        return
    row, channel = np.argwhere(~np.isfinite(block))[0]
    raise RecordingError(
        source,
        f"sample {first_frame + int(row)} of channel {int(channel)}",
        expected="a finite number",
        seen=float(block[row, channel]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ArrayCapture:
    """A capture that is an array in memory: the double for tests, and for rendered sound.

    samples : (frames, channels) or (frames,) float, full scale is -1..1.
    """

    sensor: str
    samples: NDArray[np.float32]
    rate_hz: float
    start_ns: int
    place: Place | None = None
    full_scale_db_spl: float | None = None
    clock_sigma_s: float = 1e-4
    position_sigma_m: float | None = None
    weather: Weather | None = None
    source: str = "array"
    findings: tuple[Finding, ...] = ()

    @property
    def channels(self) -> int:
        return 1 if self.samples.ndim == 1 else self.samples.shape[1]

    @property
    def frames(self) -> int:
        return len(self.samples)

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        rows = self.samples.astype(np.float32, copy=False).reshape(self.frames, self.channels)
        for first in range(0, self.frames, n):
            block = rows[first : first + n]
            require_finite(block, first, self.source)
            yield block
