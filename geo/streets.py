"""Streets as centre lines: where people drive and walk, and where maps draw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Streets:
    """Centre lines of streets and ways.

    lines : (n,) object array of ``shapely.LineString`` with two points or more, metres, site frame.
    kinds : n words as OpenStreetMap's ``highway`` has them: ``residential``, ``footway``, ...
    names : n street names, "" where there is none.
    """

    lines: NDArray[np.object_]
    kinds: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kinds)

    @classmethod
    def none(cls) -> Streets:
        """Open country."""
        return cls(np.empty(0, dtype=object), (), ())
