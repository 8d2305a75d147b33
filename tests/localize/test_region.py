"""Regions of densities that are known exactly: areas, masses, islands, holes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localize.region import WITHIN_M, Displacement, Mode, displaced, summarise
from tests.strategies import headings_rad, points_m

Floats = NDArray[np.float64]


def _grid(log_density: object, half: tuple[float, float], size: int, origin: Floats, turn: float) -> Mode:
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    line = np.linspace(-1.0, 1.0, size)
    u, v = np.meshgrid(line * half[0], line * half[1])
    assert callable(log_density)
    return Mode(np.array([*origin, 0.0]), 0.0, origin, axes, np.array(half), log_density(u, v))


def _gaussian(su: float, sv: float, origin: Floats, turn: float, size: int = 25, log_mass: float = 0.0) -> Mode:
    def log_density(u: Floats, v: Floats) -> Floats:
        return log_mass - math.log(su * sv) - 0.5 * ((u / su) ** 2 + (v / sv) ** 2)

    return _grid(log_density, (4.2 * su, 4.2 * sv), size, origin, turn)


@given(st.floats(0.2, 50.0), st.floats(0.2, 50.0), points_m(), headings_rad())
def test_gaussian(su: float, sv: float, origin: Floats, turn: float) -> None:
    mode = _gaussian(su, sv, origin, turn)
    summary = summarise([mode])
    expected = mode.axes.T @ np.diag([su**2, sv**2]) @ mode.axes
    assert summary.position_m == pytest.approx(origin, abs=1e-6 * (su + sv))
    assert summary.covariance_m2 == pytest.approx(expected, rel=0.01, abs=0.01 * su * sv)
    for region, level in zip(summary.regions, (0.5, 0.95), strict=True):
        # chi-square of two degrees of freedom: radius^2 = -2 ln(1 - level) sigmas
        # straight lines between cells 0.35 sigma apart cut a little off
        assert region.area == pytest.approx(-2.0 * math.log1p(-level) * math.pi * su * sv, rel=0.035)
        assert region.is_valid
        assert region.centroid.distance(shapely.Point(origin)) < 0.01 * (su + sv)
    assert summary.regions[1].covers(summary.regions[0])


@given(st.floats(0.1, 3.0), st.integers(0, 100))
def test_regions_hold_their_mass_by_monte_carlo(log_ratio: float, seed: int) -> None:
    """Two islands of unequal weight and a common constant."""
    rng = np.random.default_rng(seed)
    centres, sizes = np.array([[0.0, 0.0], [300.0, 100.0]]), ((5.0, 2.0), (8.0, 8.0))
    modes = [
        _gaussian(*sizes[0], centres[0], 0.3),
        _gaussian(*sizes[1], centres[1], 0.0, log_mass=-log_ratio),
    ]
    summary = summarise(modes)
    share = 1.0 / (1.0 + math.exp(-log_ratio))
    if share < 0.94:  # else the faint island is hardly in the region
        assert [weight for _, weight in summary.roots] == pytest.approx([share, 1.0 - share], abs=0.06)
        assert summary.roots[0][0] == pytest.approx(centres[0], abs=0.2)
        assert summary.roots[1][0] == pytest.approx(centres[1], abs=0.5)
    count = 4000
    which = (rng.random(count) > share).astype(int)
    normal = rng.standard_normal((count, 2)) * np.array(sizes)[which]
    axes = np.stack([mode.axes for mode in modes])[which]
    points = centres[which] + np.einsum("nk,nkj->nj", normal, axes)
    for region, level in zip(summary.regions, (0.5, 0.95), strict=True):
        held = shapely.contains_xy(region, points).mean()
        assert held == pytest.approx(level, abs=0.015 + 4.0 * math.sqrt(level * (1 - level) / count))


def test_two_islands() -> None:
    summary = summarise([_gaussian(4.0, 4.0, np.zeros(2), 0.0), _gaussian(4.0, 4.0, np.array([200.0, 0.0]), 1.0)])
    assert [weight for _, weight in summary.roots] == pytest.approx([0.5, 0.5], abs=1e-3)
    for region in summary.regions:
        assert isinstance(region, shapely.MultiPolygon)
        assert len(region.geoms) == 2
    assert summary.covariance_m2[0, 0] == pytest.approx(16.0 + 0.5 * 200.0**2, rel=1e-3)


def test_islands_that_touch_are_one() -> None:
    summary = summarise([_gaussian(4.0, 4.0, np.zeros(2), 0.0), _gaussian(4.0, 4.0, np.array([6.0, 0.0]), 0.0)])
    assert isinstance(summary.regions[1], shapely.Polygon)
    assert summary.regions[1].is_valid
    assert len(summary.roots) == 1
    assert summary.roots[0][1] == 1.0


def test_a_faint_island_is_not_drawn() -> None:
    faint = _gaussian(4.0, 4.0, np.array([200.0, 0.0]), 0.0, log_mass=-9.0)
    summary = summarise([_gaussian(4.0, 4.0, np.zeros(2), 0.0), faint])
    assert isinstance(summary.regions[1], shapely.Polygon)


def _ring(u: Floats, v: Floats) -> Floats:
    return np.asarray(-0.5 * ((np.hypot(u, v) - 30.0) / 3.0) ** 2)


def test_a_ring_has_a_hole() -> None:
    mode = _grid(_ring, (45.0, 45.0), 91, np.array([10.0, -20.0]), 0.5)
    region = summarise([mode]).regions[1]
    assert isinstance(region, shapely.Polygon)
    assert len(region.interiors) == 1
    assert not region.covers(shapely.Point(10.0, -20.0))
    assert region.covers(shapely.Point(40.0, -20.0))
    # the density over the radius is normal, 1.96 sigmas to either side, times the circumference
    assert region.area == pytest.approx(2 * math.pi * 30.0 * 2 * 1.96 * 3.0, rel=0.04)


def test_a_crescent() -> None:
    def crescent(u: Floats, v: Floats) -> Floats:
        return np.asarray(_ring(u, v + 30.0) - 0.5 * (np.arctan2(u, v + 30.0) / 0.5) ** 2)

    mode = _grid(crescent, (45.0, 45.0), 97, np.zeros(2), 0.0)
    summary = summarise([mode])
    region = summary.regions[1]
    assert region.area < 0.9 * region.convex_hull.area
    assert region.covers(shapely.Point(0.0, 0.0))
    assert region.covers(summary.regions[0])
    assert region.covers(shapely.Point(summary.position_m))


@pytest.mark.parametrize("levels", [(0.1, 0.3, 0.5, 0.8, 0.9, 0.99)])
def test_higher_levels_hold_lower_ones(levels: tuple[float, ...]) -> None:
    regions = summarise([_gaussian(3.0, 7.0, np.zeros(2), 0.4, size=61)], levels).regions
    for level, region in zip(levels, regions, strict=True):
        tolerance = 0.06 if level < 0.5 else 0.03
        assert region.area == pytest.approx(-2.0 * math.log1p(-level) * math.pi * 21.0, rel=tolerance)
    for small, large in itertools.pairwise(regions):
        assert large.covers(small)


@given(st.floats(5.0, 80.0))
def test_probability_near_the_position(sigma: float) -> None:
    summary = summarise([_gaussian(sigma, sigma, np.array([50.0, -70.0]), 0.7, size=97)])
    assert summary.position_m == pytest.approx([50.0, -70.0], abs=0.02 * sigma)
    assert summary.within == pytest.approx(1.0 - math.exp(-0.5 * (WITHIN_M / sigma) ** 2), abs=0.02)


def test_the_position_is_where_most_probability_lies_near() -> None:
    """Of a broad island and a narrow one, the narrow one is named, and the mean between them never."""
    broad = _gaussian(60.0, 60.0, np.zeros(2), 0.0)
    narrow = _gaussian(4.0, 4.0, np.array([500.0, 0.0]), 0.0, log_mass=-0.1)
    summary = summarise([broad, narrow])
    assert summary.position_m == pytest.approx([500.0, 0.0], abs=0.1)
    assert summary.within == pytest.approx(math.exp(-0.1) / (1 + math.exp(-0.1)), abs=0.01)


def test_a_common_constant_is_nothing() -> None:
    one = summarise([_gaussian(3.0, 7.0, np.zeros(2), 0.4)])
    two = summarise([_gaussian(3.0, 7.0, np.zeros(2), 0.4, log_mass=-5000.0)])
    assert one.regions[1].equals_exact(two.regions[1], 1e-6)


@given(st.floats(0.5, 20.0), st.floats(0.5, 20.0), st.floats(0.3, 30.0), points_m(), headings_rad())
def test_displaced_gaussian_is_the_wider_gaussian(su: float, sv: float, by: float, origin: Floats, turn: float) -> None:
    mode = _gaussian(su, sv, origin, turn)
    summary = summarise([mode], displacement=Displacement(np.array([by]), np.ones(1)))
    expected = mode.axes.T @ np.diag([su**2 + by**2, sv**2 + by**2]) @ mode.axes
    size = math.sqrt(expected.trace())
    assert summary.position_m == pytest.approx(origin, abs=1e-6 * size)
    # a kernel narrower than half a cell is taken as that wide, one below a third of it as none
    assert summary.covariance_m2 == pytest.approx(expected, rel=0.04, abs=0.03 * math.sqrt(np.linalg.det(expected)))
    area = -2.0 * math.log1p(-0.95) * math.pi * math.hypot(su, by) * math.hypot(sv, by)
    assert summary.regions[1].area == pytest.approx(area, rel=0.05)


def test_mixture_of_displacements_has_its_second_moments() -> None:
    by = Displacement(np.array([2.0, 12.0]), np.array([0.7, 0.3]))
    summary = summarise([_gaussian(1.0, 3.0, np.zeros(2), 0.0)], displacement=by)
    more = 0.7 * 2.0**2 + 0.3 * 12.0**2
    assert summary.covariance_m2 == pytest.approx(np.diag([1.0 + more, 9.0 + more]), rel=0.03, abs=0.5)


def test_small_displacement_changes_nothing() -> None:
    mode = _gaussian(5.0, 8.0, np.zeros(2), 0.3)
    assert displaced(mode, Displacement(np.array([0.3]), np.ones(1))) is mode


def test_displacement_widens_a_narrow_axis_alone() -> None:
    """Along a crescent of hundreds of metres, cells are coarser than the displacement."""
    mode = _gaussian(2.0, 500.0, np.zeros(2), 0.0)
    wider = displaced(mode, Displacement(np.array([6.0]), np.ones(1)))
    assert wider.half_m[0] > 2.0 * mode.half_m[0]
    assert wider.half_m[1] == mode.half_m[1]


def test_displacement_does_not_choose_among_islands() -> None:
    """It lowers a sharp island more than a flat one: the position would jump to the other."""
    sharp = _gaussian(2.0, 2.0, np.zeros(2), 0.0)
    flat = _gaussian(8.0, 8.0, np.array([200.0, 0.0]), 0.0, log_mass=0.5)
    by = Displacement(np.array([8.0]), np.ones(1))
    plain, wide = summarise([sharp, flat]), summarise([sharp, flat], displacement=by)
    assert wide.position_m == pytest.approx(plain.position_m, abs=0.5)
    assert [weight for _, weight in wide.roots] == pytest.approx([weight for _, weight in plain.roots], abs=0.02)
