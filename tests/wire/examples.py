"""Messages of every kind, as strategies: whatever their types allow."""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from tests.strategies import instants_ns
from wire.messages import (
    Clip,
    ClockHealth,
    Heartbeat,
    MachineHealth,
    PlaceHealth,
    Pulse,
    Receipt,
    SoundHealth,
    SpoolHealth,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
SENSORS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)
CLOCKS = st.sampled_from(["pps", "ntp", "holdover", "unsynchronised", "recorded"])


def pulses() -> st.SearchStrategy[Pulse]:
    return st.builds(
        Pulse,
        sensor=SENSORS,
        arrival_ns=instants_ns(),
        sigma_s=st.floats(0.0, 10.0),
        boot=TEXTS,
        sequence=COUNTS,
        clock=st.none() | CLOCKS,
        clock_sigma_s=st.none() | st.floats(0.0, 10.0),
        snr_db=st.none() | NUMBERS,
        peak_db_spl=st.none() | NUMBERS,
        flags=st.lists(TEXTS, max_size=3).map(tuple),
        features=st.dictionaries(TEXTS, NUMBERS, max_size=4),
        schema=st.integers(1, 2),
    )


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    flac = draw(st.binary(max_size=60))
    return Clip(
        sensor=draw(SENSORS),
        boot=draw(TEXTS),
        sequence=draw(COUNTS),
        start_ns=draw(instants_ns()),
        rate_hz=draw(st.floats(1.0, 1e6)),
        frames=draw(COUNTS),
        channels=draw(st.integers(1, 64)),
        onset_frame=draw(NUMBERS),
        privacy=draw(st.sampled_from(["filtered", "off"])),
        kept=tuple(draw(st.lists(st.tuples(COUNTS, COUNTS), max_size=3))),
        flac=flac,
        sha256=hashlib.sha256(flac).hexdigest(),
        full_scale_db_spl=draw(st.none() | NUMBERS),
    )


def heartbeats() -> st.SearchStrategy[Heartbeat]:
    maybe = st.none() | NUMBERS
    return st.builds(
        Heartbeat,
        sensor=SENSORS,
        at_ns=instants_ns(),
        boot=TEXTS,
        started_ns=instants_ns(),
        version=TEXTS,
        config_sha256=st.binary(max_size=4).map(lambda b: hashlib.sha256(b).hexdigest()),
        clock=st.builds(ClockHealth, state=CLOCKS, sigma_s=maybe, source=TEXTS, steps=COUNTS, rate_ppm=maybe),
        sound=st.builds(
            SoundHealth,
            rate_hz=NUMBERS,
            frames=COUNTS,
            level_dbfs=maybe,
            floor_dbfs=st.lists(NUMBERS, max_size=3).map(tuple),
            bands_hz=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
        ),
        spool=st.builds(SpoolHealth, pulses=COUNTS, oldest_ns=st.none() | instants_ns(), connected=st.booleans()),
        machine=st.builds(MachineHealth, disk_free_bytes=st.none() | COUNTS, temperature_c=maybe),
        place=st.none()
        | st.builds(
            PlaceHealth, longitude=st.floats(-180, 180), latitude=st.floats(-90, 90), height_m=NUMBERS, sigma_m=maybe
        ),
        notes=st.lists(TEXTS, max_size=2).map(tuple),
    )


def receipts() -> st.SearchStrategy[Receipt]:
    return st.builds(
        Receipt,
        sensor=SENSORS,
        kind=st.sampled_from(["pulse", "clip"]),
        identities=st.lists(TEXTS, max_size=4).map(tuple),
    )


def messages() -> st.SearchStrategy[Pulse | Clip | Heartbeat | Receipt]:
    return pulses() | clips() | heartbeats() | receipts()
