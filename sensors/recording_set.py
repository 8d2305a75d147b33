"""What was recorded together: the captures of several sensors over one stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acoustic.weather import Weather
from geo.place import Place
from sensors.capture import Capture, Finding
from wire.messages import Pulse


@dataclass(frozen=True, slots=True)
class Site:
    """Where a sensor stands.

    position_sigma_m : one standard deviation on each horizontal axis, metres; None when not known.
    """

    sensor: str
    place: Place
    position_sigma_m: float | None = None


@dataclass(frozen=True, slots=True)
class RecordingSet:
    """One test, or one folder of recordings.

    name : the folder's name.
    group : the firing position (the parent folder's name) of a live-fire test, None elsewhere.  Sets of different
        groups have unrelated frames.
    path : the folder.
    captures : sorted by sensor, then by time; empty when the published pulses were asked for.
    sites : every sensor that listened and has a place, sorted by id, all places of one kind.  With published pulses
        these are all sensors of the firing position (as far as its tests were given): one here without a pulse heard
        nothing.
    weather : None when not recorded.
    pulses : the published pulses, sorted by arrival, when they were asked for; else None.
    """

    name: str
    group: str | None
    path: Path
    captures: tuple[Capture, ...]
    sites: tuple[Site, ...]
    weather: Weather | None
    pulses: tuple[Pulse, ...] | None = None
    own_findings: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What an auditor should know, of the set and of its captures as far as they have been read."""
        return self.own_findings + tuple(finding for capture in self.captures for finding in capture.findings)
