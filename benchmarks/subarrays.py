"""Sub-arrays of the live-fire sensors: how few sensors are enough, from raw pulses, association included.

As in the publisher's study (Calhoun et al., arXiv 2108.07377), but blind: there the pulse sets were given, here
every raw pulse of the chosen sensors is, echoes and noise too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import livefire_plots
from benchmarks.figures import Figure, Section, Table, at_least, at_most, told
from benchmarks.livefire import located_in, network_of, tuning_of
from benchmarks.livefire_truth import SURVEY_SD_M, Tally, heard_sensors, published_sets, tests_by_position, truth
from sensors.recordings import open_recordings

# Share of all shots within 15 m, by sensors in the sub-array.
BARS = {4: 0.75, 5: 0.93, 6: 0.97, 8: 0.99, 10: 0.995}
FALSE_PER_SHOT = 0.03
COVERAGE_95 = 0.93
AREA_95_M2 = 300.0
AREA_FROM_SENSORS = 8
SUBSETS = 25
SEED = 20_181_218

TEXT = f"""
{SUBSETS} random subsets of each size and firing position, drawn with a fixed seed from the sensors that any
published pulse set of the position holds; every test is then located from all raw pulses of those sensors alone.
Many shots were not heard by every sensor of a subset: "three heard" is the share of shots that at least three of
them heard, by the published pulse sets; no two-dimensional fix is possible below. Shares are of all shots fired.
Regions of several parts hold the survey when one of the parts does, or passes within {SURVEY_SD_M:.0f} m of it.
"""


@dataclass(slots=True)
class Size:
    """What sub-arrays of one size gave."""

    tally: Tally = field(default_factory=Tally)
    areas_m2: list[float] = field(default_factory=list)
    provisional: int = 0
    located: int = 0
    three_heard: list[bool] = field(default_factory=list)
    split: list[bool] = field(default_factory=list)
    """Of each fix whose region has several parts: whether one of them holds the survey, or lies within its error."""


def draw(position: str, size: int, subsets: int = SUBSETS) -> list[tuple[str, ...]]:
    """Random subsets of the sensors heard at a position; the same in every run."""
    sensors = heard_sensors(position)
    # A generator of its own for each position and size: leaving one out does not change the others.
    rng = np.random.default_rng([SEED, int(position.removeprefix("FP")), size])
    return [tuple(sorted(rng.choice(sensors, min(size, len(sensors)), replace=False))) for _ in range(subsets)]


def collect(sizes: tuple[int, ...] = tuple(BARS), subsets: int = SUBSETS) -> dict[int, Size]:
    """Locate every test with every subset."""
    found = {size: Size() for size in sizes}
    for position, folders in tests_by_position().items():
        tuning = tuning_of(position)
        recordings = {test.name: test for test in open_recordings(folders[0].parent, published=True)}
        for size in sizes:
            here = found[size]
            for subset in draw(position, size, subsets):
                for folder in folders:
                    recording = recordings[folder.name]
                    network = network_of(recording)
                    rows = located_in(recording, network.subset(set(subset) & network.index.keys()), tuning)
                    here.tally.add(folder, rows)
                    here.areas_m2 += [row.region_95.area for row in rows]
                    here.located += len(rows)
                    place = truth(folder)["xy"]
                    here.split += [row.nearly_covers(place, SURVEY_SD_M) for row in rows if row.parts > 1]
                    here.provisional += sum(row.provisional for row in rows)
                    here.three_heard += [len(one.sensors & set(subset)) >= 3 for one in published_sets(folder)]
    return found


def figures(size: int, summary: dict[str, Any], found: Size) -> list[Figure]:
    """What this size must show."""
    name = f"{size} sensors"
    out = [
        at_least(f"{name}: within 15 m", summary.get("within_15m", 0.0), BARS[size], ".4f"),
        at_most(f"{name}: false per fired shot", summary["false"] / summary["fired"], FALSE_PER_SHOT, ".4f"),
        at_least(f"{name}: 95 % coverage", summary.get("coverage_95", 0.0), COVERAGE_95),
        told(f"{name}: 50 % coverage", f"{summary.get('coverage_50', 0.0):.3f}"),
    ]
    if found.split:
        split = f"{len(found.split)} of {found.located}; {np.mean(found.split):.3f} hold the survey"
        out.append(told(f"{name}: fixes with two roots or more, given as so many regions", split))
    area = float(np.median(found.areas_m2)) if found.areas_m2 else np.inf
    if size >= AREA_FROM_SENSORS:
        out.append(at_most(f"{name}: median area of the 95 % region", area, AREA_95_M2, ".0f", " m2"))
    return out


def measure(subsets: int = SUBSETS) -> Section:
    """All sizes, all positions."""
    section = Section("live fire, sub-arrays", "field", TEXT)
    rows = []
    points = []
    for size, found in collect(subsets=subsets).items():
        summary = found.tally.summary()
        section.figures += figures(size, summary, found)
        numbers = [summary.get(key, np.nan) for key in ("within_15m", "within_25m", "median_m", "p95_m")]
        numbers += [summary["false"] / summary["fired"], summary.get("coverage_50", np.nan)]
        numbers += [summary.get("coverage_95", np.nan), found.provisional / max(found.located, 1)]
        area = np.median(found.areas_m2) if found.areas_m2 else np.nan
        three = float(np.mean(found.three_heard))
        near, covered = summary.get("within_15m", 0.0), [summary.get(f"coverage_{k}", 0.0) for k in (50, 95)]
        points.append(livefire_plots.SizePoint(size, near, BARS[size], three, *covered))
        rows.append((str(size), str(summary["fired"]), f"{three:.3f}", *(f"{v:.3f}" for v in numbers), f"{area:.0f}"))
    what = ("sensors", "fired", "three heard", "within 15 m", "within 25 m", "median m", "95th percentile m")
    columns = (*what, "false per shot", "50 % coverage", "95 % coverage", "provisional", "median 95 % area m2")
    section.tables.append(Table("by size", columns, tuple(rows)))
    section.images = livefire_plots.by_size(points, COVERAGE_95)
    return section
