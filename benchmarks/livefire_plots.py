"""Plots of the live-fire figures, for docs/."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from benchmarks.livefire_truth import tests_by_position, truth
from benchmarks.shared_data import ROOT

IMAGES = ROOT / "docs" / "img"
INK, ACCENT, FAINT = "#1f2d3d", "#c0392b", "#9aa5b1"
# No date and no version in the file: the same figures give the same bytes.
PNG_METADATA = {"Software": None}


def _save(figure: Figure, name: str) -> str:
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"{name}.png", dpi=110, metadata=PNG_METADATA)
    plt.close(figure)
    return f"img/{name}.png"


def _offsets_m(shots: Path) -> dict[str, np.ndarray]:
    """Per position, (n, 2) metres from the survey, east and north, of every located shot."""
    folders = {f.name: (position, f) for position, found in tests_by_position().items() for f in found}
    out: dict[str, list[np.ndarray]] = {position: [] for position in tests_by_position()}
    for line in shots.read_text().splitlines():
        shot = json.loads(line)
        position, folder = folders[shot["test"]]
        out[position].append(np.array([shot["x_m"], shot["y_m"]]) - truth(folder)["xy"])
    return {position: np.array(rows).reshape(-1, 2) for position, rows in out.items()}


def offsets(shots: Path, name: str) -> list[tuple[str, str]]:
    """Where the located shots lie around the survey, a panel a position."""
    by_position = _offsets_m(shots)
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.4), sharex=True, sharey=True, layout="constrained")
    reach = 25.0
    for axis, (position, rows) in zip(axes.flat, by_position.items(), strict=False):
        for radius in (5.0, 15.0):
            axis.add_patch(Circle((0, 0), radius, fill=False, color=FAINT, linewidth=0.8))
        inside = np.abs(rows).max(1, initial=0.0) <= reach
        axis.plot(*rows[inside].T, ".", color=INK, markersize=5, alpha=0.6, markeredgewidth=0)
        axis.plot(0, 0, "+", color=ACCENT, markersize=10)
        beyond = np.count_nonzero(~inside)
        axis.set_title(f"{position}: {len(rows)} shots" + (f", {beyond} beyond" if beyond else ""), fontsize=9)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    figure.supxlabel("east of the survey, m", fontsize=9)
    figure.supylabel("north of the survey, m", fontsize=9)
    caption = "Located shots (points) around the surveyed firing position (cross); circles of 5 m and 15 m."
    return [(caption, _save(figure, name))]


def distributions(files: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Share of shots within a distance of the survey."""
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for (label, path), colour in zip(files.items(), (INK, ACCENT), strict=False):
        rows = np.concatenate(list(_offsets_m(path).values()))
        error = np.sort(np.hypot(*rows.T))
        fired = sum(len(truth(f)["times"]) for found in tests_by_position().values() for f in found)
        axis.step(error, np.arange(1, len(error) + 1) / fired, where="post", color=colour, label=label)
    axis.axvline(15.0, color=FAINT, linewidth=0.8, linestyle="--")
    axis.set(xscale="log", xlim=(0.5, 250), ylim=(0, 1.01), xlabel="distance to the survey, m", ylabel="share of shots")
    axis.legend(frameon=False, loc="lower right")
    return [("Share of the fired shots that were located within a distance.", _save(figure, "livefire-errors"))]


def shares_by_size(shares: Mapping[int, float], bars: Mapping[int, float]) -> list[tuple[str, str]]:
    """Share within 15 m by the number of sensors."""
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    sizes = list(shares)
    axis.plot(sizes, [100 * shares[n] for n in sizes], "o-", color=INK, label="measured")
    axis.plot(sizes, [100 * bars[n] for n in sizes], "_", color=ACCENT, markersize=18, label="bar")
    lowest = min(60.0, 100 * min(shares.values()))
    axis.set(xlabel="sensors in the sub-array", ylabel="shots within 15 m, %", ylim=(lowest, 101))
    axis.set_xticks(sizes)
    axis.legend(frameon=False, loc="lower right")
    return [("Share of all shots located within 15 m by random sub-arrays.", _save(figure, "livefire-subarrays"))]
