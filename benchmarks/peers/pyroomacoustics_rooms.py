"""pyroomacoustics' image sources in a shoebox (Scheibler et al. 2018): runs inside its own environment.

Job: ``rate_hz``; ``speed_m_s``; ``order``; ``size_m``, three lengths; ``absorption``, energy taken by the six faces
(west, east, south, north, floor, ceiling); ``source_m``.
Arrays: ``receivers_m`` (r, 3) float64; ``signal`` (n,) float64.
Answer: ``seconds`` for responses and sound at all receivers, ``offset_samples`` that its responses are late by; arrays
``rir`` (r, k) float64, ``distance_m`` (i, r) and ``order`` (i,) of its image sources, ``sound`` (r, m) float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyroomacoustics as pra  # type: ignore[import-not-found]

from benchmarks.peers.exchange import Arrays, Job, serve, timed

FACES = ("west", "east", "south", "north", "floor", "ceiling")


def room_of(job: Job, arrays: Arrays) -> Any:
    """The room with its source and receivers."""
    materials = {face: pra.Material(float(share)) for face, share in zip(FACES, job["absorption"], strict=True)}
    pra.constants.set("c", job["speed_m_s"])
    room = pra.ShoeBox(
        job["size_m"], fs=job["rate_hz"], materials=materials, max_order=job["order"], air_absorption=False
    )
    room.add_source(job["source_m"], signal=arrays["signal"])
    room.add_microphone_array(arrays["receivers_m"].T)
    return room


def simulated(job: Job, arrays: Arrays) -> Any:
    """The room after its simulation: what one run costs."""
    room = room_of(job, arrays)
    room.simulate()
    return room


def solve(job: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    short = {**arrays, "signal": arrays["signal"][:1000], "receivers_m": arrays["receivers_m"][:1]}
    simulated(job, short)
    room, seconds = timed(simulated, job, arrays)
    responses = [row[0] for row in room.rir]
    rir = np.zeros((len(responses), max(map(len, responses))))
    for row, response in zip(rir, responses, strict=True):
        row[: len(response)] = response
    images = room.sources[0].images
    distance = np.linalg.norm(images[:, :, None] - room.mic_array.R[:, None, :], axis=0)
    return {"seconds": seconds, "offset_samples": pra.constants.get("frac_delay_length") // 2}, {
        "rir": rir,
        "distance_m": distance,
        "order": np.asarray(room.sources[0].orders),
        "sound": np.asarray(room.mic_array.signals),
    }


if __name__ == "__main__":
    serve(solve)
