"""The simulator's benchmark: its physics meets every bar that needs no other program; its rows say what was scored."""

from __future__ import annotations

import numpy as np

from benchmarks import physics
from benchmarks.closed_loop import CASES, Outcome, figures, row
from benchmarks.simulator import PAGES, PARTS
from sim.scoring import Score
from sim.staging.catalogue import shipped


def score(errors_m: list[float], false: int) -> Score:
    found = len(errors_m)
    return Score(
        shots=4,
        false=false,
        lookalikes=min(false, 1),
        pairs=tuple((f"A/{k}", k) for k in range(found)),
        errors_m=np.array(errors_m),
        inside_50=np.zeros(found, dtype=bool),
        inside_95=np.ones(found, dtype=bool),
        rounds=np.array([[4, found]], dtype=np.int64),
    )


def test_physics_meets_its_bars() -> None:
    judged = [figure for figure in physics.measure(peers=False).figures if figure.met is not None]
    assert len(judged) >= 7
    assert [figure.name for figure in judged if not figure.met] == []


def test_rows_and_figures_tell_the_score() -> None:
    outcome = Outcome(score([1.0, 2.0, 9.0], 2), 5.0, 3.0)
    assert row("burst", outcome) == (
        "burst", "4", "3", "2", "1", "2.0", "8.3", "100%", "0%", "1.00", "5.0", "3.0",
    )  # fmt: skip
    (told,) = figures("burst", outcome)
    assert told.measured.startswith("3 of 4 found, 2 false (1 at look-alikes), median error 2.0 m, 100% in the 95 %")
    assert row("quiet", Outcome(score([], 0), 1.0, 1.0))[5:10] == ("-",) * 5


def test_every_shipped_scenario_is_in_the_closed_loop() -> None:
    """A scenario that is left out would be one that nobody sees fail."""
    assert {case.scenario for case in CASES} == {entry.name for entry in shipped()}


def test_every_part_stands_on_a_page() -> None:
    assert {part.page for part in PARTS.values()} == set(PAGES)
