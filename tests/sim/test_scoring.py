"""Scoring: exact truth scores in full, and each kind of mistake is counted as what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.frames import LocalFrame
from geo.place import Geodetic
from sim.scoring import GATE_M, GATE_S, combined, matched, score
from sim.truth import TrueSound, Truth

START_NS = 1_800_000_000_000_000_000


@dataclass(frozen=True)
class Guess:
    """A located shot, as far as it is scored."""

    fired_ns: int
    position_m: NDArray[np.float64]
    region_50: BaseGeometry
    region_95: BaseGeometry


def guess(at_s: float, east_m: float, north_m: float, radius_m: float = 10.0) -> Guess:
    point = Point(east_m, north_m)
    position_m = np.array([east_m, north_m, 1.0])
    return Guess(START_NS + round(1e9 * at_s), position_m, point.buffer(radius_m / 2), point.buffer(radius_m))


def sound(name: str, at_s: float, east_m: float, north_m: float, kind: str = "gunshot") -> TrueSound:
    return TrueSound(
        id=name,
        kind=kind,
        source=name.partition("/")[0],
        label="",
        round=1,
        at_ns=START_NS + round(1e9 * at_s),
        position_m=(east_m, north_m, 1.5),
        axis=(1.0, 0.0, 0.0),
        peak_db_spl_1m=150.0,
    )


def truth(*sounds: TrueSound, origin: tuple[float, float, float] | None = None) -> Truth:
    return Truth(
        scenario="s",
        title="t",
        version="0",
        seed=1,
        start_ns=START_NS,
        duration_s=60.0,
        sound_speed_m_s=340.0,
        wind_m_s=(0.0, 0.0, 0.0),
        origin=origin,
        sensors=[],
        sounds=list(sounds),
    )


BURST = truth(*(sound(f"A/{k}", 2.0 + 0.1 * k, 50.0, 60.0) for k in range(5)))


def test_exact_shots_score_in_full() -> None:
    found = score(BURST, [guess(2.0 + 0.1 * k, 50.0, 60.0) for k in range(5)])
    assert (found.shots, found.found, found.missed, found.false, found.lookalikes) == (5, 5, 0, 0, 0)
    assert found.errors_m.tolist() == [0.0] * 5
    assert (found.covered_50, found.covered_95, found.round_count_error) == (1.0, 1.0, 0.0)
    assert found.pairs == tuple((f"A/{k}", k) for k in range(5))


def test_nothing_located_and_nothing_fired() -> None:
    none = score(BURST, [])
    assert (none.found, none.missed, none.false, none.round_count_error) == (0, 5, 0, 5.0)
    assert math.isnan(none.covered_95)
    empty = score(truth(), [guess(1.0, 0.0, 0.0)])
    assert (empty.shots, empty.false) == (0, 1)
    assert math.isnan(empty.round_count_error)


def test_errors_and_regions() -> None:
    found = score(BURST, [guess(2.0, 53.0, 64.0), guess(2.1, 50.0, 67.0), guess(2.2, 50.0, 80.0)])
    assert found.errors_m == pytest.approx([5.0, 7.0, 20.0], abs=1e-12)
    assert found.inside_50.tolist() == [False, False, False]
    assert found.inside_95.tolist() == [True, True, False]
    assert score(BURST, [replace(guess(2.0, 50.0, 60.0), region_95=Polygon())]).covered_95 == 0.0


def test_one_shot_matches_one_round() -> None:
    """An echo located beside its shot is false, and counts as a round too many."""
    found = score(BURST, [*(guess(2.0 + 0.1 * k, 50.0, 60.0) for k in range(5)), guess(2.05, 60.0, 60.0)])
    assert (found.found, found.false, found.lookalikes) == (5, 1, 0)
    assert found.rounds.tolist() == [[5, 6]]


def test_outside_either_gate_is_false_and_missed() -> None:
    single = truth(sound("A/1", 2.0, 0.0, 0.0))
    for shot in (guess(2.0 + GATE_S + 1e-3, 0.0, 0.0), guess(2.0, GATE_M + 0.1, 0.0)):
        found = score(single, [shot])
        assert (found.found, found.missed, found.false) == (0, 1, 1)
    assert score(single, [guess(2.0 + GATE_S, GATE_M, 0.0)]).found == 1


def test_a_lookalike_located_rightly_is_false_and_told_apart() -> None:
    mixed = truth(sound("A/1", 2.0, 0.0, 0.0), sound("F/1", 5.0, 100.0, 0.0, "firecracker"))
    found = score(mixed, [guess(2.0, 0.0, 0.0), guess(5.0, 101.0, 0.0), guess(5.2, 900.0, 0.0)])
    assert (found.shots, found.found, found.false, found.lookalikes) == (1, 1, 2, 1)
    assert found.rounds.tolist() == [[1, 1]]


def test_gunshots_take_their_shots_before_lookalikes() -> None:
    mixed = truth(sound("F/1", 2.0, 0.0, 0.0, "firecracker"), sound("A/1", 2.2, 0.0, 0.0))
    found = score(mixed, [guess(2.0, 0.0, 0.0)])
    assert (found.found, found.false) == (1, 0)


def test_an_exchange_is_one_incident_and_a_later_shot_another() -> None:
    fired = truth(
        sound("A/1", 2.0, 0.0, 0.0), sound("B/1", 4.0, 60.0, 0.0), sound("A/2", 13.0, 0.0, 0.0),
        sound("C/1", 3.0, 2000.0, 0.0), sound("A/3", 40.0, 0.0, 0.0),
    )  # fmt: skip
    found = score(fired, [guess(2.0, 0.0, 0.0), guess(3.0, 2000.0, 0.0), guess(3.1, 2000.0, 0.0)])
    assert sorted(found.rounds.tolist()) == [[1, 0], [1, 2], [3, 1]]
    assert found.round_count_error == pytest.approx((1 + 1 + 2) / 3)


def test_frames_of_truth_and_network_may_differ() -> None:
    """A network's frame lies around its sensors, the truth's around its city."""
    origin = (6.14, 46.2, 375.0)
    fired = truth(sound("A/1", 2.0, 300.0, -200.0), origin=origin)
    network = LocalFrame(Geodetic(6.16, 46.21, 380.0))
    longitude, latitude, height = LocalFrame(Geodetic(*origin)).to_geodetic([[300.0, -200.0, 1.5]])[0]
    east, north, _ = network.to_local(longitude, latitude, height)[0]
    assert score(fired, [guess(2.0, east, north)], network).errors_m == pytest.approx([0.0], abs=1e-6)
    assert score(fired, [guess(2.0, east, north)]).found == 0


def test_combined_scores_add_up() -> None:
    one = score(BURST, [guess(2.0, 50.0, 60.0)])
    two = score(BURST, [guess(2.0, 50.0, 75.0), guess(9.0, 0.0, 0.0)])
    both = combined([one, two])
    assert (both.shots, both.found, both.false) == (10, 2, 1)
    assert both.covered_95 == 0.5
    assert combined([]).shots == 0


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=9),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=9),
)
def test_matching_is_one_to_one_within_the_gates_and_cannot_be_larger(
    true: list[tuple[int, int]], located: list[tuple[int, int]]
) -> None:
    def columns(rows: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        table = np.array(rows, dtype=np.int64).reshape(-1, 2)
        east = 100.0 * table[:, 1]
        return table[:, 0] * 100_000_000, np.column_stack([east, np.zeros(len(east))])

    (true_ns, true_m), (located_ns, located_m) = columns(true), columns(located)
    pairs = matched(true_ns, true_m, located_ns, located_m)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    allowed = (np.abs(true_ns[:, None] - located_ns) <= 1e9 * GATE_S) & (
        np.abs(true_m[:, None, 0] - located_m[:, 0]) <= GATE_M
    )
    assert all(allowed[i, k] for i, k in pairs)
    assert len(pairs) == _most_pairs(allowed)


def _most_pairs(allowed: NDArray[np.bool_]) -> int:
    """The size of a largest matching, by augmenting paths."""
    partner: dict[int, int] = {}

    def augment(row: int, tried: set[int]) -> bool:
        for column in np.flatnonzero(allowed[row]).tolist():
            if column not in tried:
                tried.add(column)
                if column not in partner or augment(partner[column], tried):
                    partner[column] = row
                    return True
        return False

    return sum(augment(row, set()) for row in range(len(allowed)))
