"""The daemon: starts the parts of a node, watches them, and stops them in order."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from errors import TocsinError
from geo.place import Geodetic
from sensors.clock.opening import open_time
from sensors.delivery.spool import Spool
from sensors.microphone.opening import open_source
from sensors.microphone.source import LiveSource
from sensors.node import logs
from sensors.node.config import NodeConfig
from sensors.node.config import Place as ConfiguredPlace
from sensors.node.heartbeats import Heartbeats, version
from sensors.node.listening import Listening
from sensors.node.machine import MachineWatch
from sensors.node.reading import digest
from sensors.node.status import write_status
from sensors.node.watchdog import Watchdog
from settings.reading import Read
from wire.cells import NOWHERE, cell_of
from wire.messages import PlaceHealth, SpoolHealth

if TYPE_CHECKING:
    from sensors.clock.gps import GpsWatch
    from sensors.delivery.uplink import Uplink

LOG = logging.getLogger("tocsin.node")

MIB = 1024 * 1024

TICK_S = 1.0
"""How often the daemon looks at its parts."""

DRAIN_S = 30.0
"""A recording has ended: how long to wait for the centre to take what is left of it."""

CLOSE_S = 3.0
"""A stop was asked for: how long the uplink may take to end in order."""


def run_node(read: Read[NodeConfig], source: LiveSource | None = None, stop: threading.Event | None = None) -> int:
    """Run a node until it is told to stop, or its recording ends.

    Parameters
    ----------
    read : node.toml.
    source : what to listen to instead of what node.toml says: the simulator.
    stop : set to end; None: SIGTERM and SIGINT do.

    Returns
    -------
    Exit code: 0 when it was told to stop or the sound ended, 1 when a part of it failed.

    Raises
    ------
    ConfigurationError, RecordingError
        What was given cannot be used.
    SpoolError
        The spool cannot even be opened.
    """
    config = read.value
    logs.set_up(config.run.log_format, config.run.log_level, sys.stderr)
    with _stopping(stop) as asked:
        return _Node(read, source).run(asked)


class _Node:
    """The parts of one node, while it runs."""

    def __init__(self, read: Read[NodeConfig], source: LiveSource | None) -> None:
        config = read.value
        self._config = config
        self._started_ns = time.time_ns()
        self._watchdog = Watchdog()
        self._source = open_source(config.capture) if source is None else source
        folder = Path(config.spool.folder)
        self._spool = Spool(folder, round(config.spool.limit_mib * MIB), round(config.spool.keep_free_mib * MIB))
        boot = self._spool.next_boot()
        self._gps = _gps_watch(config)
        self._uplink = self._linked(config)
        self._times = open_time(config.clock, self._source)
        kept: Callable[[], None] = (lambda: None) if self._uplink is None else self._uplink.wake
        self._listening = Listening(config, self._source, self._times, self._spool, boot, kept)
        self._failed: BaseException | None = None
        self._frames = 0
        self._heartbeats = Heartbeats(
            config=config,
            boot=boot,
            config_sha256=digest(read),
            started_ns=self._started_ns,
            listening=self._listening,
            times=self._times,
            place=self._place,
            spool=self._spool_health,
            machine=MachineWatch(folder).health,
            notes=[self._clock_notes, self._spool.notes, self._uplink_notes, self._gps_notes],
        )
        LOG.info("tocsin %s, sensor %s, run %s: %s", version(), config.sensor, boot, self._source.name)

    def run(self, stop: threading.Event) -> int:
        """Until ``stop`` is set or the sound ends."""
        ended = threading.Event()
        listener = threading.Thread(target=self._listen, args=(stop, ended), name="listening", daemon=True)
        if self._gps is not None:
            self._gps.start()
        if self._uplink is not None:
            self._uplink.start()
        listener.start()
        self._watchdog.ready()
        beat_s = time.monotonic()
        while not ended.wait(TICK_S):
            now_s = time.monotonic()
            self._feed_watchdog()
            if now_s >= beat_s:
                beat_s = max(beat_s + self._config.run.heartbeat_s, now_s)
                self._beat()
        self._watchdog.stopping()
        listener.join()
        return self._end(stop)

    def _listen(self, stop: threading.Event, ended: threading.Event) -> None:
        try:
            self._listening.run(stop)
        except BaseException as error:  # told by the main thread, which ends the node
            self._failed = error
        finally:
            ended.set()

    def _end(self, stop: threading.Event) -> int:
        """Everything in order: the last heartbeat, what the centre still takes, the files."""
        told_to = stop.is_set()
        if self._uplink is not None and not told_to and self._failed is None:
            LOG.info("the sound has ended: waiting for the centre to take what is left")
            deadline_s = time.monotonic() + DRAIN_S
            while not stop.wait(0.05) and time.monotonic() < deadline_s:
                health = self._spool.health()
                if health.pulses == health.clips == health.unspooled == 0:
                    break
        self._beat()
        if self._gps is not None:
            self._gps.close()
        self._times.close()
        if self._uplink is not None:
            self._uplink.close(CLOSE_S)
        left = self._spool.health()
        self._spool.close()
        LOG.info(
            "stopped: pulses heard: %d; waiting in the spool: %d pulses, %d clips",
            self._listening.hearing.pulses,
            left.pulses,
            left.clips,
        )
        if self._failed is None:
            return 0
        if isinstance(self._failed, TocsinError):
            raise self._failed
        LOG.critical("listening failed", exc_info=self._failed)
        return 1

    def _feed_watchdog(self) -> None:
        """Tell systemd that the node works: only when samples have really come since the last time."""
        frames = self._listening.hearing.frames
        if frames != self._frames:
            self._frames = frames
            self._watchdog.alive()

    def _beat(self) -> None:
        heartbeat = self._heartbeats.make()
        if self._uplink is not None:
            self._uplink.beat(heartbeat)
        try:
            write_status(Path(self._config.run.status_file), heartbeat)
        except OSError as error:
            LOG.warning("%s: cannot be written (%s)", self._config.run.status_file, error.strerror or error)
        said = f"{heartbeat.clock.state}, {heartbeat.sound.pulses} pulses, {heartbeat.spool.pulses} waiting"
        self._watchdog.say("; ".join([*heartbeat.notes[:1], said]))

    def _linked(self, config: NodeConfig) -> Uplink | None:
        if config.uplink is None:
            LOG.warning("node.toml has no [uplink]: pulses stay in the spool")
            return None
        from sensors.delivery.uplink import Uplink  # noqa: PLC0415 - a node without a bus needs no client of it

        return Uplink(config.uplink, config.sensor, self._cell(), self._spool)

    def _cell(self) -> str:
        """The map cell of the configured place, or of the recording's; a GPS place may wander over a border."""
        place: ConfiguredPlace | None = self._config.place
        if place is not None:
            return cell_of(place.longitude, place.latitude)
        recorded = self._source.recorded
        if recorded is None or not isinstance(recorded.place, Geodetic):
            return NOWHERE
        return cell_of(recorded.place.longitude, recorded.place.latitude)

    def _place(self) -> PlaceHealth | None:
        if self._gps is not None:
            return self._gps.health()
        place = self._config.place
        if place is not None:
            return PlaceHealth(
                longitude=place.longitude, latitude=place.latitude, height_m=place.height_m, sigma_m=place.sigma_m
            )
        recorded = self._source.recorded
        if recorded is None or not isinstance(recorded.place, Geodetic):
            return None
        there = recorded.place
        return PlaceHealth(
            longitude=there.longitude,
            latitude=there.latitude,
            height_m=there.height_m,
            sigma_m=recorded.position_sigma_m,
        )

    def _spool_health(self) -> SpoolHealth:
        connected = self._uplink is not None and self._uplink.connected
        return msgspec.structs.replace(self._spool.health(), connected=connected)

    def _clock_notes(self) -> tuple[str, ...]:
        note = self._times.note()
        return () if note is None else (note,)

    def _uplink_notes(self) -> tuple[str, ...]:
        return () if self._uplink is None else self._uplink.notes()

    def _gps_notes(self) -> tuple[str, ...]:
        note = None if self._gps is None else self._gps.note()
        return () if note is None else (note,)


def _gps_watch(config: NodeConfig) -> GpsWatch | None:
    if not config.clock.gpsd:
        return None
    from sensors.clock.gps import GpsWatch  # noqa: PLC0415 - most nodes have no receiver

    return GpsWatch(config.clock, config.place)


@contextmanager
def _stopping(given: threading.Event | None) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, unless the caller brought its own."""
    if given is not None:
        yield given
        return
    event = threading.Event()

    def ask(_: int, __: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
