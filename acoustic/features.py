"""Numbers that describe one impulsive sound, for telling classes and weapons apart."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Features:
    """Description of a sound from its onset on.

    rise_s : onset to the largest absolute sample within the first 20 ms, seconds.
    decay_s : time constant of the envelope after its peak (an exponential fitted to the backward-integrated energy,
        Schroeder 1965, between -1 and -10 dB), seconds.
    crest_db : peak over root mean square, dB.
    zero_crossings_hz : sign changes per second, halved: the frequency of a pure tone.
    centroid_hz : centre of gravity of the power spectrum.
    polarity : sign of the first peak, +1.0 a compression where the microphone is wired so.
    low_db, high_db : energy below 1 kHz, and above 2 kHz, as shares of the whole, dB.
    """

    rise_s: float
    decay_s: float
    crest_db: float
    zero_crossings_hz: float
    centroid_hz: float
    polarity: float
    low_db: float
    high_db: float

    def as_dict(self) -> dict[str, float]:
        """Name to value, in the order above."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}


def describe(segment: Array, rate_hz: float, polarity: float) -> Features:
    """Features of a filtered segment that starts at the onset.

    Parameters
    ----------
    segment : (n,) float64, n >= 8, share of full scale, band-passed (no offset).
    rate_hz : sampling rate.
    polarity : of the first peak, from the onset picker.

    Raises
    ------
    ValueError
        When the segment is shorter than eight samples.
    """
    n = len(segment)
    if n < 8:
        raise ValueError(f"segment: expected at least 8 samples, got {n}")
    size = np.abs(segment)
    head = size[: max(8, round(0.020 * rate_hz))]
    top = int(np.argmax(head))
    energy = segment * segment
    total = float(energy.sum())
    if total <= 0.0:
        return Features(0.0, 0.0, 0.0, 0.0, 0.0, polarity, 0.0, 0.0)
    remaining = np.cumsum(energy[::-1])[::-1][top:]
    level = 10.0 * np.log10(np.maximum(remaining / remaining[0], 1e-12))
    first, last = np.searchsorted(-level, [1.0, 10.0])
    last = min(int(last), len(level) - 1)
    span_db = level[first] - level[last]
    # 10 log10 of energy falls by 4.343 dB each energy time constant; the amplitude's is twice that.
    decay_s = 2.0 * 4.342945 * (last - first) / rate_hz / span_db if span_db > 0.0 else 0.0
    signs = np.signbit(segment)
    crossings = int(np.count_nonzero(signs[1:] != signs[:-1]))
    spectrum = np.abs(np.fft.rfft(segment)) ** 2
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    power = float(spectrum.sum())

    def share_db(mask: NDArray[np.bool_]) -> float:
        return float(10.0 * np.log10(max(float(spectrum[mask].sum()) / power, 1e-12)))

    return Features(
        rise_s=top / rate_hz,
        decay_s=float(decay_s),
        crest_db=float(20.0 * np.log10(head[top] / np.sqrt(total / n))),
        zero_crossings_hz=crossings / 2.0 * rate_hz / n,
        centroid_hz=float((hz * spectrum).sum() / power),
        polarity=polarity,
        low_db=share_db(hz < 1000.0),
        high_db=share_db(hz >= 2000.0),
    )
