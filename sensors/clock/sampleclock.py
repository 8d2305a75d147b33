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
EARLY_LIMIT = 3.0
"""Early seconds pull no harder than from so many scales below."""
RESOLUTION_NS = 1_000.0
"""Audio systems count microseconds."""
FLOOR_NS = 2_000.0
"""The line is never better known than this: wander of the rate within ``FADE_S``."""
RECENT = 5
"""When the least late of so many last seconds lies off the line, either may be wrong: the uncertainty covers both."""
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
        self._scale = RESOLUTION_NS
        self._off_ns = 0.0
        self._begin(0)

    def _begin(self, second: int) -> None:
        self._second, self._count, self._sum = second, 0, 0.0
        self._least, self._least_x, self._least_y = math.inf, 0.0, 0.0
        self._fitted = True

    def add(self, frame: int, time_ns: int) -> None:
        """Take an anchor: ``frame`` was digitised at ``time_ns``, or before."""
        if self._origin is None:
            self._origin = (frame, time_ns)
        x = (frame - self._origin[0]) / self._rate_hz
        y = (time_ns - self._origin[1]) - x * 1e9
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
        self._fitted = False
        if late < self._least:
            self._least, self._least_x, self._least_y = late, x, y

    def at(self, frame: float) -> Reading | None:
        """When a frame was digitised; None before the first anchor."""
        if self._origin is None:
            return None
        if self._seconds < KEPT // 8 and not self._fitted:
            self._fit(with_open=True)
            self._fitted = True
        x = (frame - self._origin[0]) / self._rate_hz
        dx = x - self._middle
        spread = math.sqrt(max(self._var_a + dx * (2 * self._cov + dx * self._var_b), 0.0))
        sigma_ns = spread + FLOOR_NS + abs(self._off_ns)
        if self._wild >= WILD_DOUBT:
            sigma_ns += WILD_NS
        whole = math.floor(x)
        time_ns = self._origin[1] + whole * 1_000_000_000 + round((x - whole) * 1e9 + self._line(x))
        return Reading(time_ns, sigma_ns * 1e-9)

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
        self._lateness += 0.1 * ((self._sum / self._count - self._least) - self._lateness)
        if self._seconds < KEPT // 8 or self._seconds % EVERY == 0 or abs(self._least) > 3 * self._scale:
            self._fit(with_open=False)
        else:
            self._note_recent()

    def _note_recent(self) -> None:
        n = len(self._x)
        self._off_ns = min(self._y[i] - self._line(self._x[i]) for i in range(max(0, n - RECENT), n))

    def _fit(self, *, with_open: bool) -> None:
        """The line along the lower edge (docs/time.md, "The line")."""
        points = list(zip(self._x, self._y, self._own, strict=True))
        if with_open and self._count:
            points.append((self._least_x, self._least_y, self._own_sigma()))
        x, y, own = np.array(points).T
        self._a, self._middle = self._line(float(x[-1])), float(x[-1])
        dx = x - self._middle
        fading = np.exp(dx / FADE_S)
        own_variance = own * own
        for _ in range(12 if self._seconds < KEPT // 8 else 4):
            late = y - (self._a + self._b * dx)
            scale = 1.4826 * float(np.median(np.abs(late[-int(FADE_S) :])))
            variance = own_variance + scale * scale
            off = late / np.sqrt(variance)
            weight = fading / variance
            weight *= np.where(off > 0, LATE_WEIGHT / np.maximum(off, 1), 1 / np.maximum(-off / EARLY_LIMIT, 1))
            s0, s1, s2 = float(weight.sum()), float(weight @ dx), float(weight @ (dx * dx))
            t0, t1 = float(weight @ y), float(weight @ (y * dx))
            s2 += RATE_SIGMA_PPB**-2
            determinant = s0 * s2 - s1 * s1
            self._a, self._b = (s2 * t0 - s1 * t1) / determinant, (s0 * t1 - s1 * t0) / determinant
        self._var_a, self._cov, self._var_b = s2 / determinant, -s1 / determinant, s0 / determinant
        self._scale = math.sqrt(scale * scale + float(own_variance[-1]))
        if len(self._x):
            self._note_recent()
