"""An audio system that loses samples and tells times, made up: what callbacks would see, and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sensors.microphone.gaps import GapFinder, Look, Placed
from wire.utc import NS_PER_S

START_NS = 5_000 * NS_PER_S


@dataclass(frozen=True, slots=True)
class AudioSystem:
    """Buffers of ``period`` frames.

    losses : frames that are lost before the buffer of a number.
    rate_ppm : how much faster than nominal the converter runs.
    late_s : of each buffer, how much later than true its time is told; the last one is repeated.
    overflows : numbers of buffers that say that something was lost.
    """

    rate_hz: float = 48_000.0
    period: int = 1024
    losses: Mapping[int, int] = field(default_factory=dict)
    rate_ppm: float = 0.0
    late_s: Sequence[float] = (0.0,)
    overflows: frozenset[int] = frozenset()

    def true_frame(self, number: int) -> int:
        """How many frames were digitised before those of a buffer."""
        return number * self.period + sum(n for at, n in self.losses.items() if at <= number)

    def true_ns(self, frame: float) -> int:
        return START_NS + round(frame / (self.rate_hz * (1.0 + self.rate_ppm * 1e-6)) * NS_PER_S)

    def looks(self, n: int) -> list[Look]:
        """The first ``n`` buffers."""
        made, heard_ns = [], 0
        for number in range(n):
            frame = self.true_frame(number)
            late_ns = round(self.late_s[min(number, len(self.late_s) - 1)] * NS_PER_S)
            adc_ns = self.true_ns(frame) + late_ns
            heard_ns = max(heard_ns, self.true_ns(frame + self.period) + max(0, late_ns))
            made.append(Look(number * self.period, self.period, adc_ns, heard_ns, number in self.overflows))
        return made

    def finder(self) -> GapFinder:
        return GapFinder(self.rate_hz, self.period)


def placed(finder: GapFinder, looks: Sequence[Look]) -> list[Placed]:
    """All of them, placed."""
    return [one for look in looks for one in finder.step(look)] + finder.flush()


def ramp(first: int, frames: int, channels: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Sound that tells where it comes from: each sample is its own number, and a quarter more a channel."""
    numbers = np.arange(first, first + frames, dtype=np.float32)
    return np.repeat(numbers[:, None], channels, axis=1) + np.arange(channels, dtype=np.float32) * np.float32(0.25)
