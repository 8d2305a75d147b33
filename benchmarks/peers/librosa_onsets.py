"""librosa's onset detection (spectral flux and peak picking; Boeck et al. 2012): runs inside its own environment.

Job: ``rate_hz``; ``hop`` samples; ``thresholds``, values of ``delta`` above the local mean; ``normalize``, whether the
strength is scaled to the recording's own range first, as librosa does by default.
Arrays: ``samples`` (n,) float32.
Answer: ``seconds`` for one threshold, and ``cpu_s`` of processor time; arrays ``pick_s`` (p,), ``threshold`` (p,) int,
which of the thresholds it is of.
"""

from __future__ import annotations

import librosa  # type: ignore[import-not-found]
import numpy as np

from benchmarks.peers.exchange import Arrays, Job, processor_seconds, serve, timed


def strength(samples: np.ndarray, job: Job) -> np.ndarray:
    found: np.ndarray = librosa.onset.onset_strength(y=samples, sr=job["rate_hz"], hop_length=job["hop"])
    return found


def picks(envelope: np.ndarray, threshold: float, job: Job) -> np.ndarray:
    found: np.ndarray = librosa.onset.onset_detect(
        onset_envelope=envelope,
        sr=job["rate_hz"],
        hop_length=job["hop"],
        units="time",
        delta=threshold,
        normalize=job["normalize"],
    )
    return found


def whole(samples: np.ndarray, job: Job) -> np.ndarray:
    """All that one run costs: strength and peaks."""
    return picks(strength(samples, job), job["thresholds"][len(job["thresholds"]) // 2], job)


def solve(job: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    samples = arrays["samples"]
    whole(samples[: round(2 * job["rate_hz"])], job)
    _, seconds = timed(whole, samples, job)
    cpu_s = processor_seconds(whole, samples, job)
    envelope = strength(samples, job)
    sweep = [picks(envelope, threshold, job) for threshold in job["thresholds"]]
    return {"seconds": seconds, "cpu_s": cpu_s}, {
        "pick_s": np.concatenate(sweep) if sweep else np.zeros(0),
        "threshold": np.repeat(np.arange(len(sweep)), [len(row) for row in sweep]),
    }


if __name__ == "__main__":
    serve(solve)
