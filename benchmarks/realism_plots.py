"""Plots of simulated beside real shots, for docs/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benchmarks.heard_shots import HeardShots
from benchmarks.saved_plots import BLUE, FAINT, INK, VERMILION, drawing

Array = NDArray[np.float64]

EDGES_M = (0.0, 150.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1000.0)
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Beside:
    """Real and simulated shots of the same deployments; ``title`` says which."""

    title: str
    real: HeardShots
    simulated: HeardShots


def over_distance(name: str, column: str, scale: float, label: str, groups: Sequence[Beside]) -> tuple[str, str]:
    """One quantity of the pulses that were heard, over distance: real ones as points, simulated as bands."""
    with drawing(f"realism-{name}", 1, len(groups), (8.6, 3.9), sharey=True, sharex=True) as page:
        for axis, group in zip(page.axes[0], groups, strict=True):
            _simulated_band(axis, group.simulated, column, scale)
            _real_points(axis, group.real, column, scale)
            axis.set(xlabel="distance, m", title=group.title, xlim=(0, 1010))
            if column == "late_s":
                axis.axhline(0.0, color=FAINT, linewidth=0.7)
        page.axes[0, 0].set_ylabel(label)
        handles, labels = page.axes[0, 0].get_legend_handles_labels()
        page.figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return label, page.saved


def sensors_a_shot(groups: Sequence[Beside]) -> tuple[str, str]:
    """How many sensors hear a shot, and what share of the sensors at a distance does."""
    with drawing("realism-sensors", 2, len(groups), (8.6, 6.0), sharey="row", sharex="row") as page:
        for column, group in enumerate(groups):
            upper, lower = page.axes[:, column]
            for shots, colour, dash, label in (
                (group.real, BLUE, "-", "real"),
                (group.simulated, VERMILION, "--", "simulated"),
            ):
                count = np.sort(shots.sensors_a_shot())
                share = 100.0 * np.arange(1, len(count) + 1) / len(count)
                upper.step(count, share, where="post", color=colour, linestyle=dash, linewidth=1.6, label=label)
            upper.set(title=group.title, xlabel="sensors that heard a shot", ylim=(0, 101))
            middle, low, mean, high = hearing(group.simulated)
            lower.fill_between(middle, 100 * low, 100 * high, color=VERMILION, alpha=0.2, linewidth=0)
            lower.plot(middle, 100 * mean, "--", color=VERMILION, linewidth=1.4)
            middle, low, mean, high = hearing(group.real)
            spread = np.maximum(100 * np.array([mean - low, high - mean]), 0.0)
            lower.errorbar(middle, 100 * mean, yerr=spread, fmt="o", color=BLUE, markersize=4, linewidth=1.0)
            lower.set(xlabel="distance, m", ylim=(0, 103), xlim=(0, 1010))
            lower.set_title(
                "bars and band: from one firing position, or city, to another", fontsize=7.5, weight="normal"
            )
        page.axes[0, 0].set_ylabel("% of shots heard by so many or fewer")
        page.axes[1, 0].set_ylabel("% of sensors at this distance that heard")
        handles, labels = page.axes[0, 0].get_legend_handles_labels()
        page.figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return "How many sensors hear a shot, and which share of those at a distance", page.saved


def bins(distance_m: Array) -> NDArray[np.int64]:
    """(n,) int64, the bin of ``EDGES_M`` of each distance."""
    return np.clip(np.searchsorted(EDGES_M, distance_m, side="right") - 1, 0, len(EDGES_M) - 2)


def quantiles(shots: HeardShots, column: str) -> tuple[Array, Array]:
    """(bins,) mean distance and (bins, 3) ``QUANTILES`` of a column where shots were heard; NaN in empty bins."""
    value, where = getattr(shots, column)[shots.heard], bins(shots.distance_m[shots.heard])
    middle, out = np.full(len(EDGES_M) - 1, np.nan), np.full((len(EDGES_M) - 1, 3), np.nan)
    for k in range(len(middle)):
        if (where == k).any():
            middle[k] = shots.distance_m[shots.heard][where == k].mean()
            out[k] = np.quantile(value[where == k], QUANTILES)
    return middle, out


def hearing(shots: HeardShots) -> tuple[Array, Array, Array, Array]:
    """(bins,) each: mean distance, and least, mean and greatest share that heard, over deployments.

    A deployment is a firing position, in one city where it was simulated (36 shots each); with many, the quantiles of
    10 and 90 % stand for least and greatest.
    """
    where = bins(shots.distance_m)
    deployment = shots.position * 10_000 + shots.shot // 36
    rows = []
    for k in range(len(EDGES_M) - 1):
        here = where == k
        if not here.any():
            continue
        names, index = np.unique(deployment[here], return_inverse=True)
        share = np.bincount(index, shots.heard[here]) / np.bincount(index)
        outer = (0.1, 0.9) if len(names) > 8 else (0.0, 1.0)
        low, high = np.quantile(share, outer)
        rows.append((shots.distance_m[here].mean(), low, shots.heard[here].mean(), high))
    middle, low, mean, high = np.array(rows).T
    return middle, low, mean, high


def _simulated_band(axis: Axes, shots: HeardShots, column: str, scale: float) -> None:
    middle, found = quantiles(shots, column)
    low, median, high = scale * found.T
    axis.fill_between(middle, low, high, color=VERMILION, alpha=0.2, linewidth=0, label="simulated, 10 to 90 %")
    axis.plot(middle, median, "--", color=VERMILION, linewidth=1.5, label="simulated, median")


def _real_points(axis: Axes, shots: HeardShots, column: str, scale: float) -> None:
    heard = shots.rows(shots.heard)
    # All shots of one sensor stand at one distance: a few metres to and fro let them be seen.
    aside = np.random.default_rng(1).uniform(-6.0, 6.0, len(heard.distance_m))
    value = scale * getattr(heard, column)
    axis.plot(heard.distance_m + aside, value, ".", color=BLUE, markersize=1.6, alpha=0.25, label="real, each")
    middle, found = quantiles(shots, column)
    low, median, high = scale * found.T
    spread = [median - low, high - median]
    label = "real, median and 10 to 90 %"
    axis.errorbar(middle, median, yerr=spread, fmt="o", color=INK, markersize=4, linewidth=1.0, label=label, zorder=5)
