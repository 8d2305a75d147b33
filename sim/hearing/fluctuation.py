"""Slow random changes of a level: the same at an instant whatever was asked before.

A sum of many cosines of random period and phase is close to a stationary Gaussian process, needs no memory and no
filter state, and can be evaluated at any instant of any hour (Rice 1944, "Mathematical analysis of random noise", Bell
Syst. Tech. J. 23, sec. 1.7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COSINES = 24
"""Of which a fluctuation is made: its kurtosis is then 2.94, a Gaussian's is 3."""


@dataclass(frozen=True, slots=True, eq=False)
class Fluctuation:
    """Zero mean, unit variance over all phases.

    frequency_hz, phase_rad : (k,) float64.
    """

    frequency_hz: NDArray[np.float64]
    phase_rad: NDArray[np.float64]

    @classmethod
    def drawn(cls, generator: np.random.Generator, shortest_s: float, longest_s: float) -> Fluctuation:
        """Periods uniform on a logarithmic scale, which gives a density that falls as one over frequency.

        One period is drawn in each of ``COSINES`` equal parts of the scale, so that no draw has a hole in its spectrum.
        """
        part = (np.arange(COSINES) + generator.random(COSINES)) / COSINES
        period_s = shortest_s * (longest_s / shortest_s) ** part
        return cls(1.0 / period_s, 2.0 * np.pi * generator.random(COSINES))

    def at(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) float64 at (n,) seconds."""
        angle = 2.0 * np.pi * np.multiply.outer(at_s, self.frequency_hz) + self.phase_rad
        return np.asarray(np.cos(angle).sum(axis=-1) * np.sqrt(2.0 / len(self.phase_rad)))
