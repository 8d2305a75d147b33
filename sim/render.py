"""What every sensor of a world records, rendered as it is read.

A station's samples are made in chunks of four seconds on its own time line (``sim.hearing.sampleclock``): noise, which
any chunk has by its number; plus every wave of every sound, worked out once when its chunk comes and added to the
chunks that it touches; then what a dead microphone does, the converter, and the loss of samples.  Chunks, and the order
in which waves are added, never depend on what is asked for, so any window and any block size give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import ConfigurationError
from geo.place import Place
from sensors.capture import Finding, sample_ns
from sim.hearing.microphone import converted, samples
from sim.hearing.noise import Noise
from sim.hearing.sampleclock import SampleClock
from sim.hearing.waves import Heard, Sounding, heard_at
from sim.reach import Reached, Soundscape
from sim.world import Station, World
from wire.utc import NS_PER_S

RINGS_BEFORE_S = 0.01
"""A band-limited arrival begins this much before its instant at most: 24 samples at 8 kHz are 3 ms."""

Note = Callable[[Reached, int, tuple[Heard, ...]], None]
"""Told of every sound that has a way to a station: what reached it, the station's row, its waves."""


@dataclass(frozen=True, slots=True, eq=False)
class StationSound:
    """One station's recording as a capture (``sensors.capture.Capture``); nothing is rendered before it is read.

    soundscape : the world's sounds and their ways, shared by all stations.
    row : of the station in ``World.stations``.
    first_frame, frames : the window, in samples that the sensor delivers.
    """

    soundscape: Soundscape
    row: int
    first_frame: int
    frames: int

    @property
    def world(self) -> World:
        return self.soundscape.world

    @property
    def station(self) -> Station:
        return self.world.stations[self.row]

    @property
    def sensor(self) -> str:
        return self.station.id

    @property
    def place(self) -> Place | None:
        return self.station.place

    @property
    def rate_hz(self) -> float:
        return float(self.station.rate_hz)

    @property
    def channels(self) -> int:
        return 1

    @property
    def start_ns(self) -> int:
        return sample_ns(self.world.start_ns, self.rate_hz, self.first_frame)

    @property
    def full_scale_db_spl(self) -> float | None:
        return self.station.full_scale_db_spl

    @property
    def clock_sigma_s(self) -> float:
        return self.station.clock.sigma_s

    @property
    def position_sigma_m(self) -> float | None:
        return self.station.position_sigma_m

    @property
    def weather(self) -> Weather | None:
        return self.world.weather

    @property
    def source(self) -> str:
        return f"{self.world.name}/{self.sensor}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        return ()

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        """See ``sensors.capture.Capture.blocks``."""
        bits = self.station.bits
        waiting = np.empty((0, 1), dtype=np.float32)
        for steps in self.chunks():
            waiting = np.concatenate([waiting, samples(steps, bits)[:, None]])
            whole = len(waiting) // n * n
            for first in range(0, whole, n):
                yield waiting[first : first + n]
            waiting = waiting[whole:]
        if len(waiting):
            yield waiting

    def chunks(self, note: Note | None = None) -> Iterator[NDArray[np.int32]]:
        """The window's samples in converter steps, (k,) int32, about four seconds at a time.

        note : told of every sound as its waves are worked out.
        """
        world, station = self.world, self.station
        clock = SampleClock(world, station)
        noise = Noise(world, station)
        deaf = Noise(world, station, deaf=True)
        size = noise.chunk_samples
        if self.frames <= 0:
            return
        first_raw = clock.raw_of_frame(self.first_frame)
        stop_raw = clock.raw_of_frame(self.first_frame + self.frames - 1) + 1
        mix = _Mix(self.soundscape, self.row, clock, size, first_raw // size, note)
        for number in range(first_raw // size, -(-stop_raw // size)):
            begin, end = number * size, (number + 1) * size
            pressure_pa = noise.chunk(number)
            mix.add_to(number, pressure_pa)
            for dead_from, dead_to in clock.dead.tolist():
                if dead_from < end and dead_to > begin:
                    span = slice(max(dead_from - begin, 0), dead_to - begin)
                    pressure_pa[span] = deaf.chunk(number)[span]
            steps = converted(pressure_pa, station)
            kept = clock.kept(max(begin, first_raw), min(end, stop_raw))
            if len(kept) == 1:
                yield steps[kept[0][0] - begin : kept[0][1] - begin]
            elif kept:
                yield np.concatenate([steps[a - begin : b - begin] for a, b in kept])


class _Mix:
    """The waves of all sounds at one station, added up chunk by chunk.

    Sounds are taken in the order of the world, waves that are short enough to be worked out at once before the longer
    ones, whose pieces are worked out as their time comes: every sample is the same sum in the same order, wherever the
    first chunk is.
    """

    def __init__(
        self, soundscape: Soundscape, row: int, clock: SampleClock, size: int, first_chunk: int, note: Note | None
    ) -> None:
        self._soundscape, self._row, self._clock, self._size, self._note = soundscape, row, clock, size, note
        self._world = soundscape.world
        self._from = first_chunk
        self._next_sound = 0
        self._sums: dict[int, NDArray[np.float32]] = {}
        self._long: list[_Long] = []

    def add_to(self, chunk: int, pressure_pa: NDArray[np.float32]) -> None:
        """Add what sounds in ``chunk`` to (size,) float32, Pa; chunks come in order."""
        sounds = self._world.sounds
        stop_s = (chunk + 1) * self._size / self._clock.rate_hz - self._clock.least_error_s() + RINGS_BEFORE_S
        while self._next_sound < len(sounds) and self._emitted_s(self._next_sound) < stop_s:
            self._take(self._next_sound)
            self._next_sound += 1
        summed = self._sums.pop(chunk, None)
        if summed is not None:
            pressure_pa += summed
        begin = chunk * self._size
        for long in self._long:
            long.add_to(pressure_pa, begin)
        self._long = [long for long in self._long if not long.is_over(begin + self._size)]

    def _take(self, index: int) -> None:
        begin = self._from * self._size
        if self._certainly_over(index, begin):
            return
        reached = self._soundscape.reached(index)
        heard = heard_at(self._world, reached, self._row, self._clock)
        if not heard:
            return
        if self._note is not None:
            self._note(reached, self._row, heard)
        for sounding in map(Sounding, heard):
            if sounding.count > 1:
                self._long.append(_Long(sounding, begin))
            elif sounding.ends(0) > begin:
                self._put(sounding.begins(0), sounding.piece(0))

    def _certainly_over(self, index: int, raw: int) -> bool:
        """Whether a sound has ended before a raw sample, whatever its ways; tells old sounds without tracing them."""
        sound = self._world.sounds[index]
        ringing_s = sound.signal.duration_s + 2.0 * self._world.surfaces.reverberation_time_s + 1.0
        latest_s = self._emitted_s(index) + self._soundscape.latest_s(index, self._row) + ringing_s
        return (latest_s + self._clock.greatest_error_s()) * self._clock.rate_hz < raw

    def _emitted_s(self, index: int) -> float:
        return (self._world.sounds[index].at_ns - self._world.start_ns) / NS_PER_S

    def _put(self, first: int, pressure_pa: NDArray[np.float32]) -> None:
        size = self._size
        for chunk in range(max(first // size, self._from), -(-(first + len(pressure_pa)) // size)):
            begin = chunk * size
            if chunk not in self._sums:
                self._sums[chunk] = np.zeros(size, dtype=np.float32)
            _add(self._sums[chunk], begin, first, pressure_pa)


class _Long:
    """A sound of several pieces, worked out one after the other."""

    def __init__(self, sounding: Sounding, begin: int) -> None:
        self._sounding = sounding
        self._next = 0
        while self._next < sounding.count and sounding.ends(self._next) <= begin:
            self._next += 1
        self._alive: list[tuple[int, NDArray[np.float32]]] = []

    def add_to(self, pressure_pa: NDArray[np.float32], begin: int) -> None:
        end = begin + len(pressure_pa)
        while self._next < self._sounding.count and self._sounding.begins(self._next) < end:
            self._alive.append((self._sounding.begins(self._next), self._sounding.piece(self._next)))
            self._next += 1
        for first, piece in self._alive:
            _add(pressure_pa, begin, first, piece)
        self._alive = [(first, piece) for first, piece in self._alive if first + len(piece) > end]

    def is_over(self, end: int) -> bool:
        return self._next >= self._sounding.count and not self._alive


def _add(into: NDArray[np.float32], begin: int, first: int, pressure_pa: NDArray[np.float32]) -> None:
    """Add a stretch from raw sample ``first`` on to one from ``begin`` on, where they overlap."""
    start, stop = max(begin, first), min(begin + len(into), first + len(pressure_pa))
    if start < stop:
        into[start - begin : stop - begin] += pressure_pa[start - first : stop - first]


def rendered(
    world: World, *, start_s: float = 0.0, duration_s: float | None = None, soundscape: Soundscape | None = None
) -> tuple[StationSound, ...]:
    """One capture a station, in the order of ``world.stations``; nothing is rendered before it is read.

    Parameters
    ----------
    world : what sounds and who hears.
    start_s : the window's start by each sensor's own count, seconds after the start of the scenario.
    duration_s : of the window; None for all that is left.  Lost samples make a recording that much shorter.
    soundscape : of ``world``, to share what has been traced; None for a new one.

    Raises
    ------
    ConfigurationError
        When the window is not within the scenario.
    """
    if not 0.0 <= start_s < world.duration_s:
        raise ConfigurationError(world.name, "start", expected=f"0 .. {world.duration_s:g} s", seen=start_s)
    if duration_s is not None and not duration_s > 0.0:
        raise ConfigurationError(world.name, "duration", expected="more than 0 s", seen=duration_s)
    shared = Soundscape(world) if soundscape is None else soundscape
    captures = []
    for row, station in enumerate(world.stations):
        frames = SampleClock(world, station).frames
        first = min(round(start_s * station.rate_hz), frames)
        stop = frames if duration_s is None else min(frames, first + round(duration_s * station.rate_hz))
        captures.append(StationSound(shared, row, first, stop - first))
    return tuple(captures)
