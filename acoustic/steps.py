"""The step statistic: how far band envelopes rise over what went before, in decibels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acoustic.kernels import KERNELS

Array = NDArray[np.float64]


def noise_floor(blocks: Array, percentile: float) -> Array:
    """A low percentile of recent energies, ignoring what was not heard.

    Parameters
    ----------
    blocks : (n, ...) float64, mean energies; inf where nothing was heard.
    percentile : 0 to 100.

    Returns
    -------
    (...) float64; inf where no block was heard.
    """
    ordered = np.sort(blocks, axis=0)
    heard = np.isfinite(ordered).sum(axis=0)
    index = np.maximum(np.ceil(heard * (percentile / 100.0)).astype(np.intp) - 1, 0)
    return np.asarray(np.take_along_axis(ordered, index[None], axis=0)[0])


def moving_mean(values: Array, length: int) -> Array:
    """Means of ``values[..., i : i + length]``; the last axis shrinks by ``length - 1``."""
    total = np.cumsum(values, axis=-1)
    out = total[..., length - 1 :].copy()
    out[..., 1:] -= total[..., :-length]
    return np.asarray(out / length)


def ramp_mean(values: Array, length: int) -> Array:
    """Means of ``values[..., i : i + length]`` with weights 1, 2, ... ``length`` (newest heaviest)."""
    # With S the running sum and R the running sum of S, the ramp-weighted sum over a window that ends at e is
    # length * S[e] - (R[e - 1] - R[e - length - 1]).
    pad = [(0, 0)] * (values.ndim - 1) + [(1, 0)]
    total = np.cumsum(np.pad(values, pad), axis=-1)  # total[i] = sum of the first i values
    twice = np.cumsum(total, axis=-1)
    n = values.shape[-1] - length + 1
    end = total[..., length : length + n]
    inner = twice[..., length - 1 : length - 1 + n].copy()
    inner[..., 1:] -= twice[..., : n - 1]
    weighted = length * end - inner
    return np.asarray(weighted / (length * (length + 1) / 2.0))


def rise_db(excess_db: Array, *, after: int, guard: int, before: int) -> tuple[Array, Array]:
    """Rise of the envelope at each frame: mean after it over ramp-weighted mean before it.

    Parameters
    ----------
    excess_db : (..., frames) float64, energy over the noise floor, dB.
    after, guard, before : frames of the mean after the step, left out before it, and of the ramp-weighted mean before.

    Returns
    -------
    rise : (..., frames - after - guard - before + 1) float64, dB; entry i is a step at frame ``i + before + guard``.
    level : same shape, the mean after the step, dB over the floor.
    """
    level = moving_mean(excess_db[..., before + guard :], after)
    earlier = ramp_mean(excess_db[..., : excess_db.shape[-1] - guard - after], before)
    return level - earlier, level


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
