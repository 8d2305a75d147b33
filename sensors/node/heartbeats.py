"""Heartbeats: what a node says of itself every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata

from sensors.clock.stamp import SampleTime
from sensors.node.config import NodeConfig
from sensors.node.listening import Listening
from wire.messages import Heartbeat, MachineHealth, PlaceHealth, SpoolHealth


@dataclass(slots=True)
class Heartbeats:
    """Makes heartbeats out of what the parts of a node say.

    config_sha256 : of the text of node.toml.
    place, spool, machine : health of each part.
    notes : each gives what it has to say for technicians now.
    """

    config: NodeConfig
    boot: str
    config_sha256: str
    started_ns: int
    listening: Listening
    times: SampleTime
    place: Callable[[], PlaceHealth | None]
    spool: Callable[[], SpoolHealth]
    machine: Callable[[], MachineHealth]
    notes: Sequence[Callable[[], Sequence[str]]]

    def make(self) -> Heartbeat:
        """The heartbeat of this moment; levels are since the one before."""
        self.listening.note_floor()
        return Heartbeat(
            sensor=self.config.sensor,
            at_ns=time.time_ns(),
            boot=self.boot,
            started_ns=self.started_ns,
            version=version(),
            config_sha256=self.config_sha256,
            clock=self.times.health(),
            sound=self.listening.hearing.health(),
            spool=self.spool(),
            machine=self.machine(),
            place=self.place(),
            notes=(*self._own_notes(), *(note for notes in self.notes for note in notes())),
        )

    def _own_notes(self) -> list[str]:
        hearing = self.listening.hearing
        found = [self.listening.trouble] if self.listening.trouble else []
        if not self.config.clips.privacy_filter:
            found.append("the privacy filter is off: clips hold speech as it was heard")
        if hearing.unsent:
            found.append(
                f"{hearing.unsent} pulses were counted and not sent: more than {self.config.detect.most_per_minute}"
                " a minute"
            )
        if hearing.clips_skipped:
            found.append(f"{hearing.clips_skipped} pulses have no clip: too many, or no room")
        return found


def version() -> str:
    """Of the software, as installed."""
    return metadata.version("tocsin")
