"""The bullet's shock wave: Whitham's N-wave.

Far from a slender body of diameter ``d`` and length ``l`` that flies at Mach number ``M``, at the distance ``b`` from
its path, the pressure jumps by ``p``, falls evenly to ``-p`` within ``T`` and jumps back:

    p = 0.53 p0 (M^2 - 1)^(1/8) d / (b^(3/4) l^(1/4))                                                  (1)
    T = 1.82 d M b^(1/4) / (c (M^2 - 1)^(3/8) l^(1/4))                                                 (2)

Whitham 1952, "The flow pattern of a supersonic projectile", Comm. Pure Appl. Math. 5, 301-348, and 1974, "Linear and
Nonlinear Waves", ch. 9; in this form for small arms in Stoughton 1997, "Measurements of small-caliber ballistic shock
waves in air", J. Acoust. Soc. Am. 102, 781-787.  0.53 belongs to a bullet's shape; 1.82 = 0.53 * 2 (gamma + 1) / gamma
is the distance that the two shocks have run apart (a test integrates it).

The Fourier transform of the N-wave is ``P(f) = i p T j1(pi f T) exp(-i pi f T)`` with ``j1`` the spherical Bessel
function. A real shock takes some microseconds to rise (Stoughton: a few at metres); at 96 kHz and below that is not to
be seen, and what the air does to it on the way is absorption's part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import spherical_jn

from sim.sources.bandlimit import band_limited
from sim.sources.muzzle import STANDARD_PRESSURE_PA

PEAK_CONSTANT = 0.53
DURATION_CONSTANT = 1.82


def whitham_peak_pa(
    mach: NDArray[np.float64] | float,
    miss_m: NDArray[np.float64] | float,
    diameter_m: float,
    length_m: float,
    pressure_pa: float = STANDARD_PRESSURE_PA,
) -> NDArray[np.float64]:
    """Amplitude of the N-wave, Pa, eq. 1.

    mach, miss_m : broadcast together; Mach number where the wave was emitted (over 1), distance from the path, metres.
    diameter_m, length_m : of the bullet.
    pressure_pa : of the air.
    """
    m = np.asarray(mach, dtype=np.float64)
    b = np.asarray(miss_m, dtype=np.float64)
    return np.asarray(PEAK_CONSTANT * pressure_pa * (m * m - 1.0) ** 0.125 * diameter_m / (b**0.75 * length_m**0.25))


def whitham_duration_s(
    mach: NDArray[np.float64] | float,
    miss_m: NDArray[np.float64] | float,
    diameter_m: float,
    length_m: float,
    sound_speed_m_s: float,
) -> NDArray[np.float64]:
    """From front to rear shock, seconds, eq. 2; arguments as of ``whitham_peak_pa``."""
    m = np.asarray(mach, dtype=np.float64)
    b = np.asarray(miss_m, dtype=np.float64)
    shape = m * b**0.25 / ((m * m - 1.0) ** 0.375 * length_m**0.25)
    return np.asarray(DURATION_CONSTANT * diameter_m / sound_speed_m_s * shape)


def n_wave_spectrum(frequency_hz: NDArray[np.float64], peak_pa: float, duration_s: float) -> NDArray[np.complex128]:
    """(n,) complex128, Fourier transform of the ideal N-wave that begins at t = 0, Pa s."""
    a = np.pi * duration_s * np.asarray(frequency_hz, dtype=np.float64)
    return np.asarray(1j * peak_pa * duration_s * spherical_jn(1, a) * np.exp(-1j * a))


def n_wave_pa(peak_pa: float, duration_s: float, rate_hz: float) -> NDArray[np.float64]:
    """An N-wave without aliasing.

    Parameters
    ----------
    peak_pa, duration_s : amplitude (half of peak to peak), Pa; from front to rear shock, seconds.
    rate_hz : sampling rate.

    Returns
    -------
    (n,) float64, Pa; sample 0 is the arrival of the front shock and nothing comes before it.
    """
    return band_limited(lambda f: n_wave_spectrum(f, peak_pa, duration_s), duration_s, rate_hz)
