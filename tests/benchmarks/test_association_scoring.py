"""How regions are judged over seeds, and which time is compared with which."""

from __future__ import annotations

import numpy as np

from benchmarks.association import Outcome, coverage_figures, figures, held

SCORE = {"recall": 1.0, "false": 0, "found": 4, "expected": 4, "median_m": 1.0, "p95_m": 2.0}


def outcome(associate_s: float, call_s: float, covered: list[tuple[bool, bool]]) -> Outcome:
    return Outcome(SCORE, associate_s, call_s, 2.0 * call_s, np.array(covered, dtype=bool).reshape(-1, 2), 10.0)


def test_association_is_compared_with_association_and_the_limit_is_on_the_whole_call() -> None:
    mine = outcome(0.1, 1.9, [(True, True)])
    by_name = {f.name.split(": ")[1]: f for f in figures("single", 3, mine, outcome(1.1, 1.1, []))}
    assert by_name["association's time as a share of PyOcto's"].met
    assert by_name["association's time as a share of PyOcto's"].measured == "0.091"
    assert by_name["time of the whole call, regions included"].met
    slow = {f.name.split(": ")[1]: f for f in figures("single", 3, outcome(0.1, 2.1, []), None)}
    assert slow["time of the whole call, regions included"].met is False
    assert not any("PyOcto" in name for name in slow)


def test_coverage_is_judged_over_all_seeds_and_told_for_each() -> None:
    lucky, unlucky = np.ones((50, 2), dtype=bool), np.ones((50, 2), dtype=bool)
    unlucky[:, 0] = False
    unlucky[:5, 1] = False
    both = coverage_figures("single", (3, 11), [lucky, unlucky])
    assert [f.measured for f in both] == ["0.950", "0.500"]
    assert all(f.met for f in both)
    assert all(
        f.met is None for f in figures("single", 3, Outcome(SCORE, 1, 1, 1, lucky, 1.0), None) if "holds" in f.name
    )


def test_no_located_shot_covers_nothing() -> None:
    assert held(np.zeros((0, 2), dtype=bool)) == (0.0, 0.0)
