"""Residuals by sensor: which arrivals the shots rest on, and which sensor is always late."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from tocsin.plots.scenes import Scene
from tocsin.plots.style import REJECTED, short_ids, shot_colour


def draw_residuals(axes: Axes, scene: Scene) -> None:
    """Arrival minus prediction, ms, one column a sensor, nearest first; far outliers are arrows at the edge."""
    network = scene.located.network
    distance: dict[str, float] = {}
    for shot in scene.shots:
        for arrival in shot.arrivals:
            if arrival.status != "silent":
                distance.setdefault(arrival.sensor, arrival.distance_m)
    order = sorted(distance, key=lambda name: (distance[name], name))
    names = short_ids(network.ids)
    used = [abs(1e3 * a.residual_s) for shot in scene.shots for a in shot.used] or [1.0]
    # One late arrival must not flatten all others.
    limit = max(1.35 * min(max(used), 2.5 * float(np.quantile(used, 0.8))), 2.0)
    axes.axhline(0.0, color="#666666", linewidth=0.8, zorder=2)
    outside: dict[tuple[str, float], list[tuple[float, float, str]]] = {}
    spread = 0.5 / max(len(scene.shots), 2)
    for k, shot in enumerate(scene.shots):
        shift = spread * (k - (len(scene.shots) - 1) / 2)
        for arrival in shot.arrivals:
            if arrival.status == "silent" or not math.isfinite(arrival.residual_s):
                continue
            x, y = order.index(arrival.sensor) + shift, 1e3 * arrival.residual_s
            taken = arrival.status in ("used", "lent")
            colour = shot_colour(scene.first + k) if taken else REJECTED
            if taken and abs(y) <= limit:
                lent = arrival.status == "lent"
                axes.plot([x, x], [0.0, y], color=colour, linewidth=0.8 if lent else 1.4, zorder=3)
                inside = "white" if lent else colour
                axes.plot(x, y, "o", color=colour, markerfacecolor=inside, markersize=3.6, zorder=4)
            elif abs(y) <= limit:
                axes.plot(x, y, "x", color=colour, markersize=5, markeredgewidth=1.5, zorder=5)
            else:
                edge = math.copysign(0.93 * limit, y)
                axes.plot(x, edge, "^" if y > 0 else "v", color=colour, markersize=5, zorder=5)
                outside.setdefault((arrival.sensor, edge), []).append((y, x, colour))
    for (_, edge), arrows in outside.items():  # one number beside the arrows of a sensor
        values = [y for y, _, _ in arrows]
        text = f"{min(values):+.0f}" if max(values) - min(values) < 1.0 else f"{min(values):+.0f} … {max(values):+.0f}"
        axes.annotate(
            text,
            (max(x for _, x, _ in arrows), edge),
            xytext=(5, 0),
            textcoords="offset points",
            fontsize=6.5,
            va="center",
            color=arrows[-1][2],
        )
    axes.set_xlim(-0.6, len(order) - 0.4)
    axes.set_ylim(-limit, limit)
    axes.set_xticks(
        np.arange(len(order)),
        [names[name] for name in order],
        rotation=0 if len(order) <= 5 else 35 if len(order) <= 14 else 60,
        ha="right" if len(order) > 5 else "center",
        fontsize=7 if len(order) <= 14 else 6,
        rotation_mode="anchor",
    )
    axes.set_ylabel("residual, ms")
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
