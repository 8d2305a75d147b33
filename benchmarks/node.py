"""``script/bench node``: the sensor node's capture, time, cost, losses and privacy, against their bars.

Writes docs/node-figures.md when everything that stands on it was measured.
"""

from __future__ import annotations

from benchmarks import node_capture, node_cost, node_delivery, node_loss, node_privacy, node_time
from benchmarks.area import Area, Part

NODE = "node-figures"
WEEK = "node-week"

PAGES = {
    NODE: (
        "The sensor node, measured",
        "Written by `script/bench node`.  How a node works and is run is in [node.md](node.md), how it knows the "
        "time in [time.md](time.md), what leaves it in [privacy.md](privacy.md).  Sound and clocks are simulated, "
        "programs (PipeWire, chrony, gpsd, nats-server, the node itself) are real.",
    ),
    WEEK: (
        "A week of sound",
        "Written by `script/bench node --only week`, which takes more than an hour.",
    ),
}

PARTS = {
    "capture": Part(NODE, lambda _: [node_capture.measure()], kind="simulated"),
    "time": Part(NODE, lambda _: node_time.measure(), kind="simulated"),
    "cost": Part(NODE, lambda peers: node_cost.measure(peers=peers), needs_peers=True),
    "delivery": Part(NODE, lambda _: [node_delivery.measure()]),
    "loss": Part(NODE, lambda _: node_loss.measure(), kind="simulated"),
    "privacy": Part(NODE, lambda _: [node_privacy.measure()], kind="simulated"),
    "week": Part(WEEK, lambda _: [node_cost.week()]),
}

if __name__ == "__main__":
    Area("node", PAGES, PARTS).command("the sensor node")()
