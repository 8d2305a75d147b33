"""Sample counter to time: a line through anchors that are late more often than not.

An anchor says when a frame was digitised, and it is late by whatever held up the audio system: usually microseconds,
sometimes many milliseconds, never early.  So of every second only the anchor that is least late is kept, and the line
lies along the lower edge of those: asymmetric least squares (Newey and Powell 1987, expectiles) with Huber's weights
(Huber 1981, section 7.8), by iterated reweighting.  The true rate is near the nominal one and wanders with temperature,
so that the rate has a prior and old seconds fade.  Equations: docs/time.md.

Which clock the times are of does not matter here; ``model`` gives the raw one, which nobody slews.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

SECOND_S = 1.0
"""One anchor is kept of each stretch so long."""
KEPT = 240
"""Seconds remembered; what is older says little of the rate now."""
FADE_S = 60.0
"""Age at which a second counts 1/e: long against jitter, short against a change of temperature (1 ppm in some minutes
bends the line by some 10 us over it)."""
RATE_SIGMA_PPB = 100_000.0
"""Before anything is known the rate is nominal to this: converters are good to some 100 ppm."""
FIRST_LATENESS_NS = 10_000_000.0
"""Lateness that a single anchor may have before the scatter of others is known."""
LATE_WEIGHT = 0.2
"""Late seconds pull so much less than early ones."""
EARLY_LIMIT = 5.0
"""Early seconds pull no harder than from so many scales below."""
FAR_NS = 300_000.0
"""Seconds later than this, and than the line and they themselves are uncertain, do not pull at all while any of before
can be remembered."""
SURE_EARLY = 3
"""So many seconds that are far early are no mistake of the audio system: all the others were late."""
KEPT_SIGMA_PPB = 200.0
"""How well the rate is known after samples were lost: it goes on."""
AFTERWARDS_SIGMA_PPB = 20_000.0
"""How well the rate of late seconds is believed once they have been found to be late."""
RATE_LIMIT_PPB = 300_000.0
"""No converter is farther from its nominal rate; a line that is has run after late seconds."""
SCALE_LIMIT = 3.0
"""The scatter of the seconds is no more than so many times what is expected of them: a stretch that is late as a whole
must not pass for scatter."""
BEND_PPB_S = 3.0
"""How fast the rate may change: 1 ppm in five minutes (sun on a box)."""
SYMMETRIC, EVEN = 0.72, 0.66
"""(mean - least) / deviation / sqrt(2 ln n) of a second's lateness: 0.4 or less when it is one-sided as it should be
(exponential), 0.6 when it is even (quantised), 0.8 when it is normal noise around the truth."""
SHAPE_S = 5
"""The shape is known after so many seconds; before, the worse is taken."""
SYMMETRIC_DEPTH = 1.4
"""The least late of several seconds lies deeper than that of one."""
RESOLUTION_NS = 1_000.0
"""Audio systems count microseconds."""
FLOOR_NS = 2_000.0
"""The line is never better known than this: wander of the rate within ``FADE_S``."""
RECENT = 5
"""When the least late of so many last seconds lies off the line, either may be wrong: the uncertainty covers both."""
FILLED_NS = 1e6
"""How wrong the number of filled-in samples may be, until two seconds after them have been seen."""
WILD_NS = 1e9
"""An anchor this far off is none; audio systems buffer less."""
WILD_DOUBT, WILD_RESTART = 20, 1000
"""So many such anchors without a good one between them cast doubt on the line; or end it."""
EVERY = 4
"""A settled line is fitted anew each so many seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """When a frame was digitised: ``time_ns``, at least 95 % within ``sigma_s``."""

    time_ns: int
    sigma_s: float


class SampleClock:
    """The sample clock of one segment; memory and work do not grow with its length.

    Parameters
    ----------
    rate_hz : nominal samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._restart()

    def _restart(self) -> None:
        self._origin: tuple[int, int] | None = None
        self._x: deque[float] = deque(maxlen=KEPT)  # nominal seconds since the origin
        self._y: deque[float] = deque(maxlen=KEPT)  # nanoseconds later than nominal
        self._own: deque[float] = deque(maxlen=KEPT)  # how late the least late may still be, nanoseconds
        self._seconds = 0
        self._lateness = FIRST_LATENESS_NS
        self._wild = 0
        # the line: y = a + b (x - middle), with covariance
        self._middle = self._a = self._b = 0.0
        self._var_a, self._cov, self._var_b = FIRST_LATENESS_NS**2, 0.0, RATE_SIGMA_PPB**2
        self._prior, self._prior_sigma = 0.0, RATE_SIGMA_PPB
        self._scale = RESOLUTION_NS
        self._off_ns = 0.0
        self._shape, self._above = 0.0, 0.0
        self._counted_ns = self._first_told_ns = 0  # what all anchors are multiples of
        self._even = True  # just as the frames they are of: then that tells nothing
        self._since = -math.inf  # the last time that samples were lost
        self._begin(0)

    def _begin(self, second: int) -> None:
        self._second, self._count, self._sum, self._squares = second, 0, 0.0, 0.0
        self._least, self._least_x, self._least_y = math.inf, 0.0, 0.0
        self._fitted = True

    def add(self, frame: int, time_ns: int, told_ns: int | None = None) -> None:
        """Take an anchor: ``frame`` was digitised at ``time_ns``, or before.

        told_ns : the same as the audio system told it, on its own clock; shows what it counts in.  None: ``time_ns``.
        """
        told_ns = time_ns if told_ns is None else told_ns
        if self._origin is None:
            self._origin = (frame, time_ns)
            self._first_told_ns = told_ns
        x = (frame - self._origin[0]) / self._rate_hz
        y = (time_ns - self._origin[1]) - x * 1e9
        if self._counted_ns != 1:
            self._counted_ns = math.gcd(self._counted_ns, told_ns - self._first_told_ns)
            self._even = self._even and abs(told_ns - self._first_told_ns - x * 1e9) < RESOLUTION_NS
        late = y - self._line(x)
        if abs(late) > WILD_NS:
            self._wild += 1
            if self._wild >= WILD_RESTART:
                self._restart()
            return
        self._wild = 0
        second = math.floor(x / SECOND_S)
        if second > self._second:
            self._close()
            late = y - self._line(x)
            self._begin(second)
        self._count += 1
        self._sum += late
        self._squares += late * late
        self._fitted = False
        if late < self._least:
            self._least, self._least_x, self._least_y = late, x, y

    def at(self, frame: float) -> Reading | None:
        """When a frame was digitised; None before the first anchor."""
        if self._origin is None:
            return None
        if len(self._x) < KEPT // 8 and not self._fitted:
            self._fit(with_open=True)
            self._fitted = True
        x = (frame - self._origin[0]) / self._rate_hz
        dx = x - self._middle
        spread = math.sqrt(max(self._var_a + dx * (2 * self._cov + dx * self._var_b), 0.0))
        sigma_ns = spread + FLOOR_NS + self._off_ns + self._symmetric_ns()
        if self._counted_ns > RESOLUTION_NS and not self._even:
            sigma_ns += min(self._counted_ns, FIRST_LATENESS_NS)
        if self._wild >= WILD_DOUBT:
            sigma_ns += WILD_NS
        whole = math.floor(x)
        time_ns = self._origin[1] + whole * 1_000_000_000 + round((x - whole) * 1e9 + self._line(x))
        return Reading(time_ns, sigma_ns * 1e-9)

    def lost(self, frame: int) -> None:
        """Samples were lost and filled in before ``frame``, maybe not exactly as many."""
        if self._origin is None:
            return
        self._close()
        self._since = (frame - self._origin[0]) / self._rate_hz
        self._begin(math.floor(self._since / SECOND_S))
        # What was before may be shifted against what comes: the rate is kept, the place is found anew.
        if len(self._x):
            self._prior, self._prior_sigma = self._b, max(math.sqrt(self._var_b), KEPT_SIGMA_PPB)
        for column in (self._x, self._y, self._own):
            column.clear()
        self._var_a += FILLED_NS**2
        self._off_ns = max(self._off_ns, FILLED_NS)

    @property
    def pace(self) -> float:
        """Seconds that a nominal second takes, and ``pace_sigma`` one standard deviation of it."""
        return 1.0 + self._b * 1e-9

    @property
    def pace_sigma(self) -> float:
        return math.sqrt(self._var_b) * 1e-9

    def _line(self, x: float) -> float:
        return self._a + self._b * (x - self._middle)

    def _own_sigma(self) -> float:
        """How late the least late of n may be: 1/n of the mean, were lateness exponential; more when n is small."""
        mean = self._sum / self._count - self._least
        return (mean + self._lateness / self._count) / self._count + RESOLUTION_NS

    def _close(self) -> None:
        """The second is over: keep its least late anchor."""
        if self._count == 0:
            return
        self._x.append(self._least_x)
        self._y.append(self._least_y)
        self._own.append(self._own_sigma())
        self._seconds += 1
        mean = self._sum / self._count
        above, deviation = mean - self._least, math.sqrt(max(self._squares / self._count - mean * mean, 0.0))
        self._lateness += 0.1 * (above - self._lateness)
        if self._count >= 8 and deviation > 0:
            gain = max(0.1, 1 / self._seconds)
            self._above += gain * (above - self._above)
            self._shape += gain * (above / deviation / math.sqrt(2 * math.log(self._count)) - self._shape)
        if len(self._x) < KEPT // 8 or self._seconds % EVERY == 0 or abs(self._least) > 3 * self._scale:
            self._fit(with_open=False)
        else:
            self._note_recent()

    def _symmetric_ns(self) -> float:
        """How far the least late may be *before* the truth, were lateness not one-sided but noise."""
        if self._seconds < SHAPE_S:
            now = 0.0 if self._count == 0 else self._sum / self._count - self._least
            return SYMMETRIC_DEPTH * max(self._above, now)
        return SYMMETRIC_DEPTH * self._above * min(1.0, max(0.0, (self._shape - EVEN) / (SYMMETRIC - EVEN)))

    def _forget_late(self) -> None:
        """When new seconds are far earlier than the line, the older ones were late: only their rate is kept."""
        if len(self._x) < SURE_EARLY:
            return
        late = [y - self._line(x) for x, y in zip(self._x, self._y, strict=True)]
        edge = sorted(late[-2 * RECENT :])[SURE_EARLY - 1]
        if min(late) > FAR_NS + 5 * max(self._own):  # nothing that is remembered lies on the line
            self._a += min(late)
            self._var_a, self._cov, self._var_b = FIRST_LATENESS_NS**2, 0.0, RATE_SIGMA_PPB**2
        if edge >= -FAR_NS:
            return
        kept = [i for i, l_ns in enumerate(late) if l_ns - edge <= FAR_NS]
        for column in (self._x, self._y, self._own):
            values = [column[i] for i in kept]
            column.clear()
            column.extend(values)
        self._a += edge
        self._prior, self._prior_sigma = self._b, AFTERWARDS_SIGMA_PPB

    def _note_recent(self) -> None:
        """How far the line is off what the last seconds say, or late of what any second said: then either is wrong."""
        x, y = np.array(self._x), np.array(self._y)
        late = y - (self._a + self._b * (x - self._middle))
        age = x[-1] - x
        early = -late - 0.5 * BEND_PPB_S * age * age - 3 * np.array(self._own)
        recent = late[-RECENT:][x[-RECENT:] >= self._since]
        seen = len(recent) >= (2 if math.isfinite(self._since) else 1)
        off_ns = abs(float(recent.min())) if seen else FILLED_NS
        self._off_ns = max(off_ns, float(early.max()))

    def _fit(self, *, with_open: bool) -> None:
        """The line along the lower edge (docs/time.md, "The line")."""
        self._forget_late()
        points = list(zip(self._x, self._y, self._own, strict=True))
        if with_open and self._count:
            points.append((self._least_x, self._least_y, self._own_sigma()))
        x, y, own = np.array(points).T
        was_middle = self._middle
        self._a, self._middle = self._line(float(x[-1])), float(x[-1])
        dx = x - self._middle
        fading = np.exp(dx / FADE_S)
        was = x - was_middle
        own_variance = own * own
        uncertain = np.sqrt(np.maximum(self._var_a + was * (2 * self._cov + was * self._var_b), 0.0))
        far = FAR_NS + 3 * uncertain + 3 * own
        most = SCALE_LIMIT * float(np.median(own))
        for _ in range(12 if len(self._x) < KEPT // 8 else 4):
            late = y - (self._a + self._b * dx)
            scale = min(1.4826 * float(np.median(np.abs(late[-int(FADE_S) :]))), most)
            variance = own_variance + scale * scale
            off = late / np.sqrt(variance)
            weight = fading / variance
            weight *= np.where(off > 0, LATE_WEIGHT / np.maximum(off, 1), 1 / np.maximum(-off / EARLY_LIMIT, 1))
            weight *= 1 / np.maximum(late / far, 1) ** 2
            s0, s1, s2 = float(weight.sum()), float(weight @ dx), float(weight @ (dx * dx))
            t0, t1 = float(weight @ y), float(weight @ (y * dx))
            s2 += self._prior_sigma**-2
            t1 += self._prior * self._prior_sigma**-2
            determinant = s0 * s2 - s1 * s1
            self._b = max(-RATE_LIMIT_PPB, min(RATE_LIMIT_PPB, (s0 * t1 - s1 * t0) / determinant))
            self._a = (t0 - self._b * s1) / s0
        self._var_a, self._cov, self._var_b = s2 / determinant, -s1 / determinant, s0 / determinant
        self._scale = math.sqrt(scale * scale + float(own_variance[-1]))
        if len(self._x):
            self._note_recent()
