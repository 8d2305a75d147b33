"""From pulses to located shots: associate, then give every shot its posterior."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from errors import NotEnoughEvidence
from localize.account import arrivals_of, identity_of, notes_of, source_level_db, unplaced_notes, why_unplaced
from localize.apparent import at_its_place
from localize.assignment import Associated, associate_pulses
from localize.evidence import gather, ground_of
from localize.modes import explore, root_starts
from localize.network import Network
from localize.posterior import Evidence, Ground
from localize.pulses import PulseTable
from localize.region import Displacement, Mode, summarise
from localize.shot import Shot
from localize.travel import travel_times_s
from localize.tuning import DEFAULT_TUNING, Tuning

__all__ = ["LocateResult", "associate_pulses", "locate"]

GRID = 25  # cells along an axis of a well-shaped posterior: 0.35 sigma each
FEW = 5  # up to so many arrivals a second root is looked for among all triplets
LEAST = 3  # arrivals that a position in the plane needs
ALONE = 0.95  # a first root below this weight leaves a second that an analyst must know of
WORKERS = 2  # the compiled search of modes runs beside the contouring; more would wait for it


@dataclass(frozen=True, slots=True)
class LocateResult:
    """What a run found.

    shots : located shots, by discharge time.
    unplaced : shots that were heard but that no honest position can be given for (three sensors without levels to
        decide, a region wider than a block, far outside the network); their notes say what is known.
    learnt : what the run learnt of its site.
    notes : sentences for people.
    """

    shots: tuple[Shot, ...]
    learnt: Tuning
    notes: tuple[str, ...] = ()
    unplaced: tuple[Shot, ...] = ()


def locate(table: PulseTable, network: Network, tuning: Tuning = DEFAULT_TUNING) -> LocateResult:
    """All shots that a table of pulses bears.

    Parameters
    ----------
    table : pulses, sorted by arrival.
    network : sensors, frame and weather.
    tuning : constants and priors; the run's own shots update them (``localize.learning``).

    Returns
    -------
    LocateResult; the same table, network, tuning and version give the same result to the bit.

    Raises
    ------
    NotEnoughEvidence
        When fewer than three sensors could ever agree: fewer in the network, or all of them in one line.
    """
    _require_geometry(network)
    if len(np.unique(table.sensor)) < 3:
        heard = f"{len(np.unique(table.sensor))} of {len(network.sensors)} sensors"
        return LocateResult((), tuning, (f"pulses at {heard}: no shot can be located",))
    found = associate_pulses(table, network, tuning)
    rounds = np.bincount(found.family)[found.family] if len(found.family) else found.family
    placed: dict[int, Shot] = {}
    unplaced: dict[int, Shot] = {}
    posed = [pose for pose in (_pose(found, s) for s in range(len(found.where))) if pose is not None]
    explored = _explored(posed, found.learnt.propagation_sigma_s)
    for pose, (modes, displacement) in zip(posed, explored, strict=True):
        if not modes:
            continue
        shot, near = _shot(table, network, found, pose, modes, displacement)
        own = found.taken[pose.row]
        levels = int(np.isfinite(found.scene.level[own[own >= 0]]).sum())
        reason = why_unplaced(shot, near, int(rounds[pose.row]), levels)
        if reason is None:
            placed[pose.row] = shot
        else:
            unplaced[pose.row] = replace(shot, provisional=True, notes=(*shot.notes, reason))
    placed |= _with_their_bursts(table, network, found, placed)
    return LocateResult(
        _by_time(placed.values()),
        found.learnt,
        unplaced_notes(_by_time(shot for row, shot in unplaced.items() if row not in placed)),
        _by_time(shot for row, shot in unplaced.items() if row not in placed),
    )


def _by_time(shots: Iterable[Shot]) -> tuple[Shot, ...]:
    return tuple(sorted(shots, key=lambda shot: (shot.fired_ns, shot.id)))


def _with_their_bursts(
    table: PulseTable, network: Network, found: Associated, placed: dict[int, Shot]
) -> dict[int, Shot]:
    """Rounds that bear no position of their own, put where the best round of their burst was fired.

    A round counts when at least two sensors heard it on the beat; it is provisional, and says what it rests on.
    """
    best: dict[int, int] = {}
    for row in sorted(placed, key=lambda row: -found.where[row, 4]):
        best.setdefault(int(found.family[row]), row)
    out = {}
    for row in range(len(found.where)):
        other = best.get(int(found.family[row]))
        if row in placed or other is None:
            continue
        own, beat = found.taken[row], found.taken[other]
        common = np.nonzero((own >= 0) & (beat >= 0))[0]
        if len(common) < LEAST - 1:
            continue
        lag_s = float(np.median(found.scene.t[own[common]] - found.scene.t[beat[common]]))
        model = placed[other]
        fired_s = (model.fired_ns - found.epoch_ns) * 1e-9 + lag_s
        heard = np.nonzero(own >= 0)[0]
        t = np.where(own >= 0, found.scene.t[own], np.nan)
        at = model.position_m
        out[row] = replace(
            model,
            id=identity_of(table, network, own),
            fired_ns=model.fired_ns + round(lag_s * 1e9),
            arrivals=arrivals_of(table, network, found.scene, found.model, own, t, heard, at, fired_s),
            score=float(found.where[row, 3]),
            level_db_spl_1m=source_level_db(found.scene, own, at),
            provisional=True,
            notes=(f"heard by {len(heard)} sensors and put where its burst was fired",),
        )
    return out


def _require_geometry(network: Network) -> None:
    """Refuse networks that no set of pulses can be located with."""
    place = network.positions_m[:, :2]
    if len(place) < LEAST:
        few = "1 sensor" if len(place) == 1 else f"{len(place)} sensors"
        raise NotEnoughEvidence(f"{few} in the network: a position needs at least three")
    spread = np.linalg.svd(place - place.mean(axis=0), compute_uv=False)
    if spread[1] < 0.01 * spread[0]:
        raise NotEnoughEvidence(
            "all sensors stand in one line: both sides of it fit equally well, no position is honest"
        )


@dataclass(frozen=True, slots=True)
class _Pose:
    """One associated shot, ready for its posterior: its row, evidence, and where to climb from."""

    row: int
    evidence: Evidence
    ground: Ground
    starts: NDArray[np.float64]
    epoch_s: float
    heard: NDArray[np.int64]


def _pose(found: Associated, s: int) -> _Pose | None:
    """The evidence of shot ``s``; None when fewer than three arrivals are left to it."""
    if int((~np.isnan(found.t[s])).sum()) < LEAST:
        return None
    where = found.where[s]
    evidence, epoch_s, heard = gather(found.scene, found.model, found.taken[s], found.t[s], found.sigma[s], where[:2])
    ground = ground_of(found.model, found.scene.place, where[0], where[1], found.learnt.level_sigma_db)
    starts = np.array([[where[0], where[1], ground.height, where[2] - epoch_s]])
    if len(heard) <= FEW:
        starts = np.vstack([starts, root_starts(evidence, ground, FEW)])
    return _Pose(s, evidence, ground, starts, epoch_s, heard)


def _explored(posed: Sequence[_Pose], sigma_s: float) -> Iterable[tuple[list[Mode], Displacement]]:
    """Modes of each posterior and how far its source may be displaced from them, in order.

    They are worked out ahead of their use by threads that hold no interpreter lock.
    """

    def modes_of(pose: _Pose) -> tuple[list[Mode], Displacement]:
        out = []
        evidence, displacement = at_its_place(pose.evidence, pose.ground, pose.starts[0], sigma_s)
        for top, frame, grid in explore(evidence, pose.ground, pose.starts, GRID):
            axes = np.array([[frame[2], frame[3]], [-frame[3], frame[2]]])
            out.append(Mode(top[:3], float(top[3]), frame[:2], axes, frame[4:6], grid))
        return out, displacement

    if len(posed) < 2 * WORKERS:
        yield from map(modes_of, posed)
        return
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(modes_of, posed)


def _shot(
    table: PulseTable,
    network: Network,
    found: Associated,
    pose: _Pose,
    modes: list[Mode],
    displacement: Displacement,
) -> tuple[Shot, float]:
    """One shot with all that is said of it, and the chance that it lies near the position given."""
    taken = found.taken[pose.row]
    summary = summarise(modes, displacement=displacement)
    position = np.array([*summary.position_m, pose.ground.height])
    fired_s, fired_sigma_s = _discharge(pose.evidence, pose.ground, position)
    fired_s += pose.epoch_s
    own = int((taken >= 0).sum())
    roots = tuple((np.array([*centre, pose.ground.height]), weight) for centre, weight in summary.roots)
    shot = Shot(
        id=identity_of(table, network, taken),
        revision=1,
        fired_ns=found.epoch_ns + round(fired_s * 1e9),
        fired_sigma_s=fired_sigma_s,
        position_m=position,
        covariance_m2=summary.covariance_m2,
        region_50=summary.regions[0],
        region_95=summary.regions[1],
        roots=roots,
        arrivals=arrivals_of(
            table, network, found.scene, found.model, taken, found.t[pose.row], pose.heard, position, fired_s
        ),
        score=float(found.where[pose.row, 3]),
        level_db_spl_1m=source_level_db(found.scene, taken, position),
        provisional=bool(own < LEAST + 1 or roots[0][1] < ALONE),
        notes=notes_of(summary, roots, own, len(pose.heard) - own, network, position),
    )
    return shot, summary.within


def _discharge(evidence: Evidence, ground: Ground, position: NDArray[np.float64]) -> tuple[float, float]:
    """Discharge time at a position, seconds from the evidence's zero, and its sigma given that position."""
    wind = np.array([ground.wind_x, ground.wind_y, 0.0])
    ahead = evidence.t - travel_times_s(position, evidence.place, ground.c, wind)
    weight = 1.0 / evidence.sigma**2
    # Weighted mean under a Cauchy weight about the median: one late arrival must not drag the time along.
    centre = float(np.median(ahead))
    for _ in range(5):
        robust = weight / (1.0 + ((ahead - centre) / (2.0 * evidence.sigma)) ** 2)
        centre = float(robust @ ahead / robust.sum())
    return centre, float(1.0 / math.sqrt(robust.sum()))
