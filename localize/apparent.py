"""How far the paths of one place depart from straight lines: their scale there, and the displaced apparent source.

Buildings near a shot delay its sound differently to different sides.  What of this pattern varies as the cosine of the
direction looks exactly like a shot from a few metres beside: no residual shows it.  What varies faster is left in the
residuals, which therefore tell how large the invisible part is: the apparent source is displaced by about
``DISPLACEMENT`` times the distance that sound travels in one sigma of the paths' noise.

That sigma is a run's, and one place differs from another: its scale at a place has a prior around 1 and is weighed by
the place's own arrivals.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from localize.likelihood import arrival_log_density
from localize.posterior import STRAY_SHARE, STRAY_SPAN_S, Evidence, Ground, climb
from localize.region import Displacement
from localize.travel import travel_time

__all__ = ["DISPLACEMENT", "at_its_place"]

# Displacement on each axis over c times the paths' sigma; of shots simulated in blocks and houses, 0.5 to 1 by city.
DISPLACEMENT = 0.85
LOG_SCALE_SIGMA = 0.5  # of the natural logarithm of a place's scale: shots in blocks differ by a factor of two
LOG_SCALES = np.linspace(-1.2, 1.2, 7)
LEAST_SIGMA_S = 1e-3  # less noise than this is not of buildings, and is the same everywhere
LEAST_ARRIVALS = 6  # a fit of fewer leaves too little in its residuals to tell a scale


def at_its_place(
    evidence: Evidence, ground: Ground, start: NDArray[np.float64], sigma_s: float
) -> tuple[Evidence, Displacement]:
    """Evidence with the noise of its own place, and how far its apparent source may be displaced.

    Parameters
    ----------
    start : (4,) float64, x, y, z (m) and t0 (s) to climb from.
    sigma_s : the run's propagation sigma, contained in ``evidence.sigma``, seconds.

    Returns
    -------
    The evidence with other sigmas, and the displacement's mixture over the scales.  Where measuring errors (picks,
    clocks, survey) outweigh the paths' noise, the run's sigma stands: there is no telling its scale at one place.
    """
    measured_s2 = float(np.median(np.maximum(evidence.sigma**2 - sigma_s**2, 0.0)))
    # The share of the noise that is the paths' own.  A small sigma beside larger errors of measurement is hardly known,
    # and may as well be 0: squared, the share lets it displace next to nothing.
    share = sigma_s**2 / (sigma_s**2 + measured_s2)
    shift_m = DISPLACEMENT * ground.c * sigma_s * share**2
    if share <= 0.5 or sigma_s < LEAST_SIGMA_S or len(evidence.t) < LEAST_ARRIVALS:
        return evidence, Displacement(np.array([shift_m]), np.ones(1))
    log_weight = _log_evidence(evidence, ground, start, sigma_s, np.exp(LOG_SCALES))
    log_weight -= 0.5 * (LOG_SCALES / LOG_SCALE_SIGMA) ** 2
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    scale = math.exp(float(weight @ LOG_SCALES))
    return evidence._replace(sigma=_scaled(evidence.sigma, sigma_s, scale)), Displacement(
        shift_m * np.exp(LOG_SCALES), weight
    )


@njit(cache=True)
def _scaled(sigma: NDArray[np.float64], sigma_s: float, scale: float) -> NDArray[np.float64]:
    """(n,) total sigmas with the propagation's part multiplied by ``scale``; seconds."""
    return np.sqrt(np.maximum(sigma**2 + (scale**2 - 1.0) * sigma_s**2, 1e-10))


@njit(cache=True, nogil=True)
def _log_evidence(
    evidence: Evidence, ground: Ground, start: NDArray[np.float64], sigma_s: float, scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(k,) log likelihood of each scale, nats, up to a constant: place and time integrated out by Laplace's method."""
    out = np.full(scales.shape[0], -1e6)
    stray = math.log(STRAY_SHARE / STRAY_SPAN_S)
    for q in range(scales.shape[0]):
        sigma = _scaled(evidence.sigma, sigma_s, scales[q])
        scaled = Evidence(evidence.place, evidence.t, sigma, evidence.level, evidence.silent)
        ok, x, y, z, t0, normal = climb(scaled, ground, start[0], start[1], start[2], start[3])
        if not ok:
            continue
        total = -0.5 * np.linalg.slogdet(normal)[1]
        for i in range(sigma.shape[0]):
            dx, dy, dz = evidence.place[i, 0] - x, evidence.place[i, 1] - y, evidence.place[i, 2] - z
            r = evidence.t[i] - t0 - travel_time(dx, dy, dz, ground.c, ground.wind_x, ground.wind_y)
            a = arrival_log_density(r, sigma[i], ground.late_share, ground.late_mean) + math.log1p(-STRAY_SHARE)
            total += max(a, stray) + math.log1p(math.exp(-abs(a - stray)))
        out[q] = total
    return out
