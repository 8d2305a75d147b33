"""ObsPy's recursive STA/LTA with its AIC picker (Withers et al. 1998; Maeda 1985): runs inside its own environment.

Job: ``rate_hz``; ``short_s``, ``long_s`` windows; ``band_hz``; ``thresholds``, ratios from which a trigger is on (it is
off again at ``off_share`` of it); ``before_s``, ``after_s``, the window around a trigger in which AIC picks.
Arrays: ``samples`` (n,) float32.
Answer: ``seconds`` for one threshold; arrays ``pick_s`` (p,), ``threshold`` (p,) int, which of the thresholds it is of.
"""

from __future__ import annotations

import numpy as np
from obspy.signal.filter import bandpass  # type: ignore[import-not-found]
from obspy.signal.trigger import aic_simple, recursive_sta_lta, trigger_onset  # type: ignore[import-not-found]

from benchmarks.peers.exchange import Arrays, Job, serve, timed

# AIC on a window that holds less than this is not defined.
SHORTEST_WINDOW = 16


def picks(trace: np.ndarray, ratio: np.ndarray, threshold: float, job: Job) -> list[float]:
    rate = job["rate_hz"]
    before, after = round(job["before_s"] * rate), round(job["after_s"] * rate)
    found = []
    for on, _off in trigger_onset(ratio, threshold, threshold * job["off_share"]):
        first = max(on - before, 0)
        window = trace[first : on + after]
        if len(window) < SHORTEST_WINDOW:
            continue
        found.append((first + int(np.argmin(aic_simple(window)[1:-1])) + 1) / rate)
    return found


def characteristic(samples: np.ndarray, job: Job) -> tuple[np.ndarray, np.ndarray]:
    rate = job["rate_hz"]
    trace = bandpass(samples.astype(np.float64), *job["band_hz"], df=rate, corners=4)
    return trace, recursive_sta_lta(trace, round(job["short_s"] * rate), round(job["long_s"] * rate))


def whole(samples: np.ndarray, job: Job) -> list[float]:
    """All that one run costs: filter, ratio, triggers, picks."""
    trace, ratio = characteristic(samples, job)
    return picks(trace, ratio, job["thresholds"][len(job["thresholds"]) // 2], job)


def solve(job: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    samples = arrays["samples"]
    whole(samples[: round(2 * job["rate_hz"])], job)
    _, seconds = timed(whole, samples, job)
    trace, ratio = characteristic(samples, job)
    sweep = [picks(trace, ratio, threshold, job) for threshold in job["thresholds"]]
    return {"seconds": seconds}, {
        "pick_s": np.array([t for row in sweep for t in row]),
        "threshold": np.repeat(np.arange(len(sweep)), [len(row) for row in sweep]),
    }


if __name__ == "__main__":
    serve(solve)
