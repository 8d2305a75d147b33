"""The listening loop: live sound to stamped pulses in the spool, day and night.

One thread reads the source, feeds the detector, stamps what it finds and spools it; a second one encodes clips.  A
source that fails or stands still is opened again, with growing pauses, for as long as it takes.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from acoustic.detection import Detection
from acoustic.detector import DetectorSettings
from errors import CaptureError
from sensors.clock.stamp import SampleTime
from sensors.listen import Listener, pulse_of
from sensors.microphone.source import Block, EndOfSound, LiveSource
from sensors.node.clipping import Clipping
from sensors.node.config import NodeConfig
from sensors.node.hearing import Hearing
from wire.messages import Clip, Pulse

LOG = logging.getLogger("tocsin.node.listening")

READ_S = 0.25
"""Longest wait for sound, so that a stop or a stall is noticed soon."""

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Between tries to open a source again; the last one is repeated."""

NEAR_S = 0.010
"""Lost samples so close to an onset may have moved it: the picker looks at the 8 ms before."""

SOUND_S = 0.060
"""And so long after it they are in the sound that was measured."""


class Keeper(Protocol):
    """Where pulses and clips are kept until the centre has them (``sensors.delivery.spool.Spool``)."""

    def put_pulse(self, pulse: Pulse) -> bool: ...
    def put_clip(self, clip: Clip) -> bool: ...


class Listening:
    """The loop of one node.

    Parameters
    ----------
    config : of the node.
    source : opened here, by the loop.
    times : of the source's samples.
    keeper : takes pulses and clips.
    boot : which run of the node this is.
    kept : called after something was kept, in whichever thread.
    """

    def __init__(
        self,
        config: NodeConfig,
        source: LiveSource,
        times: SampleTime,
        keeper: Keeper,
        boot: str,
        kept: Callable[[], None],
    ) -> None:
        self._config = config
        self._source = source
        self._times = times
        self._keeper = keeper
        self._boot = boot
        self._kept = kept
        recorded = source.recorded
        self._full_scale_db_spl = config.capture.full_scale_db_spl if recorded is None else recorded.full_scale_db_spl
        self._settings = DetectorSettings(threshold_db=config.detect.threshold_db)
        self._listener = self._fresh()
        self._segment = -1
        self._origin = 0
        self._next = 0
        self._sequence = 0
        self._troubled: deque[tuple[int, int, bool]] = deque()  # first, one past the last, lost (or only untrusted)
        self._sent: deque[float] = deque()
        self._stalled = ""
        self._tries = 0
        self.hearing = Hearing(source.rate_hz, config.clips.privacy_filter, bands_hz=self._listener.bands_hz)
        self._clipping = Clipping(
            config.clips,
            source.rate_hz,
            source.channels,
            self._full_scale_db_spl,
            self._listener.latency_s,
            patient=recorded is not None,
            keep=self._keep_clip,
            skipped=lambda n: self.hearing.add(clips_skipped=n),
        )

    @property
    def trouble(self) -> str:
        """Why no sound comes, in a sentence; empty while it comes."""
        return self._stalled

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set or the sound ends.

        Raises
        ------
        RecordingError
            The recording or raw stream refuses its own content.
        """
        try:
            while not stop.is_set():
                try:
                    self._source.open()
                    self._listen(stop)
                except EndOfSound:
                    return
                except CaptureError as error:
                    self._trouble(str(error))
                if stop.is_set():
                    return
                stop.wait(PAUSES_S[min(self._tries, len(PAUSES_S) - 1)])
                self._tries += 1
        finally:
            self._end_segment()
            self._source.close()
            self._clipping.close()

    def _listen(self, stop: threading.Event) -> None:
        """Listen until the source stands still."""
        heard_s = time.monotonic()
        while not stop.is_set():
            block = self._source.read(READ_S)
            now_s = time.monotonic()
            if block is None or len(block.samples) == 0:
                if now_s - heard_s > self._config.capture.stall_s:
                    self._trouble(f"{self._source.name}: no sound for {now_s - heard_s:.1f} s, opening it again")
                    return
                continue
            heard_s = now_s
            if self._stalled:
                LOG.info("%s: sound comes again", self._source.name)
                self._stalled = ""
            self._tries = 0
            self.take(block)

    def take(self, block: Block) -> None:
        """Work on one block."""
        if block.segment != self._segment or block.first != self._next:
            if block.segment == self._segment:
                LOG.error("%s: frame %d came, %d was expected", self._source.name, block.first, self._next)
            self._end_segment()
            self._listener = self._fresh()
            self._segment, self._origin = block.segment, block.first
            self._troubled.clear()
        self._next = block.stop
        self._times.observe(block)
        self._note_losses(block)
        self.hearing.take(block)
        self._clipping.remember(block)
        found = self._listener.step(block.samples)
        self._tell(found)
        if found or block.first // 10_000 != block.stop // 10_000:
            self._clipping.cut(block.segment, block.stop, self._times.measured_rate_hz(block.segment))

    def note_floor(self) -> None:
        """Take the noise floor for the next heartbeat: costs too much for every block."""
        self.hearing.floor_dbfs = self._listener.floor_dbfs()

    def _fresh(self) -> Listener:
        return Listener(self._source.rate_hz, self._source.channels, self._settings)

    def _end_segment(self) -> None:
        """What the last segment still holds."""
        if self._segment < 0:
            return
        self._tell(self._listener.finish())
        self._clipping.finish(self._segment, self._next, self._times.measured_rate_hz(self._segment))
        self._segment = -1

    def _note_losses(self, block: Block) -> None:
        if not (block.lost or block.untrusted or self._troubled):
            return
        for first, stop in block.lost:
            LOG.warning("%s: %d samples were lost at frame %d", self._source.name, stop - first, first)
            self._troubled.append((first, stop, True))
        self._troubled.extend((first, stop, False) for first, stop in block.untrusted)
        oldest = block.stop - 10.0 * self._source.rate_hz
        while self._troubled and self._troubled[0][1] < oldest:
            self._troubled.popleft()

    def _tell(self, found: list[Detection]) -> None:
        """Spool the pulses of detections."""
        rate_hz = self._source.rate_hz
        for detection in found:
            onset = self._origin + detection.onset
            if not self._within_rate(onset / rate_hz):
                continue
            before, after = onset - NEAR_S * rate_hz, onset + SOUND_S * rate_hz
            stamp = self._times.stamp(self._segment, onset)
            pulse = pulse_of(
                detection,
                sensor=self._config.sensor,
                boot=self._boot,
                sequence=self._sequence,
                arrival_ns=stamp.utc_ns,
                clock=stamp.state,
                clock_sigma_s=stamp.sigma_s,
                full_scale_db_spl=self._full_scale_db_spl,
                gap=any(lost and first < after and stop > before for first, stop, lost in self._troubled),
                untrusted=any(first <= onset < stop for first, stop, _ in self._troubled),
            )
            self._sequence += 1
            self.hearing.add(pulses=1)
            self._keeper.put_pulse(pulse)
            self._kept()
            LOG.debug("pulse %s, %.1f dB", pulse.identity, pulse.snr_db or math.nan)
            self._clipping.want(pulse, self._segment, onset, self._origin)

    def _within_rate(self, at_s: float) -> bool:
        """Whether a pulse at this time of the segment may be sent; one that may not is counted and told."""
        while self._sent and not at_s - 60.0 < self._sent[0] <= at_s + 1.0:
            self._sent.popleft()
        if len(self._sent) < self._config.detect.most_per_minute:
            self._sent.append(at_s)
            return True
        if self.hearing.unsent == 0 or len(self._sent) == 0:
            LOG.warning("more than %d pulses in a minute: the others are counted, not sent", len(self._sent))
        self.hearing.add(unsent=1)
        return False

    def _keep_clip(self, clip: Clip) -> None:
        if self._keeper.put_clip(clip):
            self._kept()
        else:
            self.hearing.add(clips_skipped=1)

    def _trouble(self, sentence: str) -> None:
        """Say why no sound comes, once."""
        if not self._stalled:
            self.hearing.add(stalls=1)
        if sentence != self._stalled:
            LOG.error("%s", sentence)
        self._stalled = sentence
