"""PyOcto (Muenchmeyer 2024) as an associator of gunshots: runs inside its own environment.

One phase at constant speed stands in for P waves; lengths are given in kilometres, as PyOcto wants them.

Job: ``speed_m_s``; ``settings`` for OctoAssociator and for the velocity model (``tolerance``).
Arrays: ``sensor_m`` (s, 2) metres, ``time_s`` (n,), ``sensor`` (n,) int.
Answer: ``seconds``; arrays ``event_s`` (e,), ``event_m`` (e, 2) metres, ``picks`` (e,) int.
"""

from __future__ import annotations

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyocto  # type: ignore[import-not-found]

from benchmarks.peers.exchange import Arrays, Job, serve, timed

WARM_UP_PICKS = 200


def solve(job: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    settings = dict(job["settings"])
    speed_km_s = job["speed_m_s"] / 1e3
    model = pyocto.VelocityModel0D(speed_km_s, speed_km_s / 1.7, settings.pop("tolerance"))
    sensor_km = arrays["sensor_m"] / 1e3
    low, high = sensor_km.min(0), sensor_km.max(0)
    margin = settings.pop("margin_km")
    associator = pyocto.OctoAssociator(
        xlim=(low[0] - margin, high[0] + margin),
        ylim=(low[1] - margin, high[1] + margin),
        zlim=(0.0, 1e-3),
        velocity_model=model,
        n_s_picks=0,
        n_p_and_s_picks=0,
        n_threads=1,
        **settings,
    )
    names = [f"S{k:04d}" for k in range(len(sensor_km))]
    stations = pd.DataFrame({"id": names, "x": sensor_km[:, 0], "y": sensor_km[:, 1], "z": 0.0})
    picks = pd.DataFrame({"station": [names[k] for k in arrays["sensor"]], "phase": "P", "time": arrays["time_s"]})
    associator.associate(picks.iloc[:WARM_UP_PICKS], stations)
    (events, _assignments), seconds = timed(associator.associate, picks, stations)
    place_m = events[["x", "y"]].to_numpy(float).reshape(-1, 2) * 1e3
    return {"seconds": seconds}, {
        "event_s": events["time"].to_numpy(float),
        "event_m": place_m,
        "picks": events["picks"].to_numpy(np.int64),
    }


if __name__ == "__main__":
    serve(solve)
