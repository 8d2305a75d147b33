"""The messages: frozen msgspec structs, JSON on the wire.

Each has ``schema`` (an integer that only grows; readers accept older ones) and an identity that makes a repeat
harmless.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

PULSE_SCHEMA = 2
"""1: without ``clock`` and ``clock_sigma_s``."""
CLIP_SCHEMA = 1
HEARTBEAT_SCHEMA = 1
RECEIPT_SCHEMA = 1

ClockState = Literal["pps", "ntp", "holdover", "unsynchronised", "recorded"]
"""What a time rests on.

pps : the system clock is disciplined by a pulse per second (GPS).
ntp : by network time.
holdover : by neither any more, but the time carried on from before is still good to the stated sigma.
unsynchronised : nothing vouches for the time; its sigma is not to be believed.
recorded : the sound came from a recording, whose own time was taken.
"""

Sensor = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Sigma = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]  # "$" alone lets a last newline pass


class Pulse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One impulsive arrival at one sensor.  Identity: ``sensor`` + ``boot`` + ``sequence``.

    sensor : the sensor's id in the registry.
    boot, sequence : which run of the node, and the number of the pulse in it.
    arrival_ns : UTC nanoseconds of the first onset, its known bias removed.
    sigma_s : one standard deviation of ``arrival_ns`` as a measurement (picking and clock; not propagation), seconds.
    clock : what ``arrival_ns`` rests on; None when the sender did not say (schema 1).
    clock_sigma_s : the clock's part of ``sigma_s``, seconds.
    snr_db : peak envelope over the noise floor before the onset, dB.
    peak_db_spl : peak level, dB re 20 uPa; None when the sensor is not calibrated.
    flags : what an auditor should know: ``clipped``; ``gap``, samples were lost in the sound or just before it;
        ``untrusted``, samples were lost in the neighbourhood, so that its time may be off by as many.
    features : numbers of ``acoustic.features``, by name.
    """

    sensor: Sensor
    arrival_ns: Nanoseconds
    sigma_s: Sigma
    boot: str = ""
    sequence: int = 0
    clock: ClockState | None = None
    clock_sigma_s: float | None = None
    snr_db: float | None = None
    peak_db_spl: float | None = None
    flags: tuple[str, ...] = ()
    features: dict[str, float] = {}
    schema: int = PULSE_SCHEMA

    @property
    def identity(self) -> str:
        """``sensor/boot/sequence``: equal for every repeat of one pulse."""
        return f"{self.sensor}/{self.boot}/{self.sequence}"


class Clip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sound around a pulse.  Identity: that of the pulse, which is ``sensor`` + ``boot`` + ``sequence``.

    start_ns : UTC nanoseconds of the first sample, by the clock as it was when the pulse was stamped.
    rate_hz : samples a second, as measured; the FLAC stream carries the nominal rate, a whole number.
    frames, channels : of the sound.
    onset_frame : frame (a fraction) at which the pulse begins.
    privacy : what was done so that nobody can be understood: ``filtered``, or ``off``.
    kept : stretches of frames, (first, one past the last), that are as they were heard; all when ``privacy`` is off.
    full_scale_db_spl : level of a sample of 1, dB re 20 uPa; None when the sensor is not calibrated.
    flac : the sound, a FLAC stream (base64 in JSON); more channels than its eight lie one after the other.
    sha256 : of ``flac``, lower-case hexadecimal.
    """

    sensor: Sensor
    boot: str
    sequence: Count
    start_ns: Nanoseconds
    rate_hz: Annotated[float, msgspec.Meta(gt=0.0)]
    frames: Count
    channels: Annotated[int, msgspec.Meta(ge=1, le=64)]
    onset_frame: float
    privacy: Literal["filtered", "off"]
    kept: tuple[tuple[Count, Count], ...]
    flac: bytes
    sha256: Digest
    full_scale_db_spl: float | None = None
    schema: int = CLIP_SCHEMA

    @property
    def identity(self) -> str:
        """That of its pulse: ``sensor/boot/sequence``."""
        return f"{self.sensor}/{self.boot}/{self.sequence}"


class ClockHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a node knows the time.

    state, sigma_s : of a sample digitised now; sigma_s is infinite, written null, when nothing is known.
    source : what disciplines the system clock, as chrony names it (``PPS``, ``192.0.2.1``); empty when nothing does.
    stratum : of the system clock; 16 when it is not synchronised.
    leap : ``normal``, ``insert``, ``delete`` or ``unsynchronised``, as chrony reports it.
    steps : jumps of the system clock since the node started.
    rate_ppm : how much faster than nominal samples come, parts in a million; None before it is known.
    """

    state: ClockState
    sigma_s: float | None
    source: str = ""
    stratum: Annotated[int, msgspec.Meta(ge=0, le=16)] = 16
    leap: Literal["normal", "insert", "delete", "unsynchronised"] = "unsynchronised"
    steps: Count = 0
    rate_ppm: float | None = None


class PlaceHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node is.

    longitude, latitude, height_m : WGS 84 degrees and ellipsoidal metres: as configured, or the long-term mean of GPS.
    sigma_m : one standard deviation on each horizontal axis, metres; None when nobody has said.
    origin : ``configured`` or ``gps``.
    fix : quality of the GPS fix now; ``none`` without one, or without a receiver.
    moved_m : how far the last fixes lie from where the node should be, when that is farther than their scatter tells.
    """

    longitude: Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
    latitude: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
    height_m: float
    sigma_m: float | None = None
    origin: Literal["configured", "gps"] = "configured"
    fix: Literal["none", "2d", "3d", "dgps", "rtk"] = "none"
    moved_m: float | None = None


class SoundHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node heard since the heartbeat before.

    rate_hz : nominal samples a second; ``frames`` how many have come since the start of the node, lost ones not.
    level_dbfs, peak_dbfs : root mean square and largest sample, dB re full scale.
    floor_dbfs : noise floor of each band, dB re full scale; ``bands_hz`` their edges.
    pulses : detected since the start of the node.
    gaps, lost_frames : places where samples were lost since the start of the node, and how many.
    stalls : times that capture stood still and was opened again, since the start of the node.
    privacy_filter : whether clips are filtered.
    """

    rate_hz: float
    frames: Count
    level_dbfs: float | None = None
    peak_dbfs: float | None = None
    floor_dbfs: tuple[float, ...] = ()
    bands_hz: tuple[tuple[float, float], ...] = ()
    pulses: Count = 0
    gaps: Count = 0
    lost_frames: Count = 0
    stalls: Count = 0
    privacy_filter: bool = True


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What waits to be acknowledged.

    pulses, clips, bytes : in the spool.  oldest_ns : arrival of the oldest pulse in it; None when there is none.
    clips_dropped : clips given up for want of room since the spool was made.
    unspooled : pulses that the disk refused and that are held in memory instead.
    connected : whether the bus is reached.
    """

    pulses: Count = 0
    clips: Count = 0
    bytes: Count = 0
    oldest_ns: int | None = None
    clips_dropped: Count = 0
    unspooled: Count = 0
    connected: bool = False


class MachineHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The computer.

    disk_free_bytes : where the spool lies.  temperature_c : of the processor; None when it does not tell.
    throttled : what a Raspberry Pi says holds it back: ``under_voltage``, ``frequency_capped``, ``throttled``,
        ``soft_temperature_limit``; empty when nothing does or nothing tells.
    memory_bytes : resident, of the node.  cpu_share : of one core since the heartbeat before.
    """

    disk_free_bytes: Count | None = None
    temperature_c: float | None = None
    throttled: tuple[str, ...] = ()
    memory_bytes: Count | None = None
    cpu_share: float | None = None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node is alive, and how.  Identity: ``sensor`` + ``at_ns``.  Never spooled: an old one is of no use.

    at_ns : UTC nanoseconds when it was made, by the system clock.
    boot : which run of the node; ``started_ns`` when that began, by the system clock.
    version : of the software.  config_sha256 : of the text of node.toml.
    notes : what a technician should read, each one sentence; empty when all is well.
    """

    sensor: Sensor
    at_ns: Nanoseconds
    boot: str
    started_ns: Nanoseconds
    version: str
    config_sha256: Digest
    clock: ClockHealth
    sound: SoundHealth
    spool: SpoolHealth
    machine: MachineHealth
    place: PlaceHealth | None = None
    notes: tuple[str, ...] = ()
    schema: int = HEARTBEAT_SCHEMA

    @property
    def identity(self) -> str:
        """``sensor/at_ns``."""
        return f"{self.sensor}/{self.at_ns}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The centre has committed what a node sent: the node may forget it.  Repeats are harmless.

    sensor : whose messages.  kind : which of its messages.
    identities : of the messages, ``sensor/boot/sequence`` each.
    """

    sensor: Sensor
    kind: Literal["pulse", "clip"]
    identities: tuple[str, ...]
    schema: int = RECEIPT_SCHEMA
