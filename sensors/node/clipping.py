"""Which pulses get a clip of their own, when its sound is complete, and who encodes it.

Every pulse lies in a clip: its own, or that of an earlier pulse which reaches far enough past it.  So a burst is one
clip and not thirty, and a node that keeps being triggered does not send its surroundings without a break.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.clips.cutting import make_clip
from sensors.clips.memory import SoundMemory
from sensors.microphone.source import Block
from sensors.node.config import Clips
from wire.messages import Clip, Pulse
from wire.utc import NS_PER_S

LOG = logging.getLogger("tocsin.node.clips")

COVERED_S = 0.5
"""A pulse with so much of an earlier clip after it needs none of its own: a blast and its echoes are over by then."""

MOST_WAITING = 16
"""Clips that may wait to be encoded: 16 of 2.5 s at 48 kHz are 8 MB."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip whose sound is not complete yet; frames are numbers of the segment."""

    pulse: Pulse
    segment: int
    onset: float
    first: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The sound of a clip, to be filtered and encoded; ``impulses`` are the onsets in it."""

    wanted: Wanted
    sound: NDArray[np.float32]
    impulses: tuple[float, ...]
    measured_rate_hz: float


class Clipping:
    """Cuts clips out of the memory of sound as they become complete; encodes them in a thread of its own.

    Parameters
    ----------
    config : how long clips are, whether they are filtered, how many a minute.
    rate_hz, channels, full_scale_db_spl : of the sound.
    latency_s : so long after a frame its pulses are all known.
    patient : wait when encoding falls behind (recordings), instead of leaving clips out (live sound).
    keep : takes each clip, in the encoding thread.
    skipped : told how many clips were left out.
    """

    def __init__(
        self,
        config: Clips,
        rate_hz: float,
        channels: int,
        full_scale_db_spl: float | None,
        latency_s: float,
        *,
        patient: bool,
        keep: Callable[[Clip], None],
        skipped: Callable[[int], None],
    ) -> None:
        self._config = config
        self._rate_hz = rate_hz
        self._full_scale_db_spl = full_scale_db_spl
        self._late = round(latency_s * rate_hz)
        self._patient = patient
        self._keep = keep
        self._skipped = skipped
        self._memory = SoundMemory(rate_hz, channels, config.memory_s)
        self._wanted: deque[Wanted] = deque()
        self._onsets: deque[tuple[int, float]] = deque()
        self._covered: tuple[int, float] = (-1, -1.0)  # segment, and frame up to which pulses are in a clip
        self._began: deque[tuple[int, float]] = deque()  # segment and onset of the last minute's clips
        self._cuts: queue.Queue[Cut | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._encode, name="clips", daemon=True)
        self._thread.start()

    def remember(self, block: Block) -> None:
        """Take in sound; before the pulses that it completed are told."""
        self._memory.append(block)

    def want(self, pulse: Pulse, segment: int, onset: float, begin: int) -> None:
        """A pulse was detected at frame ``onset`` of ``segment``, whose first frame is ``begin``."""
        self._onsets.append((segment, onset))
        if not self._config.send or (self._covered[0] == segment and onset <= self._covered[1]):
            return
        minute = 60.0 * self._rate_hz
        while self._began and (self._began[0][0] != segment or self._began[0][1] < onset - minute):
            self._began.popleft()
        if len(self._began) >= self._config.most_per_minute:
            self._skipped(1)
            return
        self._began.append((segment, onset))
        first = max(begin, round(onset - self._config.before_s * self._rate_hz))
        stop = round(onset + self._config.after_s * self._rate_hz)
        self._covered = (segment, stop - min(COVERED_S, 0.5 * self._config.after_s) * self._rate_hz)
        self._wanted.append(Wanted(pulse, segment, onset, first, stop))

    def cut(self, segment: int, stop: int, measured_rate_hz: float) -> None:
        """Sound up to frame ``stop`` of ``segment`` is remembered, and its pulses are told: cut what is complete.

        Clips of an earlier segment are cut as far as that went.
        """
        while self._wanted and (self._wanted[0].segment != segment or self._wanted[0].stop + self._late <= stop):
            self._cut(self._wanted.popleft(), measured_rate_hz)
        oldest = stop - 2.0 * self._late - (self._config.before_s + self._config.after_s) * self._rate_hz
        waiting = self._wanted[0].first if self._wanted else oldest
        while self._onsets and (self._onsets[0][0] != segment or self._onsets[0][1] < min(oldest, waiting)):
            self._onsets.popleft()

    def finish(self, segment: int, stop: int, measured_rate_hz: float) -> None:
        """The segment ended at frame ``stop``: cut what is there."""
        while self._wanted:
            wanted = self._wanted.popleft()
            if wanted.segment == segment and wanted.stop > stop:
                wanted = Wanted(wanted.pulse, segment, wanted.onset, wanted.first, stop)
            self._cut(wanted, measured_rate_hz)
        self._onsets.clear()

    def close(self) -> None:
        """Encode what waits, and end."""
        self._cuts.put(None)
        self._thread.join()

    def _cut(self, wanted: Wanted, measured_rate_hz: float) -> None:
        sound = self._memory.read(wanted.segment, wanted.first, wanted.stop)
        if sound is None:
            LOG.warning("the sound of pulse %s is no longer in memory: it has no clip", wanted.pulse.identity)
            self._skipped(1)
            return
        impulses = tuple(
            at for segment, at in self._onsets if segment == wanted.segment and wanted.first <= at < wanted.stop
        )
        cut = Cut(wanted, sound, impulses, measured_rate_hz)
        try:
            self._cuts.put(cut, block=self._patient)
        except queue.Full:
            LOG.warning("encoding clips has fallen behind: pulse %s has no clip", wanted.pulse.identity)
            self._skipped(1)

    def _encode(self) -> None:
        while (cut := self._cuts.get()) is not None:
            wanted = cut.wanted
            try:
                self._keep(
                    make_clip(
                        wanted.pulse,
                        cut.sound,
                        first=wanted.first,
                        onset=wanted.onset,
                        impulses=cut.impulses,
                        start_ns=wanted.pulse.arrival_ns
                        - round((wanted.onset - wanted.first) / cut.measured_rate_hz * NS_PER_S),
                        rate_hz=self._rate_hz,
                        measured_rate_hz=cut.measured_rate_hz,
                        full_scale_db_spl=self._full_scale_db_spl,
                        privacy_filter=self._config.privacy_filter,
                    )
                )
            except Exception:
                # One clip that cannot be made must not end all clips; the pulse itself is long in the spool.
                LOG.exception("pulse %s has no clip", wanted.pulse.identity)
                self._skipped(1)
