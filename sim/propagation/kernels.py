"""The filter that each path is, and the impulse response that paths give together.

A path is a causal FIR filter and a delay.  The filter has the least phase that its magnitude allows: its logarithm's
cepstrum, folded onto positive time (Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed., 13.5).  That is
the only causal phase that needs no further knowledge; it begins with the arrival, and turns by Keller's 45 degrees deep
in a shadow.  The ground's reflection is not of minimum phase (soft ground turns a grazing wave upside down), so its
complex Q is kept: Q is a causal function of ``j omega`` (see ``ground``), and the bilinear transform ``j omega = 2 rate
tanh(...)`` takes such a function into a causal discrete one exactly.  It bends the frequency axis, which Q, changing
over octaves, hardly notices below a quarter of the rate.

What is given up, and how much: see ``LEAST_FREQUENCY_HZ``, ``DYNAMIC_RANGE_DB`` and ``kernels``.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray
from scipy.special import i0

from acoustic.weather import Weather
from sim.propagation.paths import Paths
from sim.propagation.response import SILENCE_DB, ground_reflection, smooth_gain_db
from sim.sound import REFERENCE_PA, Directivity
from sim.world import Surfaces

KERNEL_S = 0.0106
"""Least length of a kernel: 512 samples at 48 kHz, 128 at 12 kHz.  With the two limits below it holds the magnitude of
every path within 0.3 dB from 100 Hz and 0.1 dB from 500 Hz, but for waves that graze ground as soft as snow (2e4 Pa
s/m^2), which ring longer: 1.5 dB below 500 Hz."""

LEAST_FREQUENCY_HZ = 50.0
"""Below this the magnitude is held: deep in a shadow it rises towards 0 Hz as f^-1/2, and the tenth of a second that
this takes to ring out would lie where gunshots hold nothing and city microphones hear nothing but wind."""

DYNAMIC_RANGE_DB = 100.0
"""A path's magnitude is held this far below its greatest: below the last of 16 bits.  Air takes 2,000 dB at 24 kHz over
three kilometres, whose minimum phase would delay all the rest."""

TAPER = 0.25
"""Share of a kernel over which its end is faded out, so that cutting it does not ripple."""

OVERSAMPLING = 4
"""Length of the FFT over that of the kernel; what the cepstrum folds over is then below 5e-4 of the kernel's peak (for
magnitudes held as above; measured in the tests)."""

ROWS = 256
"""Paths filtered at a time, so that the spectra stay in the cache."""

HALF_LENGTH = 24
"""Of the interpolator, samples: so much, and no more, of the impulse response comes before an arrival."""

KAISER_BETA = 9.0
"""Of its window: errors below 1e-4 up to 0.43 of the rate (20.6 kHz at 48 kHz)."""

SUBSAMPLES = 8
"""Steps to a sample in which the peak is looked for between samples."""

BLOCK = 4096
"""Samples of a long signal in which peaks are looked for at a time."""

INFINITE_HZ = 1e18
"""Where the bilinear transform has taken half of the rate."""


def kernel_length(rate_hz: float) -> int:
    """Taps of a kernel: the power of two that lasts at least ``KERNEL_S``."""
    return 1 << math.ceil(math.log2(KERNEL_S * rate_hz))


def kernels(
    paths: Paths,
    weather: Weather,
    surfaces: Surfaces,
    rate_hz: float,
    *,
    directivity: Directivity | None = None,
    axis: ArrayLike | None = None,
    spreading: bool = True,
) -> NDArray[np.float64]:
    """Causal FIR filter of each path; its delay is not in it.

    Parameters
    ----------
    paths : n paths.
    weather, surfaces : what they pass through and meet.
    rate_hz : samples a second.
    directivity, axis : of the source; (3,) unit vector, site frame.  None for a source that is the same on all sides.
    spreading : see ``band_gain_db``.

    Returns
    -------
    (n, taps) float64, pressure over that at one metre on the axis; the same in every run, and of each path whatever the
    others are.  Low frequencies come out late by the time that the band which survives takes to rise: about 0.2 ms over
    300 m of air, 0.5 ms over 1 km, 1 ms over 3 km (at 48 kHz).

    Raises
    ------
    ValueError
        A directivity without an axis.
    """
    if directivity is not None and axis is None:
        raise ValueError("axis: expected a unit vector beside a directivity, found None")
    taps = kernel_length(rate_hz)
    size = OVERSAMPLING * taps
    frequency_hz = np.arange(size // 2 + 1) * (rate_hz / size)
    held_hz = np.maximum(frequency_hz, LEAST_FREQUENCY_HZ)
    bent_hz = rate_hz / math.pi * np.tan(math.pi / rate_hz * frequency_hz)
    bent_hz[-1] = INFINITE_HZ
    fading = int(TAPER * taps)
    fade = np.cos(np.linspace(0.0, math.pi / 2, fading)) ** 2
    grounded = np.isfinite(paths.grazing_rad)
    out = np.empty((len(paths), taps))
    for first in range(0, len(paths), ROWS):
        rows = slice(first, first + ROWS)
        gain_db = smooth_gain_db(paths, weather, surfaces, held_hz, rows=rows, spreading=spreading)
        if directivity is not None:
            cosine = (paths.departure[rows] * np.asarray(axis, dtype=np.float64)).sum(axis=1)
            angle = np.arccos(np.clip(cosine, -1.0, 1.0))
            gain = np.maximum(directivity.gain(angle, held_hz), 10.0 ** (SILENCE_DB / 20.0))
            gain_db += 20.0 * np.log10(gain)
        spectrum = minimum_phase(gain_db, size)
        bounced = np.flatnonzero(grounded[rows])
        if len(bounced):
            spectrum[bounced] *= ground_reflection(paths, first + bounced, weather, surfaces, bent_hz)
        out[rows] = scipy.fft.irfft(spectrum, size, axis=1)[:, :taps]
    out[:, taps - fading :] *= fade
    return out


def minimum_phase(gain_db: NDArray[np.float64], size: int) -> NDArray[np.complex128]:
    """Spectra of least phase with given magnitudes, by the folded cepstrum.

    gain_db : (n, size / 2 + 1) float64, dB, at the frequencies of an FFT of ``size``; returned in the same shape,
        complex128.  What lies more than ``DYNAMIC_RANGE_DB`` below the greatest of its row counts as lying there.
    """
    log = np.maximum(gain_db, gain_db.max(axis=1, keepdims=True) - DYNAMIC_RANGE_DB) * (math.log(10.0) / 20.0)
    cepstrum = scipy.fft.irfft(log, size, axis=1)
    cepstrum[:, 1 : size // 2] *= 2.0
    cepstrum[:, size // 2 + 1 :] = 0.0
    return np.asarray(np.exp(scipy.fft.rfft(cepstrum, axis=1)))


def interpolator(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that delay by a part of a sample: a sinc under a Kaiser window, of sum 1.

    fraction : (n,) float64, 0..1.

    Returns
    -------
    (n, 2 HALF_LENGTH) float64; column k delays by ``k - HALF_LENGTH + 1`` samples.
    """
    offset = np.arange(1 - HALF_LENGTH, HALF_LENGTH + 1)[None, :] - np.asarray(fraction, dtype=np.float64)[:, None]
    window = i0(KAISER_BETA * np.sqrt(np.maximum(1.0 - (offset / HALF_LENGTH) ** 2, 0.0)))
    weights = np.sinc(offset) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def impulse_response(
    kernels: NDArray[np.float64], delay_s: NDArray[np.float64], rate_hz: float
) -> tuple[int, NDArray[np.float64]]:
    """All paths of one sound to one receiver, summed.

    Parameters
    ----------
    kernels : (n, taps) float64, of ``kernels``.
    delay_s : (n,) float64, seconds after emission.
    rate_hz : samples a second.

    Returns
    -------
    first_sample : h[0] is at ``first_sample / rate_hz`` seconds after emission; negative where the first path is
        shorter than ``HALF_LENGTH`` samples.  Nothing sounds more than ``HALF_LENGTH - 1`` samples before the first
        arrival.
    h : (k,) float64; empty without paths.
    """
    count, taps = kernels.shape
    if count == 0:
        return 0, np.zeros(0)
    at = np.asarray(delay_s, dtype=np.float64) * rate_hz
    whole = np.floor(at).astype(np.int64)
    first = int(whole.min()) - HALF_LENGTH + 1
    h = np.zeros(int(whole.max()) + HALF_LENGTH + taps - first)
    add_delayed(np.ascontiguousarray(kernels), interpolator(at - whole), whole - HALF_LENGTH + 1 - first, h)
    return first, h


@numba.njit(cache=True)
def add_delayed(
    kernels: NDArray[np.float64],
    weights: NDArray[np.float64],
    start: NDArray[np.int64],
    h: NDArray[np.float64],
) -> None:
    """Add the convolution of each row of ``kernels`` with that of ``weights`` to ``h`` from ``start`` on."""
    taps = kernels.shape[1]
    for i in range(kernels.shape[0]):
        for k in range(weights.shape[1]):
            weight = weights[i, k]
            into = h[start[i] + k : start[i] + k + taps]
            for t in range(taps):
                into[t] += weight * kernels[i, t]


def path_peaks_db_spl(kernels: NDArray[np.float64], signal_pa: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak level that each path gives alone, looked for between samples too.

    Parameters
    ----------
    kernels : (n, taps) float64, of ``kernels``.
    signal_pa : (k,) float64, pressure at one metre, Pa, at the same rate.

    Returns
    -------
    (n,) float64, dB re 20 uPa; -300 - 20 log10(20e-6) where nothing sounds.
    """
    count, taps = kernels.shape
    # A long signal is filtered block by block, loudest first, and no further than it could still hold a higher peak: a
    # filter raises no peak by more than the sum of its magnitudes.
    rim = np.zeros(taps - 1 + HALF_LENGTH)
    padded = np.concatenate([rim, signal_pa, rim])
    starts = range(0, len(signal_pa) + taps - 1, BLOCK)
    blocks = [padded[start : start + BLOCK + taps - 1 + 2 * HALF_LENGTH] for start in starts]
    loudest = np.array([np.abs(block).max() for block in blocks])
    most = np.abs(kernels).sum(axis=1)
    peak = np.zeros(count)
    for b in np.argsort(-loudest, kind="stable"):
        rows = np.flatnonzero(most * loudest[b] > peak)
        if len(rows) == 0:
            break
        peak[rows] = np.maximum(peak[rows], block_peaks(kernels[rows], blocks[b]))
    return np.asarray(20.0 * np.log10(np.maximum(peak, 10.0 ** (SILENCE_DB / 20.0)) / REFERENCE_PA))


def block_peaks(kernels: NDArray[np.float64], block: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) float64, greatest magnitude of a block as each kernel filters it; its first ``taps - 1`` samples only lead
    in, and the ``HALF_LENGTH`` samples at either end of the rest only serve to interpolate."""
    taps = kernels.shape[1]
    size = scipy.fft.next_fast_len(len(block), real=True)  # what wraps around falls on the lead-in
    spectrum = scipy.fft.rfft(block, size)
    between = interpolator(np.arange(SUBSAMPLES) / SUBSAMPLES).T
    around = np.arange(1 - HALF_LENGTH, HALF_LENGTH + 1)
    peaks = np.empty(len(kernels))
    for first in range(0, len(kernels), ROWS):
        rows = slice(first, first + ROWS)
        sound = scipy.fft.irfft(scipy.fft.rfft(kernels[rows], size, axis=1) * spectrum, size, axis=1)
        sound = sound[:, taps - 1 : len(block)]
        top = np.abs(sound[:, HALF_LENGTH:-HALF_LENGTH]).argmax(axis=1)[:, None] + HALF_LENGTH
        after = np.take_along_axis(sound, top + around, axis=1) @ between
        before = np.take_along_axis(sound, top - 1 + around, axis=1) @ between
        peaks[rows] = np.abs(np.concatenate([before, after], axis=1)).max(axis=1)
    return peaks
