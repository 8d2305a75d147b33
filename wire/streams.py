"""Streams of the bus: what JetStream keeps of each kind of message, and for how long.

A stream is the way, not the record: nodes keep what they sent until the centre's receipt, and the centre's store keeps
it after that.  So a full stream lets its oldest messages go; those that the centre had not taken come again.
"""

from __future__ import annotations

from typing import NamedTuple

from wire.codec import LONGEST_BYTES

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
MIB = 2**20

MESSAGE_ID = "Nats-Msg-Id"
"""Header by which a stream knows a repeat within its window."""


class Stream(NamedTuple):
    """One stream.

    name, subjects : as JetStream knows it.
    max_age_s, max_bytes, max_messages_each : what it keeps, the last by subject; -1 is no limit.
    longest_bytes : of one message.
    window_s : how long a message id is remembered; a repeat of the same id meanwhile is dropped as a duplicate.
    """

    name: str
    subjects: tuple[str, ...]
    max_age_s: float
    max_bytes: int
    longest_bytes: int
    window_s: float
    max_messages_each: int = -1


PULSES = Stream("PULSES", ("pulse.*.*",), 3 * DAY_S, 1024 * MIB, 64 * 1024, 2 * MINUTE_S)
"""A day of 20 sensors at a pulse a second is about 0.8 GiB."""

CLIPS = Stream("CLIPS", ("clip.*.*",), DAY_S, 4096 * MIB, LONGEST_BYTES, 2 * MINUTE_S)

HEARTBEATS = Stream("HEARTBEATS", ("heartbeat.*.*",), 7 * DAY_S, 256 * MIB, 64 * 1024, 10.0, 360)
"""An hour of each sensor; and of a sensor that fell silent, what it said last, for a week."""

STREAMS = (PULSES, CLIPS, HEARTBEATS)
