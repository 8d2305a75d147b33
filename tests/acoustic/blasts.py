"""Synthetic blasts whose truth is known to a fraction of a sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Array = NDArray[np.float64]


def blast(
    rate_hz: float, onset_s: float, length_s: float, *, duration_s: float = 0.002, corner_hz: float = 4000.0
) -> Array:
    """A Friedlander wave, peak 1, first-order low-passed, sampled alias-free; onset_s need not fall on a sample.

    Friedlander 1946: p(t) = (1 - t/T) exp(-t/T) from the onset on.  Computed at 192 kHz or finer, then decimated by a
    zero-phase filter, so that the onset does not move.
    """
    finer = max(1, math.ceil(192_000 / rate_hz))
    fine_hz = rate_hz * finer
    t = np.arange(round(length_s * rate_hz) * finer) / fine_hz - onset_s
    late = np.maximum(t, 0.0) / duration_s
    wave = np.where(t >= 0.0, (1.0 - late) * np.exp(-late), 0.0)
    keep = math.exp(-2.0 * math.pi * corner_hz / fine_hz)
    wave = signal.lfilter([1.0 - keep], [1.0, -keep], wave)
    wave = np.asarray(signal.resample_poly(wave, 1, finer) if finer > 1 else wave, dtype=np.float64)
    return np.asarray(wave / np.abs(wave).max())


def far_shot(rng: np.random.Generator, rate_hz: float, onset_s: float, length_s: float, tail_s: float = 0.04) -> Array:
    """A blast with the reverberation of a street: noise that fades over tail_s, from 3 ms after the onset on."""
    t = np.arange(round(length_s * rate_hz)) / rate_hz - onset_s
    tail = np.where(t > 0.003, rng.standard_normal(len(t)) * np.exp(-np.maximum(t, 0.0) / tail_s), 0.0)
    return blast(rate_hz, onset_s, length_s) + 0.15 * tail


def noise(rng: np.random.Generator, rate_hz: float, length_s: float, rms: float = 0.003) -> Array:
    """Night in a town: noise that falls with frequency, share of full scale."""
    samples = signal.lfilter([1.0], [1.0, -0.9], rng.standard_normal(round(length_s * rate_hz)))
    return np.asarray(rms * samples / samples.std(), dtype=np.float64)
