"""The surveyed truth of the live-fire recordings, and their scorer, as the shared data brings them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared_data import shared
from benchmarks.shot_rows import ShotRow

SURVEY_SD_M = 3.0
"""Standard deviation of the survey on each axis by which regions are widened before coverage is judged, metres."""


@cache
def scorer() -> Any:
    """The scorer's module: its ``truth``, ``match`` and ``summary`` are used where a process a score would be slow."""
    path = shared("livefire", "score.py")
    spec = importlib.util.spec_from_file_location("livefire_score", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def tests_by_position() -> Mapping[str, tuple[Path, ...]]:
    """Test folders of each firing position, in order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for survey in sorted(shared("livefire").rglob("*.survey.json")):
        found[survey.parent.parent.name].append(survey.parent)
    return {position: tuple(folders) for position, folders in sorted(found.items())}


@cache
def truth(folder: Path) -> Mapping[str, Any]:
    """``position``, ``xy`` (2,) metres and ``times`` (shots,) epoch seconds of one test, as the scorer has them."""
    found: Mapping[str, Any] = scorer().truth(folder)
    return found


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """Which pulses the publisher gave to one shot: sensors, and (sensor, arrival text) pairs."""

    arrivals: tuple[tuple[str, str], ...]

    @property
    def sensors(self) -> frozenset[str]:
        return frozenset(sensor for sensor, _ in self.arrivals)


@cache
def published_sets(folder: Path) -> tuple[PublishedSet, ...]:
    """The publisher's pulse sets of one test; identifiers that are missing from the pulses are left out."""
    name = folder.name
    records = json.loads((folder / f"{name}.allpulses.json").read_text())
    pulses = {p["pulse_uuid"]: (p["serial_number"], p["arrival_time_utc"]) for p in records}
    sets = json.loads((folder / f"{name}.nlos-tuples.json").read_text())
    return tuple(PublishedSet(tuple(sorted(pulses[u] for u in s["pulse_uuids"] if u in pulses))) for s in sets)


def heard_sensors(position: str) -> tuple[str, ...]:
    """Sensors that any published pulse set of a position holds, sorted."""
    heard = {s for folder in tests_by_position()[position] for one in published_sets(folder) for s in one.sensors}
    return tuple(sorted(heard))


def score_file(shots: Path) -> dict[str, dict[str, Any]]:
    """What the scorer says of a file of shots: ``all`` and each firing position."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "score.json"
        options = ["--survey-sd", str(SURVEY_SD_M), "--per-position", "--json", str(out)]
        command = [sys.executable, str(shared("livefire", "score.py")), str(shots), *options]
        subprocess.run(command, check=True, capture_output=True)
        verdict: dict[str, dict[str, Any]] = json.loads(out.read_text())
        return verdict


@dataclass(slots=True)
class Tally:
    """Scores added up test by test, as the scorer does it for a file."""

    fired: int = 0
    false: int = 0
    matched: list[dict[str, Any]] = field(default_factory=list)

    def add(self, folder: Path, rows: Iterable[ShotRow]) -> None:
        """Match the shots located in one test to those fired in it."""
        shots = [row.for_scorer(folder.name) for row in rows]
        for shot in shots:
            shot["t"] = scorer().parse_utc(shot["fired_at"])
        fired = truth(folder)
        pairs = scorer().match(shots, fired)
        self.fired += len(fired["times"])
        self.false += len(shots) - len(pairs)
        for i, _ in pairs:
            offset = np.array([shots[i]["x_m"], shots[i]["y_m"]]) - fired["xy"]
            self.matched.append(
                {
                    "offset": offset,
                    "error_m": float(np.hypot(*offset)),
                    "sensors": shots[i]["sensors"],
                    "covariance": shots[i]["covariance_m2"],
                }
            )

    def summary(self) -> dict[str, Any]:
        """The scorer's summary of everything added."""
        verdict: dict[str, Any] = scorer().summary(self.matched, self.fired, self.false, SURVEY_SD_M)
        return verdict
