"""A simulated scene from above: the city, who stands in it, and the ways of one sound to every sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sim.truth import TrueArrival, TruePath, TrueSound
from tocsin.plots.city_ground import draw_ground, ground_legend
from tocsin.plots.labels import LABEL_SIZE, Boxes
from tocsin.plots.map_marks import fit_limits, north_arrow, scale_bar
from tocsin.plots.sim_look import BLAST, LOOKALIKE, PATH_COLOURS, PATH_WORDS, SHOCK, SHOOTER, SimScene, way_colour
from tocsin.plots.style import FAINT, INK, short_ids

_HALO = [patheffects.withStroke(linewidth=2.2, foreground="white")]
# Of the chosen sensor that many paths are drawn, the strongest; of every other the first, which decides its arrival.
MOST_WAYS = 8
# Fronts are drawn at multiples of one of these times, at least this many within the view.
_FRONT_STEPS_S = (5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
_LEAST_FRONTS = 3
# Names of more sources than this would hide the map.
_NAMED_SOURCES = 8
_SHOCK_GRID = 160


def draw_scene(axes: Axes, scene: SimScene) -> None:
    """Draw the scene, north up, equal scales, metres of the site frame."""
    west, south, east, north = view(scene)
    size = max(east - west, north - south, 60.0)
    # More room below, where scale bar and thanks stand.
    middle = (south + north - 0.08 * size) / 2
    fit_limits(axes, (west + east) / 2, middle, east - west + 0.14 * size, north - south + 0.22 * size)
    if scene.city is not None:
        draw_ground(axes, scene.city)
    axes.set_xlabel("east, m")
    axes.set_ylabel("north, m")
    axes.ticklabel_format(style="plain", useOffset=False)
    _fronts(axes, scene)
    _shock(axes, scene)
    _ways(axes, scene)
    _sources(axes, scene)
    _sensors(axes, scene)
    scale_bar(axes)
    north_arrow(axes)


def scene_legend(scene: SimScene) -> list[Artist]:
    """Legend entries of what ``draw_scene`` shows."""
    entries: list[Artist] = [mark("*", SHOOTER, "white", "gunshot", 11)]
    if scene.sound.kind != "gunshot":
        entries[0] = mark("D", LOOKALIKE, "white", scene.sound.kind.replace("_", " "), 7)
    heard = {arrival.sensor for arrival in scene.sound.arrivals}
    if heard:
        entries.append(mark("o", INK, "white", "sensor reached", 6))
    if len(heard) < len(scene.truth.sensors):
        entries.append(mark("o", "white", FAINT, "sensor not reached", 6))
    drawn = {(arrival.wave, path.kind) for arrival, path in drawn_ways(scene)}
    for kind, word in PATH_WORDS.items():
        if ("blast", kind) in drawn:
            entries.append(Line2D([], [], color=PATH_COLOURS[kind], linewidth=1.4, label=word))
    if any(wave == "shock" for wave, _ in drawn):
        entries.append(Line2D([], [], color=SHOCK, linewidth=1.4, label="shock wave"))
    entries.append(Line2D([], [], color=BLAST, linewidth=0.8, linestyle=":", label="front in the open"))
    if scene.bullet is not None:
        entries.append(Line2D([], [], color=SHOCK, linewidth=0.9, linestyle="--", label="shock front in the open"))
    if scene.city is not None:
        entries += ground_legend(scene.city, view(scene))
    return entries


def view(scene: SimScene) -> tuple[float, float, float, float]:
    """West, south, east, north of what must be seen: the sound, the sensors that it reached and the ways to them."""
    reached = {arrival.sensor for arrival in scene.sound.arrivals}
    places = [s.position_m[:2] for s in scene.truth.sensors if s.id in reached or len(reached) < 3]
    places += [point[:2] for _, path in drawn_ways(scene) for point in path.points_m]
    corners = np.array([scene.sound.position_m[:2], *places], dtype=np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def drawn_ways(scene: SimScene) -> list[tuple[TrueArrival, TruePath]]:
    """The paths that the map shows: of the chosen sensor the strongest, of every other one the first of each wave."""
    chosen = None if scene.sensor is None else scene.sensor.id
    ways = []
    for arrival in scene.sound.arrivals:
        paths = [path for path in arrival.paths if len(path.points_m) > 1]
        if arrival.sensor == chosen:
            paths = sorted(paths, key=lambda path: -path.peak_db_spl)[:MOST_WAYS]
        ways += [(arrival, path) for path in (paths if arrival.sensor == chosen else paths[:1])]
    return ways


def front_times_s(scene: SimScene, reach_m: float) -> NDArray[np.float64]:
    """(n,) float64, seconds after emission at which fronts are drawn: round numbers, the last within ``reach_m``."""
    longest_s = reach_m / scene.truth.sound_speed_m_s
    for step in _FRONT_STEPS_S:
        count = math.floor(longest_s / step)
        if count >= _LEAST_FRONTS:
            return np.asarray(np.arange(1, count + 1) * step, dtype=np.float64)
    return np.empty(0)


def _fronts(axes: Axes, scene: SimScene) -> None:
    """Circles that the wind carries: where the front would be over open ground."""
    centre, wind = np.array(scene.sound.position_m), np.array(scene.truth.wind_m_s)
    angle = np.linspace(0.0, 2.0 * np.pi, 361)
    for time_s in front_times_s(scene, _reach_m(axes, centre)):
        radius, moved = scene.truth.sound_speed_m_s * time_s, centre + wind * time_s
        ring = moved[:2] + radius * np.column_stack([np.sin(angle), np.cos(angle)])
        axes.plot(*ring.T, color=BLAST, linewidth=0.8, linestyle=":", alpha=0.75, zorder=2, scalex=False, scaley=False)
        _label_front(axes, ring, f"{time_s:g} s")


def _label_front(axes: Axes, ring: NDArray[np.float64], text: str) -> None:
    """The name of a front, where its ring is inside the view: to the north-east if it can be."""
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    margin = 0.03 * (east - west)
    seen = (
        (ring[:, 0] > west + margin)
        & (ring[:, 0] < east - margin)
        & (ring[:, 1] > south + margin)
        & (ring[:, 1] < north - margin)
    )
    if seen.any():
        order = np.abs((np.arange(len(ring)) - 32 + 180) % 360 - 180)
        x, y = ring[np.flatnonzero(seen)[np.argmin(order[seen])]]
        axes.text(x, y, text, fontsize=6, color="#333333", ha="center", va="center", path_effects=_HALO, zorder=3)


def _shock(axes: Axes, scene: SimScene) -> None:
    """The bullet's way and its shock front in the open, at the times of the blast's fronts."""
    if scene.bullet is None:
        return
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    centre, axis = np.array(scene.sound.position_m), np.array(scene.sound.axis)
    x, y = np.linspace(west, east, _SHOCK_GRID), np.linspace(south, north, _SHOCK_GRID)
    ground = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    receivers = np.column_stack([ground, np.full(len(ground), centre[2])])
    shock = scene.bullet.shock(receivers, scene.truth.sound_speed_m_s, np.array(scene.truth.wind_m_s))
    if not shock.heard.any():
        return
    delay_s = np.ma.masked_invalid(np.where(shock.heard, shock.delay_s, np.nan)).reshape(_SHOCK_GRID, _SHOCK_GRID)
    times_s = [t for t in front_times_s(scene, _reach_m(axes, centre)) if delay_s.min() < t < delay_s.max()]
    if times_s:
        axes.contour(x, y, delay_s, levels=times_s, colors=SHOCK, linewidths=0.9, linestyles="--", zorder=2)
    far = float(np.nanmax(np.linalg.norm(shock.emitted_m[shock.heard] - centre, axis=1)))
    way = np.array([centre, centre + axis * far])[:, :2]
    axes.plot(*way.T, color=SHOCK, linewidth=0.8, zorder=2.5, scalex=False, scaley=False)


def _ways(axes: Axes, scene: SimScene) -> None:
    chosen = None if scene.sensor is None else scene.sensor.id
    for strong in (False, True):
        ways = [way for way in drawn_ways(scene) if (way[0].sensor == chosen) is strong]
        ways.sort(key=lambda way: way[1].peak_db_spl)  # the loudest on top
        axes.add_collection(
            LineCollection(
                [np.array(path.points_m)[:, :2] for _, path in ways],
                colors=[way_colour(arrival, path) for arrival, path in ways],
                linewidths=1.7 if strong else 0.8,
                alpha=0.95 if strong else 0.7,
                zorder=4 + strong,
            ),
            autolim=False,
        )
        corners = [np.array(path.points_m)[1:-1, :2] for _, path in ways if len(path.points_m) > 2]
        if strong and corners:
            axes.plot(*np.concatenate(corners).T, ".", color=INK, markersize=2.5, zorder=6, scalex=False, scaley=False)


def _sources(axes: Axes, scene: SimScene) -> None:
    """Every source: where its sounds were made; the chosen sound, and where its barrel points."""
    groups: dict[str, list[TrueSound]] = {}
    for sound in scene.truth.sounds:
        groups.setdefault(sound.source, []).append(sound)
    within = [name for name, sounds in groups.items() if any(_seen(axes, sound) for sound in sounds)]
    for name in within:
        sounds = groups[name]
        places = np.array([sound.position_m[:2] for sound in sounds])
        colour = SHOOTER if sounds[0].kind == "gunshot" else LOOKALIKE
        axes.plot(*places.T, "-", color=colour, linewidth=0.7, alpha=0.6, zorder=6, scalex=False, scaley=False)
        axes.plot(*places.T, ".", color=colour, markersize=3.5, zorder=6, clip_on=True, scalex=False, scaley=False)
        if len(within) <= _NAMED_SOURCES and name != scene.sound.source and _seen(axes, sounds[0]):
            axes.annotate(
                name,
                places[0],
                xytext=(0, -8),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
                path_effects=_HALO,
                zorder=9,
            )
    gun = scene.sound.kind == "gunshot"
    x, y = scene.sound.position_m[:2]
    if gun:
        east, north = scene.sound.axis[:2]
        flat = math.hypot(east, north)
        if flat > 0.05:  # a barrel that points at the sky has no direction on a map
            axes.annotate(
                "",
                (x, y),
                xytext=(26 * east / flat, 26 * north / flat),
                textcoords="offset points",
                arrowprops={"arrowstyle": "<|-,head_width=0.25,head_length=0.5", "color": SHOOTER, "linewidth": 1.5},
                zorder=9,
            )
    look: dict[str, Any] = {"marker": "*", "s": 150, "facecolor": SHOOTER}
    if not gun:
        look = {"marker": "D", "s": 55, "facecolor": LOOKALIKE}
    axes.scatter(x, y, edgecolor="white", linewidth=0.9, zorder=10, **look)


def _sensors(axes: Axes, scene: SimScene) -> None:
    reached = {arrival.sensor for arrival in scene.sound.arrivals}
    names = short_ids(tuple(sensor.id for sensor in scene.truth.sensors))
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    seen = [s for s in scene.truth.sensors if west <= s.position_m[0] <= east and south <= s.position_m[1] <= north]
    for sensor in seen:
        heard = sensor.id in reached
        face, edge = (INK, "white") if heard else ("white", FAINT)
        axes.scatter(*sensor.position_m[:2], s=30, facecolor=face, edgecolor=edge, linewidth=0.9, zorder=8)
        if scene.sensor is not None and sensor.id == scene.sensor.id:
            axes.scatter(*sensor.position_m[:2], s=130, facecolor="none", edgecolor=INK, linewidth=1.4, zorder=8)
    if len(seen) > 60:
        return
    taken = Boxes(axes, [(s.position_m[0], s.position_m[1]) for s in seen] + [scene.sound.position_m[:2]])
    for sensor in seen:
        x, y = sensor.position_m[:2]
        offset, side = taken.place(x, y, names[sensor.id], LABEL_SIZE)
        axes.annotate(
            names[sensor.id],
            (x, y),
            xytext=offset,
            textcoords="offset points",
            fontsize=LABEL_SIZE,
            ha=side,
            va="center",
            color="#333333" if sensor.id in reached else FAINT,
            path_effects=_HALO,
            zorder=9,
        )


def _reach_m(axes: Axes, centre: NDArray[np.float64]) -> float:
    """From the sound to the farthest corner of the view."""
    corners: Sequence[tuple[float, float]] = [(x, y) for x in axes.get_xlim() for y in axes.get_ylim()]
    return max(math.dist(centre[:2], corner) for corner in corners)


def _seen(axes: Axes, sound: TrueSound) -> bool:
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    return west <= sound.position_m[0] <= east and south <= sound.position_m[1] <= north


def mark(marker: str, face: str, edge: str, label: str, size: float) -> Line2D:
    """A legend entry that is a mark alone."""
    look: dict[str, Any] = {"marker": marker, "markersize": size, "markerfacecolor": face, "markeredgecolor": edge}
    return Line2D([], [], linestyle="none", label=label, **look)
