"""Levels: sound pressure from full scale, ratios in decibels, and whether a recording ran out of range."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CLIP_LEVEL = 0.977
"""Share of full scale (-0.2 dBFS) from which a peak counts as clipped; converters and codecs often stop just short of
1, the live-fire recordings at 0.980."""

FLAT_TOP_SAMPLES = 3
"""Equal consecutive samples at a segment's extreme that count as clipped, whatever the level: an amplifier before the
converter can run out first.  Below FLAT_TOP_FROM of full scale equal samples are quantisation, not clipping."""

FLAT_TOP_FROM = 0.1


def decibels(ratio: float) -> float:
    """20 log10 of an amplitude ratio, -inf at or below zero."""
    return 20.0 * math.log10(ratio) if ratio > 0.0 else -math.inf


def peak_db_spl(peak: float, full_scale_db_spl: float) -> float:
    """Peak sound pressure level, dB re 20 uPa.

    Parameters
    ----------
    peak : largest absolute sample, share of full scale.
    full_scale_db_spl : level of a sample of 1: 20 log10(p / 20 uPa) of the pressure p that gives it.
    """
    return decibels(peak) + full_scale_db_spl


def is_clipped(segment: NDArray[np.floating]) -> bool:
    """Whether a segment, (n,) as shares of full scale, ran out of range: `CLIP_LEVEL` reached, or a flat top."""
    if segment.size == 0:
        return False
    size = np.abs(segment)
    peak = float(size.max())
    if peak >= CLIP_LEVEL:
        return True
    if peak < FLAT_TOP_FROM:
        return False
    run = FLAT_TOP_SAMPLES - 1
    for top in (peak, -peak):
        at_top = np.flatnonzero(segment == top)
        if len(at_top) > run and bool((at_top[run:] - at_top[:-run] == run).any()):
            return True
    return False


def longest_silence(segment: NDArray[np.floating]) -> int:
    """Samples of the longest run of exact zeros in a segment, (n,)."""
    edges = np.concatenate([[-1], np.flatnonzero(segment), [len(segment)]])
    return int(np.diff(edges).max()) - 1
