"""From grids to what is said of a shot: a position, moments, and the smallest regions that hold 50 % and 95 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import contourpy
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

__all__ = ["WITHIN_M", "Displacement", "Mode", "Summary", "displaced", "summarise"]

WITHIN_M = 25.0  # the field's contracts promise a position within this distance
_SHIFTS = 30  # mean-shift steps at the most; it settles in about five
_HALVINGS = 24  # of 30 nats: thresholds to a few millionths of a nat
_FLOOR_NATS = -30.0  # log density below which a cell counts for nothing
_EDGE_SIGMAS = 3.8  # grids reach until 7 nats below their tops: as many sigmas of a displacement
_FELT_CELLS = 0.3  # a displacement of less than so many cells widens a region by a per cent at the most
_LEAST_CELLS = 0.5  # a narrower kernel would be summed with ripples


class Displacement(NamedTuple):
    """How far a source may be from where its arrivals put it: a mixture of round normal densities in the plane.

    sigma_m : (k,) float64, standard deviation of each on both axes, metres; ``weight`` (k,) adds up to 1.
    """

    sigma_m: NDArray[np.float64]
    weight: NDArray[np.float64]


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
    """What a posterior says.

    position_m : (2,) float64, site frame: where the mean shift with a radius of ``WITHIN_M`` from the maximum settles,
        so that as much probability as can be lies around it; the mean, where the posterior is narrower than that.
    covariance_m2 : (2, 2) second moments of the whole posterior about ``position_m``.
    within : probability that the shot lies within ``WITHIN_M`` of ``position_m``.
    regions : one polygon or multipolygon per level asked for, site frame.
    roots : centre (2,) and probability of each separate part of the last region, heaviest first; they add up to 1.
    """

    position_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]
    within: float
    regions: tuple[Polygon | MultiPolygon, ...]
    roots: tuple[tuple[NDArray[np.float64], float], ...]


def displaced(mode: Mode, by: Displacement) -> Mode:
    """A mode convolved with a displacement, on a grid of as many cells that reaches as much farther.

    Along an axis whose cells are coarse beside the displacement, nothing changes.
    """
    k = mode.log_density.shape[0]
    line = np.linspace(-1.0, 1.0, k)
    cell_m = 2.0 * mode.half_m / (k - 1)
    widest_m = float(np.sqrt(by.weight @ by.sigma_m**2))
    felt = widest_m > _FELT_CELLS * cell_m
    if not felt.any():
        return mode
    farthest_m = _EDGE_SIGMAS * float(by.sigma_m[by.weight > 1e-3].max())
    half_m = np.where(felt, np.hypot(mode.half_m, farthest_m), mode.half_m)
    peak = float(mode.log_density.max())
    density = np.exp(mode.log_density - peak)
    total = np.zeros((k, k))
    for sigma_m, weight in zip(by.sigma_m, by.weight, strict=True):
        along = [np.eye(k), np.eye(k)]
        for axis in np.flatnonzero(felt):
            sd = max(float(sigma_m), _LEAST_CELLS * cell_m[axis])
            apart = half_m[axis] * line[:, None] - mode.half_m[axis] * line
            along[axis] = np.exp(-0.5 * (apart / sd) ** 2) * (cell_m[axis] / (sd * math.sqrt(2.0 * math.pi)))
        total += weight * (along[1] @ density @ along[0].T)
    log_density = np.log(np.maximum(total, math.exp(2.0 * _FLOOR_NATS))) + peak
    return Mode(mode.top, mode.t0, mode.origin, mode.axes, half_m, log_density)


def summarise(
    modes: Sequence[Mode], levels: Sequence[float] = (0.5, 0.95), displacement: Displacement | None = None
) -> Summary:
    """Position, moments, highest-density regions and roots of a posterior on grids.

    Parameters
    ----------
    modes : at least one; their log densities share one constant; their grids do not overlap.
    levels : probabilities that the regions hold.
    displacement : of the source from where the modes have it; it widens all that is said, and does not choose among
        islands: the position is sought from the maximum of the modes as they are.
    """
    start = _top_cell(max(modes, key=lambda m: float(m.log_density.max())))
    if displacement is not None:
        modes = [displaced(m, displacement) for m in modes]
    peak = max(float(m.log_density.max()) for m in modes)
    cells = [_cells(m.log_density, m.origin, m.axes, m.half_m, peak) for m in modes]
    x, y, value, slope, mass = (np.concatenate(column) for column in zip(*cells, strict=True))
    mass /= mass.sum()
    place = _settle(x, y, mass, int(np.argmin((x - start[0]) ** 2 + (y - start[1]) ** 2)))
    covariance, within = _moments(x, y, mass, place)
    contours = [_contours(m) for m in modes]
    regions = [_region(modes, contours, peak + _threshold(value, slope, mass, level)) for level in levels]
    return Summary(place, covariance, within, tuple(regions), _roots(regions[-1], x, y, mass, place))


def _top_cell(mode: Mode) -> NDArray[np.float64]:
    """(2,) where a mode's grid is highest, metres."""
    k = mode.log_density.shape[0]
    b, a = divmod(int(np.argmax(mode.log_density)), k)
    u, v = mode.half_m * (2.0 * np.array([a, b]) / (k - 1) - 1.0)
    return np.asarray(mode.origin + u * mode.axes[0] + v * mode.axes[1])


@njit(cache=True)
def _cells(
    log_density: NDArray[np.float64],
    origin: NDArray[np.float64],
    axes: NDArray[np.float64],
    half: NDArray[np.float64],
    peak: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cells that matter as columns: x, y (m), log density below the peak, its change across the cell, mass."""
    k = log_density.shape[0]
    out = np.empty((5, k * k))
    area = 4.0 * half[0] * half[1] / (k - 1) ** 2
    n = 0
    for b in range(k):
        for a in range(k):
            value = log_density[b, a] - peak
            if value < _FLOOR_NATS:
                continue
            a0, a1, b0, b1 = max(a - 1, 0), min(a + 1, k - 1), max(b - 1, 0), min(b + 1, k - 1)
            across = abs(log_density[b, a1] - log_density[b, a0]) / (a1 - a0)
            along = abs(log_density[b1, a] - log_density[b0, a]) / (b1 - b0)
            u, v = half[0] * (2.0 * a / (k - 1) - 1.0), half[1] * (2.0 * b / (k - 1) - 1.0)
            out[0, n] = origin[0] + u * axes[0, 0] + v * axes[1, 0]
            out[1, n] = origin[1] + u * axes[0, 1] + v * axes[1, 1]
            out[2, n] = value
            out[3, n] = max(across + along, 1e-9)
            out[4, n] = area * np.exp(value)
            n += 1
    return out[0, :n], out[1, :n], out[2, :n], out[3, :n], out[4, :n]


@njit(cache=True)
def _settle(
    x: NDArray[np.float64], y: NDArray[np.float64], mass: NDArray[np.float64], start: int
) -> NDArray[np.float64]:
    """Mean shift with a flat kernel of radius ``WITHIN_M`` (Fukunaga & Hostetler 1975, IEEE TIT 21(1))."""
    cx, cy = x[start], y[start]
    for _ in range(_SHIFTS):
        sx, sy, s = 0.0, 0.0, 0.0
        for i in range(x.shape[0]):
            dx, dy = x[i] - cx, y[i] - cy
            if dx * dx + dy * dy <= WITHIN_M * WITHIN_M:
                sx += mass[i] * dx
                sy += mass[i] * dy
                s += mass[i]
        if not s > 0.0:
            break
        cx += sx / s
        cy += sy / s
        if abs(sx) + abs(sy) < 1e-3 * s:
            break
    return np.array([cx, cy])


@njit(cache=True)
def _moments(
    x: NDArray[np.float64], y: NDArray[np.float64], mass: NDArray[np.float64], place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Second moments about a place, and the mass within ``WITHIN_M`` of it."""
    xx = xy = yy = near = 0.0
    for i in range(x.shape[0]):
        dx, dy = x[i] - place[0], y[i] - place[1]
        xx += mass[i] * dx * dx
        xy += mass[i] * dx * dy
        yy += mass[i] * dy * dy
        if dx * dx + dy * dy <= WITHIN_M * WITHIN_M:
            near += mass[i]
    return np.array([[xx, xy], [xy, yy]]), near


@njit(cache=True)
def _threshold(
    value: NDArray[np.float64], slope: NDArray[np.float64], mass: NDArray[np.float64], level: float
) -> float:
    """Log density, below the peak, above which ``level`` of the mass lies; by bisection.

    A cell that the contour crosses counts with the share of it above the threshold, from the density's slope across the
    cell: counting whole cells would make the region's mass jump by several percent where many cells tie.
    """
    low, high = value.min(), value.max()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        held = 0.0
        for k in range(value.shape[0]):
            part = 0.5 + (value[k] - middle) / slope[k]
            held += mass[k] * min(max(part, 0.0), 1.0)
        if held > level:
            low = middle
        else:
            high = middle
    return float(0.5 * (low + high))


def _contours(mode: Mode) -> contourpy.ContourGenerator:
    """Contours of a mode's log density, which is nearly quadratic: their linear interpolation in it is accurate."""
    line = np.linspace(-1.0, 1.0, mode.log_density.shape[0])
    return contourpy.contour_generator(
        line * mode.half_m[0], line * mode.half_m[1], mode.log_density, fill_type=contourpy.FillType.OuterOffset
    )


def _region(
    modes: Sequence[Mode], contours: Sequence[contourpy.ContourGenerator], threshold: float
) -> Polygon | MultiPolygon:
    """Union of each mode's contour at one log density."""
    parts: list[Polygon] = []
    for m, generator in zip(modes, contours, strict=True):
        if m.log_density.max() <= threshold:
            continue
        points, offsets = generator.filled(threshold, np.inf)[:2]
        for outline, breaks in zip(points, offsets, strict=True):
            if outline is None or breaks is None:
                continue
            placed = m.origin + outline @ m.axes
            rings = [placed[breaks[i] : breaks[i + 1]] for i in range(len(breaks) - 1)]
            rings = [ring for ring in rings if len(ring) >= 4]
            if rings:
                parts.append(Polygon(rings[0], rings[1:]))
    if len(parts) == 1:
        return parts[0]
    if len(modes) > 1:
        merged = shapely.union_all([shapely.make_valid(part) for part in parts])
        if isinstance(merged, Polygon | MultiPolygon):
            return merged
    return MultiPolygon(parts)


def _roots(
    region: Polygon | MultiPolygon,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    mass: NDArray[np.float64],
    place: NDArray[np.float64],
) -> tuple[tuple[NDArray[np.float64], float], ...]:
    """Centre and probability of each separate part of a region."""
    if isinstance(region, Polygon) or len(region.geoms) == 1:
        return ((place, 1.0),)
    found = []
    for part in region.geoms:
        inside = shapely.contains_xy(part, x, y)
        weight = float(mass[inside].sum())
        if weight > 0.0:
            centre = np.array([x[inside] @ mass[inside], y[inside] @ mass[inside]]) / weight
            found.append((centre, weight))
    if not found:
        return ((place, 1.0),)
    total = sum(weight for _, weight in found)
    found.sort(key=lambda root: -root[1])
    return tuple((centre, weight / total) for centre, weight in found)
