"""Reflection of a spherical wave off porous ground.

The ground reacts locally and is as deep as the sound goes; one number describes it, its effective flow resistivity
sigma.  Its impedance follows Miki's correction of Delany and Bazley's fit, not the fit itself, for three reasons.

- Causality.  The real and imaginary parts of the fit have exponents of their own, so it is no function of ``j omega``
  and its impulse response begins before the impulse.  Miki's form is ``Z = 1 + C (j f / sigma)^-0.632``: analytic, with
  a positive real part wherever ``Re(j f) >= 0``, so the admittance and the reflection are causal and passive at every
  frequency.
- Hard ground lies far below the range in which either was fitted (0.01 < f / sigma < 1 in SI units; asphalt has 5e-5
  at 1 kHz).  There Darcy's law gives ``|Z|`` = 44 (asphalt, 1 kHz); Miki's form continues to 67, Delany and Bazley's
  to 137.
- Within that range the two differ by less than the spread of published resistivities of one kind of ground.

Time runs as ``exp(+j omega t)``, as in numpy's FFT: the spectrum of what comes later turns clockwise.

Sources
-------
Delany and Bazley 1970, "Acoustical properties of fibrous absorbent materials", Applied Acoustics 3, 105-116.
Chessell 1977, "Propagation of noise along a finite impedance boundary", J. Acoust. Soc. Am. 62, 825-834: the same fit
for the ground, with an effective flow resistivity.
Miki 1990, "Acoustical properties of porous materials - modifications of Delany-Bazley models", J. Acoust. Soc. Jpn. (E)
11, 19-24.
Taraldsen and Jonasson 2011, "Aspects of ground effect modeling", J. Acoust. Soc. Am. 129, 47-53: why the
uncorrected fit is not causal, and Darcy's law.
Chien and Soroka 1975, "Sound propagation along an impedance plane", J. Sound Vib. 43, 9-20; 1980, 69, 340-343.
Attenborough, Li and Horoshenkov 2007, "Predicting Outdoor Sound", chapters 2 (the Weyl-Van der Pol formula) and 3.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

MIKI_EXPONENT = 0.632
MIKI_FACTOR = 0.070 / math.cos(MIKI_EXPONENT * math.pi / 2)
"""Miki prints 0.070 and 0.107 for the real and the imaginary part, whose ratio is that of ``j^-0.632`` as far as
printed."""


def admittance(frequency_hz: NDArray[np.float64], flow_resistivity_pa_s_m2: float) -> NDArray[np.complex128]:
    """Normal surface admittance of the ground over that of air, dimensionless (Miki 1990).

    Parameters
    ----------
    frequency_hz : float64 array, Hz, not negative.
    flow_resistivity_pa_s_m2 : effective flow resistivity, Pa s/m^2; infinite for rigid ground.

    Returns
    -------
    complex128 array of the same shape; 0 at 0 Hz and for rigid ground, never with a negative real part.
    """
    # As 1 / Z with numerator and denominator multiplied by (f / sigma)^0.632, which keeps both limits finite.
    x = (np.asarray(frequency_hz, dtype=np.float64) / flow_resistivity_pa_s_m2) ** MIKI_EXPONENT
    return np.asarray(x / (x + MIKI_FACTOR * np.exp(-0.5j * math.pi * MIKI_EXPONENT)))


def boundary_loss(numerical_distance: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """``F(w) = 1 + j sqrt(pi) w exp(-w^2) erfc(-j w)``, in the convention ``exp(-j omega t)`` of the literature.

    numerical_distance : complex128 array, w; ``exp(-w^2) erfc(-j w)`` is the Faddeeva function.
    """
    return np.asarray(1.0 + 1j * math.sqrt(math.pi) * numerical_distance * wofz(numerical_distance))


def spherical_reflection(
    frequency_hz: NDArray[np.float64],
    grazing_rad: NDArray[np.float64],
    length_m: NDArray[np.float64],
    flow_resistivity_pa_s_m2: float,
    sound_speed_m_s: float,
) -> NDArray[np.complex128]:
    """Reflection coefficient Q of a spherical wave, relative to the wave from an image source (Chien and Soroka 1975).

    ``Q = R + (1 - R) F(w)`` with the plane-wave coefficient ``R = (sin phi - beta) / (sin phi + beta)`` and
    ``w = (1 + j) / 2 sqrt(k r) (sin phi + beta)``.  The error falls as ``1 / (k r)``.

    Parameters
    ----------
    frequency_hz : (m,) float64, Hz, not negative.
    grazing_rad : (n,) float64, angle between ray and ground, 0..pi/2.
    length_m : (n,) float64, the whole way of the reflected ray, metres.
    flow_resistivity_pa_s_m2 : effective flow resistivity, Pa s/m^2.
    sound_speed_m_s : m/s.

    Returns
    -------
    (n, m) complex128, ``exp(+j omega t)``; +1 at 0 Hz and off rigid ground.
    """
    beta = np.conj(admittance(frequency_hz, flow_resistivity_pa_s_m2))[None, :]
    sine = np.sin(np.asarray(grazing_rad, dtype=np.float64))[:, None]
    wave_number = 2.0 * math.pi * np.asarray(frequency_hz, dtype=np.float64) / sound_speed_m_s
    both = sine + beta
    w = 0.5 * (1.0 + 1.0j) * np.sqrt(wave_number[None, :] * np.asarray(length_m, dtype=np.float64)[:, None]) * both
    share = np.divide(2.0 * beta, both, out=np.zeros_like(both), where=beta != 0.0)  # 1 - R
    return np.asarray(np.conj(1.0 - share + share * boundary_loss(w)))
