"""When the front of a sound passes each point of a piece of ground: what an animation of it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class FrontMap:
    """First arrivals on a grid.

    x_m, y_m : (nx,), (ny,) float64, metres east and north, evenly spaced, site frame.
    blast_s, shock_s : (ny, nx) float64, seconds from emission (from leaving the muzzle) to the first arrival;
        NaN inside buildings and where nothing arrives.
    loss_db : (ny, nx) float64, what edges take of the first blast, 0 or more; NaN as ``blast_s``.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    blast_s: NDArray[np.float64]
    shock_s: NDArray[np.float64]
    loss_db: NDArray[np.float64]
