"""Located shots as benchmarks read them: from JSON lines or straight from the localizer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from localize.shot import Shot
from wire.utc import format_utc_ns, parse_utc_ns


@dataclass(frozen=True, slots=True)
class ShotRow:
    """One located shot.

    place_m : (2,) float64, site frame.  covariance_m2 : (2, 2) float64.  sensors : how many the position rests on.
    """

    fired_ns: int
    place_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]
    region_50: BaseGeometry
    region_95: BaseGeometry
    sensors: int
    score: float
    provisional: bool

    def covers(self, truth_m: NDArray[np.float64]) -> tuple[bool, bool]:
        """Whether the 50 % and the 95 % region hold a place."""
        point = Point(truth_m[0], truth_m[1])
        return bool(self.region_50.covers(point)), bool(self.region_95.covers(point))

    @property
    def parts(self) -> int:
        """Of how many separate parts the 95 % region consists."""
        return len(getattr(self.region_95, "geoms", (self.region_95,)))

    def nearly_covers(self, truth_m: NDArray[np.float64], within_m: float) -> bool:
        """Whether a place lies in the 95 % region or this near to it: for truth that is itself uncertain."""
        return bool(self.region_95.distance(Point(truth_m[0], truth_m[1])) <= within_m)

    def for_scorer(self, test: str) -> dict[str, Any]:
        """The keys that the scorers of the shared data read."""
        return {
            "test": test,
            "fired_at": format_utc_ns(self.fired_ns),
            "x_m": float(self.place_m[0]),
            "y_m": float(self.place_m[1]),
            "sensors": self.sensors,
            "covariance_m2": self.covariance_m2.tolist(),
        }


def rows_of_file(path: Path) -> list[ShotRow]:
    """The shots of a file of JSON lines on a Cartesian site, in the order of the file."""
    rows = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        rows.append(
            ShotRow(
                parse_utc_ns(record["fired_at"]),
                np.array([record["x_m"], record["y_m"]]),
                np.array(record["covariance_m2"]),
                shape(record["region_50"]),
                shape(record["region_95"]),
                int(record["sensors"]),
                float(record["score"]),
                bool(record["provisional"]),
            )
        )
    return rows


def row_of_shot(shot: Shot) -> ShotRow:
    """A shot as the localizer gives it."""
    return ShotRow(
        shot.fired_ns,
        shot.position_m[:2],
        shot.covariance_m2,
        shot.region_50,
        shot.region_95,
        len(shot.used),
        shot.score,
        shot.provisional,
    )
