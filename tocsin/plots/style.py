"""How every plot looks: colours that colour-blind readers tell apart, sizes, and what makes the bytes repeatable."""

from __future__ import annotations

from typing import Any

# Okabe & Ito 2008, "Color Universal Design"; without yellow, which is lost on white.
SHOT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK = "#1a1a1a"
FAINT = "#8c8c8c"
TRACE = "#4d4d4d"
GRID = "#e3e3e3"
REJECTED = "#A50026"

RC: Any = {  # matplotlib types its keys one by one
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.direction": "out",
    "ytick.direction": "out",
    "text.color": INK,
    "legend.frameon": True,
    "legend.framealpha": 0.92,
    "legend.edgecolor": "#cccccc",
    "legend.fontsize": 7.5,
    "figure.facecolor": "white",
    "pdf.fonttype": 42,  # letters stay letters
    "svg.hashsalt": "tocsin",  # ids in the file do not change from run to run
    "path.simplify": True,
}


def shot_colour(number: int) -> str:
    """Colour of the shot of this number, counted from 0; colours return after the last."""
    return SHOT_COLOURS[number % len(SHOT_COLOURS)]


def short_ids(ids: tuple[str, ...]) -> dict[str, str]:
    """Ids without the beginning, up to a separator, that all share: SCP-00-BNQ-1409 becomes BNQ-1409."""
    if len(ids) < 2:
        return {name: name for name in ids}
    shared = 0
    first, last = min(ids), max(ids)
    for k, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            break
        if a in "-_./: ":
            shared = k + 1
    return {name: name[shared:] or name for name in ids}
