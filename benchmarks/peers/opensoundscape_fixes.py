"""OpenSoundscape's least-squares localizer: runs inside its own environment.

Only its module of algorithms is loaded: importing the whole package would need torch, which the localizer does not use.

Job: empty.
Arrays: ``sensor_m`` (k, 2) metres and ``arrival_s`` (k,), the rows of all shots after one another; ``first``
(shots + 1,) int, where each shot's rows begin; ``speed_m_s`` (shots,), of sound.
Answer: ``seconds``; array ``position_m`` (shots, 2) metres, NaN where it gave none.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

import numpy as np

from benchmarks.peers.exchange import Arrays, Job, serve, timed


def algorithms() -> Any:
    """The module ``opensoundscape.localization.localization_algorithms`` alone."""
    place = importlib.metadata.distribution("opensoundscape").locate_file(
        "opensoundscape/localization/localization_algorithms.py"
    )
    spec = importlib.util.spec_from_file_location("localization_algorithms", str(place))
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def solve(_: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    localize = algorithms().localize
    first_row, speeds = arrays["first"], arrays["speed_m_s"]

    def locate_all() -> list[Any]:
        out = []
        for begin, end, speed in zip(first_row[:-1], first_row[1:], speeds, strict=True):
            arrival = arrays["arrival_s"][begin:end]
            # Their interface wants delays against the sensor that heard first.
            fix = localize(arrays["sensor_m"][begin:end], arrival - arrival.min(), "least_squares", speed)
            out.append([np.nan, np.nan] if fix is None else np.asarray(fix)[:2])
        return out

    locate_all()
    fixes, seconds = timed(locate_all)
    return {"seconds": seconds}, {"position_m": np.array(fixes, dtype=np.float64).reshape(-1, 2)}


if __name__ == "__main__":
    serve(solve)
