"""The time of recorded sound: the recording's own."""

from __future__ import annotations

import threading

from sensors.capture import Capture, sample_ns
from sensors.clock.stamp import Stamp
from sensors.microphone.source import Block
from wire.messages import ClockHealth


class RecordedTime:
    """Implements ``SampleTime`` by the start and the rate that the recording tells.

    A source that is opened again plays on: a new segment begins where the one before it stopped.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._lock = threading.Lock()
        self._begins: dict[int, int] = {}
        self._stop = 0

    def observe(self, block: Block) -> None:
        """Take in how far the sound has come."""
        with self._lock:
            if block.segment not in self._begins:
                self._begins[block.segment] = self._stop - block.first
                while len(self._begins) > 2:
                    del self._begins[next(iter(self._begins))]
            self._stop = max(self._stop, self._begins[block.segment] + block.stop)

    def stamp(self, segment: int, frame: float) -> Stamp:
        """The time of a frame, by the recording.

        Raises
        ------
        KeyError
            The segment has not been observed, or is older than the one before the last.
        """
        with self._lock:
            begins = self._begins[segment]
        at_ns = sample_ns(self._capture.start_ns, self._capture.rate_hz, begins + frame)
        return Stamp(at_ns, self._capture.clock_sigma_s, "recorded")

    def health(self) -> ClockHealth:
        """That nothing here is live."""
        return ClockHealth(state="recorded", sigma_s=self._capture.clock_sigma_s, source="recording")

    def measured_rate_hz(self, segment: int) -> float:
        """The recording's own rate."""
        return self._capture.rate_hz

    def note(self) -> str | None:
        """A recording's time needs no care."""
        return None

    def close(self) -> None:
        """Nothing runs."""
