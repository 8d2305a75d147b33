"""Where plots of figures go, and how they look: as those of the product, with colours that colour-blind readers tell
apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from benchmarks.shared_data import ROOT
from tocsin.plots.style import FAINT, INK, RC, SHOT_COLOURS

__all__ = ["BLUE", "FAINT", "GREEN", "INK", "VERMILION", "Drawing", "drawing"]

BLUE, VERMILION, GREEN = SHOT_COLOURS[:3]
IMAGES = ROOT / "docs" / "img"
DPI = 130
# No date and no version in the file: the same figures give the same bytes.
PNG_METADATA = {"Software": None}


@dataclass(slots=True)
class Drawing:
    """A figure with its axes, (rows, columns) of them, and where it was saved, relative to docs/."""

    figure: Figure
    axes: np.ndarray[Any, Any]
    saved: str = field(default="")


@contextmanager
def drawing(name: str, rows: int, columns: int, size: tuple[float, float], **axes: Any) -> Iterator[Drawing]:
    """Axes to draw on; saved as docs/img/NAME.png at the end.

    Parameters
    ----------
    rows, columns : of axes.
    size : width and height, inches.
    axes : further arguments of ``matplotlib.pyplot.subplots``.
    """
    with mpl.rc_context(RC):
        figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **axes)
        page = Drawing(figure, grid, f"img/{name}.png")
        try:
            yield page
            IMAGES.mkdir(parents=True, exist_ok=True)
            figure.savefig(IMAGES / f"{name}.png", dpi=DPI, metadata=PNG_METADATA)
        finally:
            plt.close(figure)
