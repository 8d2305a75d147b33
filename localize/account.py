"""What is said of a shot beside its posterior: every sensor's part, level, identity, and sentences for people."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from localize.network import Network
from localize.pulses import PulseTable
from localize.region import WITHIN_M, Summary
from localize.scene import Model, Scene
from localize.shot import Arrival, Shot
from localize.travel import travel_times_s
from wire.utc import format_utc_ns

__all__ = ["arrivals_of", "identity_of", "notes_of", "source_level_db", "unplaced_notes", "why_unplaced"]

# A pulse this near to a shot's prediction, yet not of it, is shown as rejected.
REJECTED_WITHIN_S = 0.25
# A sensor is called silent when it had at least this chance to hear.
SILENT_CHANCE = 0.5
# A position is claimed when the shot lies within 25 m of it, the field's contract, more likely than not.
PLACED_CHANCE = 0.5
FAR_RATIO = 3.0  # a region this much longer than wide, outside the network, is said as direction and range


def arrivals_of(
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


def source_level_db(scene: Scene, taken: NDArray[np.int64], position: NDArray[np.float64]) -> float:
    """Median over sensors of the peak level carried back to 1 m by spherical spreading, dB; NaN when none is known."""
    heard = np.nonzero(taken >= 0)[0]
    distance = np.maximum(np.linalg.norm(scene.place[heard] - position, axis=1), 1.0)
    level = scene.level[taken[heard]] + 20.0 * np.log10(distance)
    known = level[~np.isnan(level)]
    return float(np.median(known)) if len(known) else math.nan


def identity_of(table: PulseTable, network: Network, taken: NDArray[np.int64]) -> str:
    """An id that the same evidence always gives: digest of the sensors and arrivals used."""
    digest = hashlib.blake2s(digest_size=6)
    for k in np.nonzero(taken >= 0)[0]:
        digest.update(f"{network.ids[k]}@{int(table.arrival_ns[taken[k]])};".encode())
    return digest.hexdigest()


def notes_of(
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
        loans = f" and {lent} arrival{'s' * (lent != 1)} lent by other rounds" if lent else ""
        notes.append(f"rests on {word} sensors{loans}")
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


def why_unplaced(shot: Shot, near: float, rounds: int, levels: int) -> str | None:
    """Why no position may be claimed, or None when one may.

    Parameters
    ----------
    near : probability that the shot lies within ``WITHIN_M`` of its position.
    rounds : rounds of its burst; ``levels`` how many of its arrivals have a level.
    """
    if len(shot.used) < 2:
        return "one sensor alone heard it"
    if near < PLACED_CHANCE:
        return f"within {WITHIN_M:.0f} m of any one place with a chance of {near:.0%} only"
    if len(shot.used) < 4 and rounds == 1 and levels < 3:
        return "three sensors agree, and no levels decide whether it was one sound"
    return None


def unplaced_notes(unplaced: tuple[Shot, ...]) -> tuple[str, ...]:
    """One sentence for each shot that was heard and not placed."""
    return tuple(
        f"not placed: a sound at {format_utc_ns(shot.fired_ns)}, heard by {len(shot.used)} sensors, "
        + "; ".join(shot.notes)
        for shot in unplaced
    )
