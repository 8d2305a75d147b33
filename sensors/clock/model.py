"""The time of live sound: sample counter to raw clock (``sampleclock``) to UTC (``utc``), refitted all the time."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from errors import ClockError
from sensors.clock.chrony import Tracking, ask
from sensors.clock.looks import Clocks, SystemClocks, look
from sensors.clock.sampleclock import SampleClock
from sensors.clock.stamp import Stamp
from sensors.clock.utc import UNKNOWN_SIGMA_S, UtcModel
from sensors.microphone.source import Block
from sensors.node.config import Clock
from wire.messages import ClockHealth, ClockState

LOOK_S = 1.0
"""Between two looks at the clocks when no sound comes; every block and every stamp looks as well."""
ASK_TIMEOUT_S = 3.0
KNOWN_RATE = 20e-6
"""The measured rate is told once it is known to this, one standard deviation."""

_log = logging.getLogger("tocsin.node.clock")


class DisciplinedTime:
    """Implements ``SampleTime`` by the system clock, as chrony vouches for it.

    Parameters
    ----------
    config : of the clock.
    rate_hz : nominal samples a second.
    clocks : the clocks of the operating system; a simulation brings its own.
    ask_chrony : gives chrony's answer or raises ClockError; None where nobody vouches (``source = "none"``).

    ``start`` begins the daemon thread that looks and asks; without it the owner calls ``poll`` (simulations).
    """

    def __init__(
        self,
        config: Clock,
        rate_hz: float,
        clocks: Clocks | None = None,
        ask_chrony: Callable[[], Tracking] | None = None,
    ) -> None:
        self._config = config
        self._rate_hz = rate_hz
        self._delay_ns = round(config.input_delay_s * 1e9)
        self._clocks: Clocks = SystemClocks() if clocks is None else clocks
        self._ask = ask_chrony
        self._lock = threading.Lock()
        self._utc = UtcModel(config)
        self._segments: dict[int, SampleClock] = {}
        self._newest: SampleClock | None = None
        self._problem: str | None = None
        self._told: tuple[ClockState, str] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._utc.look(look(self._clocks))

    def start(self) -> None:
        """Look and ask beside the owner's work until closed."""
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.poll()
            except Exception:
                # The thread must live: without it a step would be seen late.  What failed is told, and time goes stale.
                _log.exception("the clock's thread failed and goes on")
            if self._stop.wait(LOOK_S):
                return

    def poll(self) -> None:
        """Look at the clocks; ask chrony when it is time to."""
        before = look(self._clocks)
        with self._lock:
            self._utc.look(before)
            due = self._ask is not None and self._utc.ask_due(before.monotonic_ns)
        if due and self._ask is not None:
            tracking, problem = None, None
            before = look(self._clocks)
            try:
                tracking = self._ask()
            except ClockError as error:
                problem = str(error)
            after = look(self._clocks)
            with self._lock:
                self._utc.answer(before, tracking, after)
            if problem != self._problem:
                self._problem = problem
                _log.log(*((logging.WARNING, problem) if problem else (logging.INFO, "chrony answers again")))
            self._tell()

    def _tell(self) -> None:
        """Log changes of state, once each."""
        health = self.health()
        told = (health.state, health.source)
        if told != self._told:
            level = logging.WARNING if health.state in ("holdover", "unsynchronised") else logging.INFO
            _log.log(level, "clock is %s, source %s", health.state, health.source or "none")
            self._told = told

    def observe(self, block: Block) -> None:
        """Take in what a block tells of the sample clock; a new segment starts a new one."""
        now = look(self._clocks)
        with self._lock:
            self._utc.look(now)
            clock = self._segments.get(block.segment)
            if clock is None:
                clock = self._newest = self._segments[block.segment] = SampleClock(self._rate_hz)
                while len(self._segments) > 2:
                    del self._segments[next(iter(self._segments))]
            whole = -1
            for _, whole in block.lost:
                clock.lost(whole)
            for anchor in block.anchors:
                if anchor.frame < whole:
                    continue  # of before the hole
                if not block.untrusted or not any(a <= anchor.frame < b for a, b in block.untrusted):
                    clock.add(anchor.frame, self._utc.raw_ns(anchor.monotonic_ns), anchor.monotonic_ns)
            if not block.anchors and clock.at(block.first) is None:
                # A source that tells nothing: its last frame was there before now, which is an anchor, if a late one.
                clock.add(block.stop, now.raw_ns)

    def stamp(self, segment: int, frame: float) -> Stamp:
        """The time of a frame (a fraction is allowed) of a segment that has been observed.

        The state and the uncertainty are of now, the time of asking: a step of the system clock is seen even when it is
        younger than the last look.

        Raises
        ------
        KeyError
            The segment has not been observed, or is older than the one before the last.
        """
        now = look(self._clocks)
        with self._lock:
            self._utc.look(now)
            reading = self._segments[segment].at(frame)
            if reading is None:  # all its anchors were untrusted
                utc = self._utc.at(now.raw_ns)
                return Stamp(utc.utc_ns - self._delay_ns, UNKNOWN_SIGMA_S, "unsynchronised")
            utc = self._utc.at(reading.time_ns)
        sigma_s = math.hypot(utc.sigma_s, reading.sigma_s)
        state = utc.state if sigma_s <= self._config.worst_sigma_s else "unsynchronised"
        return Stamp(utc.utc_ns - self._delay_ns, sigma_s, state)

    def health(self) -> ClockHealth:
        """How the time is known now."""
        now = look(self._clocks)
        with self._lock:
            self._utc.look(now)
            utc = self._utc.at(now.raw_ns)
            tracking, steps = self._utc.tracking, self._utc.steps
            rate_ppm = None
            if self._newest is not None and self._newest.pace_sigma <= KNOWN_RATE:
                rate_ppm = (1 / (self._newest.pace * self._utc.pace()) - 1) * 1e6
        followed = tracking is not None and tracking.synchronised
        return ClockHealth(
            state=utc.state,
            sigma_s=None if utc.sigma_s >= UNKNOWN_SIGMA_S else utc.sigma_s,
            source=tracking.name if tracking is not None and followed else "",
            stratum=tracking.stratum if tracking is not None and followed else 16,
            leap="unsynchronised" if tracking is None else tracking.leap,
            steps=steps,
            rate_ppm=rate_ppm,
        )

    def measured_rate_hz(self, segment: int) -> float:
        """Samples a second by the disciplined clock; the nominal rate before it is known."""
        with self._lock:
            clock = self._segments.get(segment)
            if clock is None or clock.pace_sigma > KNOWN_RATE:
                return self._rate_hz
            return self._rate_hz / (clock.pace * self._utc.pace())

    def note(self) -> str | None:
        """What is wrong with asking chrony, as one sentence; None when nothing is."""
        return self._problem

    def close(self) -> None:
        """Stop the thread, waiting for a question to chrony that is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(ASK_TIMEOUT_S + 1)
            self._thread = None


def chrony_asked_by(chronyc: str) -> Callable[[], Tracking]:
    """A question to chrony by its command."""
    return lambda: ask(chronyc, ASK_TIMEOUT_S)
