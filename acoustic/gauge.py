"""Measures one event at the full rate: onset, level, whether it can be trusted, description."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.detection import Detection
from acoustic.features import describe
from acoustic.levels import decibels, is_clipped, longest_silence
from acoustic.onset import OnsetPicker

GAP_S = 0.010
"""Exact zeros for so long are lost samples or padding, never sound."""

NOISE_S = 0.030
"""The noise before an onset is measured over this, ending a millisecond before it."""

QUIETEST_RMS = 1e-6
"""The noise is never taken below this share of full scale, the rounding of 20 bits: SNR stays finite in silence."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Where the detector saw an event.

    channel : of the stream.  sample : of the stretch of sound handed along.  origin : the stream's sample of its first.
    statistic, band_snr_db : see `Detection`.
    """

    channel: int
    sample: int
    origin: int
    statistic: float
    band_snr_db: tuple[float, ...]


class Gauge:
    """Measures events at one sampling rate.

    Parameters
    ----------
    rate_hz : sampling rate.
    description_s : length of sound from the onset on that is described.
    """

    def __init__(self, rate_hz: float, description_s: float) -> None:
        self.rate_hz = rate_hz
        self._picker = OnsetPicker(rate_hz)
        self._length = round(description_s * rate_hz)
        self.before = self._picker.before  # samples before a trigger, and after it, that are looked at
        self.after = self._length + self._picker.after

    def measure(self, sound: NDArray[np.float64], trigger: Trigger) -> Detection:
        """The event at ``trigger`` of a stretch of sound, (n,) float64, shares of full scale."""
        start = max(0, trigger.sample - self.before)
        segment = sound[start : trigger.sample + self.after]
        filtered = self._picker.filter(segment)
        onset = self._picker.pick(filtered, trigger.sample - start)
        begin = min(max(int(onset.position), 0), len(segment) - 8)
        heard, raw = filtered[begin : begin + self._length], segment[begin : begin + self._length]
        quiet_from, quiet_to = (max(0, begin - round(s * self.rate_hz)) for s in (NOISE_S + 0.001, 0.001))
        noise = filtered[quiet_from : max(quiet_to, quiet_from + 1)]
        rms = max(float(np.sqrt(np.mean(noise * noise))), QUIETEST_RMS)
        return Detection(
            channel=trigger.channel,
            trigger=trigger.origin + trigger.sample,
            statistic=trigger.statistic,
            band_snr_db=trigger.band_snr_db,
            onset=trigger.origin + start + onset.position,
            onset_sigma_s=onset.sigma_s,
            peak=float(np.abs(raw).max()),
            snr_db=decibels(float(np.abs(heard).max()) / rms),
            clipped=is_clipped(raw),
            gap=longest_silence(segment) >= GAP_S * self.rate_hz,
            features=describe(heard, self.rate_hz, onset.polarity),
        )
