"""Spectra of steady noise: third-octave levels, the density that they stand for, and the A-weighting.

Sources
-------
IEC 61672-1:2013, annex E, eq. E.1 and E.6: the A-weighting, from its four poles.
IEC 61260-1:2014, sec. 5.4: exact mid-band frequencies of third octaves, base ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.sound import REFERENCE_PA

THIRD_OCTAVES_HZ: NDArray[np.float64] = 1000.0 * 10.0 ** (np.arange(-18, 14) / 10.0)
"""(32,) float64, exact mid-band frequencies of 16 Hz to 20 kHz."""

BAND_SHARE = 10.0**0.05 - 10.0**-0.05
"""Width of a third octave over its mid-band frequency."""

SNR_BAND_HZ = (300.0, 3000.0)
"""Where most far-field energy of a muzzle blast lies: signal-to-noise ratios of the truth are told in it, and who could
hear a sound is judged in it.  It never changes with the detector, whose own band is ``acoustic.onset.PICK_BAND_HZ``."""


def a_weighting_db(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """A-weighting, dB, 0 at 1 kHz; frequencies greater than 0 (IEC 61672-1, eq. E.1 with E.6)."""
    return 20.0 * np.log10(_a_poles(frequency_hz) / _a_poles(1000.0))


def _a_poles(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    low, below, above, high = 20.598997**2, 107.65265**2, 737.86223**2, 12194.217**2
    return np.asarray(high * f2**2 / ((f2 + low) * np.sqrt((f2 + below) * (f2 + above)) * (f2 + high)))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Steady noise by its third-octave levels.

    levels_db : (32,) float64, dB re 20 uPa, at ``THIRD_OCTAVES_HZ``.
    """

    levels_db: NDArray[np.float64]

    def density_pa2_hz(self, frequency_hz: ArrayLike) -> NDArray[np.float64]:
        """One-sided power density, Pa^2/Hz, of the shape of ``frequency_hz``: straight between mid-bands on
        logarithmic axes, and 0 outside the bands (below 14 Hz, above 22.4 kHz)."""
        f = np.asarray(frequency_hz, dtype=np.float64)
        half = 10.0**0.05
        inside = (f >= THIRD_OCTAVES_HZ[0] / half) & (f <= THIRD_OCTAVES_HZ[-1] * half)
        with np.errstate(divide="ignore"):
            octave = np.log(f)
        level = np.interp(octave, np.log(THIRD_OCTAVES_HZ), self.levels_db - 10.0 * np.log10(THIRD_OCTAVES_HZ))
        return np.where(inside, REFERENCE_PA**2 / BAND_SHARE * 10.0 ** (level / 10.0), 0.0)

    def band_level_db(self, low_hz: float, high_hz: float, *, a_weighted: bool = False) -> float:
        """Level of what lies between two frequencies, dB re 20 uPa or dB(A)."""
        # 600 steps: the integral over a decade of any slope up to 60 dB is right to 0.001 dB.
        edges = np.geomspace(low_hz, high_hz, 601)
        f = np.sqrt(edges[1:] * edges[:-1])
        power = self.density_pa2_hz(f) * np.diff(edges)
        if a_weighted:
            power = power * 10.0 ** (a_weighting_db(f) / 10.0)
        total = float(power.sum())
        return 10.0 * np.log10(total / REFERENCE_PA**2) if total > 0.0 else -np.inf

    @cached_property
    def level_db_a(self) -> float:
        """Of the whole, dB(A)."""
        return self.band_level_db(14.0, 22_500.0, a_weighted=True)

    def at_level(self, db_a: float) -> Spectrum:
        """The same shape at another level, dB(A)."""
        return Spectrum(self.levels_db + (db_a - self.level_db_a))
