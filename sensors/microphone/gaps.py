"""Lost samples, found by the converter's times.

Portable audio systems do not say what they lost.  But a buffer whose first frame was digitised later than the frames
before it account for is either late in telling, or comes after frames that never came.  Late telling passes: a later
buffer is on time again.  A loss stays.  So a jump is held under suspicion, and its buffers held back, until

- a buffer is on time again: nothing was lost, those in between were late;
- four buffers in a row (two, if the audio system says that it lost something) agree on one jump: so much was lost;
- 0.1 s has passed without either: the buffers are let go with their times marked untrusted, and watching goes on.

Without suspicion nothing waits.  How far times may scatter is learnt from the times themselves: they are clean to a
sample on one system and late by milliseconds now and then on another.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from wire.utc import NS_PER_S

LONGEST_FILL_S = 1.0
"""Longer gaps are not filled: a new segment begins.  Over longer ones an unknown rate (100 ppm) adds up to frames."""

AGREEING, AGREEING_IF_TOLD = 4, 2
"""Buffers in a row that must show the same jump."""

LONGEST_HOLD_NS = 100_000_000
"""Of a buffer under suspicion, or as long as it takes for ``AGREEING`` buffers to come where these are long."""

FOLLOWS, FOLLOWS_LATE = 1.0 / 8.0, 1.0 / 64.0
"""How much of a buffer's difference from what was expected goes into what is expected next: of the last eight or so, so
few that a rate which is 100 ppm off shifts it by less than a frame; much less for a late one: lateness has one sign."""

YOUNG = 16
"""Buffers until a segment's beginning is behind it: until then the scatter is not known, and only a jump of more than a
period can be told from it."""

SCATTER_EACH = 16
"""Buffers until the scatter is worked out again."""

SCATTER_FROM = 64
"""Buffers whose scatter is remembered."""

SCATTER_SHARE = 0.9
"""Share of them that scatter less than what is allowed for, before the factor."""

SCATTER_FACTOR = 2.0
"""With times late by chance (exponential), one in a hundred is later than this; four in a row, one in 10^8."""

SCATTER_FRAMES = 2.0
"""Rounding of the audio system's own counters: to a frame at either end."""

RATE_FROM_S, RATE_ANEW_S = 10.0, 300.0
"""Time over which the rate is measured: at least, and until a new beginning is made."""

MOST_RATE_ERROR = 500e-6
"""A measured rate farther from the nominal one is no rate of a converter."""

SNAP_FRAMES = 1.5
"""A loss this near to whole periods, as far as scatter explains it, is of whole periods."""


class Look(NamedTuple):
    """A buffer as it came.

    first : number of its first frame among those received (``sensors.microphone.ring.Buffer``).
    frames : its length.
    adc_ns : CLOCK_MONOTONIC when its first frame was digitised, as far as told.
    heard_ns : CLOCK_MONOTONIC when it was handed over.
    overflow : the audio system says that it lost something before it.
    """

    first: int
    frames: int
    adc_ns: int
    heard_ns: int
    overflow: bool = False


class Placed(NamedTuple):
    """A buffer with its place in the segment.

    look : the buffer.
    fresh : a new segment begins with it; ``missing`` is then about how many frames were lost before it, or 0.
    first : number of its first frame in the segment.
    missing : frames before it that were lost and must be filled in.
    timely : its time may serve as an anchor of the sample clock.
    untrusted : frame numbers, (first, one past the last), whose times may be off because of what is known since this
        buffer; they may lie before it.
    """

    look: Look
    fresh: bool
    first: int
    missing: int = 0
    timely: bool = True
    untrusted: tuple[int, int] | None = None


@dataclass(slots=True)
class _Held:
    """A buffer under suspicion: ``late_ns`` is how much later it is than expected, by the numbering so far."""

    look: Look
    late_ns: float


@dataclass(slots=True)
class GapFinder:
    """Finds gaps in the buffers of one stream, and gives every buffer its place.

    rate_hz : nominal.
    period : frames that the audio system handles at a time.
    """

    rate_hz: float
    period: int
    _shift: int = 0
    """Frames filled in so far by suspicion: number in the segment less number received."""
    _end: int | None = None
    """Number in the segment after the last buffer that was let go; None before the first of a segment."""
    _frame: int = 0
    _frame_ns: float = 0.0
    """A frame number and the time expected of it."""
    _learnt: int = 0
    """Buffers on time in this segment."""
    _scatter: deque[float] = field(default_factory=lambda: deque(maxlen=SCATTER_FROM))
    _scatter_ns: float = 0.0
    _allowed_ns: float = 0.0
    _ns_per_frame: float = 0.0
    _rate_since: tuple[int, int] | None = None
    _age_ns: float = 0.0
    """Usual time from the digitising of a buffer's first frame to its handing over: the least of late."""
    _held: list[_Held] = field(default_factory=list)
    _backlog: bool = False
    _longest_hold_ns: float = 0.0

    def __post_init__(self) -> None:
        self._longest_hold_ns = max(LONGEST_HOLD_NS, AGREEING * self.period / self.rate_hz * NS_PER_S)
        self._begin()

    @property
    def holding(self) -> bool:
        """Whether buffers are held back."""
        return bool(self._held)

    def step(self, look: Look) -> list[Placed]:
        """Take one buffer; those whose place is known now, in order."""
        if self._end is None:
            return [self._first_of_segment(look, 0)]
        late_ns = look.adc_ns - self._frame_ns - (look.first + self._shift - self._frame) * self._ns_per_frame
        on_time = abs(late_ns) <= self._allowed_ns
        if on_time and not self._held and not look.overflow:
            self._learn(look, late_ns)
            return [self._place(look)]
        if on_time and self._held:
            placed = self._let_go(untrusted=any(held.look.overflow for held in self._held))
            self._learn(look, late_ns)
            return [*placed, self._place(look)]
        self._held.append(_Held(look, late_ns))
        jump = self._agreed()
        if jump is not None:
            return self._jumped(*jump)
        if look.heard_ns - self._held[0].look.heard_ns >= self._longest_hold_ns:
            return self._let_go(untrusted=True)
        return []

    def flush(self) -> list[Placed]:
        """Let go what is held: nothing more comes, or not soon."""
        return self._let_go(untrusted=True)

    def _begin(self) -> None:
        self._end = None
        self._shift = 0
        self._learnt = 0
        self._scatter.clear()
        self._ns_per_frame = NS_PER_S / self.rate_hz
        self._scatter_ns = 0.0
        self._allowed_ns = self.period * self._ns_per_frame
        self._rate_since = None
        self._backlog = False

    def _first_of_segment(self, look: Look, missing: int) -> Placed:
        self._begin()
        self._shift = -look.first
        self._end = look.frames
        self._expect(0, float(look.adc_ns))
        self._age_ns = look.heard_ns - look.adc_ns
        return Placed(look, fresh=True, first=0, missing=missing)

    def _expect(self, frame: int, frame_ns: float) -> None:
        self._frame, self._frame_ns = frame, frame_ns

    def _learn(self, look: Look, late_ns: float) -> None:
        """Take in a buffer that is on time."""
        frame = look.first + self._shift
        share = FOLLOWS if late_ns <= SCATTER_FRAMES * self._ns_per_frame else FOLLOWS_LATE
        self._learnt += 1
        self._expect(frame, look.adc_ns - (1.0 - max(share, 1.0 / (1 + self._learnt))) * late_ns)
        self._scatter.append(abs(late_ns))
        if self._learnt % SCATTER_EACH == 0:
            self._allow()
            self._measure_rate(frame, look.adc_ns)
        age_ns = look.heard_ns - look.adc_ns
        # Rises slowly, so that it follows a change of the system and not a moment's backlog.
        self._age_ns = age_ns if age_ns < self._age_ns else self._age_ns + 0.01 * (age_ns - self._age_ns)

    def _measure_rate(self, frame: int, time_ns: int) -> None:
        if self._rate_since is None:
            self._rate_since = (frame, time_ns)
            return
        frames, span_ns = frame - self._rate_since[0], time_ns - self._rate_since[1]
        if span_ns >= RATE_FROM_S * NS_PER_S and self._allowed_ns < 1e-5 * span_ns:
            measured = span_ns / frames
            if abs(measured * self.rate_hz / NS_PER_S - 1.0) <= MOST_RATE_ERROR:
                self._ns_per_frame = measured
        if span_ns >= RATE_ANEW_S * NS_PER_S:
            self._rate_since = (frame, time_ns)

    def _allow(self) -> None:
        """Work out what difference is still on time."""
        n = len(self._scatter)
        self._scatter_ns = sorted(self._scatter)[min(n - 1, int(SCATTER_SHARE * n))]
        if self._learnt >= YOUNG:
            self._allowed_ns = SCATTER_FRAMES * self._ns_per_frame + SCATTER_FACTOR * self._scatter_ns

    def _agreed(self) -> tuple[int, float] | None:
        """Index of the first held buffer after the jump, and the jump in nanoseconds; None while there is none."""
        told = any(held.look.overflow for held in self._held)
        needed = AGREEING_IF_TOLD if told else AGREEING
        late = [held.late_ns for held in self._held]
        if len(late) < needed or max(late[-needed:]) - min(late[-needed:]) > self._allowed_ns:
            return None
        if abs(late[-1]) <= self._allowed_ns:  # an overflow that cost nothing
            return None
        jump_ns = _earliest(late[-needed:], SCATTER_FRAMES * self._ns_per_frame)
        at = len(late) - needed
        while at > 0 and abs(late[at - 1] - jump_ns) <= self._allowed_ns:
            at -= 1
        return at, jump_ns

    def _jumped(self, at: int, jump_ns: float) -> list[Placed]:
        """Place what is held: before the held buffer ``at`` there is a jump."""
        after = self._held[at:]
        del self._held[at:]
        before = self._let_go(untrusted=True)
        missing = self._missing(jump_ns)
        if missing == 0 or (missing < 0 and (self._learnt < YOUNG or -jump_ns <= max(self._scatter, default=0.0))):
            # Nothing, or what was expected had followed buffers that were late, by as much as lately seen, and these
            # are on time.
            self._expect(self._frame, self._frame_ns + jump_ns)
            return before + [self._place(held.look) for held in after]
        if missing < 0 or missing > LONGEST_FILL_S * self.rate_hz:
            # Frames that were handed on cannot be taken back, and too long a hole is not filled.
            fresh = self._first_of_segment(after[0].look, max(0, missing))
            return before + [fresh] + [placed for held in after[1:] for placed in self.step(held.look)]
        self._shift += missing
        self._expect(self._frame, self._frame_ns + jump_ns - missing * self._ns_per_frame)
        self._backlog = True
        return before + [self._place(held.look) for held in after]

    def _missing(self, jump_ns: float) -> int:
        """Frames that a jump stands for."""
        frames = jump_ns / self._ns_per_frame
        periods = round(frames / self.period) * self.period
        near = min(SNAP_FRAMES, SCATTER_FACTOR * self._scatter_ns / self._ns_per_frame)
        return periods if abs(frames - periods) <= near and periods != 0 else round(frames)

    def _let_go(self, *, untrusted: bool) -> list[Placed]:
        """Place all that is held in the numbering so far."""
        held, self._held = self._held, []
        if held:
            # At most a period each: a loss that was not recognised at once must not be learnt as scatter.
            self._scatter.extend(min(abs(one.late_ns), self.period * self._ns_per_frame) for one in held)
            self._allow()
        return [self._place(one.look, timely=False, untrusted=untrusted) for one in held]

    def _place(self, look: Look, *, timely: bool = True, untrusted: bool = False) -> Placed:
        """Give a buffer its number; before it is missing what was just found, and what the ring had no room for."""
        assert self._end is not None
        first = look.first + self._shift
        missing = first - self._end
        if missing > LONGEST_FILL_S * self.rate_hz:
            return self._first_of_segment(look, missing)
        bounds = None
        if missing:
            bounds = (max(0, self._end - self.period), first + look.frames)
        elif self._backlog or untrusted:
            bounds = (first, first + look.frames)
        if self._backlog:
            # What an overrun left standing in the system may be from before the gap, and not from after it as its times
            # say: so it was with PipeWire behind ALSA.  Mistrusted until buffers come without delay, that one included.
            self._backlog = look.heard_ns - look.adc_ns > self._age_ns + self.period * self._ns_per_frame
            timely = timely and not self._backlog
        self._end = first + look.frames
        return Placed(look, fresh=False, first=first, missing=missing, timely=timely, untrusted=bounds)


def _earliest(times_ns: list[float], within_ns: float) -> float:
    """Mean of the times that are no later than ``within_ns`` after the earliest: lateness has one sign only."""
    earliest = min(times_ns)
    near = [time_ns for time_ns in times_ns if time_ns <= earliest + within_ns]
    return sum(near) / len(near)
