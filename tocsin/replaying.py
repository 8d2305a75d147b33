"""A scenario replayed through the listening code: every station a live capture, every pulse as it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from sensors.listen import listen
from sim.replay import ReplayCapture
from sim.replay import replay as paced
from sim.world import World
from wire.messages import Pulse


class Replay:
    """One replay.

    Parameters
    ----------
    world : what sounds and who hears.
    speed : seconds of the scenario in a second.
    for_s : how much of it; None for all.

    Raises
    ------
    ConfigurationError
        A speed that is no number greater than 0.
    """

    def __init__(self, world: World, speed: float, for_s: float | None = None) -> None:
        self._world, self._speed = world, speed
        captures = paced(world, speed=speed)
        self._captures = captures if for_s is None else tuple(_cut(capture, for_s) for capture in captures)
        self._seconds = world.duration_s if for_s is None else min(for_s, world.duration_s)
        self._pulses = 0
        self._sensors: set[str] = set()
        self._took_s = 0.0

    def lines(self) -> Iterator[str]:
        """The pulses of all sensors as JSON, in the order in which they are found.

        Raises
        ------
        Exception
            What went wrong while a sensor was listened to.
        """
        begun = time.monotonic()
        found: queue.SimpleQueue[Pulse | BaseException | None] = queue.SimpleQueue()
        # Daemons: a reader that leaves, or the user's Ctrl-C, must not wait for the end of the night.
        for capture in self._captures:
            threading.Thread(target=_listen, args=(capture, found), name=capture.sensor, daemon=True).start()
        listening = len(self._captures)
        while listening:
            heard = found.get()
            if heard is None:
                listening -= 1
            elif isinstance(heard, BaseException):
                raise heard
            else:
                self._pulses += 1
                self._sensors.add(heard.sensor)
                yield msgspec.json.encode(heard).decode()
        self._took_s = time.monotonic() - begun

    def summary(self) -> str:
        """What was replayed, and whether this machine kept up."""
        late = sum(capture.late_blocks for capture in self._captures)
        worst_s = max((capture.most_late_s for capture in self._captures), default=0.0)
        kept_up = "every block in time"
        if late:
            kept_up = f"{late} blocks late, at worst by {worst_s:.2f} s: rendering is slower here than this replay"
        return (
            f"{self._world.name}: {self._pulses} pulses of {len(self._sensors)} of {len(self._captures)} sensors;"
            f" {self._seconds:g} s at {self._speed:g} x in {self._took_s:.1f} s, {kept_up}"
        )


def _cut(capture: ReplayCapture, for_s: float) -> ReplayCapture:
    recording = capture.recording
    return replace(
        capture, recording=replace(recording, frames=min(recording.frames, round(for_s * recording.rate_hz)))
    )


def _listen(capture: ReplayCapture, found: queue.SimpleQueue[Pulse | BaseException | None]) -> None:
    try:
        for pulse in listen(capture):
            found.put(pulse)
    except BaseException as error:
        found.put(error)
    finally:
        found.put(None)
