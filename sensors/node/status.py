"""The status file: a node's last heartbeat, for the technician who stands beside it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from errors import Mishap
from wire.codec import decode, encode
from wire.messages import ClockHealth, Heartbeat, MachineHealth, PlaceHealth, SoundHealth, SpoolHealth
from wire.utc import NS_PER_S

OLD_HEARTBEATS = 3.5
"""After so many heartbeats' time without one a node has stopped, or hangs."""

OLD_S = OLD_HEARTBEATS * 10.0
"""The same, at the default ``run.heartbeat_s``."""

MODE = 0o644
"""Anyone on the machine may read how the node is."""

SILENT_DBFS = -90.0
"""Below the noise of any microphone and amplifier: what comes is not sound (16 bit cannot show less than -98)."""

HOT_C = 80.0
"""Where a Raspberry Pi begins to slow down."""

MIB = 1024 * 1024


def write_status(path: Path, heartbeat: Heartbeat) -> None:
    """Put a heartbeat where ``read_status`` finds it: whole or not at all; its folder is made when missing.

    It need not outlive a power cut, so it is not forced to the disk.  Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(encode(heartbeat))
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read_status(path: Path) -> Heartbeat:
    """The last heartbeat of the node that writes ``path``.

    Raises
    ------
    Mishap
        There is no such file, or it may not be read.
    MessageError
        It is no heartbeat.
    """
    try:
        document = path.read_bytes()
    except FileNotFoundError:
        raise Mishap(path, "no node is running here, or its run.status_file is elsewhere") from None
    except OSError as error:
        raise Mishap(path, f"the status file cannot be read ({error.strerror or error})") from error
    return decode(document, Heartbeat, path)


def is_old(heartbeat: Heartbeat, now_ns: int, old_after_s: float = OLD_S) -> bool:
    """Whether a heartbeat is so old that the node must have stopped, or hangs; or comes from as far in the future."""
    return abs(now_ns - heartbeat.at_ns) > old_after_s * NS_PER_S


def status_text(heartbeat: Heartbeat, now_ns: int, old_after_s: float = OLD_S) -> str:
    """How a node is, in lines for people; lines about what is wrong come first and begin with ``!``."""
    rows = [
        _clock(heartbeat.clock),
        _sound(heartbeat.sound),
        _spool(heartbeat.spool, heartbeat.at_ns),
        _machine(heartbeat.machine),
        _place(heartbeat.place),
    ]
    lines = [_head(heartbeat, now_ns, old_after_s), *(f"! {note}" for note in heartbeat.notes)]
    for is_wrong, name, said in sorted(rows, key=lambda row: not row[0]):
        lines.append(f"{'!' if is_wrong else ' '} {name:<8} {said}")
    return "\n".join(lines) + "\n"


def _head(heartbeat: Heartbeat, now_ns: int, old_after_s: float) -> str:
    age_s = (now_ns - heartbeat.at_ns) / NS_PER_S
    ran = duration((heartbeat.at_ns - heartbeat.started_ns) / NS_PER_S)
    who = f"{heartbeat.sensor} (tocsin {heartbeat.version}, run {heartbeat.boot})"
    if not is_old(heartbeat, now_ns, old_after_s):
        return f"  {who} has run for {ran}, heartbeat {duration(max(age_s, 0.0))} ago"
    if age_s < 0.0:
        return f"! {who}: its heartbeat is {duration(-age_s)} in the future, so the clock of this machine was set back"
    return f"! {who} does not run: its last heartbeat was {duration(age_s)} ago, after {ran}"


def _clock(clock: ClockHealth) -> tuple[bool, str, str]:
    words = [clock.state if clock.sigma_s is None else f"{clock.state}, within {_small(clock.sigma_s)}"]
    if clock.source:
        words.append(f"by {clock.source}, stratum {clock.stratum}")
    if clock.leap in {"insert", "delete"}:
        words.append("a leap second is announced")
    if clock.rate_ppm is not None:
        words.append(f"samples {clock.rate_ppm:+.1f} ppm")
    if clock.steps:
        words.append(_count(clock.steps, "step"))
    return clock.state in {"unsynchronised", "holdover"}, "time", ", ".join(words)


def _sound(sound: SoundHealth) -> tuple[bool, str, str]:
    level = sound.level_dbfs
    if level is None:
        words = ["nothing was heard"]
    else:
        words = [f"level {level:.0f} dBFS"]
        if sound.peak_dbfs is not None:
            words.append(f"peak {sound.peak_dbfs:.0f}")
        if sound.floor_dbfs:
            words.append(f"floor {min(sound.floor_dbfs):.0f} .. {max(sound.floor_dbfs):.0f}")
    words.append(_count(sound.pulses, "pulse"))
    if sound.gaps:
        words.append(f"{_count(sound.gaps, 'gap')} ({_count(sound.lost_frames, 'sample')} lost)")
    if sound.stalls:
        words.append(f"opened again {_count(sound.stalls, 'time')}")
    if not sound.privacy_filter:
        words.append("clips are not filtered")
    return level is None or level < SILENT_DBFS, "sound", ", ".join(words)


def _spool(spool: SpoolHealth, at_ns: int) -> tuple[bool, str, str]:
    words = ["connected" if spool.connected else "the bus is not reached"]
    if spool.pulses or spool.clips:
        waiting = f"{_count(spool.pulses, 'pulse')} and {_count(spool.clips, 'clip')} wait"
        since = "" if spool.oldest_ns is None else f" since {duration(max(at_ns - spool.oldest_ns, 0) / NS_PER_S)}"
        words.append(f"{waiting}{since} ({spool.bytes / MIB:.1f} MiB)")
    else:
        words.append("nothing waits")
    if spool.unspooled:
        words.append(f"the disk refuses {_count(spool.unspooled, 'pulse')}, held in memory")
    if spool.clips_dropped:
        words.append(f"{_count(spool.clips_dropped, 'clip')} dropped for want of room")
    return not spool.connected or spool.unspooled > 0, "spool", ", ".join(words)


def _machine(machine: MachineHealth) -> tuple[bool, str, str]:
    words = [name.replace("_", " ") for name in machine.throttled]
    if machine.temperature_c is not None:
        words.append(f"{machine.temperature_c:.0f} \u00b0C")
    if machine.cpu_share is not None:
        words.append(f"{100.0 * machine.cpu_share:.1f} % of a core")
    if machine.memory_bytes is not None:
        words.append(f"{machine.memory_bytes / MIB:.0f} MiB of memory")
    if machine.disk_free_bytes is not None:
        words.append(f"{machine.disk_free_bytes / MIB / 1024:.1f} GiB of disk free")
    hot = machine.temperature_c is not None and machine.temperature_c >= HOT_C
    return bool(machine.throttled) or hot, "machine", ", ".join(words) or "tells nothing"


def _place(place: PlaceHealth | None) -> tuple[bool, str, str]:
    if place is None:
        return False, "place", "not known to the node"
    words = [f"{place.latitude:.6f}, {place.longitude:.6f}, {place.height_m:.0f} m"]
    if place.sigma_m is not None:
        words.append(f"within {place.sigma_m:.1f} m")
    words.append("as configured" if place.origin == "configured" else "by GPS")
    if place.fix != "none":
        words.append(f"GPS fix {place.fix}")
    if place.moved_m is not None:
        words.append(f"moved by {place.moved_m:.0f} m")
    return place.moved_m is not None, "place", ", ".join(words)


def duration(seconds: float) -> str:
    """In the two units that people would use."""
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _small(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} \u00b5s"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1.0 else duration(seconds)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
