"""From sound to pulses: what one sensor hears, as messages."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from acoustic.detector import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Detection, Detector, DetectorSettings
from acoustic.levels import decibels, peak_db_spl
from errors import RecordingError
from sensors.capture import Capture, sample_ns
from wire.messages import ClockState, Pulse
from wire.utc import format_utc_ns

BLOCK_SAMPLES = 16_384
"""Samples read at a time: a few tenths of a second; the pulses do not depend on it."""


class Listener:
    """The detector with its memory, for one stretch of sound without holes.

    The microphones of an array stand at one place: what several channels hear within the detector's separation is one
    sound, taken from the channel where it stands out most.

    Parameters
    ----------
    rate_hz : nominal sampling rate, 8 to 96 kHz.
    channels : of the sound.
    settings : of the detector; None for the defaults.

    Raises
    ------
    ValueError
        When the rate is out of range.
    """

    def __init__(self, rate_hz: float, channels: int = 1, settings: DetectorSettings | None = None) -> None:
        self._detector = Detector(rate_hz, settings)
        self._apart = self._detector.settings.separation_s * rate_hz
        self._channels = channels
        self._state = self._detector.initial(channels)
        self._waiting: list[Detection] = []

    @property
    def latency_s(self) -> float:
        """Longest time from an onset to its detection, in stream time, seconds."""
        return self._detector.latency_s + (0.0 if self._channels == 1 else self._detector.settings.separation_s)

    @property
    def bands_hz(self) -> tuple[tuple[float, float], ...]:
        """Edges of the detector's bands."""
        return self._detector.bands_hz

    def floor_dbfs(self) -> tuple[float, ...]:
        """Noise floor of each band, dB re full scale, of the quietest channel; empty before anything was heard."""
        floor = self._detector.noise_floor(self._state).min(axis=1)
        if not np.isfinite(floor).all():
            return ()
        return tuple((10.0 * np.log10(np.maximum(floor, 1e-15))).tolist())

    def step(self, block: NDArray[np.floating]) -> list[Detection]:
        """Take (n, channels) samples; the sounds that they completed, in order of time."""
        self._state, found = self._detector.step(self._state, block)
        return self._ready(found, self._detector.decided(self._state))

    def finish(self) -> list[Detection]:
        """The sounds that still waited for later samples; the stretch ends here."""
        return self._ready(self._detector.finish(self._state), None)

    def _ready(self, found: list[Detection], decided: int | None) -> list[Detection]:
        """One detection of each sound that is complete (``decided`` None: all are); the others wait."""
        if self._channels == 1:
            return found
        sounds: list[list[Detection]] = []
        for detection in sorted(self._waiting + found, key=lambda d: d.trigger):
            if sounds and detection.trigger - sounds[-1][0].trigger <= self._apart:
                sounds[-1].append(detection)
            else:
                sounds.append([detection])
        ready = [s for s in sounds if decided is None or s[0].trigger + self._apart < decided]
        self._waiting = [d for s in sounds[len(ready) :] for d in s]
        return [max(s, key=lambda d: d.statistic) for s in ready]


def listen(capture: Capture, settings: DetectorSettings | None = None) -> Iterator[Pulse]:
    """Pulses of a capture, in order of arrival, as soon as they are complete.

    Parameters
    ----------
    capture : any source of sound; it is read once, block by block, so memory does not grow with its length.
    settings : of the detector; None for the defaults.

    Yields
    ------
    Pulse; ``boot`` is the capture's start and ``sequence`` counts from 0, so listening again gives equal identities.
    ``sigma_s`` combines the pick's uncertainty with the capture's clock.

    Raises
    ------
    RecordingError
        When the sampling rate is outside 8 to 96 kHz, or the capture refuses its own content.
    """
    if not LOWEST_RATE_HZ <= capture.rate_hz <= HIGHEST_RATE_HZ:
        raise RecordingError(capture.source, "sampling rate", expected="8000 to 96000 Hz", seen=capture.rate_hz)
    listener = Listener(capture.rate_hz, capture.channels, settings)
    boot = format_utc_ns(capture.start_ns)
    sequence = 0
    for block in capture.blocks(BLOCK_SAMPLES):
        for detection in listener.step(block):
            yield _recorded_pulse(capture, detection, boot, sequence)
            sequence += 1
    for detection in listener.finish():
        yield _recorded_pulse(capture, detection, boot, sequence)
        sequence += 1


def _recorded_pulse(capture: Capture, detection: Detection, boot: str, sequence: int) -> Pulse:
    return pulse_of(
        detection,
        sensor=capture.sensor,
        boot=boot,
        sequence=sequence,
        arrival_ns=sample_ns(capture.start_ns, capture.rate_hz, detection.onset),
        clock="recorded",
        clock_sigma_s=capture.clock_sigma_s,
        full_scale_db_spl=capture.full_scale_db_spl,
    )


def pulse_of(
    detection: Detection,
    *,
    sensor: str,
    boot: str,
    sequence: int,
    arrival_ns: int,
    clock: ClockState,
    clock_sigma_s: float,
    full_scale_db_spl: float | None,
    gap: bool = False,
    untrusted: bool = False,
) -> Pulse:
    """The message of one detection.

    arrival_ns : UTC nanoseconds of ``detection.onset``; ``clock_sigma_s`` what its clock adds to the uncertainty.
    gap, untrusted : samples were lost in it, or near it, as the capture knows.
    """
    level = None if full_scale_db_spl is None else peak_db_spl(detection.peak, full_scale_db_spl)
    named = (("clipped", detection.clipped), ("gap", detection.gap or gap), ("untrusted", untrusted))
    return Pulse(
        sensor=sensor,
        arrival_ns=arrival_ns,
        sigma_s=math.hypot(detection.onset_sigma_s, clock_sigma_s),
        boot=boot,
        sequence=sequence,
        clock=clock,
        clock_sigma_s=clock_sigma_s,
        snr_db=detection.snr_db,
        peak_db_spl=level,
        flags=tuple(name for name, holds in named if holds),
        features={
            "statistic_db": detection.statistic,
            "peak_dbfs": decibels(detection.peak),
            **detection.features.as_dict(),
        },
    )
