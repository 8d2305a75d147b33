"""What a node has heard: counters that the listening loop writes and heartbeats read."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.microphone.source import Block
from wire.messages import SoundHealth


@dataclass(slots=True)
class Hearing:
    """Counters since the start of the node, and levels since the heartbeat before.  Thread-safe.

    rate_hz : nominal samples a second.
    privacy_filter : whether clips are filtered, as configured.
    """

    rate_hz: float
    privacy_filter: bool
    frames: int = 0
    pulses: int = 0
    gaps: int = 0
    lost_frames: int = 0
    stalls: int = 0
    unsent: int = 0
    clips_skipped: int = 0
    bands_hz: tuple[tuple[float, float], ...] = ()
    floor_dbfs: tuple[float, ...] = ()
    _energy: float = 0.0
    _samples: int = 0
    _peak: float = 0.0
    _lost_until: int = -1
    _segment: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, block: Block) -> None:
        """Count a block's samples, its losses, and its level."""
        samples: NDArray[np.float32] = block.samples
        flat = samples.reshape(-1)
        energy = float(np.dot(flat, flat)) if flat.size else 0.0
        peak = max(float(flat.max()), -float(flat.min())) if flat.size else 0.0
        with self._lock:
            if block.segment != self._segment:
                self._segment, self._lost_until = block.segment, -1
            lost = 0
            for first, stop in block.lost:
                # A stretch that reaches over several blocks is one gap: it is told with each of them.
                self.gaps += first > self._lost_until
                lost += max(0, min(stop, block.stop) - max(first, block.first))
                self._lost_until = max(self._lost_until, stop)
            self.lost_frames += lost
            self.frames += len(samples) - lost
            self._energy += energy
            self._samples += flat.size
            self._peak = max(self._peak, peak)

    def add(self, *, pulses: int = 0, stalls: int = 0, unsent: int = 0, clips_skipped: int = 0) -> None:
        """Count what happened."""
        with self._lock:
            self.pulses += pulses
            self.stalls += stalls
            self.unsent += unsent
            self.clips_skipped += clips_skipped

    def health(self) -> SoundHealth:
        """The part of a heartbeat; levels begin anew."""
        with self._lock:
            level = 10.0 * math.log10(self._energy / self._samples) if self._energy > 0.0 else None
            peak = 20.0 * math.log10(self._peak) if self._peak > 0.0 else None
            self._energy, self._samples, self._peak = 0.0, 0, 0.0
            return SoundHealth(
                rate_hz=self.rate_hz,
                frames=self.frames,
                level_dbfs=level,
                peak_dbfs=peak,
                floor_dbfs=self.floor_dbfs,
                bands_hz=self.bands_hz,
                pulses=self.pulses,
                gaps=self.gaps,
                lost_frames=self.lost_frames,
                stalls=self.stalls,
                privacy_filter=self.privacy_filter,
            )
