"""A process that listens as a node does, for ``captured_shots``: what it heard, when, and what it took.

    python -m benchmarks.capture_run DEVICE CHANNELS RESULT.npz [--sound-only]

Says ``listening`` when sound comes, listens until standard input ends, then writes what it has.  With ``--sound-only``
nothing is done with the sound, so that the process takes what capture takes; a device that goes is opened again.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.null_sink import RATE_HZ
from errors import CaptureError
from sensors.clock.model import DisciplinedTime
from sensors.listen import Listener
from sensors.microphone.device import DeviceSource
from sensors.microphone.source import Block
from sensors.node.config import Clock


def listen(device: str, channels: int, result: Path) -> None:
    """Detect in the first channel, stamp at once as a node does, and keep all the sound."""
    source = DeviceSource(device, RATE_HZ, channels)
    clock = DisciplinedTime(Clock(source="none"), RATE_HZ)  # nobody vouches for UTC here; only differences matter
    listener = Listener(RATE_HZ)
    blocks: list[Block] = []
    pulses: list[dict[str, float]] = []
    source.open()
    while not select.select([sys.stdin], [], [], 0.0)[0]:
        block = source.read(0.25)
        if block is None:
            continue
        if not blocks:
            print("listening", flush=True)
        elif block.segment != blocks[-1].segment:
            listener = Listener(RATE_HZ)
        blocks.append(block)
        clock.observe(block)
        for detection in listener.step(np.ascontiguousarray(block.samples[:, :1])):
            stamp = clock.stamp(block.segment, detection.onset)
            pulses.append({"segment": block.segment, "frame": detection.onset, "utc_ns": stamp.utc_ns})
    source.close()
    np.savez(
        result,
        pulses=json.dumps(pulses),
        samples=np.concatenate([block.samples for block in blocks]),
        first=[block.first for block in blocks],
        length=[len(block.samples) for block in blocks],
        segment=[block.segment for block in blocks],
        anchors=[(b.segment, a.frame, a.monotonic_ns) for b in blocks for a in b.anchors],
        lost=np.array([(b.segment, *stretch) for b in blocks for stretch in b.lost]).reshape(-1, 3),
        untrusted=np.array([(b.segment, *stretch) for b in blocks for stretch in b.untrusted]).reshape(-1, 3),
    )


def only_capture(device: str, channels: int, result: Path) -> None:
    """Do nothing with the sound, and write how many frames came; what becomes of the device is told line by line."""
    source = DeviceSource(device, RATE_HZ, channels)
    frames, trouble = 0, "not open"
    while not select.select([sys.stdin], [], [], 0.0)[0]:
        try:
            if trouble:
                source.open()
            block = source.read(0.25)
        except CaptureError as error:
            if not trouble:
                print(error, flush=True)
            trouble = str(error)
            time.sleep(0.2)
            continue
        if block is None:
            continue
        if trouble:
            print("listening" if frames == 0 else f"listening again, segment {block.segment}", flush=True)
            trouble = ""
        frames += len(block.samples)
    source.close()
    np.savez(result, frames=frames)


if __name__ == "__main__":
    name, count, path = sys.argv[1:4]
    (only_capture if "--sound-only" in sys.argv[4:] else listen)(name, int(count), Path(path))
