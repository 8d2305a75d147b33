"""What no single key can tell: tables whose keys exclude each other, times after the end, names used twice.

What only the city can tell (a place inside a building) is found when the world is built.
"""

from __future__ import annotations

from typing import Protocol

from errors import ConfigurationError
from settings.tomllines import Key
from sim.sources.lookalikes import LOOKALIKES
from sim.sources.weapons import WEAPONS
from sim.staging.spec import Site, Spec
from sim.staging.spec_cast import Gunfire, Noise, Recorded, Shooter
from sim.staging.spec_places import Chance, Point
from sim.staging.spec_sensors import Fault, Sensors


class Refuse(Protocol):
    """Makes the error that names a key of the file (``Scenario.refusal``)."""

    def __call__(
        self, key: Key, reason: str | None = None, *, expected: str | None = None, seen: object = ...
    ) -> ConfigurationError: ...


def check(spec: Spec, refuse: Refuse) -> None:
    """Refuse a scenario that contradicts itself.

    Raises
    ------
    ConfigurationError
        Naming the first contradiction.
    """
    _site(spec.site, refuse)
    _sensors(spec.sensors, refuse)
    names: dict[str, str] = {}
    cast: dict[str, tuple[Shooter | Gunfire | Noise | Recorded, ...]] = {
        "shooter": spec.shooter,
        "gunfire": spec.gunfire,
        "noise": spec.noise,
        "recorded": spec.recorded,
    }
    for kind, tables in cast.items():
        for number, table in enumerate(tables):
            key: Key = (kind, number)
            _name(table.id, (*key, "id"), refuse)
            if table.id in names:
                reason = f"id used twice (first by a [[{names[table.id]}]])"
                raise refuse((*key, "id"), reason, expected="ids that differ", seen=table.id)
            names[table.id] = kind
            match table:
                case Shooter():
                    _shooter(table, key, spec.duration_s, refuse)
                case Gunfire():
                    _gunfire(table, key, spec.duration_s, refuse)
                case Noise() | Recorded():
                    _noise(table, key, spec.duration_s, refuse)
    for number, fault in enumerate(spec.fault):
        _fault(fault, ("fault", number), spec.duration_s, refuse)


def _name(name: str, key: Key, refuse: Refuse) -> None:
    if not name.isprintable() or "/" in name:  # "/" parts a shooter's name from its round in a sound's id
        raise refuse(key, expected='a printable text without "/"', seen=name)


def _site(site: Site, refuse: Refuse) -> None:
    given = [word for word in ("osm", "geojson", "grid", "open") if getattr(site, word) is not None]
    if len(given) > 1:
        raise refuse(("site", given[1]), "site: only one kind of site", expected="one key", seen=" and ".join(given))
    if site.bounds is not None:
        key: Key = ("site", "bounds")
        if site.osm is None:
            raise refuse(key, "site.bounds: bounds belong to osm, which is not given")
        west, south, east, north = site.bounds
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise refuse(key, expected="west < east and south < north, degrees", seen=site.bounds)


def _sensors(sensors: Sensors, refuse: Refuse) -> None:
    if not sensors.at and sensors.grid is None and sensors.rooftops is None:
        raise refuse(("sensors",), "sensors: nobody listens", expected="[[sensors.at]], grid or rooftops")
    seen: set[str] = set()
    for number, sensor in enumerate(sensors.at):
        key: Key = ("sensors", "at", number)
        _name(sensor.id, (*key, "id"), refuse)
        if sensor.id in seen:
            raise refuse((*key, "id"), "sensor id used twice", expected="ids that differ", seen=sensor.id)
        seen.add(sensor.id)
        _point(sensor, key, refuse)


def _point(point: Point, key: Key, refuse: Refuse) -> None:
    local = [name for name in ("x_m", "y_m") if getattr(point, name) is not None]
    globe = [name for name in ("longitude", "latitude") if getattr(point, name) is not None]
    if sorted((len(local), len(globe))) != [0, 2]:
        expected = "x_m and y_m, or longitude and latitude"
        raise refuse(key, f"{_where(key)}: place", expected=expected, seen=", ".join(local + globe) or "neither")


def _where(key: Key) -> str:
    return ".".join(part for part in key if isinstance(part, str))


def _one_of(table: object, words: tuple[str, ...], key: Key, refuse: Refuse) -> str:
    """Which of several keys is there, when exactly one is."""
    given = [word for word in words if getattr(table, word) is not None]
    if len(given) != 1:
        place = (*key, given[1]) if given else key
        name = f"{_where(key)} {getattr(table, 'id', '')!r}" if hasattr(table, "id") else _where(key)
        raise refuse(place, name, expected=f"one of {', '.join(words)}", seen=" and ".join(given) or "none")
    return given[0]


def _places(table: Shooter | Noise | Recorded, key: Key, refuse: Refuse) -> None:
    if table.at is not None:
        _point(table.at, (*key, "at"), refuse)
    if table.path is not None:
        for number, point in enumerate(table.path.points):
            _point(point, (*key, "path", "points", number), refuse)


def _times(times_s: tuple[float, ...], key: Key, duration_s: float, refuse: Refuse) -> None:
    for number, time_s in enumerate(times_s):
        _before_end(time_s, (*key, number), duration_s, refuse)


def _before_end(time_s: float, key: Key, duration_s: float, refuse: Refuse) -> None:
    if not time_s < duration_s:
        raise refuse(key, expected=f"an instant before the scenario's end at {duration_s:g} s", seen=time_s)


def _weapon(name: str, key: Key, refuse: Refuse) -> None:
    if name not in WEAPONS:
        raise refuse(key, f"{_where(key)}: unknown weapon", expected=f"one of {', '.join(WEAPONS)}", seen=name)


def _shooter(shooter: Shooter, key: Key, duration_s: float, refuse: Refuse) -> None:
    _weapon(shooter.weapon, (*key, "weapon"), refuse)
    _one_of(shooter, ("at", "path"), key, refuse)
    _places(shooter, key, refuse)
    if _one_of(shooter, ("times_s", "bursts"), key, refuse) == "times_s":
        _times(shooter.times_s or (), (*key, "times_s"), duration_s, refuse)
    for number, burst in enumerate(shooter.bursts or ()):
        _before_end(burst.at_s, (*key, "bursts", number, "at_s"), duration_s, refuse)
    _one_of(shooter, ("heading_deg", "aim"), key, refuse)
    if shooter.aim is not None:
        _point(shooter.aim, (*key, "aim"), refuse)
        if shooter.elevation_deg is not None:
            reason = f"shooter {shooter.id!r}: aim already says how high the muzzle points"
            raise refuse((*key, "elevation_deg"), reason)


def _gunfire(gunfire: Gunfire, key: Key, duration_s: float, refuse: Refuse) -> None:
    _chance(gunfire.random, (*key, "random"), duration_s, refuse)
    for name in gunfire.weapons:
        _weapon(name, (*key, "weapons", name), refuse)
    if not sum(gunfire.weapons.values()) > 0:
        raise refuse((*key, "weapons"), expected="at least one number above 0", seen=gunfire.weapons)
    for name, (low, high) in (("rate_rpm", gunfire.rate_rpm), ("elevation_deg", gunfire.elevation_deg)):
        if low > high:
            raise refuse((*key, name), expected="lowest, highest", seen=(low, high))


def _noise(noise: Noise | Recorded, key: Key, duration_s: float, refuse: Refuse) -> None:
    if noise.random is None:
        _one_of(noise, ("at", "path"), key, refuse)
    elif noise.path is not None:
        raise refuse((*key, "path"), f"{key[0]} {noise.id!r}: random and path exclude each other")
    if isinstance(noise, Noise):
        if noise.kind not in LOOKALIKES:
            expected = f"one of {', '.join(LOOKALIKES)}"
            raise refuse((*key, "kind"), "noise.kind: unknown look-alike", expected=expected, seen=noise.kind)
        LOOKALIKES[noise.kind].checked(noise.options, refuse((*key, "options"), f"noise {noise.id!r}").where)
    _places(noise, key, refuse)
    if _one_of(noise, ("times_s", "random"), key, refuse) == "times_s":
        _times(noise.times_s or (), (*key, "times_s"), duration_s, refuse)
    elif noise.random is not None:
        _chance(noise.random, (*key, "random"), duration_s, refuse)


def _chance(chance: Chance, key: Key, duration_s: float, refuse: Refuse) -> None:
    _one_of(chance, ("per_hour", "incidents"), key, refuse)
    to_s = duration_s if chance.to_s is None else chance.to_s
    if to_s > duration_s:
        raise refuse((*key, "to_s"), expected=f"at most the scenario's {duration_s:g} s", seen=to_s)
    if not chance.from_s < to_s:
        raise refuse((*key, "from_s"), expected=f"an instant before {to_s:g} s", seen=chance.from_s)
    if chance.peak_at_s is not None and not chance.from_s <= chance.peak_at_s <= to_s:
        raise refuse((*key, "peak_at_s"), expected=f"{chance.from_s:g} .. {to_s:g} s", seen=chance.peak_at_s)
    if chance.within is not None and chance.bounds_m is not None:
        raise refuse((*key, "within"), f"{_where(key)}: within and bounds_m exclude each other")
    if chance.within is not None:
        if len(chance.within) < 3:
            raise refuse((*key, "within"), expected="three corners or more", seen=len(chance.within))
        for number, point in enumerate(chance.within):
            _point(point, (*key, "within", number), refuse)
    if chance.bounds_m is not None:
        west, south, east, north = chance.bounds_m
        if not (west < east and south < north):
            raise refuse((*key, "bounds_m"), expected="west < east and south < north", seen=chance.bounds_m)


def _fault(fault: Fault, key: Key, duration_s: float, refuse: Refuse) -> None:
    _one_of(fault, ("sensor", "share"), key, refuse)
    for number, silence in enumerate(fault.dead if isinstance(fault.dead, tuple) else [fault.dead]):
        to_s = duration_s if silence.to_s is None else silence.to_s
        if not silence.from_s < to_s:
            place: Key = (*key, "dead", number, "from_s") if isinstance(fault.dead, tuple) else (*key, "dead", "from_s")
            raise refuse(place, expected=f"an instant before {to_s:g} s", seen=silence.from_s)
    if not (fault.clock or fault.lost or fault.dead or fault.clip_db_spl is not None or fault.messages):
        raise refuse(key, "fault: nothing goes wrong", expected="one of clock, lost, dead, clip_db_spl, messages")
