"""Designed filters against scipy's designs, and against what they are defined to do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from acoustic.filter_design import butterworth_band_pass, kaiser_low_pass
from acoustic.filterbank import BANDS_HZ, bands_for_rate
from acoustic.onset import PICK_BAND_HZ, OnsetPicker

Array = NDArray[np.float64]
RATES_HZ = (7900.0, 8000.0, 11025.0, 12000.0, 16000.0, 22050.0, 44100.0, 48000.0, 96000.0, 96100.0)


def response(sections: Array, at_hz: Array, rate_hz: float) -> Array:
    """Amplitude of a cascade, evaluated on the unit circle."""
    z = np.exp(2j * np.pi * at_hz / rate_hz)
    b, a = sections[:, :3], sections[:, 3:]
    parts = [np.polyval(b[k], z) / np.polyval(a[k], z) for k in range(len(sections))]
    return np.asarray(np.abs(np.prod(parts, axis=0)))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_band_passes_are_scipys(rate_hz: float) -> None:
    for band in (*bands_for_rate(rate_hz, [*BANDS_HZ, PICK_BAND_HZ]), (20.0, 30.0), (20.0, 3500.0), (3000.0, 3790.0)):
        expected = signal.butter(2, band, "bandpass", fs=rate_hz, output="sos")
        np.testing.assert_allclose(butterworth_band_pass(band, rate_hz), expected, rtol=1e-12, atol=1e-15)


@given(st.floats(8000.0, 96_100.0), st.floats(0.001, 0.9), st.floats(1.05, 100.0))
def test_a_band_pass_is_butterworths(rate_hz: float, place: float, ratio: float) -> None:
    """|H|^2 = 1 / (1 + W^4), W the distance from the middle in widths, at frequencies bent as the bilinear does."""
    low = place * rate_hz / 2.0
    high = min(low * ratio, 0.97 * rate_hz / 2.0)
    if high < 1.01 * low:
        return
    sections = butterworth_band_pass((low, high), rate_hz)
    at_hz = np.linspace(0.002, 0.499, 60) * rate_hz
    bent, w0, w1 = (np.tan(np.pi * np.asarray(f) / rate_hz) for f in (at_hz, low, high))
    away = (bent**2 - w0 * w1) / (bent * (w1 - w0))
    np.testing.assert_allclose(response(sections, at_hz, rate_hz), 1.0 / np.sqrt(1.0 + away**4), rtol=1e-6, atol=1e-9)
    poles = np.concatenate([np.roots(row) for row in sections[:, 3:]])
    assert np.all(np.abs(poles) < 1.0)
    assert math.hypot(*np.abs(poles[:2])) <= math.hypot(*np.abs(poles[2:])) * (1 + 1e-12)


@pytest.mark.parametrize("band", [(0.0, 100.0), (400.0, 400.0), (900.0, 300.0), (100.0, 4000.0), (float("nan"), 1.0)])
def test_a_band_that_cannot_be_is_named(band: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected 0 < low < high < 4000"):
        butterworth_band_pass(band, 8000.0)


@pytest.mark.parametrize(
    ("taps", "cutoff", "beta"), [(49, 0.23, 6.0), (97, 0.115, 6.0), (41, 0.5, 5.0), (241, 1 / 12, 5.0)]
)
def test_low_passes_are_scipys(taps: int, cutoff: float, beta: float) -> None:
    expected = signal.firwin(taps, cutoff, window=("kaiser", beta))
    np.testing.assert_allclose(kaiser_low_pass(taps, cutoff, beta), expected, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("factor", [2, 4, 8, 9])
def test_a_low_pass_holds_back_what_kaiser_says(factor: int) -> None:
    """Kaiser 1974: beta = 0.1102 (A - 8.7), 63 dB at 6.0, in a transition of (A - 7.95) / (14.36 (taps - 1)) rates.

    His formulas were fitted; they hold to 4 dB here.  The decimator counts on 60 dB from 1.4 x the new Nyquist on.
    """
    taps = 12 * factor + 1
    weights = kaiser_low_pass(taps, 0.92 / factor, 6.0)
    assert np.array_equal(weights, weights[::-1])
    held_db = 6.0 / 0.1102 + 8.7
    half_width = (held_db - 7.95) / (14.36 * (taps - 1)) / 2.0
    edge = 0.46 / factor
    share = np.linspace(0.0, 0.5, 4001)
    amplitude = np.abs(np.exp(-2j * np.pi * np.outer(share, np.arange(taps))) @ weights)
    ripple = 10.0 ** ((4.0 - held_db) / 20.0)
    assert np.abs(amplitude[share <= edge - half_width] - 1.0).max() < ripple
    assert amplitude[share >= edge + half_width].max() < ripple
    assert amplitude[share >= 0.7 / factor].max() < 1e-3
    assert amplitude[0] == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("rate_hz", [8000.0, 12_000.0, 32_000.0, 48_000.0])
def test_between_samples_it_is_scipys_resampling(rate_hz: float) -> None:
    picker, piece = OnsetPicker(rate_hz), np.random.default_rng(1).standard_normal(130)
    finer = math.ceil(96_000.0 / rate_hz)
    np.testing.assert_allclose(picker._interpolated(piece), signal.resample_poly(piece, finer, 1), rtol=0.0, atol=1e-13)
