"""Does anybody vouch for the time, does anybody know the place, and does the disk take what must not be lost?"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from errors import ClockError
from sensors.node.check import Check
from sensors.node.config import Clock, NodeConfig, Spool

ASK_S = 5.0
FIX_S = 8.0
"""Longest wait for a GPS fix: a receiver that is warm has one."""

GOOD_S = 1e-3
"""Time known better than this costs less than the survey of the place: sound goes 34 cm meanwhile."""

MIB = 1024 * 1024
TRIES = 5
SLOW_S = 0.3
"""A disk that needs longer to store a pulse holds up a burst."""

MOUNTS = Path("/proc/self/mounts")
_IN_MEMORY = {"tmpfs", "ramfs"}


def check_time(config: Clock) -> Check:
    """Whether the system clock is synchronised, and how well."""
    from sensors.clock.chrony import ask  # noqa: PLC0415

    if config.source == "recorded":
        return Check("time", True, "the recording's own")
    if config.source == "none":
        advice = 'pulses are marked unsynchronised and locate nothing; clock.source = "chrony" asks chrony'
        return Check("time", True, "nobody vouches for it, as node.toml wants", advice)
    try:
        tracking = ask(config.chronyc, ASK_S)
    except ClockError as error:
        return Check("time", False, str(error), "sudo apt install chrony; sudo systemctl enable --now chrony")
    if not tracking.synchronised:
        advice = "wait some minutes after a start; chronyc sources -v tells what chrony hears, docs/time.md what to do"
        return Check("time", False, "chrony runs, but follows no source", advice)
    # chronyc(1), "tracking": the bound of the error, with what chrony knows and has not yet corrected
    sigma_s = abs(tracking.offset_s) + tracking.root_dispersion_s + tracking.root_delay_s / 2.0
    by_pulse = not tracking.names.isdisjoint(config.pps_names)
    said = f"by {tracking.name}{' (pulse per second)' if by_pulse else ''}, stratum {tracking.stratum}"
    said = f"{said}, within {sigma_s * 1e3:.3f} ms"
    if sigma_s > config.worst_sigma_s:
        advice = f"worse than clock.worst_sigma_s, {config.worst_sigma_s * 1e3:g} ms: a nearer time server, or GPS"
        return Check("time", False, said, advice)
    if not by_pulse and sigma_s > GOOD_S:
        return Check("time", True, said, "a GPS receiver with a pulse per second is better by far (docs/time.md)")
    return Check("time", True, said)


def check_place(config: NodeConfig) -> Check:
    """Whether the place is known, and GPS agrees."""
    place = config.place
    said = "" if place is None else f"{place.latitude:.6f}, {place.longitude:.6f} as configured"
    if config.clock.gpsd:
        return _check_gps(config, said)
    if place is None and config.capture.file is not None:
        return Check("place", True, "the recording's own, when it has one")
    if place is None:
        advice = "add a [place] with its longitude and latitude, or clock.gpsd = true"
        return Check("place", False, "nobody tells where the sensor is", advice)
    if place.sigma_m is None:
        return Check("place", True, said, "place.sigma_m, how well it was surveyed, makes regions honest")
    return Check("place", True, f"{said}, within {place.sigma_m:g} m")


def _check_gps(config: NodeConfig, said: str) -> Check:
    from sensors.clock.gps import GpsWatch  # noqa: PLC0415

    watch = GpsWatch(config.clock, config.place)
    try:
        watch.start()
        deadline_s = time.monotonic() + FIX_S
        while (health := watch.health()) is None or health.fix == "none":
            if time.monotonic() > deadline_s:
                why = watch.note() or f"no fix within {FIX_S:g} s"
                advice = "cgps tells what the receiver sees: it wants the open sky, and minutes after a cold start"
                return Check("place", config.place is not None, f"{said}; {why}" if said else why, advice)
            time.sleep(0.05)
        note = watch.note()
    finally:
        watch.close()
    words = [said] if said else [f"{health.latitude:.6f}, {health.longitude:.6f}"]
    words.append(f"GPS fix {health.fix}")
    if health.moved_m is not None:
        advice = "survey it again, or put it back"
        return Check("place", False, ", ".join([*words, f"moved by {health.moved_m:.0f} m"]), advice)
    return Check("place", True, ", ".join(words), note or "")


def check_spool(config: Spool) -> Check:
    """Whether the spool's disk takes data, outlives a power cut, has room, and is quick enough."""
    folder = Path(config.folder)
    try:
        found = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        times_s = sorted(_stored_s(found) for _ in range(TRIES))
        state = os.statvfs(found)
    except OSError as error:
        advice = "try it as the node's user: sudo -u tocsin tocsin node check"
        return Check("spool", False, f"{folder}: cannot be written ({error.strerror or error})", advice)
    free_mib = state.f_bavail * state.f_frsize / MIB
    said = f"{folder}: {free_mib:,.0f} MiB free, a pulse is stored in {times_s[TRIES // 2] * 1e3:.1f} ms"
    if found != folder:
        said += ", to be made"
    kind = file_system(found)
    if kind in _IN_MEMORY:
        return Check(
            "spool", False, f"{said}, but in memory ({kind})", "a folder on a disk: this one ends with the power"
        )
    if free_mib < config.keep_free_mib:
        advice = f"less than spool.keep_free_mib, {config.keep_free_mib:,.0f} MiB: clips are not kept; make room"
        return Check("spool", False, said, advice)
    if kind == "overlay":
        return Check("spool", True, said, "an overlay may end with the power (raspi-config): put the spool elsewhere")
    if times_s[-1] > SLOW_S:
        return Check("spool", True, said, f"up to {times_s[-1]:.1f} s: a faster card or an SSD stores bursts in time")
    return Check("spool", True, said)


def _stored_s(folder: Path) -> float:
    """Seconds to bring the size of a pulse to the disk.  Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=".tocsin-check-", dir=folder)
    try:
        began_s = time.monotonic()
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
        return time.monotonic() - began_s
    finally:
        os.close(descriptor)
        Path(name).unlink()


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """Its kind (``ext4``, ``tmpfs``); empty when Linux does not tell."""
    place = folder.resolve()
    kinds: dict[Path, str] = {}
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) >= 3:
            kinds[Path(fields[1].replace("\\040", " "))] = fields[2]  # the last to be mounted at a place is what shows
    return next((kinds[path] for path in (place, *place.parents) if path in kinds), "")
