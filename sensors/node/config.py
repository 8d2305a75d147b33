"""node.toml: what a technician may say about a node.

Every key's meaning, unit, bounds and default stand in docs/node-config.md, which is written from these types.
Durations are in seconds (``_s``), sizes in mebibytes (``_mib``).  What no single key can tell stands in
``sensors.node.reading``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sensors.node.masking import masked
from settings.tables import Table, number, what

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Place(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the microphone stands, as surveyed.  Every shot that it helps to locate is shifted by an error here."""

    longitude: Annotated[float, number(-180, 180, "degrees east of Greenwich, WGS 84; west is negative")]
    latitude: Annotated[float, number(-90, 90, "degrees north of the equator, WGS 84; south is negative")]
    height_m: Annotated[
        float, number(-500, 9000, "of the microphone above the WGS 84 ellipsoid, not above the street")
    ] = 0.0
    sigma_m: (
        Annotated[float, number(0, 1000, "one standard deviation of the survey on each horizontal axis")] | None
    ) = None


class Capture(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the node listens to.  Give `device` for a microphone, `file` for a recording, or `stdin = true` for raw
    sound from standard input: one of them at most. Without any it is the machine's default microphone."""

    device: (
        Annotated[
            str | int,
            what("microphone: part of its name, or its number (which may change), as `tocsin node devices` lists it"),
        ]
        | None
    ) = None
    file: (
        Annotated[str, what("recording (with its sidecar), or folder of one, listened to as if it were live")] | None
    ) = None
    stdin: Annotated[bool, what("raw sound from standard input: interleaved, little-endian")] = False
    stdin_format: Annotated[Literal["s16", "s24", "s32", "f32"], what("samples on standard input")] = "s16"
    pace: Annotated[float, number(0, 1_000_000, "seconds of `file` played in a second; 0 is as fast as it goes")] = 1.0
    rate_hz: Annotated[int, number(16_000, 96_000, "samples a second; `file` has its own")] = 48_000
    channels: Annotated[int, number(1, 16, "microphones at this place, in one device; `file` has its own")] = 1
    buffer_s: Annotated[
        float, number(1, 60, "sound that may wait for a processor that is held up; older sound is lost, and said to be")
    ] = 10.0
    full_scale_db_spl: (
        Annotated[
            float, number(40, 220, "peak level of a full-scale sample, from a calibrator; left out: not calibrated")
        ]
        | None
    ) = None
    stall_s: Annotated[float, number(1, 60, "so long without a sample, and the microphone is opened again")] = 3.0


class Clock(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the node knows the time, and its place."""

    chronyc: Annotated[Text, what("command that asks chrony")] = "chronyc"
    source: Annotated[
        Literal["chrony", "recorded", "none"],
        what(
            "`chrony`: the system clock, as far as chrony vouches for it; `recorded`: the recording's own time; "
            "`none`: nobody vouches, every pulse is marked unsynchronised"
        ),
    ] = "chrony"
    poll_s: Annotated[float, number(1, 600, "between two questions to chrony")] = 10.0
    pps_names: Annotated[
        tuple[str, ...], what("names (`refid`) that chrony.conf gives to sources with a pulse per second")
    ] = ("PPS",)
    holdover_s: Annotated[
        float, number(0, 86_400, "how long time is carried on when nothing disciplines the clock any more")
    ] = 3600.0
    holdover_ppm: Annotated[
        float, number(0, 500, "how fast the system clock may drift meanwhile, parts in a million")
    ] = 5.0
    worst_sigma_s: Annotated[
        float, number(1e-6, 1, "when time is known worse than this, pulses are marked unsynchronised")
    ] = 0.020
    input_delay_s: Annotated[
        float, number(-1, 1, "from the sound at the microphone to its time stamp, as measured; it is subtracted")
    ] = 0.0
    gpsd: Annotated[bool, what("ask gpsd for the place; a surveyed `place` is then watched for moves")] = False
    gpsd_host: Annotated[Text, what("machine that gpsd runs on")] = "127.0.0.1"
    gpsd_port: Annotated[int, number(1, 65_535, "TCP port of gpsd")] = 2947
    moved_m: Annotated[
        float, number(1, 10_000, "a sensor that GPS finds farther than this from its place has moved")
    ] = 25.0


class Detect(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a pulse; docs/tuning.md says what to change by symptom."""

    threshold_db: Annotated[
        float, number(0, 60, "how far a sound must stand out to be a pulse: more is fewer pulses")
    ] = 4.5
    most_per_minute: Annotated[int, number(1, 100_000, "more pulses than this are counted and told, but not sent")] = (
        1200
    )


class Clips(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sound that is sent with a pulse.  Nothing else that was heard ever leaves the node, or reaches its disk."""

    send: Annotated[bool, what("whether clips are sent at all")] = True
    before_s: Annotated[float, number(0, 5, "of sound before the onset")] = 0.5
    after_s: Annotated[float, number(0.1, 10, "of sound after it")] = 2.0
    privacy_filter: Annotated[bool, what("make speech in clips unintelligible; `false` is told in every heartbeat")] = (
        True
    )
    most_per_minute: Annotated[int, number(0, 600, "of more pulses than this the clip is not sent; the pulse is")] = 20
    memory_s: Annotated[
        float, number(5, 60, "sound kept in memory, never on disk, to cut clips from; 2 s more than a clip or longer")
    ] = 30.0


class Spool(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pulses and clips wait until the centre has them."""

    folder: Annotated[Text, what("its folder, on a disk that outlives a power cut; made when missing")] = (
        "/var/lib/tocsin"
    )
    limit_mib: Annotated[
        float, number(1, 1_000_000, "most that may wait; beyond it the oldest clips are given up, pulses never")
    ] = 2048.0
    keep_free_mib: Annotated[
        float, number(0, 1_000_000, "of the disk, for others: with less free space, clips are no longer kept")
    ] = 200.0


class Uplink(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way to the centre; without it pulses wait in the spool."""

    servers: Annotated[
        tuple[Text, ...],
        msgspec.Meta(
            min_length=1,
            description="of the bus, such as `tls://bus.example.org:4222`; the first that answers is taken",
        ),
    ]
    ca_file: (
        Annotated[str, what("certificates (PEM) that vouch for the servers; left out: those of the system")] | None
    ) = None
    seed_file: Annotated[Text, what("the node's secret key, made by `tocsin node enrol`; nobody else may read it")] = (
        "/etc/tocsin/node.seed"
    )
    receipt_s: Annotated[
        float, number(1, 3600, "a message that has no receipt of the centre after so long is sent again")
    ] = 30.0
    reconnect_s: Annotated[
        float, number(0.1, 600, "longest wait between two tries to connect, before chance is added")
    ] = 30.0

    def __repr__(self) -> str:
        parts = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__)
        return masked(f"Uplink({', '.join(parts)})")


class Run(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the node runs and what it says."""

    status_file: Annotated[Text, what("written at each heartbeat, for `tocsin node status`")] = (
        "/run/tocsin/status.json"
    )
    heartbeat_s: Annotated[float, number(1, 600, "between two heartbeats")] = 10.0
    log_format: Annotated[Literal["text", "json"], what("lines for people, or one JSON object a line")] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], what("the least that is said")] = "info"


class NodeConfig(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node: one microphone, or a small array, at one place."""

    sensor: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_-]{1,100}$",
            description="the sensor's id, as the centre's registry has it: letters, digits, `_`, `-`",
        ),
    ]
    place: Annotated[Place, what("where it stands; left out: GPS or the recording tells, or nobody")] | None = None
    capture: Annotated[Capture, what("what it listens to")] = Capture()
    clock: Annotated[Clock, what("how it knows the time")] = Clock()
    detect: Annotated[Detect, what("what a pulse is")] = Detect()
    clips: Annotated[Clips, what("the sound that is sent")] = Clips()
    spool: Annotated[Spool, what("where pulses and clips wait")] = Spool()
    uplink: Annotated[Uplink, what("where they go; left out: nowhere, they stay in the spool")] | None = None
    run: Annotated[Run, what("how the node runs")] = Run()
