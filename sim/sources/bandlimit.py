"""Sampled pulses without aliasing and without anything before their onset, from their closed-form spectra.

A shock begins with a jump, whose spectrum has no end; sampled as it stands, it folds back.  Here a pulse ``p(t)`` that
begins at t = 0 is known by its Fourier transform ``P(f)`` in closed form.  It passes an analogue-like anti-alias filter
``H(f)`` that is flat below 0.4 of the sampling rate, 80 dB down above half of it, and of minimum phase, so that its
response begins where the pulse begins.  The samples are those of that causal, filtered pulse: the inverse discrete
transform of ``P(f) H(f)`` folded about the rate (Poisson's formula).  What the filter lets
fold back changes the magnitude below 0.4 of the rate and the sum over all samples by less than 80 dB below the
spectrum's greatest value; what precedes the onset is 90 dB below the peak.

The filter delays low frequencies by ``delay_samples()``, 1.9 samples, as the filter of a real converter does.

Minimum phase from magnitude: Oppenheim & Schafer, "Discrete-Time Signal Processing", the real cepstrum folded onto
positive quefrencies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

Spectrum = Callable[[NDArray[np.float64]], NDArray[np.complex128]]
"""Fourier transform ``P(f) = integral p(t) exp(-2 pi i f t) dt`` at frequencies in Hz (f >= 0), Pa s."""

FLAT_TO = 0.4
"""Below this share of the sampling rate the anti-alias filter changes no magnitude."""

STOP_FROM = 0.5
"""From this share on it is ``STOP_DB`` down: half of the rate, so that nothing folds back."""

STOP_DB = 80.0
"""What a good audio converter's filter takes."""

FOLDS = 4
"""Copies of the spectrum that are folded, as multiples of the rate on both sides together.  With the filter 80 dB down
and a pulse's own fall with frequency, the neglected ones stay 100 dB below the pulse."""

RESPONSE_SAMPLES = 96
"""Length of the filter's response in samples of the rate; it has fallen to 3e-6 of its peak by then."""


@cache
def anti_alias_response() -> NDArray[np.float64]:
    """(RESPONSE_SAMPLES * FOLDS,) float64, of sum 1: the filter's impulse response at ``FOLDS`` times the rate."""
    points = 1 << 15
    share = np.fft.rfftfreq(points, 1.0 / FOLDS)  # of the sampling rate
    along = np.clip((share - FLAT_TO) / (STOP_FROM - FLAT_TO), 0.0, 1.0)
    # A fall in decibels with the cube of the way keeps the response the shortest of the shapes that were tried.
    log_magnitude = -STOP_DB * np.log(10.0) / 20.0 * along**3
    cepstrum = np.fft.irfft(log_magnitude, points)
    cepstrum[1 : points // 2] *= 2.0
    cepstrum[points // 2 + 1 :] = 0.0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), points)[: RESPONSE_SAMPLES * FOLDS]
    return np.asarray(response / response.sum())


def delay_samples() -> float:
    """How much later than the pulse its low frequencies come, in samples of the rate: a property of the filter."""
    response = anti_alias_response()
    return float(np.arange(len(response)) @ response) / FOLDS


@cache
def _filter_spectrum(points: int) -> NDArray[np.complex128]:
    """(points * FOLDS // 2 + 1,) complex128: the filter at the frequencies of a transform of so many samples."""
    return np.asarray(np.fft.rfft(anti_alias_response(), points * FOLDS))


def band_limited(spectrum: Spectrum, length_s: float, rate_hz: float, *, late_s: float = 0.0) -> NDArray[np.float64]:
    """Samples of a causal pulse without aliasing.

    Parameters
    ----------
    spectrum : closed-form Fourier transform of a pulse that is zero before t = 0.
    length_s : after this time the pulse itself matters no more, seconds; what is left then wraps around.
    rate_hz : sampling rate.
    late_s : the pulse begins this much after sample 0, seconds, of any fraction of a sample.

    Returns
    -------
    (n,) float64, in the pulse's unit.  Nothing comes before the pulse; n covers the pulse and the filter's response,
    rounded up to a length that transforms fast; their sum times the sampling interval is the integral of the pulse.
    """
    wanted = int(np.ceil((length_s + late_s) * rate_hz)) + RESPONSE_SAMPLES
    # A multiple of 2 with small factors: few different lengths, so that the filter's spectrum is found in the cache.
    points = 2 * int(next_fast_len((wanted + 1) // 2, real=True))
    frequency = np.arange(points * FOLDS // 2 + 1, dtype=np.float64) * (rate_hz / points)
    filtered = spectrum(frequency) * _filter_spectrum(points)
    if late_s:
        filtered = filtered * np.exp(-2j * np.pi * late_s * frequency)
    # The filtered pulse at FOLDS times the rate, of which every FOLDS-th sample is kept: that folds the spectrum.
    samples = np.fft.irfft(filtered, points * FOLDS)[::FOLDS] * (rate_hz * FOLDS)
    return np.asarray(samples)


def add_band_limited(
    out: NDArray[np.float64], spectrum: Spectrum, at_s: float, length_s: float, rate_hz: float
) -> None:
    """Add a pulse that begins ``at_s`` seconds after sample 0 of ``out`` (n,) float64; what lies beyond its end is
    cut."""
    first = int(np.floor(at_s * rate_hz))
    samples = band_limited(spectrum, length_s, rate_hz, late_s=at_s - first / rate_hz)
    keep = max(min(len(samples), len(out) - first), 0)
    out[first : first + keep] += samples[:keep]


def sample_count(duration_s: float, rate_hz: float) -> int:
    """How many samples hold a signal of this length and the filter's response after it."""
    return int(np.ceil(duration_s * rate_hz)) + RESPONSE_SAMPLES
