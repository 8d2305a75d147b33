"""The detector of a node and nothing else, as a process: what it costs on a file of raw sound.

    python -m benchmarks.detector_alone FILE RATE_HZ SECONDS PACE

Prints one JSON object: ``cpu_s`` of the detector's own steps, ``sounds`` found, ``resident_mb`` and ``peak_mb`` of the
process at the end.  PACE is seconds of sound a second, 0 for as fast as it goes: what waits between two blocks finds
cold caches, and costs more.  It imports what a node imports to listen, no more, so that its memory is the detector's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.process_meter import memory_mb
from sensors.listen import Listener

BLOCK_S = 0.1


def main(path: Path, rate_hz: int, seconds: float, pace: float) -> dict[str, float]:
    """Listen to the file's first seconds."""
    listener = Listener(float(rate_hz))
    block_bytes = 2 * round(BLOCK_S * rate_hz)
    cpu_s, sounds = 0.0, 0
    with path.open("rb") as file:
        for _ in range(round(seconds / BLOCK_S)):
            block = (np.frombuffer(file.read(block_bytes), "<i2").astype(np.float32) * np.float32(2.0**-15))[:, None]
            start_s = time.thread_time()
            sounds += len(listener.step(block))
            cpu_s += time.thread_time() - start_s
            if pace:
                time.sleep(BLOCK_S / pace)
    start_s = time.thread_time()
    sounds += len(listener.finish())
    cpu_s += time.thread_time() - start_s
    memory = memory_mb("self")
    return {"cpu_s": cpu_s, "sounds": sounds, "resident_mb": memory.resident_mb, "peak_mb": memory.peak_mb}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))))
