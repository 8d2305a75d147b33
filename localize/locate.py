"""From pulses to located shots: learn the site, associate, and give every shot its posterior."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from errors import NotEnoughEvidence
from localize.associate import associate
from localize.evidence import gather, ground_of, lend
from localize.learning import learn
from localize.modes import explore, root_starts
from localize.network import Network
from localize.posterior import Evidence, Ground
from localize.pulses import PulseTable
from localize.region import WITHIN_M, Mode, Summary, summarise
from localize.scene import Model, Scene, model_of, retuned, scene_of
from localize.shot import Arrival, Shot
from localize.travel import travel_times_s
from localize.tuning import DEFAULT_TUNING, Tuning
from wire.utc import format_utc_ns

__all__ = ["LocateResult", "locate"]

GRID = 25  # cells along an axis of a well-shaped posterior: 0.35 sigma each
FEW = 5  # up to so many arrivals a second root is looked for among all triplets
# A pulse this near to a shot's prediction, yet not of it, is shown as rejected.
REJECTED_WITHIN_S = 0.25
# A sensor is called silent when it had at least this chance to hear.
SILENT_CHANCE = 0.5
# A position is claimed when the shot lies within 25 m of it, the field's contract, more likely than not.
PLACED_CHANCE = 0.5
FAR_RATIO = 3.0  # a region this much longer than wide, outside the network, is said as direction and range


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
        heard = len(np.unique(table.sensor))
        return LocateResult((), tuning, (f"pulses at {heard} of {len(network.sensors)} sensors: no shot can be located",))
    epoch_ns = int(table.arrival_ns[0])
    scene = scene_of(table, network, tuning, epoch_ns)
    learnt = learn(scene, network, tuning)
    scene = retuned(scene, learnt)
    model = model_of(scene, network, learnt)
    where, taken, family, _ = associate(scene, model)
    order = np.lexsort((where[:, 1], where[:, 0], where[:, 2]))
    where, taken, family = where[order], taken[order], family[order]
    t, sigma = lend(scene, model, where, taken, family)
    rounds = np.bincount(family)[family] if len(family) else family
    placed, unplaced = [], []
    for s in range(len(where)):
        found = _locate_one(table, network, scene, model, learnt, where[s], taken[s], t[s], sigma[s], epoch_ns)
        if found is None:
            continue
        shot, near = found
        reason = _why_unplaced(shot, near, int(rounds[s]), scene.level[taken[s][taken[s] >= 0]])
        if reason is None:
            placed.append(shot)
        else:
            unplaced.append(replace(shot, provisional=True, notes=(*shot.notes, reason)))
    placed.sort(key=lambda shot: (shot.fired_ns, shot.id))
    unplaced.sort(key=lambda shot: (shot.fired_ns, shot.id))
    return LocateResult(tuple(placed), learnt, _unplaced_notes(unplaced), tuple(unplaced))


def _why_unplaced(shot: Shot, near: float, rounds: int, level: NDArray[np.float64]) -> str | None:
    """Why no position may be claimed, or None when one may."""
    if near < PLACED_CHANCE:
        return f"within {WITHIN_M:.0f} m of any one place with a chance of {near:.0%} only"
    if len(shot.used) < 4 and rounds == 1 and int(np.isfinite(level).sum()) < 3:
        return "three sensors agree, and no levels decide whether it was one sound"
    return None


def _unplaced_notes(unplaced: list[Shot]) -> tuple[str, ...]:
    """One sentence for each shot that was heard and not placed."""
    return tuple(
        f"not placed: a sound at {format_utc_ns(shot.fired_ns)}, heard by {len(shot.used)} sensors, {'; '.join(shot.notes)}"
        for shot in unplaced
    )


def _require_geometry(network: Network) -> None:
    """Refuse networks that no set of pulses can be located with."""
    place = network.positions_m[:, :2]
    if len(place) < 3:
        raise NotEnoughEvidence(f"{len(place)} sensors in the network: a position needs at least three")
    spread = np.linalg.svd(place - place.mean(axis=0), compute_uv=False)
    if spread[1] < 0.01 * spread[0]:
        raise NotEnoughEvidence("all sensors stand in one line: both sides of it fit equally well, no position is honest")


def _locate_one(
    table: PulseTable,
    network: Network,
    scene: Scene,
    model: Model,
    tuning: Tuning,
    where: NDArray[np.float64],
    taken: NDArray[np.int64],
    t: NDArray[np.float64],
    sigma: NDArray[np.float64],
    epoch_ns: int,
) -> tuple[Shot, float] | None:
    """One associated shot with all that is said of it, and the chance that it lies near the position given."""
    if int((~np.isnan(t)).sum()) < 3:
        return None
    evidence, start_s, heard = gather(scene, model, taken, t, sigma, where[:2])
    ground = ground_of(model, scene.place, where[0], where[1], tuning.level_sigma_db)
    starts = np.array([[where[0], where[1], ground.height, where[2] - start_s]])
    if len(heard) <= FEW:
        starts = np.vstack([starts, root_starts(evidence, ground, FEW)])
    modes = [
        Mode(top[:3], float(top[3]), frame[:2], np.array([[frame[2], frame[3]], [-frame[3], frame[2]]]), frame[4:6], grid)
        for top, frame, grid in explore(evidence, ground, starts, GRID)
    ]
    if not modes:
        return None
    summary = summarise(modes)
    position = np.array([*summary.position_m, ground.height])
    fired_s, fired_sigma_s = _discharge(evidence, ground, position)
    arrivals = _arrivals(table, network, scene, model, taken, t, heard, position, start_s + fired_s)
    own = int((taken >= 0).sum())
    roots = tuple((np.array([*centre, ground.height]), weight) for centre, weight in summary.roots)
    notes = _notes(summary, roots, own, len(heard) - own, network, position)
    shot = Shot(
        id=_identity(table, network, taken),
        revision=1,
        fired_ns=epoch_ns + round((start_s + fired_s) * 1e9),
        fired_sigma_s=fired_sigma_s,
        position_m=position,
        covariance_m2=summary.covariance_m2,
        region_50=summary.regions[0],
        region_95=summary.regions[1],
        roots=roots,
        arrivals=arrivals,
        score=float(where[3]),
        level_db_spl_1m=_source_level(scene, taken, position),
        provisional=own < 4 or summary.roots[0][1] < 0.95,
        notes=notes,
    )
    return shot, summary.within


def _discharge(evidence: Evidence, ground: Ground, position: NDArray[np.float64]) -> tuple[float, float]:
    """Discharge time given the position, seconds from the evidence's zero, and its sigma (position's share included)."""
    wind = np.array([ground.wind_x, ground.wind_y, 0.0])
    ahead = evidence.t - travel_times_s(position, evidence.place, ground.c, wind)
    weight = 1.0 / evidence.sigma**2
    # Weighted mean under a Cauchy weight about the median: one late arrival must not drag the time along.
    centre = float(np.median(ahead))
    for _ in range(5):
        robust = weight / (1.0 + ((ahead - centre) / (2.0 * evidence.sigma)) ** 2)
        centre = float(robust @ ahead / robust.sum())
    return centre, float(1.0 / math.sqrt(robust.sum()))


def _arrivals(
    table: PulseTable,
    network: Network,
    scene: Scene,
    model: Model,
    taken: NDArray[np.int64],
    t: NDArray[np.float64],
    heard: NDArray[np.int64],
    position: NDArray[np.float64],
    fired_s: float,
) -> tuple[Arrival, ...]:
    """Every sensor's part in a shot: used, lent, rejected, silent."""
    wind = np.array([model.wind_x, model.wind_y, 0.0])
    predicted = fired_s + travel_times_s(position, scene.place, model.c, wind)
    distance = np.linalg.norm(scene.place - position, axis=1)
    flat = np.hypot(*(scene.place[:, :2] - position[:2]).T)
    out = []
    lent = set(heard[taken[heard] < 0].tolist())
    for k in np.argsort(distance, kind="stable"):
        j = int(taken[k])
        status, residual = "used", 0.0
        if j >= 0:
            residual = float(scene.t[j] - predicted[k])
        elif k in lent:
            status, residual = "lent", float(t[k] - predicted[k])
        else:
            if flat[k] > 2.0 * model.hear_range:
                continue
            rows = scene.order[scene.begin[k] : scene.begin[k + 1]]
            near = np.abs(scene.t[rows] - predicted[k])
            if len(rows) and near.min() < REJECTED_WITHIN_S and scene.free[rows[int(near.argmin())]]:
                j = int(rows[int(near.argmin())])
                status, residual = "rejected", float(scene.t[j] - predicted[k])
            else:
                chance = model.hear_max / (1.0 + math.exp((flat[k] - model.hear_half) / model.hear_width))
                if chance < SILENT_CHANCE:
                    continue
                status, residual = "silent", math.nan
        if status == "used":
            z = residual / float(scene.sigma[j])
            weight = 1.0 / (1.0 + max(abs(z) - 2.0, 0.0) ** 2)
        else:
            weight = 0.0
        out.append(
            Arrival(
                sensor=network.ids[k],
                status=status,
                arrival_ns=int(table.arrival_ns[j]) if j >= 0 else None,
                residual_s=residual,
                distance_m=float(distance[k]),
                weight=weight,
                source=int(table.source[j]) if j >= 0 else -1,
                peak_db_spl=float(table.peak_db_spl[j]) if j >= 0 else math.nan,
                flags=tuple(table.flags[j]) if j >= 0 and table.flags else (),
            )
        )
    return tuple(out)


def _source_level(scene: Scene, taken: NDArray[np.int64], position: NDArray[np.float64]) -> float:
    """Median over sensors of the peak level carried back to 1 m by spherical spreading, dB; NaN when none is known."""
    heard = np.nonzero(taken >= 0)[0]
    distance = np.maximum(np.linalg.norm(scene.place[heard] - position, axis=1), 1.0)
    level = scene.level[taken[heard]] + 20.0 * np.log10(distance)
    known = level[~np.isnan(level)]
    return float(np.median(known)) if len(known) else math.nan


def _identity(table: PulseTable, network: Network, taken: NDArray[np.int64]) -> str:
    """An id that the same evidence always gives: digest of the sensors and arrivals used."""
    digest = hashlib.blake2s(digest_size=6)
    for k in np.nonzero(taken >= 0)[0]:
        digest.update(f"{network.ids[k]}@{int(table.arrival_ns[taken[k]])};".encode())
    return digest.hexdigest()


def _notes(
    summary: Summary,
    roots: tuple[tuple[NDArray[np.float64], float], ...],
    own: int,
    lent: int,
    network: Network,
    position: NDArray[np.float64],
) -> tuple[str, ...]:
    """What a person has to know beside the numbers."""
    notes = []
    if own < 4:
        word = {2: "two", 3: "three"}.get(own, str(own))
        notes.append(f"rests on {word} sensors" + (f" and {lent} arrivals lent by other rounds" if lent else ""))
    if len(roots) > 1 and roots[1][1] >= 0.05:
        apart = float(np.hypot(*(roots[1][0] - roots[0][0])[:2]))
        notes.append(
            f"two positions fit, {apart:.0f} m apart: {roots[0][1]:.0%} and {roots[1][1]:.0%}"
            if len(roots) == 2
            else f"{len(roots)} positions fit: " + ", ".join(f"{weight:.0%}" for _, weight in roots)
        )
    centre = network.positions_m[:, :2].mean(axis=0)
    reach = float(np.hypot(*(network.positions_m[:, :2] - centre).T).max())
    away = position[:2] - centre
    range_m = float(np.hypot(*away))
    if range_m > reach:
        u = away / range_m
        along = math.sqrt(float(u @ summary.covariance_m2 @ u))
        across = math.sqrt(max(float(np.trace(summary.covariance_m2)) - along**2, 0.0))
        if along > FAR_RATIO * across:
            bearing = math.degrees(math.atan2(away[0], away[1])) % 360.0
            low, high = max(range_m - 2.0 * along, 0.0), range_m + 2.0 * along
            notes.append(
                f"far outside the network: direction {bearing:.0f} deg from its centre, range {low:.0f} to {high:.0f} m"
            )
    return tuple(notes)
