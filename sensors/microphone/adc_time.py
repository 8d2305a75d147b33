"""Times of the audio system told by CLOCK_MONOTONIC.

PortAudio does not say which clock its times are of: over ALSA it is CLOCK_MONOTONIC or CLOCK_REALTIME, by version and
driver; elsewhere it may be any.  What it calls the current time, compared with both clocks in the same callback, tells.
"""

from __future__ import annotations

import math
from typing import Literal

from sensors.microphone.ring import Buffer
from wire.utc import NS_PER_S

AdcClock = Literal["monotonic", "realtime", "own", "none"]

NEAR_S = 1.0
"""The audio system's current time is this near to a clock that it is of: callbacks are late by less, and the two clocks
differ by decades."""

OLDEST_S = 60.0
"""An ADC time this far before the current time is no time: some systems leave it 0."""


def clock_of(buffer: Buffer) -> AdcClock:
    """Which clock a buffer's times are of: ``own`` for another that runs, ``none`` when it tells no time."""
    if not math.isfinite(buffer.adc_s) or not math.isfinite(buffer.current_s) or buffer.adc_s <= 0.0:
        return "none"
    if not -NEAR_S < buffer.current_s - buffer.adc_s < OLDEST_S:
        return "none"
    if abs(buffer.current_s - buffer.monotonic_ns / NS_PER_S) < NEAR_S:
        return "monotonic"
    if abs(buffer.current_s - buffer.realtime_ns / NS_PER_S) < NEAR_S:
        return "realtime"
    return "own"


def adc_ns(buffer: Buffer, clock: AdcClock, rate_hz: float) -> int:
    """CLOCK_MONOTONIC nanoseconds at which the buffer's first frame was digitised.

    CLOCK_REALTIME may be set at any moment; its difference from CLOCK_MONOTONIC is taken in the same callback, so only
    a buffer that was in the making just then is off, for which ``sensors.microphone.gaps`` is prepared.  By a clock of
    its own the time is that of the call less the buffer's age, late by what the call was late; without any it is that
    of the call less the buffer's length.
    """
    if clock == "monotonic":
        return round(buffer.adc_s * NS_PER_S)
    if clock == "realtime":
        return round(buffer.adc_s * NS_PER_S) - (buffer.realtime_ns - buffer.monotonic_ns)
    age_s = buffer.current_s - buffer.adc_s if clock == "own" else buffer.frames / rate_hz
    return buffer.monotonic_ns - round(age_s * NS_PER_S)
