"""Who heard which shot, how loud and how late: one table for real recordings and for simulated ones, made by one rule.

A pulse is taken for a shot's at a sensor when it is the first from 30 ms before to 80 ms after the instant at which
the shot would come along a straight line; the shot's own instant is that at which the median of those pulses is
neither early nor late.  "Late" is therefore against the shot's other arrivals, as only those are known of real ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from benchmarks.livefire_audio import recorded
from benchmarks.livefire_truth import tests_by_position, truth
from geo.place import Cartesian
from wire.utc import NS_PER_S

Array = NDArray[np.float64]

GATE_S = (-0.030, 0.080)
ROUNDS = 3  # of finding the shot's instant: the gate moves with it


@dataclass(frozen=True, slots=True, eq=False)
class HeardShots:
    """n pairs of a shot and a deployed sensor, as columns.

    position : (n,) int64, the firing position's number.  sensor, shot : (n,) int64, numbers that name them within it.
    distance_m : (n,) float64, from the surveyed muzzle.
    heard : (n,) bool.  level_db, snr_db, late_s : (n,) float64, of the pulse; NaN where none was heard.
    further : (n,) int64, how many more pulses the sensor sent within a second.
    """

    position: NDArray[np.int64]
    sensor: NDArray[np.int64]
    shot: NDArray[np.int64]
    distance_m: Array
    heard: NDArray[np.bool_]
    level_db: Array
    snr_db: Array
    late_s: Array
    further: NDArray[np.int64]

    def rows(self, chosen: NDArray[np.bool_]) -> HeardShots:
        """Some of them."""
        return HeardShots(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def at(self, positions: Sequence[int]) -> HeardShots:
        """Those of some firing positions."""
        return self.rows(np.isin(self.position, positions))

    @staticmethod
    def joined(parts: Sequence[HeardShots]) -> HeardShots:
        """All of several; their shots must have numbers of their own."""
        return HeardShots(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(HeardShots)))

    def sensors_a_shot(self) -> NDArray[np.int64]:
        """(shots,) int64, how many sensors heard each shot."""
        _, shot = np.unique(np.column_stack([self.position, self.shot]), axis=0, return_inverse=True)
        return np.bincount(shot.ravel(), self.heard).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """One firing position: its sensors, its muzzle, its tests.

    sensors_m : (s, 3), source_m : (3,) float64, metres, the position's own frame.  sensors : ids.
    shots_s : per test, seconds of its shots after its first.  weather : per test.  weapon : per test, .45, .40, 9 mm.
    """

    number: int
    sensors: tuple[str, ...]
    sensors_m: Array
    source_m: Array
    shots_s: tuple[Array, ...]
    weather: tuple[Weather, ...]
    weapon: tuple[str, ...]


WEAPON_OF = {"45 Cal": "45acp", "40 Cal": "40sw", "9mm Au": "9mm"}


@cache
def deployments() -> tuple[Deployment, ...]:
    """All firing positions of the live-fire set, in order."""
    out = []
    for name, folders in tests_by_position().items():
        tests = recorded(name, published=True)
        sites = tests[folders[0].name].sites
        places = [site.place for site in sites]
        assert all(isinstance(place, Cartesian) for place in places)
        survey = [json.loads((f / f"{f.name}.survey.json").read_text()) for f in folders]
        at = survey[0]["survey_location"]
        weather = [tests[f.name].weather for f in folders]
        out.append(
            Deployment(
                int(name.removeprefix("FP")),
                tuple(site.sensor for site in sites),
                np.array([(p.x_m, p.y_m, p.z_m) for p in places if isinstance(p, Cartesian)]),
                np.array([at["x"], at["y"], at["z"]], dtype=np.float64),
                tuple(truth(f)["times"] - truth(f)["times"][0] for f in folders),
                tuple(one or Weather() for one in weather),
                tuple(WEAPON_OF[one["firearm"][:6]] for one in survey),
            )
        )
    return tuple(out)


@cache
def real() -> HeardShots:
    """The published pulses of the live-fire set."""
    parts = []
    number = 0
    for deployment, folders in zip(deployments(), tests_by_position().values(), strict=True):
        row = {name: k for k, name in enumerate(deployment.sensors)}
        tests = recorded(folders[0].parent.name, published=True)
        for folder, weather in zip(folders, deployment.weather, strict=True):
            pulses = tests[folder.name].pulses or ()
            epoch_s = int(truth(folder)["times"][0])
            arrival = [(pulse.arrival_ns - epoch_s * NS_PER_S) / NS_PER_S for pulse in pulses]
            snr = [np.nan if pulse.snr_db is None else pulse.snr_db for pulse in pulses]
            level = [np.nan if pulse.peak_db_spl is None else pulse.peak_db_spl for pulse in pulses]
            columns = [np.array(column, dtype=np.float64) for column in (arrival, level, snr)]
            sensor = np.array([row[pulse.sensor] for pulse in pulses], dtype=np.int64)
            shots = np.asarray(truth(folder)["times"], dtype=np.float64) - epoch_s
            parts.append(
                heard_in(
                    deployment, deployment.source_m, deployment.sensors_m, weather, number, shots, sensor, *columns
                )
            )
            number += len(shots)
    return HeardShots.joined(parts)


def heard_in(
    deployment: Deployment,
    source_m: Array,
    sensors_m: Array,
    weather: Weather,
    first_shot: int,
    shots_s: Array,
    sensor: NDArray[np.int64],
    arrival_s: Array,
    level_db: Array,
    snr_db: Array,
) -> HeardShots:
    """Who heard the shots of one test.

    source_m, sensors_m : where they are believed to be.
    shots_s : (k,) float64, about when they were fired; sensor, arrival_s, level_db, snr_db : (p,) the pulses of the
        test.
    """
    distance = np.linalg.norm(sensors_m - source_m, axis=1)
    travel = distance / weather.sound_speed_m_s
    order = np.lexsort((arrival_s, sensor))
    sensor, arrival_s, level_db, snr_db = sensor[order], arrival_s[order], level_db[order], snr_db[order]
    bounds = np.searchsorted(sensor, np.arange(len(distance) + 1))
    parts = []
    for number, fired in enumerate(shots_s.tolist()):
        taken = np.full(len(distance), -1, dtype=np.int64)
        late = np.full(len(distance), np.nan)
        at = fired
        for _ in range(ROUNDS):
            taken[:] = -1
            for k, due in enumerate((at + travel).tolist()):
                rows = slice(int(bounds[k]), int(bounds[k + 1]))
                near = np.flatnonzero((arrival_s[rows] >= due + GATE_S[0]) & (arrival_s[rows] <= due + GATE_S[1]))
                if len(near):
                    taken[k] = rows.start + near[0]
            heard = taken >= 0
            if not heard.any():
                break
            late = np.where(heard, arrival_s[np.maximum(taken, 0)] - travel - at, np.nan)
            middle = float(np.nanmedian(late))
            at, late = at + middle, late - middle
        heard = taken >= 0
        safe = np.maximum(taken, 0)
        further = np.zeros(len(distance), dtype=np.int64)
        for k in np.flatnonzero(heard).tolist():
            after = arrival_s[bounds[k] : bounds[k + 1]] - arrival_s[taken[k]]
            further[k] = np.count_nonzero((after > 0.0) & (after <= 1.0))
        n = len(distance)
        blank = np.full(n, np.nan)
        parts.append(
            HeardShots(
                position=np.full(n, deployment.number, dtype=np.int64),
                sensor=np.arange(n, dtype=np.int64),
                shot=np.full(n, first_shot + number, dtype=np.int64),
                distance_m=distance,
                heard=heard,
                level_db=np.where(heard, level_db[safe], np.nan) if len(level_db) else blank,
                snr_db=np.where(heard, snr_db[safe], np.nan) if len(snr_db) else blank,
                late_s=np.where(heard, late, np.nan),
                further=further,
            )
        )
    return HeardShots.joined(parts)
