"""A bank of band-pass filters for sound that arrives in blocks.

Every filter is a cascade of second-order sections (Butterworth), the form that stays exact for low bands at high rates.
State is explicit: ``step(state, block) -> (state, out)``.  A section works sample by sample, so any partition of a
signal into blocks gives bit-identical output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.filter_design import butterworth_band_pass
from acoustic.kernels import KERNELS

Array = NDArray[np.float64]

BANDS_HZ: tuple[tuple[float, float], ...] = ((150.0, 400.0), (400.0, 1000.0), (1000.0, 2200.0), (2200.0, 5000.0))
"""Octave-like bands that hold the far-field energy of muzzle blasts.  Below 150 Hz is wind and traffic; above 5 kHz air
absorbs (60 dB a kilometre at 8 kHz, ISO 9613-1), and 12 kHz recordings end at 6 kHz."""

_NYQUIST_SHARE = 0.96  # of half the rate: the highest edge that a Butterworth design still takes gracefully
_NARROWEST = 1.25  # high/low: a band cut by the Nyquist limit to less than this is dropped


def bands_for_rate(
    rate_hz: float, bands_hz: Sequence[tuple[float, float]] = BANDS_HZ
) -> tuple[tuple[float, float], ...]:
    """The bands that a sampling rate can carry: edges cut at the Nyquist limit, bands with nothing left dropped.

    Raises
    ------
    ValueError
        When a band is not ``0 < low < high``, or none fits the rate.
    """
    if not rate_hz > 0 or not np.isfinite(rate_hz):
        raise ValueError(f"rate_hz: expected a positive rate, got {rate_hz!r}")
    limit = _NYQUIST_SHARE * rate_hz / 2.0
    kept = []
    for low, high in bands_hz:
        if not 0.0 < low < high:
            raise ValueError(f"bands_hz: expected 0 < low < high, got {low} .. {high}")
        if min(high, limit) >= _NARROWEST * low:
            kept.append((float(low), float(min(high, limit))))
    if not kept:
        raise ValueError(f"bands_hz: expected a band below {limit:g} Hz, sampled at {rate_hz:g} Hz, got {bands_hz!r}")
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class FilterBankState:
    """Memory of a bank: (bands, channels, sections, 2) float64, transposed direct form II delays."""

    delays: Array


class FilterBank:
    """Butterworth band-pass filters side by side.

    Parameters
    ----------
    rate_hz : sampling rate, 8,000 to 96,000 Hz in practice; any positive rate works.
    bands_hz : (low, high) edges at -3 dB, Hz; see `bands_for_rate` for what happens near the Nyquist frequency.

    Raises
    ------
    ValueError
        As `bands_for_rate`.
    """

    def __init__(self, rate_hz: float, bands_hz: Sequence[tuple[float, float]] = BANDS_HZ) -> None:
        self.rate_hz = float(rate_hz)
        self.bands_hz = bands_for_rate(rate_hz, bands_hz)
        self.sections: tuple[Array, ...] = tuple(butterworth_band_pass(band, self.rate_hz) for band in self.bands_hz)

    def initial(self, channels: int = 1) -> FilterBankState:
        """State of a bank that has heard nothing."""
        if channels < 1:
            raise ValueError(f"channels: expected at least 1, got {channels}")
        return FilterBankState(np.zeros((len(self.sections), channels, self.sections[0].shape[0], 2)))

    def step(self, state: FilterBankState, block: NDArray[np.floating]) -> tuple[FilterBankState, Array]:
        """Filter one block.

        Parameters
        ----------
        state : from `initial` or the step before; it is not changed.
        block : (n, channels) float, n >= 0.

        Returns
        -------
        state, and out : (bands, n, channels) float64, in the unit of the block.
        """
        channels = state.delays.shape[1]
        if block.ndim != 2 or block.shape[1] != channels:
            raise ValueError(f"block: expected shape (n, {channels}), got {block.shape}")
        if block.shape[0] == 0:
            return state, np.zeros((len(self.sections), 0, channels))
        delays = state.delays.copy()
        out = np.empty((len(self.sections), channels, block.shape[0]))
        out[:] = block.T
        for band, sections in enumerate(self.sections):
            KERNELS.run_sections(sections, out[band], delays[band])
        return FilterBankState(delays), out.transpose(0, 2, 1)
