"""The ground below a map: buildings shaded by height, streets, and whom to thank for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Patch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from geo.city import City

GROUND, STREET = "#f6f4ef", "#ffffff"
_LOW, _HIGH = "#dcd6c8", "#857c68"
_HEIGHTS = LinearSegmentedColormap.from_list("heights", [_LOW, _HIGH])
# Wider streets by what OpenStreetMap calls them; everything else is a lane.
_WIDTH = {"motorway": 3.2, "trunk": 3.0, "primary": 2.6, "secondary": 2.2, "tertiary": 1.9, "residential": 1.4}
_LANE = 0.7

Bounds = tuple[float, float, float, float]


def draw_ground(axes: Axes, city: City) -> None:
    """Streets, buildings and thanks within the limits of the axes, which must be set and are left as they are."""
    draw_streets(axes, city)
    draw_buildings(axes, city)


def draw_streets(axes: Axes, city: City) -> None:
    """Bare ground and streets."""
    axes.set_facecolor(GROUND)
    axes.grid(visible=False)
    streets = inside(city.streets.lines, _view(axes))
    if len(streets):
        widths = [_WIDTH.get(city.streets.kinds[k].removesuffix("_link"), _LANE) for k in streets]
        axes.add_collection(
            LineCollection(
                [shapely.get_coordinates(city.streets.lines[k]) for k in streets],
                colors=STREET,
                linewidths=widths,
                zorder=0.5,
                capstyle="round",
            ),
            autolim=False,
        )


def draw_buildings(axes: Axes, city: City) -> None:
    """Buildings shaded by height, and whom to thank for the map."""
    buildings = inside(city.buildings.footprints, _view(axes))
    if len(buildings):
        heights = city.buildings.height_m[buildings]
        axes.add_collection(
            PathCollection(
                [outline(city.buildings.footprints[k]) for k in buildings],
                facecolors=_HEIGHTS(_norm(heights)(heights)),
                edgecolors="#a39c8c",
                linewidths=0.25,
                zorder=0.8,
            ),
            autolim=False,
        )
    if city.attribution:
        axes.text(
            0.992,
            0.008,
            city.attribution,
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=6,
            color="#555555",
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
            zorder=28,
        )


def ground_legend(city: City, view: Bounds) -> list[Patch]:
    """Legend entries of the buildings within west, south, east, north: the lowest and the highest."""
    heights = city.buildings.height_m[inside(city.buildings.footprints, view)]
    if not len(heights):
        return []
    norm = _norm(heights)
    ends: Sequence[float] = np.unique(np.round([heights.min(), heights.max()])).tolist()
    return [
        Patch(facecolor=_HEIGHTS(norm(height)), edgecolor="#a39c8c", linewidth=0.4, label=f"building, {height:.0f} m")
        for height in ends
    ]


def inside(shapes: NDArray[np.object_], view: Bounds) -> NDArray[np.int64]:
    """Rows of the shapes whose bounding boxes meet west, south, east, north."""
    if not len(shapes):
        return np.empty(0, dtype=np.int64)
    west, south, east, north = shapely.bounds(shapes).T
    return np.flatnonzero((west <= view[2]) & (east >= view[0]) & (south <= view[3]) & (north >= view[1]))


def outline(polygon: shapely.Polygon) -> Outline:
    """A polygon and its holes as one path, filled by the rule of winding."""
    rings = [np.asarray(ring.coords)[:, :2] for ring in (polygon.exterior, *polygon.interiors)]
    codes = [[Outline.MOVETO] + [Outline.LINETO] * (len(r) - 2) + [Outline.CLOSEPOLY] for r in rings]
    return Outline(np.concatenate(rings), np.concatenate(codes))


def _view(axes: Axes) -> Bounds:
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    return west, south, east, north


def _norm(heights: NDArray[np.float64]) -> Normalize:
    low, high = float(heights.min()), float(heights.max())
    return Normalize(low, high if high > low else low + 1.0)
