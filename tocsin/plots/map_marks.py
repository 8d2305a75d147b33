"""What every map carries: limits that fill the page at equal scales, a scale bar, an arrow to the north."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from tocsin.plots.labels import shape_of
from tocsin.plots.style import INK


def fit_limits(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    """Limits around a point that keep equal scales and fill the axes."""
    shape = shape_of(axes)
    width, height = max(width, height * shape), max(height, width / shape)
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)
    axes.set_aspect("equal")


def scale_bar(axes: Axes) -> None:
    """A bar of 1, 2 or 5 times a power of ten metres, about a fifth of the width."""
    west, east = axes.get_xlim()
    room = (east - west) / 4.5
    power = 10.0 ** math.floor(math.log10(room))
    length = max(step for step in (power, 2 * power, 5 * power) if step <= room)
    left, bottom = 0.04, 0.045
    share = length / (east - west)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    bar: dict[str, Any] = {"transform": axes.transAxes, "color": INK, "clip_on": False, "zorder": 30}
    axes.add_patch(
        FancyBboxPatch(
            (left - 0.012, bottom - 0.014),
            share + 0.024,
            0.062,
            boxstyle="round,pad=0.006",
            transform=axes.transAxes,
            facecolor="white",
            edgecolor="none",
            alpha=0.8,
            zorder=29,
        )
    )
    axes.plot([left, left + share], [bottom, bottom], linewidth=2.4, solid_capstyle="butt", **bar)
    side, at = ("center", left + share / 2) if share > 0.18 else ("left", left)
    axes.text(at, bottom + 0.012, text, ha=side, va="bottom", fontsize=7.5, **bar)


def north_arrow(axes: Axes) -> None:
    """An arrow beside the top right corner."""
    arrow = {"arrowstyle": "-|>,head_width=0.28,head_length=0.55", "color": INK, "linewidth": 1.3}
    axes.annotate(
        "",
        (1.03, 0.985),
        xytext=(1.03, 0.925),
        xycoords="axes fraction",
        textcoords="axes fraction",
        arrowprops=arrow,
        annotation_clip=False,
    )
    axes.text(1.03, 0.915, "N", transform=axes.transAxes, ha="center", va="top", fontsize=9, fontweight="bold")
