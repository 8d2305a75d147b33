"""Does anybody vouch for the time, does anybody know the place, and does the disk take what must not be lost?"""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from pathlib import Path

from errors import ClockError
from sensors.node.check import Check
from sensors.node.config import Clock, NodeConfig, Spool

ASK_S = 5.0
FIX_S = 8.0
"""Longest wait for a GPS fix: a receiver that is warm has one."""

SIGMAS = 3.0
EARTH_M = 6_371_009.0
"""Mean radius (Moritz 2000, Geodetic Reference System 1980)."""

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
    said = "" if place is None else f"latitude {place.latitude:.6f}, longitude {place.longitude:.6f} as configured"
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

    watch = GpsWatch(config.clock, None)
    try:
        watch.start()
        deadline_s = time.monotonic() + FIX_S
        while (health := watch.health()) is None or health.fix == "none":
            problem = watch.note()
            if problem is not None or time.monotonic() > deadline_s:
                why = problem or f"no GPS fix within {FIX_S:g} s"
                advice = "cgps tells what the receiver sees: it wants the open sky, and minutes after a cold start"
                return Check("place", config.place is not None, f"{said}; {why}" if said else why, advice)
            time.sleep(0.05)
    finally:
        # It may wait for a gpsd that hangs, and nothing is left to be said.
        threading.Thread(target=watch.close, name="gps closes", daemon=True).start()
    fix = f"GPS fix {health.fix}"
    place = config.place
    if place is None:
        return Check("place", True, f"latitude {health.latitude:.6f}, longitude {health.longitude:.6f} by GPS, {fix}")
    away_m = distance_m((place.longitude, place.latitude), (health.longitude, health.latitude))
    if away_m > max(config.clock.moved_m, SIGMAS * math.hypot(health.sigma_m or 0.0, place.sigma_m or 0.0)):
        advice = "correct [place], or put the sensor back (clock.moved_m says what is too far)"
        return Check("place", False, f"{said}, but {fix} is {away_m:,.0f} m from there", advice)
    return Check("place", True, f"{said}, {fix} agrees within {max(away_m, 1.0):,.0f} m")


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two places, (longitude, latitude) in degrees, on a sphere: right to half a percent (haversine)."""
    (east1, north1), (east2, north2) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((north2 - north1) / 2) ** 2
    half += math.cos(north1) * math.cos(north2) * math.sin((east2 - east1) / 2) ** 2
    return 2.0 * EARTH_M * math.asin(math.sqrt(min(half, 1.0)))


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
