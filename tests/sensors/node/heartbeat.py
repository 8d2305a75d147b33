"""A heartbeat of a node that is well."""

from __future__ import annotations

from typing import Any

import msgspec

from wire.messages import (
    ClockHealth,
    Heartbeat,
    MachineHealth,
    PlaceHealth,
    SoundHealth,
    SpoolHealth,
)
from wire.utc import NS_PER_S, parse_utc_ns

AT_NS = parse_utc_ns("2026-05-09T20:40:00Z")

WELL = Heartbeat(
    sensor="roof-17",
    at_ns=AT_NS,
    boot="42",
    started_ns=AT_NS - 273_600 * NS_PER_S,
    version="0.1.0",
    config_sha256="0" * 64,
    clock=ClockHealth(state="pps", sigma_s=12.34e-6, source="PPS", stratum=1, leap="normal", rate_ppm=3.21, steps=1),
    sound=SoundHealth(
        rate_hz=48000.0,
        frames=13_132_800_000,
        level_dbfs=-52.4,
        peak_dbfs=-20.1,
        floor_dbfs=(-71.3, -80.0),
        bands_hz=((300.0, 600.0), (600.0, 1200.0)),
        pulses=1234,
    ),
    spool=SpoolHealth(connected=True),
    machine=MachineHealth(
        disk_free_bytes=13_207_024_435, temperature_c=51.2, memory_bytes=84 * 2**20, cpu_share=0.0123
    ),
    place=PlaceHealth(longitude=-77.03653, latitude=38.89768, height_m=31.0, sigma_m=0.5, fix="3d"),
)


def but(table: str, **changes: Any) -> Heartbeat:
    """The same, with changes to one of its tables."""
    return msgspec.structs.replace(WELL, **{table: msgspec.structs.replace(getattr(WELL, table), **changes)})
