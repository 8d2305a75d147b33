"""From the raw clock to UTC, as chrony vouches: what is believed, when it is doubted, and how far it may be off.

A *claim* is one answer of chrony, tied to the raw clock (``looks``): at this raw time UTC was this, at least 95 %
within sigma, and ran on at this rate.  The last claim that was believed is carried on by the raw clock, which neither
slews nor steps.  A claim that agrees with what is carried on replaces it.  One that does not is doubted, whether the
system clock was stepped or the source of time has changed: what was known is carried on (holdover) until several claims
from measurements made since have agreed among themselves.  Equations and states: docs/time.md.

No threads, no waiting: ``model`` looks, asks and locks.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from sensors.clock.chrony import Tracking
from sensors.clock.leap import LeapSeconds, may_be_leap
from sensors.clock.looks import Look, LookHistory
from sensors.node.config import Clock
from wire.messages import ClockState

UNKNOWN_SIGMA_S = 1.0
"""Told where nothing is known.  Finite, since JSON has no infinity; the state says that it is not to be believed."""
STEP_NS = 2_000
"""Realtime - monotonic is constant to a nanosecond; more than this and the widths of two looks is a step."""
SLEPT_NS = 100_000_000
"""A machine that slept longer than this knows its time no more: the raw clock stood still meanwhile."""
CONFIRMATIONS, FIRST_CONFIRMATIONS = 3, 2
"""Claims from different measurements that must agree before they overrule what was known; or, after a step, before
anything was known."""
LAST_OFFSETS = 6
"""Measurements after which what they changed is known better than by chrony's long-term average."""
MUDDLED_S = 100e-6
"""While in doubt, claims that are worse than what is known by a factor, and by this, are waited out."""
SAME_NS = 500_000_000
"""Chrony moves the time of a measurement along when it slews; measurements of this distance are different ones."""
WANDER_PPM = 0.1
"""How far the rate of a crystal may wander from what chrony knows within a minute or so."""
UNKNOWN_BEND_PPM = 50.0
"""How far the monotonic clock may be bent before it has been looked at long enough."""
COMPARED_NS = 600_000_000_000
"""Answers farther apart than this are not compared any more."""
SURE = 1.5
"""Evidence for or against ``chronyd -x`` that settles it: two answers that tell the two apart, of 1 each."""
EARLY_ASKS, EARLY_ASK_S, UNSYNCHRONISED_ASK_S, STEP_ASK_S = 4, 2.0, 5.0, 1.0
STALE_ASKS, STALE_S = 3, 30.0
"""Without an answer for so many polls, and so long, time is carried on by ourselves."""
FRESH_UPDATES, FRESH_MARGIN_S, FRESH_UNKNOWN_S = 4.0, 8.0, 150.0
"""Chrony goes on answering when its sources are gone; it has lost them when its last measurement is older than so many
update intervals.  A network source may double its interval again and again, so it is given longer."""


@dataclass(frozen=True, slots=True)
class Utc:
    """UTC of a raw time: at least 95 % within ``sigma_s``."""

    utc_ns: int
    sigma_s: float
    state: ClockState


@dataclass(frozen=True, slots=True)
class _Claim:
    raw_ns: int
    monotonic_ns: int
    smooth_ns: int
    sigma_s: float
    slow_ppm: float  # of the clock that chrony measures, uncorrected
    spread_s: float
    skew_ppm: float
    rate_ppm: float  # of UTC against the raw clock, and how wrong that may be
    drift_ppm: float
    reference_ns: int
    state: ClockState


@dataclass(slots=True)
class _Doubt:
    """What was known and what chrony claims do not agree.

    step_ns : jump of the system clock that began it; 0 when none was seen.
    reference_ns : measurements up to this one do not count: they may be of before the step.  None: not known yet.
    last : claim before; ``count`` claims agreed so far.  off_s : how far the last one was from what was known.
    hopeless : what was known is not worth carrying on.
    """

    step_ns: int = 0
    reference_ns: int | None = None
    last: _Claim | None = None
    count: int = 0
    off_s: float = 0.0
    hopeless: bool = False


class UtcModel:
    """UTC of raw times, as far as known now.

    steps : jumps of the system clock so far, leap seconds not counted.
    tracking : chrony's last answer, None when it gave none.
    """

    def __init__(self, config: Clock) -> None:
        self._config = config
        self._history = LookHistory()
        self._last: Look | None = None
        self._ahead: Look | None = None  # the tightest look since the last step
        self._base: _Claim | None = None
        self._doubt: _Doubt | None = None
        self._sourced = False
        self._leaps = LeapSeconds()
        self._asks = 0
        self._asked_ns: int | None = None
        self._answered_raw_ns: int | None = None
        # Evidence that chrony only watches the clock (chronyd -x): above 0 for it, below against.
        self._watching = 0.0
        self._compared: _Claim | None = None
        self._offsets: deque[float] = deque(maxlen=LAST_OFFSETS)
        self._seen_ns = 0
        self.steps = 0
        self.tracking: Tracking | None = None

    # -- looking ---------------------------------------------------------------------------------------------------

    def look(self, look: Look) -> None:
        """Take a look at the clocks: sees steps, leap seconds and sleep."""
        last = self._last
        if last is not None and look.monotonic_ns <= last.monotonic_ns:
            return
        self._history.add(look)
        self._last = look
        if last is None or self._ahead is None:
            self._ahead = look
            return
        if look.slept_ns - last.slept_ns > SLEPT_NS + look.width_ns + last.width_ns:
            self._base, self._doubt, self._leaps, self._compared = None, _Doubt(), LeapSeconds(), None
            self._ahead = look
            return
        jump_ns = look.ahead_ns - self._ahead.ahead_ns
        if abs(jump_ns) <= STEP_NS + look.width_ns + self._ahead.width_ns:
            if look.width_ns < self._ahead.width_ns:
                self._ahead = look
            return
        self._ahead = look
        self._stepped(jump_ns, last, look)

    def _stepped(self, jump_ns: int, last: Look, look: Look) -> None:
        if self._base is not None and self._leaps.explains(
            jump_ns, self._smooth_ns(last.raw_ns), self._smooth_ns(look.raw_ns)
        ):
            return
        self.steps += 1
        self._compared = None
        doubt = self._doubt or _Doubt()
        self._doubt = _Doubt(
            step_ns=doubt.step_ns + jump_ns,
            off_s=doubt.off_s,
            # An announced leap second is told apart; this one may be a leap second that nobody announced.
            hopeless=doubt.hopeless or may_be_leap(jump_ns, last.realtime_ns),
        )

    def raw_ns(self, monotonic_ns: int) -> int:
        """Raw time of a monotonic one of the last seconds."""
        return self._history.raw_ns(monotonic_ns)

    # -- asking ----------------------------------------------------------------------------------------------------

    def ask_due(self, monotonic_ns: int) -> bool:
        """Whether chrony should be asked."""
        if self._asked_ns is None:
            return True
        wait_s = self._config.poll_s
        if self._doubt is not None and self._doubt.reference_ns is None:
            wait_s = min(wait_s, STEP_ASK_S)
        elif self._asks < EARLY_ASKS:
            wait_s = min(wait_s, EARLY_ASK_S)
        elif not self._sourced or self._doubt is not None:
            wait_s = min(wait_s, UNSYNCHRONISED_ASK_S)
        return monotonic_ns - self._asked_ns >= (wait_s - 0.05) * 1e9

    def answer(self, before: Look, tracking: Tracking | None, after: Look) -> None:
        """Take chrony's answer, asked for and got between two looks; None when it gave none."""
        self._asked_ns = after.monotonic_ns
        self._asks += 1
        self.look(after)
        self.tracking = tracking
        if tracking is None:
            return
        if abs(after.ahead_ns - before.ahead_ns) > STEP_NS + after.width_ns + before.width_ns:
            return  # stepped while it was answering: who knows which clock it is of
        self._answered_raw_ns = after.raw_ns
        if not tracking.synchronised:
            self._sourced = False
            self._not_before(0)
            return
        claim = self._claim(before, tracking, after)
        if claim is None:
            self._sourced = False
            self._not_before(tracking.reference_ns)
            return
        if not self._leaps.near(claim.smooth_ns):
            self._sourced = self._consider(claim)
            if self._doubt is not None:
                self._compared = None
            elif self._compared is None or self._compare(self._compared, claim):
                self._compared = claim
            if self._sourced and self._doubt is None:
                self._leaps.announce(tracking.leap, claim.smooth_ns)

    def _not_before(self, reference_ns: int) -> None:
        if self._doubt is not None and self._doubt.reference_ns is None:
            self._doubt.reference_ns = reference_ns

    def _claim(self, before: Look, tracking: Tracking, after: Look) -> _Claim | None:
        """What chrony claims; None when its last measurement is too old, or in the future."""
        raw_ns = (before.raw_ns + after.raw_ns) // 2
        real_ns = (before.realtime_ns + after.realtime_ns) // 2
        utc_ns = real_ns + round(tracking.offset_s * 1e9)
        interval_s = tracking.update_interval_s
        state: ClockState = "pps" if tracking.names & set(self._config.pps_names) else "ntp"
        fresh_s = FRESH_UPDATES * interval_s + FRESH_MARGIN_S if interval_s > 0 else FRESH_UNKNOWN_S
        if state == "ntp":
            fresh_s = max(fresh_s, FRESH_UNKNOWN_S)
        if not -1.0 <= (utc_ns - tracking.reference_ns) * 1e-9 <= fresh_s:
            return None
        smooth_ns = utc_ns if self._base is None else self._leaps.smooth(utc_ns, self._smooth_ns(raw_ns))
        bent_ppm = self._history.bent_ppm()
        sure = min(1.0, abs(self._watching) / SURE)
        spread_s = self._spread_s(tracking)
        slewed_ns = abs((after.monotonic_ns - before.monotonic_ns) - (after.raw_ns - before.raw_ns))
        return _Claim(
            raw_ns=raw_ns,
            monotonic_ns=(before.monotonic_ns + after.monotonic_ns) // 2,
            smooth_ns=smooth_ns,
            sigma_s=tracking.root_dispersion_s
            + tracking.root_delay_s / 2
            + spread_s
            + (slewed_ns + before.width_ns + after.width_ns) * 0.5e-9,
            slow_ppm=-tracking.frequency_ppm,
            spread_s=spread_s,
            skew_ppm=tracking.skew_ppm,
            rate_ppm=-tracking.frequency_ppm + ((bent_ppm or 0.0) if self._watching > 0 else 0.0),
            drift_ppm=tracking.skew_ppm
            + WANDER_PPM
            + (1 - sure) * (UNKNOWN_BEND_PPM if bent_ppm is None else abs(bent_ppm)),
            reference_ns=tracking.reference_ns,
            state=state,
        )

    def _spread_s(self, tracking: Tracking) -> float:
        """How far measurements lie apart: chrony's average, unless it still holds what was long corrected."""
        if abs(tracking.reference_ns - self._seen_ns) > SAME_NS:
            self._seen_ns = tracking.reference_ns
            self._offsets.append(abs(tracking.last_offset_s))
        few = len(self._offsets) < LAST_OFFSETS
        return tracking.rms_offset_s if few else min(tracking.rms_offset_s, max(self._offsets))

    def _consider(self, claim: _Claim) -> bool:
        """Believe a claim, or not; whether chrony has a source worth following."""
        base, doubt = self._base, self._doubt
        if base is None and doubt is None:
            self._believe(claim)
            return True
        worst_s = self._config.worst_sigma_s
        if base is not None and not (doubt is not None and doubt.hopeless):
            known_s = self._sigma_s(base, claim.raw_ns)
            smooth_ns = self._smooth_ns(claim.raw_ns)
            if self._leaps.unsure(smooth_ns) and not self._leaps.measured(claim.reference_ns):
                return True
            off_s = (claim.smooth_ns - smooth_ns) * 1e-9
            if claim.sigma_s > worst_s >= known_s:
                # Not worth following; but it may well be good enough to say that something is wrong.
                if doubt is None and abs(off_s) > known_s + claim.sigma_s:
                    self._doubt = _Doubt(reference_ns=base.reference_ns, off_s=off_s)
                return False
            if self._leaps.unsure(smooth_ns) and abs(abs(off_s) - 1.0) < known_s + claim.sigma_s:
                self._leaps.cancel()
                off_s = 0.0
            # A step that is smaller than what is known cannot be seen in the claim: then measurements must be new.
            bound_s = known_s + claim.sigma_s
            if doubt is not None and claim.sigma_s > 3 * known_s + MUDDLED_S:
                return True  # chrony has measurements of before and after the step mixed up
            if abs(off_s) <= bound_s and (doubt is None or abs(doubt.step_ns) * 1e-9 > 2 * bound_s):
                self._believe(claim)
                return True
            doubt = self._doubt = doubt or _Doubt(reference_ns=base.reference_ns)
            doubt.off_s = off_s
        assert doubt is not None
        if doubt.reference_ns is None:
            doubt.reference_ns = claim.reference_ns
        elif abs(claim.reference_ns - doubt.reference_ns) > SAME_NS:
            doubt.reference_ns = claim.reference_ns
            agrees = doubt.last is not None and abs(
                claim.smooth_ns - self._carry(doubt.last, claim.raw_ns)
            ) * 1e-9 <= claim.sigma_s + self._sigma_s(doubt.last, claim.raw_ns)
            doubt.count = doubt.count + 1 if agrees else 1
            doubt.last = claim
            if doubt.count >= (FIRST_CONFIRMATIONS if base is None else CONFIRMATIONS):
                self._believe(claim)
        return True

    def _believe(self, claim: _Claim) -> None:
        self._base, self._doubt = claim, None
        self._leaps.confirm(claim.smooth_ns)

    def _compare(self, one: _Claim, two: _Claim) -> bool:
        """Does chrony steer the clock (so that the raw one keeps the rate it tells), or only watch it (chronyd -x)?

        False when the two are not far enough apart to tell, and the first one may still serve.
        """
        raw_ns, monotonic_ns = two.raw_ns - one.raw_ns, two.monotonic_ns - one.monotonic_ns
        apart_ns = abs(raw_ns - monotonic_ns)
        # What chrony itself does not know of the rate and of the time tells nothing of the two.
        noise_ns = (one.spread_s + two.spread_s) * 1e9 + (one.skew_ppm + two.skew_ppm) * 1e-6 * raw_ns
        if apart_ns < 3 * (STEP_NS + noise_ns):
            better = two.skew_ppm < one.skew_ppm / 2 or two.spread_s < one.spread_s / 2
            return better or raw_ns > COMPARED_NS
        slow = 1 + (one.slow_ppm + two.slow_ppm) * 0.5e-6
        passed_ns = two.smooth_ns - one.smooth_ns
        steering, watching = abs(passed_ns - raw_ns * slow), abs(passed_ns - monotonic_ns * slow)
        if min(steering, watching) < apart_ns / 4:  # else chrony has changed its mind, and neither fits
            self._watching = 0.9 * self._watching + max(-1.0, min(1.0, (steering - watching) / apart_ns))
        return True

    # -- telling ---------------------------------------------------------------------------------------------------

    def pace(self) -> float:
        """Seconds of UTC in a raw second."""
        return 1.0 if self._base is None else 1.0 + self._base.rate_ppm * 1e-6

    @staticmethod
    def _carry(claim: _Claim, raw_ns: int) -> int:
        passed = raw_ns - claim.raw_ns
        return claim.smooth_ns + passed + round(passed * claim.rate_ppm * 1e-6)

    def _smooth_ns(self, raw_ns: int) -> int:
        assert self._base is not None
        return self._carry(self._base, raw_ns)

    def _following(self, raw_ns: int) -> bool:
        """Whether chrony has answered lately, has a source, and is believed."""
        if not self._sourced or self._doubt is not None or self._answered_raw_ns is None:
            return False
        return (raw_ns - self._answered_raw_ns) * 1e-9 <= max(STALE_ASKS * self._config.poll_s, STALE_S)

    def _sigma_s(self, claim: _Claim, raw_ns: int) -> float:
        """How far off it may be when carried on to another time."""
        age_s = abs(raw_ns - claim.raw_ns) * 1e-9
        drift_ppm = claim.drift_ppm
        if not self._following(raw_ns):
            drift_ppm = max(drift_ppm, self._config.holdover_ppm)
        return claim.sigma_s + drift_ppm * 1e-6 * age_s

    def at(self, raw_ns: int) -> Utc:
        """UTC of a raw time of the last seconds, by what is known now; ``look`` first."""
        now = self._last
        assert now is not None
        base, doubt = self._base, self._doubt
        if base is None:
            return Utc(now.realtime_ns + raw_ns - now.raw_ns, UNKNOWN_SIGMA_S, "unsynchronised")
        smooth_ns = self._smooth_ns(raw_ns)
        utc_ns, _ = self._leaps.utc(smooth_ns)
        sigma_s = max(self._sigma_s(base, now.raw_ns), self._sigma_s(base, raw_ns))
        unnamed = self._leaps.unnamed(smooth_ns, round(2e9 * sigma_s))
        if unnamed or self._leaps.unsure(smooth_ns) or (doubt is not None and doubt.hopeless):
            return Utc(utc_ns, UNKNOWN_SIGMA_S, "unsynchronised")
        state = base.state
        if not self._following(now.raw_ns):
            state = "holdover"
            if doubt is not None and not self._explained(doubt, sigma_s):
                sigma_s += abs(doubt.off_s)
            if (now.raw_ns - base.raw_ns) * 1e-9 > self._config.holdover_s:
                state = "unsynchronised"
        if not sigma_s <= self._config.worst_sigma_s:
            state = "unsynchronised"
        return Utc(utc_ns, sigma_s, state)

    @staticmethod
    def _explained(doubt: _Doubt, sigma_s: float) -> bool:
        """Whether chrony is off by just the step, of which it does not know yet."""
        step_s = doubt.step_ns * 1e-9
        return math.isclose(doubt.off_s, 0.0, abs_tol=sigma_s) or math.isclose(doubt.off_s, step_s, abs_tol=2 * sigma_s)
