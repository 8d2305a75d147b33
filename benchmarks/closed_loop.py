"""The closed loop: what ``tocsin locate`` makes of rendered scenarios, against their truth.

Every scenario is rendered by the command, with several seeds, and located from its files as anybody's recordings are.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import command
from benchmarks.figures import Figure, Section, Table, told
from sim.scoring import Score, combined, score
from sim.truthfile import read_truth
from tocsin.locating import Request, locate_inputs

SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario, and which part of it is rendered: all of it without ``for_s``."""

    scenario: str
    from_s: float = 0.0
    for_s: float | None = None

    @property
    def title(self) -> str:
        if self.for_s is None:
            return self.scenario
        return f"{self.scenario}, {self.for_s:g} s from {self.from_s:g} s"


# Where the field fails comes first: several shooters, bursts.
CASES = (
    Case("exchange"),
    Case("burst"),
    Case("full_auto"),
    Case("drive_by"),
    Case("single_shot"),
    Case("canyon"),
    Case("supersonic"),
    Case("rooftop"),
    Case("edge_of_network"),
    Case("windy_night"),
    Case("faulty_network"),
    Case("fireworks"),
    Case("thunderstorm"),
    Case("construction_site"),
    Case("look_alikes"),
    Case("geneva"),
    # Around midnight, when fireworks are densest; nine hours are for pulses.
    Case("new_years_eve", from_s=14_340.0, for_s=120.0),
)

TEXT = f"""
Each scenario of `seeds/scenarios/` with the seeds {", ".join(map(str, SEEDS))}: rendered to sound, and located from the
files with default settings (`tocsin sim render SCENARIO --seed N --out DIR; tocsin sim score DIR`).  A located shot is
found when it lies within 0.25 s and 250 m of a gunshot, one to one; the others are false.  Those of them that lie as
near to a look-alike were located rightly and are gunfire only to a localizer that does not tell bangs apart.  Rounds:
how far the number of located rounds of an incident is off, mean of the absolute value.  Simulated sound is easier than
a city's: no figure here stands for one of the field.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scores of all seeds as one, and mean seconds to render and to locate one."""

    score: Score
    render_s: float
    locate_s: float


def measure() -> Section:
    """All cases."""
    section = Section("closed loop", "simulated", TEXT)
    rows = []
    for case in CASES:
        outcome = run(case)
        rows.append(row(case.title, outcome))
        section.figures += figures(case.title, outcome)
    columns = (
        "scenario", "gunshots", "found", "false", "of them at look-alikes", "median error, m", "95th percentile, m",
        "in 95 % region", "in 50 % region", "rounds off", "render, s", "locate, s",
    )  # fmt: skip
    section.tables = [Table("By scenario, all seeds together", columns, tuple(rows))]
    return section


def run(case: Case) -> Outcome:
    """Render and locate one case with every seed."""
    scores, render_s, locate_s = [], 0.0, 0.0
    for seed in SEEDS:
        with tempfile.TemporaryDirectory(prefix="closed-loop-") as name:
            folder = Path(name) / case.scenario
            window = [] if case.for_s is None else ["--from", f"{case.from_s:g}", "--for", f"{case.for_s:g}"]
            rendering = command.run("sim", "render", case.scenario, "--seed", str(seed), "--out", folder, *window)
            render_s += rendering.wall_s
            start = time.perf_counter()
            (located,) = locate_inputs(Request((folder,)))
            locate_s += time.perf_counter() - start
            scores.append(score(read_truth(folder / "truth.json"), located.shots, located.network.frame))
    return Outcome(combined(scores), render_s / len(SEEDS), locate_s / len(SEEDS))


def figures(title: str, outcome: Outcome) -> list[Figure]:
    """What the terminal shows of one scenario."""
    s = outcome.score
    text = f"{s.found} of {s.shots} found, {s.false} false ({s.lookalikes} at look-alikes)"
    if s.found:
        text += f", median error {np.median(s.errors_m):.1f} m, {s.covered_95:.0%} in the 95 % region"
        text += f", rounds off by {s.round_count_error:.2f}"
    return [told(title, text)]


def row(title: str, outcome: Outcome) -> tuple[str, ...]:
    """The same for the page."""
    s = outcome.score
    accuracy = ("-",) * 5
    if s.found:
        accuracy = (
            f"{np.median(s.errors_m):.1f}",
            f"{np.percentile(s.errors_m, 95):.1f}",
            f"{s.covered_95:.0%}",
            f"{s.covered_50:.0%}",
            f"{s.round_count_error:.2f}",
        )
    counts = (str(s.shots), str(s.found), str(s.false), str(s.lookalikes))
    return (title, *counts, *accuracy, f"{outcome.render_s:.1f}", f"{outcome.locate_s:.1f}")
