"""Plots of the live-fire figures, for docs/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import FixedLocator, NullFormatter
from numpy.typing import NDArray

from benchmarks.livefire_truth import tests_by_position, truth
from benchmarks.saved_plots import BLUE, FAINT, GREEN, INK, VERMILION, drawing

REACH_M = 22.0
RINGS_M = (5.0, 15.0)
NEAR_M = 15.0
DISTANCES_M = (0.5, 1, 2, 5, 10, 15, 25, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Located shots of one position: ``offset_m`` (n, 2), east and north of the survey; ``provisional`` (n,) bool."""

    offset_m: NDArray[np.float64]
    provisional: NDArray[np.bool_]


def scatters(shots: Path) -> dict[str, Scatter]:
    """All located shots of a file, false ones too, by position."""
    folders = {f.name: (position, f) for position, found in tests_by_position().items() for f in found}
    offsets: dict[str, list[NDArray[np.float64]]] = {position: [] for position in tests_by_position()}
    flags: dict[str, list[bool]] = {position: [] for position in tests_by_position()}
    for line in shots.read_text().splitlines():
        shot = json.loads(line)
        position, folder = folders[shot["test"]]
        offsets[position].append(np.array([shot["x_m"], shot["y_m"]]) - truth(folder)["xy"])
        flags[position].append(bool(shot["provisional"]))
    return {
        position: Scatter(np.array(rows, dtype=np.float64).reshape(-1, 2), np.array(flags[position], dtype=np.bool_))
        for position, rows in offsets.items()
    }


def offsets(shots: Path, name: str, what: str) -> list[tuple[str, str]]:
    """Where the located shots lie around the survey, a panel a position."""
    with drawing(name, 2, 3, (8.4, 6.2), sharex=True, sharey=True) as page:
        for axis, (position, scatter) in zip(page.axes.flat, scatters(shots).items(), strict=False):
            _around(axis, position, scatter)
        page.figure.suptitle(f"Located shots around the survey: {what}", x=0.01, ha="left", fontsize=11)
        for axis in page.axes[-1]:
            axis.set_xlabel("east of the survey, m")
        for axis in page.axes[:, 0]:
            axis.set_ylabel("north of the survey, m")
        handles, labels = page.axes.flat[0].get_legend_handles_labels()
        page.figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    caption = f"Located shots around the surveyed firing position, {what}; circles of 5 m and 15 m."
    return [(caption, page.saved)]


def _around(axis: Axes, position: str, scatter: Scatter) -> None:
    corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    # The rings' names stand where no shot does.
    free = corners[int(np.argmin([(scatter.offset_m @ corner > 0).sum() for corner in corners]))]
    for radius in RINGS_M:
        axis.add_patch(Circle((0, 0), radius, fill=False, color=FAINT, linewidth=0.8))
        x, y = radius * np.sqrt(0.5) * free
        side, above = ("left" if x > 0 else "right"), ("bottom" if y > 0 else "top")
        axis.text(x, y, f" {radius:.0f} m ", fontsize=7, color="#555555", ha=side, va=above)
    size = np.abs(scatter.offset_m).max(axis=1, initial=0.0)
    inside = size <= REACH_M
    for chosen, colour, marker, label in (
        (~scatter.provisional, BLUE, "o", "located"),
        (scatter.provisional, VERMILION, "^", "located, marked provisional"),
    ):
        x, y = scatter.offset_m[inside & chosen].T
        axis.scatter(x, y, s=22, color=colour, marker=marker, linewidths=0, alpha=0.55, zorder=3, label=label)
    # What lies farther out stands at the edge, in its direction.
    edge = scatter.offset_m[~inside] * (0.96 * REACH_M / size[~inside, None])
    x, y = edge.T
    axis.scatter(x, y, marker="s", s=22, facecolors="none", edgecolors=INK, label="farther out, in this direction")
    axis.plot(0, 0, "+", color=INK, markersize=9, markeredgewidth=1.2, zorder=4, label="survey")
    beyond = int(np.count_nonzero(~inside))
    axis.set_title(f"{position}: {len(size)} shots" + (f", {beyond} farther out" if beyond else ""), fontsize=9)
    axis.set(xlim=(-REACH_M, REACH_M), ylim=(-REACH_M, REACH_M), aspect="equal", xticks=(-15, -5, 5, 15),
             yticks=(-15, -5, 5, 15))  # fmt: skip
    axis.spines[["top", "right"]].set_visible(True)


def distributions(files: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Share of shots within a distance of the survey."""
    fired = sum(len(truth(f)["times"]) for found in tests_by_position().values() for f in found)
    with drawing("livefire-errors", 1, 1, (6.4, 3.7)) as page:
        axis = page.axes[0, 0]
        for (label, path), colour, dash in zip(files.items(), (BLUE, VERMILION), ("-", "--"), strict=False):
            error = np.sort(np.concatenate([np.hypot(*scatter.offset_m.T) for scatter in scatters(path).values()]))
            share = 100.0 * np.arange(1, len(error) + 1) / fired
            axis.step(error, share, where="post", color=colour, linestyle=dash, linewidth=1.6, label=label)
        axis.axvline(NEAR_M, color=FAINT, linewidth=0.8)
        axis.annotate("15 m", (NEAR_M, 3), xytext=(4, 0), textcoords="offset points", color="#555555")
        axis.set(xscale="log", xlim=(0.5, 250), ylim=(0, 102))
        axis.set(xlabel="distance to the survey, m", ylabel="located shots, % of those fired")
        axis.xaxis.set_major_locator(FixedLocator(DISTANCES_M))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xticklabels([f"{d:g}" for d in DISTANCES_M])
        axis.set_title(f"How far from the survey, {fired} shots fired")
        axis.legend(frameon=False, loc="lower right")
    return [("Located shots within a distance of the survey, in percent of those fired.", page.saved)]


@dataclass(frozen=True, slots=True)
class SizePoint:
    """What sub-arrays of one size reached: shares of all shots, and coverage of regions; all between 0 and 1."""

    sensors: int
    near: float
    bar: float
    three_heard: float
    coverage_50: float
    coverage_95: float


def by_size(points: Sequence[SizePoint], coverage_bar: float) -> list[tuple[str, str]]:
    """Share within 15 m, and coverage, by the number of sensors."""
    sizes = [p.sensors for p in points]
    with drawing("livefire-subarrays", 1, 2, (8.4, 3.6)) as page:
        left, right = page.axes[0]
        left.plot(sizes, [100 * p.three_heard for p in points], ":", color=FAINT, label="heard by three or more")
        left.plot(sizes, [100 * p.near for p in points], "o-", color=BLUE, label="located within 15 m")
        left.plot(sizes, [100 * p.bar for p in points], "_", color=VERMILION, markersize=16, mew=2, label="bar")
        left.set(ylabel="% of all shots fired", ylim=(min(60.0, 100 * min(p.near for p in points) - 2), 101))
        left.set_title("Shots located")
        for level, colour, shares in (
            (95, BLUE, [p.coverage_95 for p in points]),
            (50, GREEN, [p.coverage_50 for p in points]),
        ):
            right.axhline(level, color=FAINT, linewidth=0.8)
            right.plot(sizes, [100 * share for share in shares], "o-", color=colour, label=f"{level} % region")
        right.plot(sizes, [100 * coverage_bar] * len(sizes), "_", color=VERMILION, markersize=16, mew=2, label="bar")
        right.set(ylabel="% of located shots inside", ylim=(0, 102))
        right.set_title("Regions that hold the truth")
        for axis in (left, right):
            axis.set(xlabel="sensors in the sub-array", xticks=sizes)
            axis.legend(frameon=False, loc="lower right")
    return [("Random sub-arrays: shots located within 15 m, and how often the regions hold the survey.", page.saved)]
