"""``script/bench simulator``: the simulator's physics, realism, closed loop and speed, against their bars.

Writes docs/simulator.md when everything that stands on it was measured.
"""

from __future__ import annotations

from benchmarks import closed_loop, montecarlo_speed, physics, realism, rendering
from benchmarks.area import Area, Part

SIMULATOR = "simulator"

PAGES = {
    SIMULATOR: (
        "The simulator, measured",
        "Written by `script/bench simulator`.  What it models is in [sources.md](sources.md) and "
        "[propagation.md](propagation.md), how to write scenarios in [scenarios.md](scenarios.md).  Real and simulated "
        "figures stand in tables of their own; where they are compared, a picture shows both.",
    ),
}

PARTS = {
    "closed_loop": Part(SIMULATOR, lambda _: [closed_loop.measure()], kind="simulated"),
    "physics": Part(SIMULATOR, lambda peers: [physics.measure(peers=peers)], needs_peers=True, kind="simulated"),
    "realism": Part(SIMULATOR, lambda _: realism.measure(), kind="simulated"),
    "rendering": Part(SIMULATOR, lambda peers: [rendering.measure(peers=peers)], needs_peers=True),
    "pulses": Part(SIMULATOR, lambda _: [montecarlo_speed.section()]),
}

if __name__ == "__main__":
    Area("simulator", PAGES, PARTS).command("synthetic gunfire")()
