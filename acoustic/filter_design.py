"""Coefficients of the filters that the detector uses, from their defining equations.

Sources
-------
Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed.: 7.2 (bilinear transformation, Butterworth), 7.5.3
(design by the Kaiser window).
Kaiser 1974, "Nonrecursive digital filter design using the I0-sinh window function", Proc. IEEE ISCAS, 20-23.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def butterworth_band_pass(band_hz: tuple[float, float], rate_hz: float) -> Array:
    """Second-order sections of a Butterworth band-pass filter whose low-pass prototype has order 2.

    Parameters
    ----------
    band_hz : edges at -3 dB, 0 < low < high < rate / 2.
    rate_hz : sampling rate.

    Returns
    -------
    (2, 6) float64, rows ``b0 b1 b2 1 a1 a2``.  The sharper resonance comes last, and has the zeros next to it, so that
    what lies between the sections stays small; the gain is in the first.

    Raises
    ------
    ValueError
        When the edges are not in order.
    """
    low_hz, high_hz = band_hz
    if not 0.0 < low_hz < high_hz < rate_hz / 2.0:
        raise ValueError(f"band_hz: expected 0 < low < high < {rate_hz / 2.0:g}, got {low_hz:g} .. {high_hz:g}")
    # Edges of the analog filter that the bilinear transformation s = 2 (z - 1) / (z + 1) takes to these.
    low, high = (2.0 * math.tan(math.pi * edge / rate_hz) for edge in band_hz)
    width, middle = high - low, math.sqrt(low * high)
    # Each pole p of the prototype becomes the two roots of s^2 - p width s + middle^2; those of the conjugate pole are
    # their conjugates, so one of the two prototype poles is enough.
    half = cmath.exp(0.75j * math.pi) * width / 2.0
    root = cmath.sqrt(half * half - middle * middle)
    analog = (half + root, half - root)
    poles = sorted(((2.0 + s) / (2.0 - s) for s in analog), key=abs)
    # Two zeros at s = 0 come to z = 1, two at infinity to z = -1: each section takes a pair.
    last = 1.0 if poles[1].real >= 0.0 else -1.0
    gain = width**2 / math.prod(abs(2.0 - s) ** 2 for s in analog) * 4.0
    return np.array(
        [
            [gain, 2.0 * last * gain, gain, 1.0, -2.0 * poles[0].real, abs(poles[0]) ** 2],
            [1.0, -2.0 * last, 1.0, 1.0, -2.0 * poles[1].real, abs(poles[1]) ** 2],
        ]
    )


def kaiser_low_pass(taps: int, cutoff: float, beta: float) -> Array:
    """Linear-phase low-pass filter: the ideal response through a Kaiser window, 1 at frequency zero.

    Parameters
    ----------
    taps : length, odd.
    cutoff : where it passes half the amplitude, share of the Nyquist frequency.
    beta : shape of the window; 5.0 holds back 54 dB, 6.0 63 dB.

    Returns
    -------
    (taps,) float64.
    """
    away = np.arange(taps) - (taps - 1) / 2.0
    ideal = np.sinc(cutoff * away) * np.kaiser(taps, beta)
    return np.asarray(ideal / ideal.sum())
