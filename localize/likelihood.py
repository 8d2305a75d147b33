"""How probable an arrival is: timing noise, and an excess delay that is never negative.

An arrival's residual (arrival minus straight-line prediction) is the sum of a normal error and, for the share ``q`` of
arrivals without line of sight, an exponential excess delay of mean ``m``:

    f(r) = (1 - q) N(r; 0, s^2) + q EMG(r; s, m)

with the exponentially modified Gaussian EMG (Grushka 1972, Anal. Chem. 44(11), eq. 6).  The density is log-concave on
either side and heavy to the right only: early arrivals are improbable, late ones are not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

__all__ = ["arrival_log_density", "arrival_score", "log_density"]

_SQRT2 = math.sqrt(2.0)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


@njit(cache=True)
def _log_emg(r: float, s: float, m: float) -> float:
    """Log of the exponentially modified Gaussian density at residual r (all seconds)."""
    # z is the argument of erfc; for large z, erfc underflows and its asymptote takes over.
    z = (s / m - r / s) / _SQRT2
    if z < 20.0:
        return 0.5 * (s / m) ** 2 - r / m - math.log(2.0 * m) + math.log(math.erfc(z))
    # exp(a) erfc(z) with a = s^2/2m^2 - r/m = z^2 - r^2/2s^2, erfc(z) ~ exp(-z^2) / (z sqrt(pi)) (1 - 1/2z^2)
    return -0.5 * (r / s) ** 2 - math.log(2.0 * m) - math.log(z * math.sqrt(math.pi)) + math.log1p(-0.5 / (z * z))


@njit(cache=True)
def arrival_log_density(r: float, s: float, q: float, m: float) -> float:
    """log f(r), log of 1/s, of a residual r with noise s, late share q and mean delay m."""
    plain = -0.5 * (r / s) ** 2 - math.log(s) - _LOG_SQRT_2PI
    if q <= 0.0:
        return plain
    plain += math.log1p(-q)
    late = math.log(q) + _log_emg(r, s, m)
    top = max(plain, late)
    return top + math.log1p(math.exp(-abs(plain - late)))


@njit(cache=True)
def arrival_score(r: float, s: float, q: float, m: float) -> tuple[float, float]:
    """(gradient, curvature) of -log f at r: -d/dr log f, and a positive stand-in for its second derivative.

    The curvature is the Fisher-scoring form of the mixture, (1 - g) / s^2 + g / (s^2 + m^2) with g the chance that the
    arrival is a late one: always positive, so that Newton steps always descend.
    """
    if q <= 0.0:
        return r / (s * s), 1.0 / (s * s)
    plain = math.log1p(-q) - 0.5 * (r / s) ** 2 - math.log(s) - _LOG_SQRT_2PI
    emg = _log_emg(r, s, m)
    late = math.log(q) + emg
    g = 1.0 / (1.0 + math.exp(min(plain - late, 500.0)))
    # d/dr log EMG = -1/m + N(r; 0, s) / (m EMG) (differentiate the convolution by parts)
    normal = -0.5 * (r / s) ** 2 - math.log(s) - _LOG_SQRT_2PI
    slope = -1.0 / m + math.exp(min(normal - emg, 500.0)) / m
    gradient = (1.0 - g) * r / (s * s) - g * slope
    return gradient, (1.0 - g) / (s * s) + g / (s * s + m * m)


def log_density(
    residual_s: NDArray[np.float64], sigma_s: NDArray[np.float64], late_share: float, late_mean_s: float
) -> NDArray[np.float64]:
    """``arrival_log_density`` of many: (n,) residuals and sigmas in seconds to (n,) nats; late_share above 0."""
    z = residual_s / sigma_s
    plain = -0.5 * z * z - np.log(sigma_s) - 0.5 * math.log(2.0 * math.pi)
    u = sigma_s / late_mean_s - z
    # log EMG = log N + log(Phi(-u) / phi(u)) - log m + ... ; written by erfcx where u > 0, by log_ndtr where not
    scaled = np.log(np.maximum(erfcx(np.maximum(u, -20.0) / math.sqrt(2.0)), 1e-300)) - math.log(2.0 * late_mean_s)
    right = np.where(
        u > 0.0,
        scaled - 0.5 * z * z,
        0.5 * (sigma_s / late_mean_s) ** 2 - residual_s / late_mean_s - math.log(late_mean_s) + log_ndtr(-u),
    )
    return np.asarray(np.logaddexp(math.log1p(-late_share) + plain, math.log(late_share) + right))
