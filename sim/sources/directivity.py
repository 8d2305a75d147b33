"""How a muzzle blast weakens off the barrel's axis.

The gas leaves forward, so the blast is strongest there and falls smoothly to the rear; short waves more than long ones,
because what radiates is large against them.  Measurements around small arms put 10 to 20 dB between front and rear
(Beck, Nakasone & Marr 2011, J. Acoust. Soc. Am. 129, 1748-1759; Hirsch & Bertels 2013, "Estimation of the directivity
pattern of muzzle blasts", AIA-DAGA, find it strongly dependent on frequency; ISO 17201-2 expands it into cosines).  The
level falls here with the first of those cosines,

    20 log10 g(angle, f) = -D(f) (1 - cos angle) / 2,    D(f) = D0 + (D1 - D0) f / (f + f1),

from ``D0`` for long waves to ``D1`` for short ones, half way at ``f1 = c / (2 pi R)`` where the circumference of the
blast's ball of gas (``sim.sources.muzzle``, eq. 1) is one wave length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.sources.muzzle import STANDARD_SOUND_M_S, blast_radius_m

LONG_WAVES_DB = 10.0
"""D0: between front and rear where the waves are long."""

SHORT_WAVES_DB = 16.0
"""D1: between front and rear where they are short.  With 16 dB the levels beside the muzzle agree with the published
ones (``sim.sources.weapons``); 20 dB leaves them 2 dB too low."""


@dataclass(frozen=True, slots=True)
class MuzzleDirectivity:
    """A ``Directivity`` that falls monotonically from front to rear.

    long_waves_db, short_waves_db : between front and rear, dB.
    turn_hz : frequency half way from the one to the other.
    """

    long_waves_db: float = LONG_WAVES_DB
    short_waves_db: float = SHORT_WAVES_DB
    turn_hz: float = 300.0

    @classmethod
    def of_energy(cls, energy_j: float) -> MuzzleDirectivity:
        """That of a blast of this energy, joules."""
        return cls(turn_hz=STANDARD_SOUND_M_S / (2.0 * math.pi * blast_radius_m(energy_j)))

    def gain(self, angle_rad: NDArray[np.float64], frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, m) float64 amplitude factor, 1 on the axis, of n angles from the axis (0..pi) at m frequencies."""
        angle = np.atleast_1d(np.asarray(angle_rad, dtype=np.float64))[:, None]
        f = np.abs(np.atleast_1d(np.asarray(frequency_hz, dtype=np.float64)))[None, :]
        depth_db = self.long_waves_db + (self.short_waves_db - self.long_waves_db) * f / (f + self.turn_hz)
        return np.asarray(10.0 ** (-depth_db * (1.0 - np.cos(angle)) / 40.0))
