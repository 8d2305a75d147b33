"""The map of one scene: sensors and their parts, regions, shots by number, and close-ups of where they were fired."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from localize.shot import Shot
from tocsin.located import SHOWN_ROOT
from tocsin.plots.labels import LABEL_SIZE, Boxes, shape_of
from tocsin.plots.map_marks import fit_limits, north_arrow, scale_bar
from tocsin.plots.scenes import Scene, bounds, clusters, statuses
from tocsin.plots.style import FAINT, GRID, INK, REJECTED, short_ids, shot_colour

_HALO = [patheffects.withStroke(linewidth=2.2, foreground="white")]
_SENSOR: dict[str, dict[str, Any]] = {
    "used": {"marker": "o", "s": 34, "facecolor": INK, "edgecolor": "white", "linewidth": 0.8},
    "lent": {"marker": "o", "s": 34, "facecolor": "#b0b0b0", "edgecolor": INK, "linewidth": 0.8},
    "rejected": {"marker": "X", "s": 46, "facecolor": REJECTED, "edgecolor": "white", "linewidth": 0.8},
    "silent": {"marker": "o", "s": 30, "facecolor": "white", "edgecolor": FAINT, "linewidth": 1.2},
    "apart": {"marker": ".", "s": 16, "facecolor": FAINT, "edgecolor": "none", "linewidth": 0.0},
}
_SENSOR_WORDS = {
    "used": "sensor used",
    "lent": "known from another round",
    "rejected": "arrival rejected",
    "silent": "should have heard, did not",
    "apart": "took no part",
}
# A group of shots that fills this share of the map needs no close-up.
CLOSE_UP_SHARE = 0.25
MOST_GROUPS = 8
# Beyond this many shots numbers hide each other.
_NUMBERED = 12


def draw_map(axes: Axes, scene: Scene, *, close_ups: int = 2, labels: bool = True) -> None:
    """The map, north up, equal scales, metres of the site frame.

    close_ups : how many groups of shots may have an inset of their own.
    labels : names of sensors; small maps of an overview go without.
    """
    west, south, east, north = bounds(scene)
    size = max(east - west, north - south, 40.0)
    fit_limits(axes, (west + east) / 2, (south + north) / 2, east - west + 0.16 * size, north - south + 0.16 * size)
    groups = clusters(scene.shots)
    # So many places are no scene but a record: one colour, no close-ups.
    crowd = len(groups) > MOST_GROUPS
    seen_well = CLOSE_UP_SHARE * (axes.get_xlim()[1] - axes.get_xlim()[0])
    small = [group for group in groups if _span([scene.shots[k] for k in group])[2] < seen_well]
    insets = _inset_places(axes, scene, 0 if crowd else min(len(small), close_ups))
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_xlabel("east, m")
    axes.set_ylabel("north, m")
    axes.ticklabel_format(style="plain", useOffset=False)
    _sensors(axes, scene, labels)
    close = [k for group, _ in zip(small, insets, strict=False) for k in group]
    wide = [k for k in range(len(scene.shots)) if k not in close]
    _shots(axes, scene, close, numbers=False)
    _shots(axes, scene, wide, numbers=len(scene.shots) <= _NUMBERED, crowd=crowd)
    for group, place in zip(small, insets, strict=False):
        _close_up(axes, scene, group, place)
    scale_bar(axes)
    north_arrow(axes)


def map_legend(scene: Scene) -> list[Line2D]:
    """Legend entries of what the map of this scene shows."""
    part = statuses(scene.shots)
    shown = set(part.values()) | ({"apart"} if len(part) < len(scene.located.network) else set())
    entries = []
    for status, look in _SENSOR.items():
        if status in shown:
            entries.append(
                Line2D(
                    [],
                    [],
                    linestyle="none",
                    marker=look["marker"],
                    markersize=math.sqrt(look["s"]),
                    markerfacecolor=look["facecolor"],
                    markeredgecolor=look["edgecolor"],
                    label=_SENSOR_WORDS[status],
                )
            )
    if scene.shots:
        entries.append(Line2D([], [], linestyle="none", marker="+", markeredgewidth=1.6, color=INK, label="shot"))
        entries.append(Line2D([], [], color=INK, linewidth=1.3, label="95 % region"))
        entries.append(Line2D([], [], color=INK, linewidth=5, alpha=0.4, label="50 % region"))
    return entries


def _sensors(axes: Axes, scene: Scene, labels: bool) -> None:
    network = scene.located.network
    part = statuses(scene.shots)
    names = short_ids(network.ids)
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    inside = [
        (name, x, y)
        for name, (x, y, _) in zip(network.ids, network.positions_m.tolist(), strict=True)
        if west <= x <= east and south <= y <= north
    ]
    for name, x, y in inside:
        status = part.get(name, "apart")
        axes.scatter(x, y, zorder=6 if status != "apart" else 3, **_SENSOR[status])
    if not labels:
        return
    shown = [(name, x, y) for name, x, y in inside if name in part]
    taken = Boxes(axes, [(x, y) for _, x, y in shown] + [tuple(shot.position_m[:2]) for shot in scene.shots])
    for name, x, y in shown:
        offset, side = taken.place(x, y, names[name], LABEL_SIZE)
        axes.annotate(
            names[name],
            (x, y),
            xytext=offset,
            textcoords="offset points",
            fontsize=LABEL_SIZE,
            ha=side,
            va="center",
            color="#333333" if part[name] == "used" else FAINT,
            zorder=7,
            path_effects=_HALO,
        )


def _shots(
    axes: Axes, scene: Scene, group: Sequence[int], *, numbers: bool, fine: bool = False, crowd: bool = False
) -> None:
    many = len(group) > _NUMBERED
    strength = 1.0 / math.sqrt(max(len(group), 1))  # regions of a burst lie upon each other
    for k in group:
        shot = scene.shots[k]
        colour = shot_colour(0 if crowd else scene.first + k)
        _region(axes, shot.region_95, colour, 0.16 * strength, "--" if shot.provisional else "-", 0.6 if many else 1.2)
        _region(axes, shot.region_50, colour, 0.42 * strength, "none", 0.0)
        for position, weight in shot.roots[1:]:
            if weight < SHOWN_ROOT:
                continue
            axes.plot(position[0], position[1], "+", color=colour, markersize=6, markeredgewidth=1.2, zorder=8)
            axes.annotate(
                f"{100 * weight:.0f} %",
                (position[0], position[1]),
                xytext=(5, -9),
                textcoords="offset points",
                fontsize=6.5,
                color=colour,
                path_effects=_HALO,
                zorder=9,
            )
        x, y = shot.position_m[:2]
        size = 3.5 if many else 8.0 if fine else 7.0
        axes.plot(x, y, "+", color=colour, markersize=size, markeredgewidth=0.8 if many else 1.6, zorder=8)
        if numbers:
            axes.annotate(
                str(scene.first + k + 1),
                (x, y),
                xytext=_number_offset(k, len(group)),
                textcoords="offset points",
                fontsize=8.5,
                fontweight="bold",
                color=colour,
                path_effects=_HALO,
                zorder=9,
                ha="center",
                va="center",
            )


def _number_offset(k: int, count: int) -> tuple[float, float]:
    """Points from a shot to its number: numbers of a burst stand around it instead of upon each other."""
    angle = math.radians(40.0 - 360.0 * k / max(count, 1))
    return 11.0 * math.cos(angle), 11.0 * math.sin(angle)


def _region(axes: Axes, region: BaseGeometry, colour: str, alpha: float, line: str, width: float) -> None:
    for part in getattr(region, "geoms", [region]):
        if not isinstance(part, Polygon) or part.is_empty:
            continue
        vertices = [np.asarray(ring.coords)[:, :2] for ring in (part.exterior, *part.interiors)]
        codes = [[Outline.MOVETO] + [Outline.LINETO] * (len(v) - 2) + [Outline.CLOSEPOLY] for v in vertices]
        outline = Outline(np.concatenate(vertices), np.concatenate(codes))
        axes.add_patch(PathPatch(outline, facecolor=colour, edgecolor="none", alpha=alpha, zorder=4))
        if line != "none":
            axes.add_patch(PathPatch(outline, fill=False, edgecolor=colour, linewidth=width, linestyle=line, zorder=5))


def _inset_places(axes: Axes, scene: Scene, wanted: int) -> list[tuple[float, float, float, float]]:
    """Corners of the axes for close-ups, emptiest first; the map grows until they hide no sensor and no shot."""
    if not wanted:
        return []
    side = 0.34
    # Bottom left holds the scale bar, top right the north arrow beside the inset.
    corners = {"tl": (0.015, 0.985 - side), "br": (0.985 - side, 0.015), "tr": (0.985 - side, 0.985 - side)}
    network = scene.located.network
    positions = [network.positions_m[network.index[sensor], :2] for sensor in statuses(scene.shots)]
    points = np.array([*positions, *(shot.position_m[:2] for shot in scene.shots)])
    chosen: list[str] = []
    for growth in (0.0, 0.15, 0.3, 0.45, 0.6):
        west, east = axes.get_xlim()
        south, north = axes.get_ylim()
        width, height = (east - west) * (1 + growth), (north - south) * (1 + growth)
        for up in (0.0, 0.5, 1.0):  # grow above, on both sides, below
            bottom = south - up * growth * (north - south)
            left = west - growth * (east - west) / 2
            u, v = (points[:, 0] - left) / width, (points[:, 1] - bottom) / height
            hidden = {
                name: int(np.sum((u > x - 0.03) & (u < x + side + 0.03) & (v > y - 0.03) & (v < y + side + 0.03)))
                for name, (x, y) in corners.items()
            }
            chosen = sorted(corners, key=lambda name: hidden[name])[:wanted]
            if all(hidden[name] == 0 for name in chosen):
                axes.set_xlim(left, left + width)
                axes.set_ylim(bottom, bottom + height)
                return [(*corners[name], side, side) for name in chosen]
    return [(*corners[name], side, side) for name in chosen]


def _close_up(axes: Axes, scene: Scene, group: Sequence[int], place: tuple[float, float, float, float]) -> None:
    shots = [scene.shots[k] for k in group]
    x, y, span = _span(shots)
    inset = axes.inset_axes(place, zorder=20)
    shape = shape_of(axes)
    inset.set_xlim(x - span / 2 * max(shape, 1.0), x + span / 2 * max(shape, 1.0))
    inset.set_ylim(y - span / 2 / min(shape, 1.0), y + span / 2 / min(shape, 1.0))
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set(visible=True, color="#777777", linewidth=0.8)
    inset.set_facecolor("#fcfcfc")
    _shots(inset, scene, group, numbers=len(group) == 1, fine=True)
    if 1 < len(group) <= _NUMBERED:  # numbers beside shots of one burst would hide each other
        for place_in_row, k in enumerate(reversed(group)):
            inset.text(
                0.95 - 0.075 * place_in_row,
                0.95,
                str(scene.first + k + 1),
                transform=inset.transAxes,
                fontsize=9,
                fontweight="bold",
                ha="center",
                va="top",
                color=shot_colour(scene.first + k),
                path_effects=_HALO,
                zorder=30,
            )
    scale_bar(inset)
    mark = axes.indicate_inset_zoom(inset, edgecolor="#777777", alpha=0.9, linewidth=0.8)
    mark.set_zorder(2.5)  # its lines pass below sensors and their names


def _span(shots: Sequence[Shot]) -> tuple[float, float, float]:
    """Centre and side of a square around the main regions of shots; far second roots stay outside."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for shot in shots:
        parts = [p for p in getattr(shot.region_95, "geoms", [shot.region_95]) if not p.is_empty]
        if parts:
            main = min(parts, key=lambda p: p.centroid.distance(_point(shot)))
            west, south, east, north = main.bounds
            low, high = np.minimum(low, (west, south)), np.maximum(high, (east, north))
        low, high = np.minimum(low, shot.position_m[:2]), np.maximum(high, shot.position_m[:2])
    centre = (low + high) / 2
    return float(centre[0]), float(centre[1]), max(1.25 * float((high - low).max()), 10.0)


def _point(shot: Shot) -> Point:
    return Point(float(shot.position_m[0]), float(shot.position_m[1]))
