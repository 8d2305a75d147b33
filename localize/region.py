"""From grids to regions: the smallest areas that hold 50 % and 95 % of a posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import contourpy
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

__all__ = ["Mode", "Summary", "probability_within", "summarise"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode of a posterior and the grid around it.

    top : (3,) float64, position of the maximum, site frame, metres.
    t0 : discharge time there, seconds.
    origin : (2,) float64, centre of the grid; ``axes`` (2, 2) its unit vectors as rows; ``half_m`` (2,) half lengths.
    log_density : (k, k) float64, rows along the second axis, not normalised, common to all modes of one shot.
    """

    top: NDArray[np.float64]
    t0: float
    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    half_m: NDArray[np.float64]
    log_density: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """Moments and regions of a posterior.

    weights : (modes,) float64, adding up to 1.
    mean_m : (2,) float64, mean of the heaviest mode; ``covariance_m2`` (2, 2) second moments of the whole posterior about it.
    regions : one geometry per level asked for, site frame.
    """

    weights: NDArray[np.float64]
    mean_m: NDArray[np.float64]
    means_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]
    regions: tuple[BaseGeometry, ...]


def summarise(modes: Sequence[Mode], levels: Sequence[float] = (0.5, 0.95)) -> Summary:
    """Weights, moments and highest-density regions of a posterior on grids.

    Parameters
    ----------
    modes : at least one; their log densities share one constant.
    levels : probabilities that the regions hold.

    Returns
    -------
    Summary; a region is a Polygon or MultiPolygon, holes and islands included.
    """
    peak = max(float(m.log_density.max()) for m in modes)
    densities = [np.exp(m.log_density - peak) for m in modes]
    cells = [4.0 * m.half_m[0] * m.half_m[1] / (m.log_density.shape[0] - 1) ** 2 for m in modes]
    masses = np.array([float(d.sum()) * a for d, a in zip(densities, cells, strict=True)])
    weights = masses / masses.sum()
    means = np.empty((len(modes), 2))
    seconds = np.empty((len(modes), 2, 2))
    for k, (m, d) in enumerate(zip(modes, densities, strict=True)):
        n = d.shape[0]
        line = np.linspace(-1.0, 1.0, n)
        total = d.sum()
        u, v = line * m.half_m[0], line * m.half_m[1]
        du, dv = d.sum(axis=0), d.sum(axis=1)
        mu, mv = float(du @ u) / total, float(dv @ v) / total
        uu, vv = float(du @ (u - mu) ** 2) / total, float(dv @ (v - mv) ** 2) / total
        uv = float((v - mv) @ d @ (u - mu)) / total
        means[k] = m.origin + np.array([mu, mv]) @ m.axes
        seconds[k] = m.axes.T @ np.array([[uu, uv], [uv, vv]]) @ m.axes
    heavy = int(np.argmax(weights))
    offsets = means - means[heavy]
    covariance = np.einsum("k,kij->ij", weights, seconds + offsets[:, :, None] * offsets[:, None, :])
    thresholds = _thresholds(modes, masses, peak, levels)
    regions = tuple(_region(modes, peak, t) for t in thresholds)
    return Summary(weights, means[heavy], means, covariance, regions)


def probability_within(modes: Sequence[Mode], centre_m: NDArray[np.float64], radius_m: float) -> float:
    """Probability that the shot lies within a radius (m) of a point (2,) of the site frame."""
    peak = max(float(m.log_density.max()) for m in modes)
    inside = total = 0.0
    for m in modes:
        line = np.linspace(-1.0, 1.0, m.log_density.shape[0])
        offset = m.axes @ (m.origin - centre_m)
        square = (line * m.half_m[0] + offset[0]) ** 2 + ((line * m.half_m[1] + offset[1]) ** 2)[:, None]
        mass = np.exp(m.log_density - peak) * (m.half_m[0] * m.half_m[1] / (len(line) - 1) ** 2)
        total += float(mass.sum())
        inside += float(mass[square <= radius_m**2].sum())
    return inside / total


def _thresholds(modes: Sequence[Mode], masses: NDArray[np.float64], peak: float, levels: Sequence[float]) -> list[float]:
    """Log densities above which the grids hold each level of the mass.

    A cell that the contour crosses counts with the share of it above the threshold, from the density's slope across the
    cell: counting whole cells would make the region's mass jump by several percent where many cells tie.
    """
    values, slopes, areas = [], [], []
    for m in modes:
        log_d = m.log_density - peak
        by_v, by_u = np.gradient(log_d)
        values.append(log_d.ravel())
        slopes.append((np.abs(by_u) + np.abs(by_v)).ravel())
        areas.append(np.full(log_d.size, 4.0 * m.half_m[0] * m.half_m[1] / (log_d.shape[0] - 1) ** 2))
    value, area = np.concatenate(values), np.concatenate(areas)
    slope = np.maximum(np.concatenate(slopes), 1e-9)
    mass = np.exp(value) * area / masses.sum()
    keep = mass > 1e-12
    return [_threshold(value[keep], slope[keep], mass[keep], level) for level in levels]


@njit(cache=True)
def _threshold(
    value: NDArray[np.float64], slope: NDArray[np.float64], mass: NDArray[np.float64], level: float
) -> float:
    """Bisection for the log density above which ``level`` of the mass lies."""
    low, high = value.min(), value.max()
    for _ in range(40):
        middle = 0.5 * (low + high)
        held = 0.0
        for k in range(value.shape[0]):
            part = 0.5 + (value[k] - middle) / slope[k]
            held += mass[k] * min(max(part, 0.0), 1.0)
        if held > level:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _region(modes: Sequence[Mode], peak: float, threshold: float) -> BaseGeometry:
    """Union of each mode's contour at one density."""
    parts: list[BaseGeometry] = []
    for m in modes:
        # the log density is nearly quadratic, so that the contour's linear interpolation in it is accurate
        log_d = m.log_density - peak
        if log_d.max() <= threshold:
            continue
        line = np.linspace(-1.0, 1.0, log_d.shape[0])
        generator = contourpy.contour_generator(
            line * m.half_m[0], line * m.half_m[1], log_d, fill_type=contourpy.FillType.OuterOffset
        )
        points, offsets = generator.filled(threshold, np.inf)
        for outline, breaks in zip(points, offsets, strict=True):
            placed = m.origin + outline @ m.axes
            rings = [placed[a:b] for a, b in zip(breaks[:-1], breaks[1:], strict=True)]
            rings = [r for r in rings if len(r) >= 4]
            if rings:
                parts.append(shapely.Polygon(rings[0], rings[1:]))
    if not parts:
        return shapely.Polygon()
    if len(parts) == 1:
        return parts[0]
    if len(modes) == 1:
        return shapely.MultiPolygon(parts)
    return shapely.union_all([shapely.make_valid(p) for p in parts])
