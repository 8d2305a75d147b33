"""What wind does in a microphone: pressure of its own turbulence and of the gusts that it brings.

Strasberg 1988, "Dimensional analysis of windscreen noise", J. Acoust. Soc. Am. 83(2), 544-548: the third-octave level
within a screen of diameter D in wind of speed V is, in SI units (as van den Berg 2006, "Wind-induced noise in a
screened microphone", J. Acoust. Soc. Am. 119(2), 824-833, writes it),

    L = 40 log10(V) - 23 log10(f D / V) + 15  dB re 20 uPa,

so it grows with 63 log10 of the speed and falls by 23 dB a decade of frequency.  It was measured with screens of 2.5 to
25 cm; the law is carried on as it is beyond the frequencies that it was measured at (0.1 < f D / V < 5).  A station's
``wind_shelter_db`` is taken off: what a better screen, a housing and the lee of a roof take.

Every station has its own gusts.  Pressure under a gust follows the wind within a fraction of a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.hearing.fluctuation import Fluctuation
from sim.hearing.spectrum import THIRD_OCTAVES_HZ, Spectrum
from sim.world import Station, World

SCREEN_M = 0.025
"""Diameter of the screen that the law is taken at: the smallest it was measured with, a foam cap on a small node."""

PER_DECADE_OF_SPEED_DB = 63.0

TURBULENCE = 0.25
"""Standard deviation of the wind speed over its mean: over towns 0.2 to 0.3 at roof height (EN 1991-1-4, sec. 4.4,
terrain category III to IV)."""

GUSTS_S = (1.0, 120.0)
"""Shortest and longest period of gusts.  Shorter ones are smaller than the building that the sensor stands on."""

CALM = 0.1
"""A lull never falls below this share of the mean wind: the law holds for moving air only."""

_BASE = Spectrum(-23.0 * np.log10(THIRD_OCTAVES_HZ * SCREEN_M) + 15.0)

WIND_NOISE = _BASE.at_level(0.0)
"""The shape, at 0 dB(A); the same for every speed."""


def _mean_gain() -> float:
    """Mean power under gusts over the power at the mean speed."""
    x, weight = np.polynomial.hermite_e.hermegauss(80)
    speed = np.maximum(1.0 + TURBULENCE * x, CALM)
    return float(np.sum(weight * speed ** (PER_DECADE_OF_SPEED_DB / 10.0)) / weight.sum())


_MEAN_GAIN = _mean_gain()


def mean_level_db_a(wind_speed_m_s: float, shelter_db: float) -> float:
    """Mean level in wind of a mean speed, dB(A); -inf in still air."""
    if wind_speed_m_s <= 0.0:
        return -np.inf
    return float(_BASE.level_db_a + PER_DECADE_OF_SPEED_DB * np.log10(wind_speed_m_s) - shelter_db)


class WindNoise:
    """Level of the wind's noise at one station."""

    def __init__(self, world: World, station: Station) -> None:
        self._gusts = Fluctuation.drawn(world.generator("gusts", station.id), *GUSTS_S)
        self.mean_level_db_a = mean_level_db_a(world.weather.wind_speed_m_s, station.wind_shelter_db)

    def level_db_a(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) float64, dB(A), at (n,) seconds after the start of the scenario."""
        speed = np.maximum(1.0 + TURBULENCE * self._gusts.at(at_s), CALM)
        return np.asarray(self.mean_level_db_a + PER_DECADE_OF_SPEED_DB * np.log10(speed) - 10.0 * np.log10(_MEAN_GAIN))
