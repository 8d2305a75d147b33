"""A wave front crossing the city: frames of an animation, drawn from first arrival times on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from sim.fronts import FrontMap
from sim.truth import TrueSensor
from tocsin.plots.city_ground import GROUND, draw_buildings, draw_streets
from tocsin.plots.map_marks import fit_limits, scale_bar
from tocsin.plots.sim_look import LOOKALIKE, SHOCK, SHOOTER, SimScene
from tocsin.plots.sim_scene import mark, view
from tocsin.plots.style import FAINT, INK, RC

FRONT = "#0072B2"
REACHED = "#E69F00"
MARKS = (FRONT, SHOCK, REACHED, SHOOTER, LOOKALIKE, INK, "white")
"""Colours that a palette must keep apart."""
MOST_FRAMES = 400
"""More than this make a file that nobody sends by mail."""
_SIZE_IN, _DPI = (7.0, 7.6), 100
# How the picture fades behind the front: shares of the longest time shown, and how much of the colour is left there.
_FADE = ((0.012, 0.95), (0.03, 0.6), (0.055, 0.4), (0.085, 0.25), (0.12, 0.12))
# How loud the front is drawn, by what buildings have taken from it.
_LOUDNESS = ((3.0, 1.0), (10.0, 0.85), (17.0, 0.7), (np.inf, 0.55))


@dataclass(frozen=True, slots=True)
class Pace:
    """How an animation passes.

    fps : frames a second.
    slow : how many times slower than life.
    until_s : of the last frame, seconds after emission.
    """

    fps: float
    slow: float
    until_s: float

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(n,) float64, seconds after emission of each frame."""
        return np.arange(int(np.ceil(self.until_s * self.fps * self.slow)) + 1) / (self.fps * self.slow)


def grid_of(scene: SimScene, across: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x_m and y_m of a square grid of ``across`` points a side over what the animation shows."""
    (west, east), (south, north) = _limits(scene)
    return np.linspace(west, east, across), np.linspace(south, north, across)


def longest_s(scene: SimScene, fronts: FrontMap) -> float:
    """When the last sensor in the picture has been reached, or else the front has left it, seconds."""
    arrivals = [(arrival.arrival_ns - scene.sound.at_ns) * 1e-9 for arrival in scene.sound.arrivals]
    seen = fronts.blast_s[np.isfinite(fronts.blast_s)]
    leaves_s = float(np.quantile(seen, 0.97)) if seen.size else 1.0
    return max([*arrivals, leaves_s]) * 1.06


def frames(scene: SimScene, fronts: FrontMap, pace: Pace) -> Iterator[NDArray[np.uint8]]:
    """Each frame as (height, width, 3) uint8.

    The city is drawn once; a frame takes the front from the grid, pixel by pixel, puts the buildings back on top, and
    draws only what changes: sensors and clock.
    """
    with matplotlib.rc_context(RC):
        stage = _Stage(scene, fronts, pace)
        for time_s in pace.times_s:
            yield stage.frame(float(time_s))


class _Stage:
    """What stays the same from frame to frame."""

    def __init__(self, scene: SimScene, fronts: FrontMap, pace: Pace) -> None:
        self._scene = scene
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
        self._canvas = FigureCanvasAgg(figure)
        self._axes = axes = figure.add_axes((0.0, 0.075, 1.0, 0.875))
        (west, east), (south, north) = _limits(scene)
        axes.set_xlim(west, east)
        axes.set_ylim(south, north)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_facecolor(GROUND)
        for spine in axes.spines.values():
            spine.set_visible(False)
        title = f"{scene.truth.title}: {scene.sound.label or scene.sound.kind.replace('_', ' ')}"
        figure.text(0.012, 0.974, title, fontsize=10.5, fontweight="bold", va="center")
        figure.legend(
            handles=_legend(scene, fronts), loc="lower left", bbox_to_anchor=(0.0, 0.012), ncols=5, frameon=False,
            columnspacing=1.2, handletextpad=0.4,
        )  # fmt: skip
        figure.text(0.988, 0.037, f"{pace.slow:g} × slower than life", ha="right", va="center", color="#444444")
        if scene.city is not None:
            draw_streets(axes, scene.city)
        self._draw()
        bare = self._pixels().copy()
        scale_bar(axes)
        if scene.city is not None:
            draw_buildings(axes, scene.city)
        _stand(axes, scene)
        self._draw()
        self._still = self._pixels().copy()
        # What differs between the two stands above the ground: the front must not cover houses and marks.
        self._box = self._axes_box()
        rows, columns = self._box
        over = (self._still[rows, columns] != bare[rows, columns]).any(axis=2)
        blast_s, self._loudness = self._by_pixel(fronts.blast_s), self._loud(fronts)
        shock_s = self._by_pixel(fronts.shock_s)
        self._fronts = [(blast_s, to_rgb(FRONT), over, self._loudness), (shock_s, to_rgb(SHOCK), over, None)]
        self._fade_s = [(share * pace.until_s, left) for share, left in _FADE]
        self._clock = figure.text(0.988, 0.974, "", ha="right", va="center", fontsize=11, family="monospace")
        self._sensors = [(sensor, self._reached_s(sensor)) for sensor in scene.truth.sensors]
        self._dots = axes.scatter([], [], s=46, zorder=8, linewidth=1.0)

    def frame(self, time_s: float) -> NDArray[np.uint8]:
        pixels = self._pixels()
        pixels[:] = self._still
        rows, columns = self._box
        for first_s, colour, over, loudness in self._fronts:
            strength = self._strength(time_s - first_s)
            if loudness is not None:
                strength = strength * loudness
            strength = np.where(over, 0.0, strength)[..., None]
            region = pixels[rows, columns, :3]
            pixels[rows, columns, :3] = np.round(region * (1.0 - strength) + 255.0 * np.array(colour) * strength)
        self._dots.set_offsets([sensor.position_m[:2] for sensor, _ in self._sensors])
        lit = [reached <= time_s for _, reached in self._sensors]
        self._dots.set_facecolor([REACHED if on else "white" for on in lit])
        self._dots.set_edgecolor([INK if on else FAINT for on in lit])
        self._axes.draw_artist(self._dots)
        self._clock.set_text(f"{time_s:6.3f} s")
        figure = self._axes.get_figure(root=True)
        assert figure is not None
        figure.draw_artist(self._clock)
        return np.ascontiguousarray(pixels[:, :, :3])

    def _pixels(self) -> NDArray[np.uint8]:
        """(height, width, 4) uint8, the canvas itself: writing to it draws."""
        return np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]

    def _draw(self) -> None:
        self._canvas.draw()  # type: ignore[no-untyped-call]

    def _axes_box(self) -> tuple[slice, slice]:
        box, height = self._axes.get_window_extent(), self._canvas.get_width_height()[1]
        return slice(round(height - box.y1), round(height - box.y0)), slice(round(box.x0), round(box.x1))

    def _strength(self, since_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the front's colour at times since it passed; NaN where it never does."""
        strength = np.zeros(since_s.shape)
        for until_s, left in reversed(self._fade_s):
            strength[(since_s >= 0.0) & (since_s < until_s)] = left
        return strength

    def _by_pixel(self, grid: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of a grid at each pixel of the axes; grid points without one take that of the nearest with one, for
        buildings lie over them."""
        rows, columns = self._box
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        known = np.isfinite(grid)
        if not known.any():
            return np.full(shape, np.nan)
        nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
        filled = grid[tuple(nearest)]
        y = (np.arange(shape[0])[::-1] + 0.5) / shape[0] * (grid.shape[0] - 1)
        x = (np.arange(shape[1]) + 0.5) / shape[1] * (grid.shape[1] - 1)
        values = map_coordinates(filled, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
        # Far from any arrival (a shock wave's shadow) there is none.
        far = distance_transform_edt(~known)
        there = map_coordinates(far, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
        return np.where(there < 1.0, values, np.nan)

    def _loud(self, fronts: FrontMap) -> NDArray[np.float64]:
        loss = self._by_pixel(fronts.loss_db)
        loudness = np.zeros(loss.shape)
        for below_db, share in reversed(_LOUDNESS):
            loudness[loss < below_db] = share
        return loudness

    def _reached_s(self, sensor: TrueSensor) -> float:
        arrivals = self._scene.arrivals(sensor.id)
        return (arrivals[0].arrival_ns - self._scene.sound.at_ns) * 1e-9 if arrivals else np.inf


def _limits(scene: SimScene) -> tuple[tuple[float, float], tuple[float, float]]:
    """West and east, south and north of the picture."""
    figure = Figure(figsize=_SIZE_IN)
    axes = figure.add_axes((0.0, 0.075, 1.0, 0.875))
    west, south, east, north = view(scene)
    size = max(east - west, north - south, 60.0)
    fit_limits(axes, (west + east) / 2, (south + north) / 2, east - west + 0.16 * size, north - south + 0.16 * size)
    return axes.get_xlim(), axes.get_ylim()


def _stand(axes: Axes, scene: SimScene) -> None:
    gun = scene.sound.kind == "gunshot"
    x, y = scene.sound.position_m[:2]
    marker, size, colour = ("*", 150, SHOOTER) if gun else ("D", 50, LOOKALIKE)
    axes.scatter(x, y, marker=marker, s=size, facecolor=colour, edgecolor="white", linewidth=0.9, zorder=10)


def _legend(scene: SimScene, fronts: FrontMap) -> list[Line2D]:
    gun = scene.sound.kind == "gunshot"
    entries = [Line2D([], [], color=FRONT, linewidth=4, label="muzzle blast" if gun else "sound")]
    if np.isfinite(fronts.shock_s).any():
        entries.append(Line2D([], [], color=SHOCK, linewidth=4, label="shock wave"))
    word = "shot" if gun else scene.sound.kind.replace("_", " ")
    marker, colour = ("*", SHOOTER) if gun else ("D", LOOKALIKE)
    entries.append(mark(marker, colour, "white", word, 11 if gun else 7))
    entries.append(mark("o", REACHED, INK, "sensor reached", 7))
    return entries
