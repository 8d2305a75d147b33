"""Peak levels from spectra: what a source gives at one metre, band by band, in the whole band and in the detector's.

The peak of an impulse is at most the integral of its amplitude spectrum, and reaches a share of that which depends on
its phase.  The share is measured once, at one metre, and kept: each band then adds its part of the integral times the
path's amplitude in it.  Against the peak of the sound itself, filtered by the path, this is good to
1 dB at 48 kHz and 2 dB at 12 kHz (a test holds it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from acoustic.detector import detect
from acoustic.filterbank import bands_for_rate
from acoustic.onset import PICK_BAND_HZ
from sim.hearing.spectrum import SNR_BAND_HZ
from sim.sound import Signal

Array = NDArray[np.float64]

BANDS_HZ: Array = np.array([63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])
"""Centres of the octaves in which levels are followed; the first and last take what is beyond."""

SOURCE_RATE_HZ = 48_000.0
LONGEST_SINGLE_S = 0.030
"""A sound no longer than this is one event to any detector that separates by 12 ms and more."""

_EDGES_HZ = np.concatenate([[0.0], BANDS_HZ[:-1] * np.sqrt(2.0), [np.inf]])


@dataclass(frozen=True, slots=True, eq=False)
class BandLevels:
    """How a sound's peak at one metre is made up.

    whole_pa, picked_pa, told_pa : (bands,) float64, Pa: what each of ``BANDS_HZ`` adds to the peak of the sound, to the
        peak of it in the picking band, and to that in the band in which the truth tells ratios (``SNR_BAND_HZ``).
    """

    whole_pa: Array
    picked_pa: Array
    told_pa: Array


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """The events in one sound that a detector tells apart.

    offset_s : (n,) float64, after the sound's start.  gain_db : (n,) float64, peak over the sound's largest.
    """

    offset_s: Array
    gain_db: Array


def band_levels(pressure_pa: Array, rate_hz: float, sensor_rate_hz: float) -> BandLevels:
    """Of a pressure signal, (n,) float64, Pa, as a sensor of another rate hears it: nothing above half of it."""
    n = max(1024, 1 << (len(pressure_pa) - 1).bit_length())
    spectrum = np.fft.rfft(pressure_pa, n)
    hz = np.fft.rfftfreq(n, 1.0 / rate_hz)
    spectrum[hz > 0.5 * sensor_rate_hz] = 0.0
    pick = bands_for_rate(min(rate_hz, sensor_rate_hz), [PICK_BAND_HZ])[0]
    picked, told = (
        spectrum * signal.sosfreqz(signal.butter(order, edges, "bandpass", fs=rate_hz, output="sos"), hz, fs=rate_hz)[1]
        for order, edges in ((2, pick), (4, SNR_BAND_HZ))
    )
    band = np.searchsorted(_EDGES_HZ, hz, side="right") - 1

    def share(of: NDArray[np.complex128]) -> Array:
        parts = np.bincount(band, np.abs(of), len(BANDS_HZ))
        peak = np.abs(np.fft.irfft(of, n)).max()
        total = parts.sum()
        return np.asarray(parts * (peak / total) if total > 0.0 else parts)

    return BandLevels(share(spectrum), share(picked), share(told))


def strokes(sound: Signal) -> Strokes:
    """What the detector itself finds in a sound heard close by, in silence: one event for whatever is short."""
    if sound.duration_s <= LONGEST_SINGLE_S:
        return Strokes(np.zeros(1), np.zeros(1))
    pressure = sound.pressure_pa(SOURCE_RATE_HZ)
    peak = float(np.abs(pressure).max(initial=0.0))
    if peak == 0.0:
        return Strokes(np.empty(0), np.empty(0))
    lead = round(0.5 * SOURCE_RATE_HZ)
    # A floor 60 dB below the peak: silence would be a gap, after which nothing is reported for a while.
    floor = 1e-3 * np.random.default_rng(0).standard_normal(len(pressure) + 2 * lead)
    floor[lead : lead + len(pressure)] += pressure / peak
    found = detect(0.5 * floor, SOURCE_RATE_HZ)
    offset = np.array([max(0.0, (d.onset - lead) / SOURCE_RATE_HZ) for d in found])
    level = np.array([20.0 * np.log10(max(d.peak / 0.5, 1e-6)) for d in found])
    return Strokes(offset, np.minimum(level, 0.0))
