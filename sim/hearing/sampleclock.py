"""A sensor's own time line: where an instant falls among its samples, faults of its clock and lost samples included.

A sensor counts samples and believes that they are evenly spaced on its clock.  Its time line before losses (*raw*
samples) has a sample every ``1 / rate_hz`` seconds of its own clock, the first at the scenario's start; an instant
falls at its true time plus the clock's error then.  A clock that is set forward leaves a stretch in which nothing
arrives, one that is set back lets two stretches fall onto each other.  Lost samples are cut out of the raw ones, so
whatever follows is counted (and so stamped) too early by as much.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.world import Station, World
from wire.utc import NS_PER_S


class SampleClock:
    """Samples of one station over a scenario.

    raw_frames : samples of the whole scenario, had none been lost.
    frames : samples that the sensor delivers.
    lost, dead : (n, 2) int64, raw samples from .. to (exclusive) that vanish, and in which the microphone is deaf;
        sorted, apart, within the scenario.
    """

    def __init__(self, world: World, station: Station) -> None:
        self._start_ns = world.start_ns
        self._clock = station.clock
        self.rate_hz = station.rate_hz
        self.raw_frames = round(world.duration_s * station.rate_hz)
        self.lost = self._spans([(when, when + length) for when, length in station.faults.lost])
        self.dead = self._spans(list(station.faults.dead))
        self._lost_before = np.concatenate([[0], np.cumsum(self.lost[:, 1] - self.lost[:, 0])])
        self.frames = self.raw_frames - int(self._lost_before[-1])

    def raw_position(self, at_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Raw samples, with their fraction, at so many true seconds after the start of the scenario."""
        at = np.asarray(at_s, dtype=np.float64)
        return np.asarray((at + self._clock.error_s(at)) * self.rate_hz)

    def least_error_s(self) -> float:
        """No instant of the scenario (or an hour after it) falls earlier than this much before its true time."""
        return self._extreme_error_s(min)

    def greatest_error_s(self) -> float:
        """The same, later."""
        return self._extreme_error_s(max)

    def _extreme_error_s(self, extreme: Callable[[float, float], float]) -> float:
        steps = sum(extreme(0.0, gained) for _, gained in self._clock.steps)
        end_s = self.raw_frames / self.rate_hz + 3600.0
        return self._clock.offset_s + steps + extreme(0.0, 1e-6 * self._clock.drift_ppm * end_s)

    def raw_of_frame(self, frame: int) -> int:
        """The raw sample that the sensor delivers as its ``frame``-th."""
        kept_from = self.lost[:, 1] - self._lost_before[1:]  # frames delivered before each stretch ends
        behind = int(np.searchsorted(kept_from, frame, side="right"))
        return frame + int(self._lost_before[behind])

    def kept(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Stretches of the raw samples ``first`` .. ``stop`` that are not lost, in order."""
        pieces = []
        for begin, end in self.lost.tolist():
            if end <= first or begin >= stop:
                continue
            if begin > first:
                pieces.append((first, begin))
            first = end
        if first < stop:
            pieces.append((first, stop))
        return pieces

    def stamped_ns(self, at_s: float) -> int:
        """UTC nanoseconds that the sensor's count gives an instant, so many true seconds after the start.

        An instant within lost samples is stamped where they are missing."""
        raw = float(self.raw_position(at_s))
        lost = 0.0
        for begin, end in self.lost.tolist():
            lost += min(max(raw - begin, 0.0), end - begin)
        return self._start_ns + round((raw - lost) / self.rate_hz * NS_PER_S)

    def _spans(self, spans_s: list[tuple[float, float]]) -> NDArray[np.int64]:
        merged: list[list[int]] = []
        for from_s, to_s in sorted(spans_s):
            begin = max(0, round(float(self.raw_position(from_s))))
            stop = min(self.raw_frames, begin + round((to_s - from_s) * self.rate_hz))
            if stop <= begin:
                continue
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], stop)
            else:
                merged.append([begin, stop])
        return np.array(merged, dtype=np.int64).reshape(-1, 2)
