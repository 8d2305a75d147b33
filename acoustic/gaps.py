"""Gaps in a stream: runs of exact zeros, which are lost samples or padding and never sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class GapCounter:
    """Counts the frames since the last gap.

    Parameters
    ----------
    frame : samples of one frame.
    gap : silent frames in a row that are a gap.
    ceiling : counts go no further.
    """

    def __init__(self, frame: int, gap: int, ceiling: int) -> None:
        self._frame = frame
        self._gap = gap
        self._ceiling = ceiling

    def step(self, age: Counts, run: Counts, chunk: NDArray[np.floating]) -> tuple[Counts, Counts]:
        """Count on.

        Parameters
        ----------
        age : (channels,), frames heard since the last gap at the end of the chunk before.
        run : (channels,), silent frames in a row there.
        chunk : (n * frame, channels), the next samples.

        Returns
        -------
        age : (channels, n), after each frame; 0 in a gap, from its ``gap``-th silent frame on.
        run : (channels,), at the end; one that is long enough for a gap may be told shorter than it is.
        """
        framed = chunk.reshape(-1, self._frame, chunk.shape[1])
        silent: NDArray[np.bool_] = (framed[:, 0] == 0.0).T  # most frames are ruled out by their first sample
        if silent.any():
            silent = np.logical_not(framed.any(axis=1)).T
        if not silent.any():
            counting = np.arange(1, len(framed) + 1)
            return np.minimum(age[:, None] + counting, self._ceiling), np.zeros_like(run)
        if silent.all() and (run >= self._gap).all():
            return np.zeros(silent.shape, dtype=np.int64), run
        ages, runs = np.empty(silent.shape, dtype=np.int64), run.copy()
        for channel, row in enumerate(silent.tolist()):
            heard, quiet = int(age[channel]), int(run[channel])
            for index, is_silent in enumerate(row):
                quiet = quiet + 1 if is_silent else 0
                heard = 0 if quiet >= self._gap else min(heard + 1, self._ceiling)
                ages[channel, index] = heard
            runs[channel] = quiet
        return ages, runs
