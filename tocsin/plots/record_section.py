"""The record section of one scene: sound by distance, with picks and where each shot should have been heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from localize.travel import travel_times_s
from sensors.capture import Capture, sample_ns
from tocsin.plots.scenes import Scene, clusters
from tocsin.plots.style import FAINT, INK, REJECTED, TRACE, short_ids, shot_colour
from wire.utc import NS_PER_S, format_utc_ns

# Holds most of the energy of a muzzle blast far away.
BAND_HZ = (300.0, 3000.0)
BEFORE_S, AFTER_S = 0.25, 0.6
# More points across a page than this cannot be seen; the extremes of each column are drawn.
COLUMNS = 1600
_READ_FRAMES = 65_536


@dataclass(frozen=True, slots=True)
class Trace:
    """Band-passed sound, as extremes of short stretches.

    time_s : (n,) float64, seconds after the scene's origin; low, high : (n,) float64, normalised to a peak of 1.
    """

    time_s: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def draw_section(axes: Axes, scene: Scene) -> None:
    """Draw the section; distances are from the scene's first group of shots."""
    located, network = scene.located, scene.located.network
    lead = [scene.shots[k] for k in clusters(scene.shots)[0]]
    origin_ns = scene.shots[0].fired_ns
    centre = np.mean([shot.position_m for shot in lead], axis=0)
    distance = np.linalg.norm(network.positions_m - centre, axis=1)
    air = network.weather
    predicted = {
        k: (shot.fired_ns - origin_ns) / NS_PER_S
        + travel_times_s(shot.position_m, network.positions_m, air.sound_speed_m_s, air.wind_m_s)
        for k, shot in enumerate(scene.shots)
    }
    shown = _shown_sensors(scene, distance)
    if not len(shown):
        axes.text(0.5, 0.5, "no arrivals", transform=axes.transAxes, ha="center", color=FAINT)
        return
    first_s, last_s = -BEFORE_S, max(float(times[shown].max()) for times in predicted.values()) + AFTER_S
    traces = _traces(located.captures, origin_ns, first_s, last_s)
    heights = distance[shown]
    room = max(float(heights.max()), 50.0)
    amplitude = 0.42 * min(room / max(len(shown), 4), 0.16 * room)

    names = short_ids(network.ids)
    for row in shown:
        axes.axhline(distance[row], color="#dddddd", linewidth=0.5, zorder=1)
        for trace in traces.get(network.ids[row], ()):
            base, gain = distance[row], amplitude
            axes.fill_between(
                trace.time_s, base + gain * trace.low, base + gain * trace.high, color=TRACE, linewidth=0.25, zorder=3
            )
    _label_rows(axes, shown, distance, names, network.ids, room)
    for k, shot in enumerate(scene.shots):
        colour = shot_colour(scene.first + k)
        order = shown[np.argsort(distance[shown])]
        if any(shot is member for member in lead):
            start = (shot.fired_ns - origin_ns) / NS_PER_S
            times_s, ranges_m = [start, *predicted[k][order]], [0.0, *distance[order]]
            axes.plot(times_s, ranges_m, color=colour, linewidth=1.0, alpha=0.85, zorder=4)
        else:  # fired elsewhere: its times are no line over these distances
            axes.plot(predicted[k][order], distance[order], "_", color=colour, markersize=6, zorder=4)
    _picks(axes, scene, distance, predicted, origin_ns, amplitude, set(shown.tolist()))
    axes.set_xlim(first_s, last_s)
    axes.set_ylim(-0.03 * room, 1.0 * room + 1.6 * amplitude)
    axes.set_xlabel(f"seconds after {format_utc_ns(origin_ns)[:23].replace('T', ' ')} UTC")
    axes.set_ylabel("distance from the shots, m" if len(scene.shots) > 1 else "distance from the shot, m")
    axes.grid(axis="x", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)


def section_legend(scene: Scene) -> list[Line2D]:
    """Legend entries of the section."""
    statuses = {arrival.status for shot in scene.shots for arrival in shot.arrivals}
    marks = [("pulse used", "|", 11, 2.0, INK)]
    if "rejected" in statuses:
        marks.append(("pulse rejected", "x", 6, 1.6, REJECTED))
    marks.append(("other pulse", "|", 6, 0.9, FAINT))
    entries = [Line2D([], [], color=INK, linewidth=1.0, label="predicted arrival")]
    for label, marker, size, width, colour in marks:
        look: dict[str, Any] = {"marker": marker, "markersize": size, "markeredgewidth": width, "color": colour}
        entries.append(Line2D([], [], linestyle="none", label=label, **look))
    if "lent" in statuses:
        look = {"marker": "o", "markersize": 4.5, "markerfacecolor": "white", "color": INK}
        entries.insert(2, Line2D([], [], linestyle="none", label="known from another round", **look))
    if scene.located.captures:
        entries.append(Line2D([], [], color=TRACE, linewidth=3, label=f"sound, {BAND_HZ[0]:g}–{BAND_HZ[1]:g} Hz"))
    return entries


def _shown_sensors(scene: Scene, distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of the sensors that had a part in a shot or whose sound is there to be looked at, nearest first."""
    network = scene.located.network
    part = {network.index[a.sensor] for shot in scene.shots for a in shot.arrivals if a.status != "silent"}
    part |= {network.index[c.sensor] for c in scene.located.captures if c.sensor in network.index}
    rows = np.array(sorted(part), dtype=np.int64)
    return rows[np.argsort(distance[rows], kind="stable")]


def _label_rows(
    axes: Axes,
    shown: NDArray[np.int64],
    distance: NDArray[np.float64],
    names: dict[str, str],
    ids: tuple[str, ...],
    room: float,
) -> None:
    """Names at the right margin, pushed apart where distances are close."""
    step, top = 0.028 * room, 1.05 * room
    heights = distance[shown].tolist()
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + step)
    for k in range(len(heights) - 1, -1, -1):
        heights[k] = min(heights[k], top if k == len(heights) - 1 else heights[k + 1] - step)
    for row, height in zip(shown.tolist(), heights, strict=True):
        axes.annotate(
            names[ids[row]],
            (1.0, distance[row]),
            xytext=(1.012, height),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            fontsize=6.5,
            va="center",
            color="#333333",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def _picks(
    axes: Axes,
    scene: Scene,
    distance: NDArray[np.float64],
    predicted: Mapping[int, NDArray[np.float64]],
    origin_ns: int,
    amplitude: float,
    shown: set[int],
) -> None:
    network, table = scene.located.network, scene.located.table
    taken: set[int] = set()
    for k, shot in enumerate(scene.shots):
        colour = shot_colour(scene.first + k)
        for arrival in shot.arrivals:
            if arrival.status == "lent":
                row = network.index[arrival.sensor]
                lent_s = float(predicted[k][row]) + arrival.residual_s
                axes.plot(lent_s, distance[row], "o", color=colour, markerfacecolor="white", markersize=4.5, zorder=6)
            if arrival.arrival_ns is None:
                continue
            taken.add(arrival.source)
            time_s, base = (arrival.arrival_ns - origin_ns) / NS_PER_S, distance[network.index[arrival.sensor]]
            if arrival.status == "used":
                half = 1.15 * amplitude
                axes.plot([time_s, time_s], [base - half, base + half], color="white", linewidth=3.4, zorder=5)
                axes.plot([time_s, time_s], [base - half, base + half], color=colour, linewidth=2.0, zorder=6)
            else:
                axes.plot(time_s, base, "x", color=REJECTED, markersize=6, markeredgewidth=1.6, zorder=7)
    columns = (table.arrival_ns.tolist(), table.sensor.tolist(), table.source.tolist())
    for arrival_ns, row, source in zip(*columns, strict=True):
        if row in shown and source not in taken:
            time_s, half = (arrival_ns - origin_ns) / NS_PER_S, 0.5 * amplitude
            axes.plot([time_s, time_s], distance[row] + np.array([-half, half]), color=FAINT, linewidth=0.9, zorder=4)


def _traces(captures: tuple[Capture, ...], origin_ns: int, first_s: float, last_s: float) -> dict[str, list[Trace]]:
    found: dict[str, list[Trace]] = {}
    for capture in captures:
        trace = _trace(capture, origin_ns, first_s, last_s)
        if trace is not None:
            found.setdefault(capture.sensor, []).append(trace)
    return found


def _trace(capture: Capture, origin_ns: int, first_s: float, last_s: float) -> Trace | None:
    """The stretch of a capture between two times after the origin; None when it holds nothing of it."""
    begin = max(int((origin_ns - capture.start_ns) / NS_PER_S * capture.rate_hz + first_s * capture.rate_hz), 0)
    end = int((origin_ns - capture.start_ns) / NS_PER_S * capture.rate_hz + last_s * capture.rate_hz)
    pieces, position = [], 0
    for block in capture.blocks(_READ_FRAMES):
        low, high = max(begin - position, 0), min(end - position, len(block))
        if low < high:
            pieces.append(block[low:high].mean(axis=1, dtype=np.float64))
        position += len(block)
        if position >= end:
            break
    if not pieces:
        return None
    sound = np.concatenate(pieces)
    if len(sound) < 64:
        return None
    top = min(BAND_HZ[1], 0.45 * capture.rate_hz)
    sections = butter(2, (BAND_HZ[0], top), "bandpass", fs=capture.rate_hz, output="sos")
    sound = np.asarray(sosfiltfilt(sections, sound), dtype=np.float64)
    peak = float(np.abs(sound).max())
    width = max(len(sound) // COLUMNS, 1)
    whole = sound[: len(sound) // width * width].reshape(-1, width) / (peak if peak > 0.0 else 1.0)
    start_s = (sample_ns(capture.start_ns, capture.rate_hz, begin) - origin_ns) / NS_PER_S
    time_s = start_s + (np.arange(len(whole)) + 0.5) * width / capture.rate_hz
    return Trace(np.asarray(time_s, dtype=np.float64), np.min(whole, axis=1), np.max(whole, axis=1))
