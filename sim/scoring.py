"""What a localizer made of a simulation, against its truth: shots found and missed, false ones, errors, coverage.

A located shot and a true sound match when their times of discharge differ by at most ``GATE_S`` and their places, on
the ground, by at most ``GATE_M``; matching is one to one, of least total cost.  Gunshots are matched first.  A located
shot that is left over is false; the false ones that match a look-alike were located rightly, and are for a classifier
to tell from gunfire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from geo.frames import Frame, LocalFrame
from geo.place import Geodetic
from sim.truth import TrueSound, Truth
from wire.utc import NS_PER_S

GATE_S = 0.25
"""Sound takes as long for 85 m: a shot that is placed well has its discharge within a few hundredths of a second."""
GATE_M = 250.0
"""Beyond it a position sends nobody to the right street."""
COST_PER_M_S = 1e-4
"""What a metre of error costs beside a second of it: rounds of one burst differ in time alone, so time decides."""
INCIDENT_GAP_S, INCIDENT_M = 10.0, GATE_M
"""Gunshots no further apart than this, one to the next, belong to one incident."""


class LocatedShot(Protocol):
    """What is scored of a shot; ``localize.shot.Shot`` has it.

    fired_ns : UTC nanoseconds.
    position_m : (3,) or (2,) float64, metres.
    region_50, region_95 : in the same frame.
    """

    @property
    def fired_ns(self) -> int: ...
    @property
    def position_m(self) -> NDArray[np.float64]: ...
    @property
    def region_50(self) -> BaseGeometry: ...
    @property
    def region_95(self) -> BaseGeometry: ...


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """How far located shots agree with the truth.

    shots : true gunshots.
    false : located shots that match none of them.
    lookalikes : those of the false ones that match another true sound.
    pairs : (id of the true gunshot, index of the located shot) of those found, in the order of the truth.
    errors_m : (found,) float64, horizontal distance from the true position.
    inside_50, inside_95 : (found,) bool, whether the region holds the true position.
    rounds : (incidents, 2) int64, rounds fired and rounds located in each incident; located sounds that are no gunfire
        do not count.
    """

    shots: int
    false: int
    lookalikes: int
    pairs: tuple[tuple[str, int], ...]
    errors_m: NDArray[np.float64]
    inside_50: NDArray[np.bool_]
    inside_95: NDArray[np.bool_]
    rounds: NDArray[np.int64]

    @property
    def found(self) -> int:
        """Gunshots that a located shot matches."""
        return len(self.pairs)

    @property
    def missed(self) -> int:
        """Gunshots that none matches."""
        return self.shots - self.found

    @property
    def covered_50(self) -> float:
        """Share of the found shots whose 50 % region holds the truth; NaN when none was found."""
        return float(self.inside_50.mean()) if self.found else float("nan")

    @property
    def covered_95(self) -> float:
        """Share of the found shots whose 95 % region holds the truth; NaN when none was found."""
        return float(self.inside_95.mean()) if self.found else float("nan")

    @property
    def round_count_error(self) -> float:
        """Mean over incidents of how many rounds the count is off; NaN without an incident."""
        return float(np.abs(self.rounds[:, 1] - self.rounds[:, 0]).mean()) if len(self.rounds) else float("nan")


def score(truth: Truth, shots: Sequence[LocatedShot], frame: Frame | None = None) -> Score:
    """Compare located shots with the truth of the simulation that they were located from.

    Parameters
    ----------
    truth : of the simulation.
    shots : in any order.
    frame : of their positions and regions (``Network.frame``); None when it is the frame of the truth.
    """
    gunshots = [sound for sound in truth.sounds if sound.kind == "gunshot"]
    others = [sound for sound in truth.sounds if sound.kind != "gunshot"]
    places_m = true_positions_m(truth, gunshots, frame)
    other_places_m = true_positions_m(truth, others, frame)
    located_ns = np.array([shot.fired_ns for shot in shots], dtype=np.int64)
    located_m = np.array([shot.position_m[:2] for shot in shots], dtype=np.float64).reshape(-1, 2)

    gunshot_ns = np.array([sound.at_ns for sound in gunshots], dtype=np.int64)
    pairs = matched(gunshot_ns, places_m, located_ns, located_m)
    false = np.setdiff1d(np.arange(len(shots)), pairs[:, 1])
    other_ns = np.array([sound.at_ns for sound in others], dtype=np.int64)
    confused = false[matched(other_ns, other_places_m, located_ns[false], located_m[false])[:, 1]]

    inside_50 = [shots[k].region_50.covers(Point(places_m[i])) for i, k in pairs]
    inside_95 = [shots[k].region_95.covers(Point(places_m[i])) for i, k in pairs]
    rounds_at = np.setdiff1d(np.arange(len(shots)), confused)
    return Score(
        shots=len(gunshots),
        false=len(false),
        lookalikes=len(confused),
        pairs=tuple((gunshots[i].id, int(k)) for i, k in pairs),
        errors_m=np.linalg.norm(located_m[pairs[:, 1]] - places_m[pairs[:, 0]], axis=1),
        inside_50=np.array(inside_50, dtype=bool),
        inside_95=np.array(inside_95, dtype=bool),
        rounds=_rounds(gunshot_ns, places_m, located_ns[rounds_at], located_m[rounds_at]),
    )


def combined(scores: Sequence[Score]) -> Score:
    """Several simulations as one; ``pairs`` keep the indices of their own."""
    return Score(
        shots=sum(s.shots for s in scores),
        false=sum(s.false for s in scores),
        lookalikes=sum(s.lookalikes for s in scores),
        pairs=tuple(pair for s in scores for pair in s.pairs),
        errors_m=np.concatenate([np.empty(0), *(s.errors_m for s in scores)]),
        inside_50=np.concatenate([np.empty(0, dtype=bool), *(s.inside_50 for s in scores)]),
        inside_95=np.concatenate([np.empty(0, dtype=bool), *(s.inside_95 for s in scores)]),
        rounds=np.concatenate([np.empty((0, 2), dtype=np.int64), *(s.rounds for s in scores)]),
    )


def true_positions_m(truth: Truth, sounds: Sequence[TrueSound], frame: Frame | None) -> NDArray[np.float64]:
    """(n, 2) float64, metres east and north, of true sounds in a frame; None for the frame of the truth."""
    local_m = np.array([sound.position_m for sound in sounds], dtype=np.float64).reshape(-1, 3)
    if frame is None or not frame.is_geodetic or truth.origin is None or not len(local_m):
        return local_m[:, :2]
    places = LocalFrame(Geodetic(*truth.origin)).to_geodetic(local_m)
    return np.ascontiguousarray(frame.to_local(*places.T)[:, :2])


def matched(
    true_ns: NDArray[np.int64],
    true_m: NDArray[np.float64],
    located_ns: NDArray[np.int64],
    located_m: NDArray[np.float64],
) -> NDArray[np.int64]:
    """One-to-one pairs within the gates: as many as can be, of least cost.

    Parameters
    ----------
    true_ns, located_ns : (n,), (m,) int64, UTC nanoseconds, in any order.
    true_m, located_m : (n, 2), (m, 2) float64, metres.

    Returns
    -------
    (k, 2) int64, row of the truth and row of the located, sorted by the former.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    order_true, order_located = np.argsort(true_ns, kind="stable"), np.argsort(located_ns, kind="stable")
    every_ns = np.sort(np.concatenate([true_ns, located_ns]))
    # Where nothing happens for longer than the gate, no pair can reach across: a night falls into small problems.
    gaps = np.flatnonzero(np.diff(every_ns) > GATE_S * NS_PER_S)
    edges_ns = np.concatenate([every_ns[:1], every_ns[gaps + 1]])
    from_true = np.append(np.searchsorted(true_ns[order_true], edges_ns), len(true_ns))
    from_located = np.append(np.searchsorted(located_ns[order_located], edges_ns), len(located_ns))
    for k in range(len(edges_ns)):
        rows = order_true[from_true[k] : from_true[k + 1]]
        columns = order_located[from_located[k] : from_located[k + 1]]
        if len(rows) and len(columns):
            apart_s = np.abs(true_ns[rows][:, None] - located_ns[columns]) / NS_PER_S
            apart_m = np.linalg.norm(true_m[rows][:, None] - located_m[columns], axis=2)
            allowed = (apart_s <= GATE_S) & (apart_m <= GATE_M)
            # What is not allowed costs more than all that is allowed together, so the number of pairs comes first.
            cost = np.where(allowed, apart_s + COST_PER_M_S * apart_m, 1e3)
            row, column = linear_sum_assignment(cost)
            kept = allowed[row, column]
            pairs.append(np.column_stack([rows[row[kept]], columns[column[kept]]]))
    found = np.concatenate(pairs)
    return found[np.argsort(found[:, 0], kind="stable")]


def _rounds(
    fired_ns: NDArray[np.int64],
    fired_m: NDArray[np.float64],
    located_ns: NDArray[np.int64],
    located_m: NDArray[np.float64],
) -> NDArray[np.int64]:
    """(incidents, 2) int64: rounds fired, and rounds located near them in time and place."""
    incident = _incidents(fired_ns, fired_m)
    counts = np.zeros((int(incident.max(initial=-1)) + 1, 2), dtype=np.int64)
    np.add.at(counts[:, 0], incident, 1)
    for at_ns, at_m in zip(located_ns, located_m, strict=True):
        apart_s = np.abs(fired_ns - at_ns) / NS_PER_S
        apart_m = np.linalg.norm(fired_m - at_m, axis=1)
        near = np.flatnonzero((apart_s <= INCIDENT_GAP_S) & (apart_m <= INCIDENT_M))
        if len(near):
            counts[incident[near[np.argmin(apart_s[near] + COST_PER_M_S * apart_m[near])]], 1] += 1
    return counts


def _incidents(fired_ns: NDArray[np.int64], fired_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) int64, the incident of each gunshot: near in time and place to an earlier one of it."""
    incident = np.full(len(fired_ns), -1, dtype=np.int64)
    order = np.argsort(fired_ns, kind="stable")
    for k, row in enumerate(order):
        first = np.searchsorted(fired_ns[order], fired_ns[row] - round(INCIDENT_GAP_S * NS_PER_S))
        before = order[first:k]
        near = before[np.linalg.norm(fired_m[before] - fired_m[row], axis=1) <= INCIDENT_M]
        joined = np.unique(incident[near])
        if not len(joined):
            incident[row] = incident.max(initial=-1) + 1
            continue
        incident[row] = joined[0]
        incident[np.isin(incident, joined[1:])] = joined[0]
    return np.unique(incident, return_inverse=True)[1].astype(np.int64)
