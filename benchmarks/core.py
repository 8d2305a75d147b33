"""``script/bench core``: hearing, association and location, figure by figure, against their bars.

Writes docs/accuracy.md and docs/performance.md when everything that stands on a page was measured.
"""

from __future__ import annotations

from benchmarks import association, cost, detector, livefire, onsets, solvers, subarrays
from benchmarks.area import Area, Part

ACCURACY, PERFORMANCE = "accuracy", "performance"

PAGES = {
    ACCURACY: (
        "Accuracy on real gunfire",
        "Written by `script/bench core`.  Everything on this page was measured on recordings and pulses of real shots "
        "whose places were surveyed; nothing simulated stands beside it.",
    ),
    PERFORMANCE: (
        "Association, detection and cost",
        "Written by `script/bench core`.  Simulated figures have exact truth and an easier world; they are not to be "
        "compared with those of [accuracy.md](accuracy.md).  Times are of the machine that ran it, on one core of a "
        "virtual machine, and peers ran on it in the same command.",
    ),
}

PARTS = {
    "livefire": Part(ACCURACY, lambda _: livefire.measure(), kind="field"),
    "subarrays": Part(ACCURACY, lambda _: [subarrays.measure()], kind="field"),
    "solvers": Part(ACCURACY, lambda peers: [solvers.measure()] if peers else [], needs_peers=True, kind="field"),
    "onsets": Part(ACCURACY, lambda _: [onsets.measure()], kind="field"),
    "association": Part(PERFORMANCE, lambda peers: [association.measure(peers=peers)], needs_peers=True),
    "detector": Part(PERFORMANCE, lambda peers: [detector.measure(peers=peers), detector.cost()], needs_peers=True),
    "cost": Part(PERFORMANCE, lambda _: [cost.measure()]),
}


CORE = Area("core", PAGES, PARTS)

if __name__ == "__main__":
    CORE.command("hearing, association and location")()
