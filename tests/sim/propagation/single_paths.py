"""Paths made by hand, without a city: one pair, each row a path."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sim.propagation.paths import Kind, Paths

SPEED = 340.0


def some_paths(
    length_m: ArrayLike,
    *,
    excess_m: ArrayLike = 0.0,
    edges: ArrayLike = 0,
    edge_span_m: ArrayLike = 0.0,
    bounces: ArrayLike = 0,
    grazing_rad: ArrayLike = np.nan,
    departure: ArrayLike = (1.0, 0.0, 0.0),
) -> Paths:
    """Paths of given lengths, each other column a scalar or one value a path, at 340 m/s."""
    length = np.atleast_1d(np.asarray(length_m, dtype=np.float64))
    n = len(length)
    columns = np.broadcast_arrays(np.zeros(n), excess_m, edges, edge_span_m, bounces, grazing_rad)[1:]
    excess, edge, span, bounce, grazing = (np.array(column) for column in columns)
    kind = np.where(
        np.isfinite(grazing), Kind.GROUND, np.where(bounce > 0, Kind.WALL, np.where(edge > 0, Kind.OVER, 0))
    )
    return Paths(
        pair=np.zeros(n, dtype=np.int32),
        kind=kind.astype(np.int8),
        length_m=length,
        delay_s=length / SPEED,
        excess_m=excess.astype(np.float64),
        edges=edge.astype(np.int16),
        edge_span_m=span.astype(np.float64),
        bounces=bounce.astype(np.int16),
        departure=np.broadcast_to(np.asarray(departure, dtype=np.float64), (n, 3)).copy(),
        grazing_rad=grazing.astype(np.float64),
        points_m=np.zeros((0, 3)),
        first_point=np.zeros(n + 1, dtype=np.int64),
    )
