"""Messages written for tests: as a node writes them, with made-up content."""

from __future__ import annotations

import hashlib

from wire.messages import (
    Clip,
    ClockHealth,
    Heartbeat,
    MachineHealth,
    Pulse,
    Receipt,
    SoundHealth,
    SpoolHealth,
)

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


def pulse(
    sequence: int, *, sensor: str = "n1", boot: str = "1-a", at_s: float | None = None, snr_db: float = 20.0
) -> Pulse:
    """A pulse; later numbers arrived later."""
    return Pulse(
        sensor=sensor,
        boot=boot,
        sequence=sequence,
        arrival_ns=START_NS + round((sequence if at_s is None else at_s) * SECOND_NS),
        sigma_s=1e-4,
        clock="pps",
        clock_sigma_s=1e-6,
        snr_db=snr_db,
        features={f"feature_{number}": 0.1 * number for number in range(8)},
    )


def clip(sequence: int, *, sensor: str = "n1", boot: str = "1-a", size: int = 3000) -> Clip:
    """A clip whose sound is noise that does not compress; ``size`` bytes of it."""
    sound = b"".join(hashlib.sha256(b"%d %d" % (sequence, part)).digest() for part in range(size // 32 + 1))[:size]
    return Clip(
        sensor=sensor,
        boot=boot,
        sequence=sequence,
        start_ns=START_NS + sequence * SECOND_NS,
        rate_hz=48_000.0,
        frames=120_000,
        channels=1,
        onset_frame=24_000.0,
        privacy="filtered",
        kept=((23_000, 30_000),),
        flac=sound,
        sha256=hashlib.sha256(sound).hexdigest(),
    )


def receipt(*messages: Pulse | Clip, sensor: str = "n1") -> Receipt:
    """The centre's word that it has these, all of one kind."""
    identities = tuple(message.identity for message in messages)
    return Receipt(sensor=sensor, kind="pulse" if isinstance(messages[0], Pulse) else "clip", identities=identities)


def heartbeat(at_s: int = 0, *, sensor: str = "n1") -> Heartbeat:
    """A heartbeat."""
    return Heartbeat(
        sensor=sensor,
        at_ns=START_NS + at_s * SECOND_NS,
        boot="1-a",
        started_ns=START_NS,
        version="0",
        config_sha256="0" * 64,
        clock=ClockHealth(state="unsynchronised", sigma_s=None),
        sound=SoundHealth(rate_hz=48_000.0, frames=0),
        spool=SpoolHealth(),
        machine=MachineHealth(),
    )
