"""node.toml: what a technician may say about a node.

Every key's meaning, unit, bounds and default stand in docs/node-config.md, which is written from these types.
Sensor-wide words: durations in seconds (``_s``), sizes in mebibytes (``_mib``).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from settings.tables import Table, number, what

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Place(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the microphone stands, as surveyed."""

    longitude: Annotated[float, number(-180, 180, "degrees east, WGS 84")]
    latitude: Annotated[float, number(-90, 90, "degrees north, WGS 84")]
    height_m: Annotated[float, number(-500, 9000, "above the ellipsoid, of the microphone")] = 0.0
    sigma_m: (
        Annotated[float, number(0, 1000, "one standard deviation of the survey on each horizontal axis")] | None
    ) = None


class Capture(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the node listens to.  Give `device` for a microphone, `file` for a recording, or `stdin = true` for raw
    sound from standard input; without any of them it is the machine's default microphone."""

    device: Annotated[str | int, what("microphone: part of its name, or its number (`tocsin node devices`)")] | None = (
        None
    )
    file: Annotated[str, what("recording with its sidecar, listened to as if it were live")] | None = None
    stdin: Annotated[bool, what("raw sound from standard input: interleaved, little-endian")] = False
    stdin_format: Annotated[Literal["s16", "s24", "s32", "f32"], what("samples on standard input")] = "s16"
    pace: Annotated[
        float, number(0, 1_000_000, "seconds of a recording played in a second; 0 is as fast as it goes")
    ] = 1.0
    rate_hz: Annotated[int, number(16_000, 96_000, "samples a second; a recording has its own")] = 48_000
    channels: Annotated[int, number(1, 16, "microphones at this place, in one device")] = 1
    buffer_s: Annotated[float, number(1, 60, "sound kept for a processor that is held up")] = 10.0
    full_scale_db_spl: (
        Annotated[float, number(40, 220, "peak level of a full-scale sample, re 20 µPa; left out: not calibrated")]
        | None
    ) = None
    stall_s: Annotated[float, number(1, 60, "without a sample, capture has stalled and is opened again")] = 3.0


class Clock(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the node knows the time, and its place."""

    chronyc: Annotated[Text, what("command that asks chrony; empty of meaning where `source` is not `chrony`")] = (
        "chronyc"
    )
    source: Annotated[
        Literal["chrony", "recorded", "none"],
        what("`chrony`: the system clock, as chrony vouches; `recorded`: the recording's own; `none`: nobody vouches"),
    ] = "chrony"
    poll_s: Annotated[float, number(1, 600, "between two questions to chrony")] = 10.0
    pps_names: Annotated[tuple[str, ...], what("reference ids of chrony that are a pulse per second")] = ("PPS",)
    holdover_s: Annotated[
        float, number(0, 86_400, "how long time is carried on when nothing disciplines the clock")
    ] = 3600.0
    holdover_ppm: Annotated[float, number(0, 500, "how fast the system clock may drift meanwhile")] = 5.0
    worst_sigma_s: Annotated[float, number(1e-6, 1, "time known worse than this is marked unsynchronised")] = 0.020
    input_delay_s: Annotated[float, number(-1, 1, "from the microphone to the converter's time stamp, subtracted")] = (
        0.0
    )
    gpsd: Annotated[bool, what("ask gpsd for the place")] = False
    gpsd_host: Annotated[Text, what("machine of gpsd")] = "127.0.0.1"
    gpsd_port: Annotated[int, number(1, 65_535, "port of gpsd")] = 2947
    moved_m: Annotated[float, number(1, 10_000, "farther than this from its place a sensor has moved")] = 25.0


class Detect(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a pulse; docs/tuning.md says what to change by symptom."""

    threshold_db: Annotated[float, number(0, 60, "smallest statistic that is a pulse")] = 4.5
    most_per_minute: Annotated[int, number(1, 100_000, "more pulses than this are counted, said, and not sent")] = 1200


class Clips(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sound that is sent with a pulse."""

    send: Annotated[bool, what("send clips at all")] = True
    before_s: Annotated[float, number(0, 5, "before the onset")] = 0.5
    after_s: Annotated[float, number(0.1, 10, "after it")] = 2.0
    privacy_filter: Annotated[
        bool, what("make unintelligible what is outside impulses and their echoes; `false` is told in every heartbeat")
    ] = True
    most_per_minute: Annotated[int, number(0, 600, "more clips than this are not sent; pulses are")] = 20
    memory_s: Annotated[float, number(5, 60, "sound kept in memory, never on disk")] = 30.0


class Spool(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pulses and clips wait until the centre has them."""

    folder: Annotated[Text, what("its folder; made when missing")] = "/var/lib/tocsin"
    limit_mib: Annotated[float, number(1, 1_000_000, "most that may wait; the oldest clips go first")] = 2048.0
    keep_free_mib: Annotated[float, number(0, 1_000_000, "of the disk: with less, clips are no longer kept")] = 200.0


class Uplink(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way to the centre; without it pulses wait in the spool."""

    servers: Annotated[tuple[Text, ...], what("of the bus, such as `tls://bus.example.org:4222`; any will do")]
    ca_file: Annotated[str, what("certificates that vouch for the servers; left out: those of the system")] | None = (
        None
    )
    seed_file: Annotated[Text, what("the node's secret key, made by `tocsin node enrol`")] = "/etc/tocsin/node.seed"
    receipt_s: Annotated[float, number(1, 3600, "without a receipt, a message is sent again after this")] = 30.0
    reconnect_s: Annotated[float, number(0.1, 600, "longest wait between two tries to connect, jitter aside")] = 30.0


class Run(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the node runs and what it says."""

    status_file: Annotated[Text, what("written at each heartbeat, read by `tocsin node status`")] = (
        "/run/tocsin/status.json"
    )
    heartbeat_s: Annotated[float, number(1, 600, "between two heartbeats")] = 10.0
    log_format: Annotated[Literal["text", "json"], what("lines for people, or one JSON object a line")] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], what("the least that is said")] = "info"


class NodeConfig(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node."""

    sensor: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_-]{1,100}$", description="the sensor's id in the registry: letters, digits, `_`, `-`"
        ),
    ]
    place: Annotated[Place, what("where it stands; left out: GPS tells, or nobody")] | None = None
    capture: Annotated[Capture, what("what it listens to")] = Capture()
    clock: Annotated[Clock, what("how it knows the time")] = Clock()
    detect: Annotated[Detect, what("what a pulse is")] = Detect()
    clips: Annotated[Clips, what("the sound that is sent")] = Clips()
    spool: Annotated[Spool, what("where it waits")] = Spool()
    uplink: Annotated[Uplink, what("where it goes; left out: nowhere, the spool fills")] | None = None
    run: Annotated[Run, what("how the node runs")] = Run()
