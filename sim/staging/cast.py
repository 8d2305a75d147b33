"""Everything that sounds in a scenario: shooters, gunfire by chance, look-alikes, real sounds.

Every shooter, incident and round has random numbers of its own (``World.generator`` with its name as key), so adding
one changes nothing about the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from settings.tomllines import Key
from sim.sound import Signal, Sound
from sim.sources.gunshot import gunshot
from sim.sources.lookalikes import LOOKALIKES
from sim.sources.recorded import RecordedSounds
from sim.sources.weapons import WEAPONS
from sim.staging.files import resolved
from sim.staging.scenario import Scenario
from sim.staging.schedule import burst_times_s, incident_times_s, instant_ns, intervals_s
from sim.staging.siting import Siting
from sim.staging.spec_cast import Gunfire, Noise, Recorded, Shooter
from sim.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Occasion:
    """One time at which a source of a scenario is heard.

    source : the source's name, with a number behind it but for what is heard once at a stated time.
    number : that number, from 1.
    at_s : seconds after the start.
    position_m : (3,) float64, metres, site frame.
    """

    source: str
    number: int
    at_s: float
    position_m: NDArray[np.float64]


class Cast:
    """The sounds of one scenario in its city.

    world : whose ``generator`` draws; its stations and sounds are not looked at.
    """

    def __init__(self, scenario: Scenario, siting: Siting, world: World) -> None:
        self._scenario = scenario
        self._siting = siting
        self._world = world

    def sounds(self) -> tuple[Sound, ...]:
        """All sounds, by time, then id; those that would begin after the scenario's end are left out.

        Raises
        ------
        ConfigurationError
            An unknown weapon, look-alike or option; a place that cannot be; two sounds of one id.
        """
        found: dict[str, Sound] = {}
        for key, sounds in self._tables():
            for sound in sounds:
                if sound.id in found:
                    reason = "two sounds of one id (names that end like the numbers of another's incidents)"
                    raise self._scenario.refusal((*key, "id"), reason, seen=sound.id)
                found[sound.id] = sound
        end_ns = instant_ns(self._world.start_ns, self._world.duration_s)
        heard = [sound for sound in found.values() if sound.at_ns < end_ns]
        return tuple(sorted(heard, key=lambda sound: (sound.at_ns, sound.id)))

    def _tables(self) -> Iterator[tuple[Key, Iterable[Sound]]]:
        spec = self._scenario.spec
        for number, shooter in enumerate(spec.shooter):
            yield ("shooter", number), self._shooter(shooter, ("shooter", number))
        for number, gunfire in enumerate(spec.gunfire):
            yield ("gunfire", number), self._gunfire(gunfire, ("gunfire", number))
        for number, noise in enumerate(spec.noise):
            yield ("noise", number), self._noise(noise, ("noise", number))
        for number, recorded in enumerate(spec.recorded):
            yield ("recorded", number), self._recorded(recorded, ("recorded", number))

    def _shooter(self, shooter: Shooter, key: Key) -> Iterator[Sound]:
        who = f"shooter {shooter.id!r}"
        times_s = np.sort(np.array(self._shooter_times(shooter, key)))
        if shooter.path is not None:
            positions = self._siting.on_route(shooter.path, times_s, (*key, "path"), who)
        else:
            assert shooter.at is not None  # held by coherence
            positions = np.tile(self._siting.spot(shooter.at, (*key, "at"), who), (len(times_s), 1))
        target = None if shooter.aim is None else self._siting.anywhere(shooter.aim, (*key, "aim"), who)
        for number, (at_s, position_m) in enumerate(zip(times_s, positions, strict=True), 1):
            if target is None:
                axis = muzzle(shooter.heading_deg or 0.0, shooter.elevation_deg or 0.0)
            else:
                away = target - position_m
                distance = float(np.linalg.norm(away))
                if distance < 0.01:
                    raise self._scenario.refusal((*key, "aim"), f"{who}: aims at where its muzzle is")
                axis = away / distance
            yield self._round(shooter.weapon, shooter.id, number, float(at_s), position_m, axis)

    def _shooter_times(self, shooter: Shooter, key: Key) -> list[float]:
        if shooter.times_s is not None:
            return list(shooter.times_s)
        times: list[float] = []
        for number, burst in enumerate(shooter.bursts or (), 1):
            cyclic_rpm = WEAPONS[shooter.weapon].cyclic_rpm
            rounds = burst_times_s(burst, cyclic_rpm, self._world.generator("cadence", shooter.id, number))
            if rounds[-1] >= self._world.duration_s:
                expected = f"a last round before the scenario's end at {self._world.duration_s:g} s"
                raise self._scenario.refusal((*key, "bursts", number - 1), expected=expected, seen=float(rounds[-1]))
            times.extend(rounds.tolist())
        return times

    def _round(
        self,
        weapon: str,
        source: str,
        number: int,
        at_s: float,
        position_m: NDArray[np.float64],
        axis: NDArray[np.float64],
    ) -> Sound:
        return gunshot(
            WEAPONS[weapon],
            id=f"{source}/{number}",
            source=source,
            round=number,
            at_ns=instant_ns(self._world.start_ns, at_s),
            position_m=position_m,
            axis=axis,
            generator=self._world.generator("round", source, number),
            range_m=self._siting.flight_m(position_m, axis),
            pressure_pa=100.0 * self._world.weather.pressure_hpa,
        )

    def _gunfire(self, gunfire: Gunfire, key: Key) -> Iterator[Sound]:
        names = sorted(gunfire.weapons)
        weights = np.array([gunfire.weapons[name] for name in names])
        for occasion in self._occasions(gunfire, key):
            generator = self._world.generator("incident", gunfire.id, occasion.number)
            weapon = names[int(generator.choice(len(names), p=weights / weights.sum()))]
            rounds = min(int(generator.geometric(1.0 / gunfire.rounds_mean)), gunfire.rounds_most)
            rate_rpm = generator.uniform(*gunfire.rate_rpm)
            axis = muzzle(generator.uniform(0.0, 360.0), generator.uniform(*gunfire.elevation_deg))
            waits = intervals_s(rounds - 1, 60.0 / rate_rpm, gunfire.jitter, generator)
            times_s = occasion.at_s + np.concatenate([[0.0], np.cumsum(waits)])
            for number, at_s in enumerate(times_s, 1):
                if at_s < self._world.duration_s:
                    yield self._round(weapon, occasion.source, number, float(at_s), occasion.position_m, axis)

    def _noise(self, noise: Noise, key: Key) -> Iterator[Sound]:
        for occasion in self._occasions(noise, key):
            yield from LOOKALIKES[noise.kind].sounds(
                source=occasion.source,
                at_ns=instant_ns(self._world.start_ns, occasion.at_s),
                position_m=occasion.position_m,
                generator=self._world.generator("lookalike", noise.id, occasion.number),
                **dict[str, Any](noise.options),
            )

    def _recorded(self, recorded: Recorded, key: Key) -> Iterator[Sound]:
        folder = RecordedSounds.read(resolved(self._scenario, recorded.folder, (*key, "folder")))
        names = folder.names
        signals: dict[str, Signal] = {}
        if recorded.name is not None and recorded.name not in names:
            raise self._scenario.refusal((*key, "name"), expected=f"one of {', '.join(names)}", seen=recorded.name)
        for occasion in self._occasions(recorded, key):
            name = recorded.name
            if name is None:
                drawn = self._world.generator("recorded", recorded.id, occasion.number)
                name = names[int(drawn.integers(len(names)))]
            if name not in signals:
                signals[name] = folder.signal(name, recorded.peak_db_spl_1m)
            yield Sound(
                id=f"{occasion.source}/1",
                kind=recorded.kind,
                source=occasion.source,
                label=name,
                round=1,
                at_ns=instant_ns(self._world.start_ns, occasion.at_s),
                position_m=occasion.position_m,
                signal=signals[name],
            )

    def _occasions(self, table: Gunfire | Noise | Recorded, key: Key) -> list[Occasion]:
        """When and where a source is heard, in the order of time."""
        who = f"{key[0]} {table.id!r}"
        given = None if isinstance(table, Gunfire) else table.times_s
        if table.random is None:
            times_s = np.sort(np.array(given))
        else:
            draw = self._world.generator("incidents", table.id)
            times_s = incident_times_s(table.random, self._world.duration_s, draw)
        positions: NDArray[np.float64]
        if not isinstance(table, Gunfire) and table.path is not None:
            positions = self._siting.on_route(table.path, times_s, (*key, "path"), who)
        elif not isinstance(table, Gunfire) and table.at is not None:
            positions = np.tile(self._siting.spot(table.at, (*key, "at"), who, off_site=True), (len(times_s), 1))
        else:
            assert table.random is not None  # held by coherence
            area = self._siting.area(table.random, (*key, "random"))
            positions = np.empty((len(times_s), 3))
            for row in range(len(times_s)):
                draw = self._world.generator("place", table.id, row + 1)
                chance = table.random
                positions[row] = self._siting.free_place(area, chance.height_m, chance.stands, draw, (*key, "random"))
        width = max(2, len(str(len(times_s))))
        return [
            Occasion(
                source=table.id if table.random is None and len(times_s) == 1 else f"{table.id}-{number:0{width}d}",
                number=number,
                at_s=float(at_s),
                position_m=position_m,
            )
            for number, (at_s, position_m) in enumerate(zip(times_s, positions, strict=True), 1)
        ]


def muzzle(heading_deg: float, elevation_deg: float) -> NDArray[np.float64]:
    """(3,) float64 unit vector, east, north, up, of a heading clockwise from north and an angle above the horizon."""
    heading, elevation = math.radians(heading_deg), math.radians(elevation_deg)
    flat = math.cos(elevation)
    return np.array([flat * math.sin(heading), flat * math.cos(heading), math.sin(elevation)])
