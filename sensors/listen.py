"""From sound to pulses: what one sensor hears, as messages."""

from __future__ import annotations

import math
from collections.abc import Iterator

from acoustic.detector import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, Detection, Detector, DetectorSettings
from acoustic.levels import decibels, peak_db_spl
from errors import RecordingError
from sensors.capture import Capture, sample_ns
from wire.messages import Pulse
from wire.utc import format_utc_ns

BLOCK_SAMPLES = 16_384
"""Samples read at a time: a few tenths of a second; the pulses do not depend on it."""


def listen(capture: Capture, settings: DetectorSettings | None = None) -> Iterator[Pulse]:
    """Pulses of a capture, in order of arrival, as soon as they are complete.

    The microphones of an array stand at one place: what several channels hear within the detector's separation is one
    pulse, taken from the channel where it stands out most.

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
    detector = Detector(capture.rate_hz, settings)
    apart = detector.settings.separation_s * capture.rate_hz
    boot = format_utc_ns(capture.start_ns)
    sequence = 0
    state = detector.initial(capture.channels)
    waiting: list[Detection] = []
    for block in capture.blocks(BLOCK_SAMPLES):
        state, found = detector.step(state, block)
        waiting += found
        ready, waiting = _one_per_sound(waiting, apart, detector.decided(state), capture.channels)
        for detection in ready:
            yield _pulse(capture, detection, boot, sequence)
            sequence += 1
    waiting += detector.finish(state)
    ready, _ = _one_per_sound(waiting, apart, None, capture.channels)
    for detection in ready:
        yield _pulse(capture, detection, boot, sequence)
        sequence += 1


def _one_per_sound(
    detections: list[Detection], apart: float, decided: int | None, channels: int
) -> tuple[list[Detection], list[Detection]]:
    """Detections of distinct sounds, and those whose sound may not be complete yet (``decided`` None: all are)."""
    if channels == 1:
        return detections, []
    sounds: list[list[Detection]] = []
    for detection in sorted(detections, key=lambda d: d.trigger):
        if sounds and detection.trigger - sounds[-1][0].trigger <= apart:
            sounds[-1].append(detection)
        else:
            sounds.append([detection])
    ready = [s for s in sounds if decided is None or s[0].trigger + apart < decided]
    waiting = [d for s in sounds[len(ready) :] for d in s]
    return [max(s, key=lambda d: d.statistic) for s in ready], waiting


def _pulse(capture: Capture, detection: Detection, boot: str, sequence: int) -> Pulse:
    """The message of one detection."""
    level = None
    if capture.full_scale_db_spl is not None:
        level = peak_db_spl(detection.peak, capture.full_scale_db_spl)
    return Pulse(
        sensor=capture.sensor,
        arrival_ns=sample_ns(capture.start_ns, capture.rate_hz, detection.onset),
        sigma_s=math.hypot(detection.onset_sigma_s, capture.clock_sigma_s),
        boot=boot,
        sequence=sequence,
        snr_db=detection.snr_db,
        peak_db_spl=level,
        flags=tuple(name for name in ("clipped", "gap") if getattr(detection, name)),
        features={
            "statistic_db": detection.statistic,
            "peak_dbfs": decibels(detection.peak),
            **detection.features.as_dict(),
        },
    )
