"""The step statistic: how far band envelopes rise over what went before, in decibels."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from acoustic.kernels import KERNELS

Array = NDArray[np.float64]


def noise_floor(blocks: Array, percentile: float) -> Array:
    """A low percentile of recent energies, ignoring what was not heard.

    Parameters
    ----------
    blocks : (..., n) float64, mean energies; inf where nothing was heard.
    percentile : 0 to 100.

    Returns
    -------
    (...) float64; inf where no block was heard.
    """
    ordered = np.sort(blocks, axis=-1)
    if np.isfinite(ordered[..., -1]).all():  # everything was heard: the usual case, and cheap
        return np.asarray(ordered[..., max(math.ceil(blocks.shape[-1] * (percentile / 100.0)) - 1, 0)])
    heard = np.isfinite(ordered).sum(axis=-1)
    index = np.maximum(np.ceil(heard * (percentile / 100.0)).astype(np.intp) - 1, 0)
    return np.asarray(np.take_along_axis(ordered, index[..., None], axis=-1)[..., 0])


def moving_mean(values: Array, length: int) -> Array:
    """Means of ``values[..., i : i + length]``; the last axis shrinks by ``length - 1``.

    Sums over 1, 2, 4, ... values, each of two of the sums before, are put together to the length: unlike differences
    of a running sum they leave nothing of a loud value in the means of the quiet ones after it.
    """
    out = np.zeros((*values.shape[:-1], values.shape[-1] - length + 1))
    sums, size, begin = values, 1, 0
    while True:
        if length & size:
            out += sums[..., begin : begin + out.shape[-1]]
            begin += size
        if begin == length:
            break
        sums = sums[..., :-size] + sums[..., size:]
        size *= 2
    out /= length
    return out


def ramp_mean(values: Array, length: int) -> Array:
    """Means of ``values[..., i : i + length]`` with weights 1, 2, ... ``length`` (newest heaviest)."""
    # With S the running sum and R the running sum of S, the ramp-weighted sum over a window that ends at e is
    # length * S[e] - (R[e - 1] - R[e - length - 1]).
    total = np.zeros((*values.shape[:-1], values.shape[-1] + 1))  # total[i] = sum of the first i values
    values.cumsum(axis=-1, out=total[..., 1:])
    twice = total.cumsum(axis=-1)
    n = values.shape[-1] - length + 1
    inner = twice[..., length - 1 : length - 1 + n].copy()
    inner[..., 1:] -= twice[..., : n - 1]
    out = length * total[..., length : length + n]
    out -= inner
    out /= length * (length + 1) / 2.0
    return out


def rise_db(excess_db: Array, *, after: int, guard: int, before: int) -> Array:
    """Rise of the envelope at each frame: mean after it over ramp-weighted mean before it.

    Parameters
    ----------
    excess_db : (..., frames) float64, energy over the noise floor, dB.
    after, guard, before : frames of the mean after the step, left out before it, and of the ramp-weighted mean before.

    Returns
    -------
    (..., frames - after - guard - before + 1) float64, dB; entry i is a step at frame ``i + before + guard``.
    """
    rise = moving_mean(excess_db[..., before + guard :], after)
    rise -= ramp_mean(excess_db[..., : excess_db.shape[-1] - guard - after], before)
    return rise


def local_maxima(values: Array, apart: int, least: float) -> list[tuple[int, int]]:
    """Where a value is the largest of those up to ``apart`` before and after it; of equal neighbours the first.

    Parameters
    ----------
    values : (channels, apart + n + apart) float64, not NaN; apart >= 1.
    least : smaller values do not count.

    Returns
    -------
    Channel and index, of the n in the middle, of each.
    """
    middle = values[:, apart:-apart]
    if not middle.max() >= least:
        return []  # the usual case
    candidates = np.argwhere(middle >= least)
    windows = sliding_window_view(values, 2 * apart + 1, axis=1)[*candidates.T]
    largest = (windows[:, apart] == windows.max(axis=1)) & (windows[:, apart] != windows[:, apart - 1])
    return [(channel, index) for channel, index in candidates[largest].tolist()]


def fading_sum(values: Array, keep: float, before: Array) -> tuple[Array, Array]:
    """Exponentially fading sum, ``out[i] = keep * out[i - 1] + (1 - keep) * values[i]``: a mean once it has settled.

    Parameters
    ----------
    values : (..., n) float64.
    keep : share that one frame leaves to the next, below 1.
    before : (..., 1) float64, ``keep`` times the last output of the block before; zeros at first.

    Returns
    -------
    out : (..., n) float64, and what to give as ``before`` next time.
    """
    out = np.array(values, dtype=np.float64, order="C")
    delays = np.zeros((before.size, 1, 2))
    delays[:, 0, 0] = before.ravel()
    KERNELS.run_sections(
        np.array([[1.0 - keep, 0.0, 0.0, 1.0, -keep, 0.0]]), out.reshape(before.size, values.shape[-1]), delays
    )
    return out, delays[:, 0, 0].reshape(before.shape)
