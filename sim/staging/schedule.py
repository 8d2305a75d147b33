"""When rounds are fired and incidents happen: seconds after the start of the scenario."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sim.staging.spec_cast import Burst
from sim.staging.spec_places import Chance
from wire.utc import NS_PER_S

BY_HAND_RPM = 240.0
"""Rounds a minute of what fires one at a time, when none are stated: four a second, quick but not a record."""


def burst_times_s(burst: Burst, cyclic_rpm: float | None, generator: np.random.Generator) -> NDArray[np.float64]:
    """(rounds,) float64, seconds, increasing: the instants of a burst's rounds.

    cyclic_rpm : the weapon's, used when the burst states none; None for what fires one at a time.

    Intervals are log-normal: their mean is that of the cadence, their standard deviation ``jitter`` times it, and none
    is ever negative.
    """
    rate_rpm = burst.rate_rpm or cyclic_rpm or BY_HAND_RPM
    intervals = intervals_s(burst.rounds - 1, 60.0 / rate_rpm, burst.jitter, generator)
    return burst.at_s + np.concatenate([[0.0], np.cumsum(intervals)])


def intervals_s(count: int, mean_s: float, jitter: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """(count,) float64, seconds: intervals of mean ``mean_s`` and standard deviation ``jitter * mean_s``.

    A log-normal variable exp(m + s z) has the mean exp(m + s^2 / 2) and the squared coefficient of variation
    exp(s^2) - 1 (Johnson, Kotz and Balakrishnan 1994, Continuous Univariate Distributions 1, eq. 14.8).
    """
    spread = math.sqrt(math.log1p(jitter**2))
    return np.asarray(mean_s * np.exp(spread * generator.standard_normal(count) - spread**2 / 2))


def incident_times_s(chance: Chance, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """(n,) float64, seconds, increasing: a Poisson process, or so many instants as are asked for.

    Those that gather around a peak follow a normal law cut to the span.
    """
    low, high = chance.from_s, duration_s if chance.to_s is None else chance.to_s
    if chance.incidents is not None:
        count = chance.incidents
    else:
        count = int(generator.poisson((chance.per_hour or 0.0) * (high - low) / 3600.0))
    share = generator.random(count)
    times = low + share * (high - low)
    if chance.peak_at_s is not None:
        gathers = generator.random(count) < chance.peak_share
        first, last = ndtr((np.array([low, high]) - chance.peak_at_s) / chance.peak_sigma_s)
        near = chance.peak_at_s + chance.peak_sigma_s * ndtri(first + share * (last - first))
        times = np.where(gathers, np.clip(near, low, high), times)
    return np.sort(times)


def instant_ns(start_ns: int, at_s: float) -> int:
    """UTC nanoseconds of so many seconds after the start: shifting the start shifts it by exactly as much."""
    return start_ns + round(float(at_s) * NS_PER_S)
