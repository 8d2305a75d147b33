"""Tables of a scenario that say what sounds: shooters, gunfire by chance, look-alikes, real sounds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from settings.tables import Table, number, what
from sim.staging.spec_places import LONGEST_S, Chance, Route, Spot

Times = Annotated[
    tuple[Annotated[float, number(0, LONGEST_S, "seconds after the start")], ...],
    msgspec.Meta(min_length=1, description="instants, seconds after the start"),
]
Cadence = Annotated[float, number(1, 6000, "rounds a minute")]
Elevation = Annotated[float, number(-90, 90, "above the horizon")]
Name = Annotated[str, msgspec.Meta(min_length=1, description="its name, unique in the scenario")]


class Burst(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rounds at a cadence.  Intervals scatter by a log-normal law of the same mean."""

    at_s: Annotated[float, number(0, LONGEST_S, "the first round")]
    rounds: Annotated[int, number(1, 500, "how many")] = 5
    rate_rpm: Annotated[float, number(1, 6000, "rounds a minute; the weapon's own, 240 where it has none")] | None = (
        None
    )
    jitter: Annotated[float, number(0, 1, "standard deviation of an interval over the interval")] = 0.1


Bursts = tuple[Burst, ...]


class Shooter(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One weapon at one place, or on its way.  One of `at` and `path`; one of `times_s` and `bursts`; a muzzle
    direction by `heading_deg` and `elevation_deg`, or by `aim`."""

    id: Name
    weapon: Annotated[str, what("a weapon that the simulator knows")]
    at: Annotated[Spot, what("where the muzzle is")] | None = None
    path: Annotated[Route, what("the way along which it moves")] | None = None
    heading_deg: Annotated[float, number(0, 360, "muzzle direction, clockwise from north")] | None = None
    elevation_deg: Annotated[float, number(-90, 90, "muzzle direction above the horizon")] | None = None
    aim: Annotated[Spot, what("the place that the muzzle points at")] | None = None
    times_s: Times | None = None
    bursts: Annotated[Bursts, msgspec.Meta(min_length=1, description="bursts, each by itself")] | None = None


class Gunfire(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gunfire by chance: single shots and bursts of a mix of weapons.  Rounds that would come after the scenario's end
    are not fired."""

    id: Name
    weapons: Annotated[
        dict[str, Annotated[float, number(0, 1e6, "how often, against the others")]],
        msgspec.Meta(min_length=1, description="weapons, and how often each is used against the others"),
    ]
    random: Annotated[Chance, what("when and where")]
    rounds_mean: Annotated[float, number(1, 100, "mean rounds of an incident (geometric law)")] = 4.0
    rounds_most: Annotated[int, number(1, 500, "no incident has more")] = 30
    rate_rpm: Annotated[tuple[Cadence, Cadence], what("cadence: lowest, highest; each incident has its own")] = (
        120.0,
        360.0,
    )
    jitter: Annotated[float, number(0, 1, "standard deviation of an interval over the interval")] = 0.25
    elevation_deg: Annotated[
        tuple[Elevation, Elevation], what("muzzle direction above the horizon: lowest, highest; the heading is any")
    ] = (0.0, 10.0)


class Noise(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A look-alike: what may be taken for gunfire.  One of `at`, `path` and `random` says where (`random` may stand
    beside `at`), one of `times_s` and `random` when."""

    id: Name
    kind: Annotated[str, what("a look-alike that the simulator knows")]
    options: Annotated[dict[str, float | int | str | bool], what("what this kind lets one choose")] = msgspec.field(
        default_factory=dict
    )
    at: Annotated[Spot, what("where it is; it may be off the site, as thunder is")] | None = None
    path: Annotated[Route, what("the way along which it moves")] | None = None
    times_s: Times | None = None
    random: Annotated[Chance, what("when and where by chance")] | None = None


class Recorded(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Real sounds from a folder that stand in as sources, at places and times as of `[[noise]]`."""

    id: Name
    folder: Annotated[str, msgspec.Meta(min_length=1, description="where they are, relative to the scenario file")]
    name: Annotated[str, what("one sound of the folder; each time another by chance when left out")] | None = None
    kind: Annotated[str, msgspec.Meta(min_length=1, description="what it is, for the truth")] = "recorded"
    peak_db_spl_1m: (
        Annotated[
            float, number(40, 200, "peak level at one metre, dB re 20 uPa; as stated beside each file when left out")
        ]
        | None
    ) = None
    at: Annotated[Spot, what("where it is; it may be off the site, as thunder is")] | None = None
    path: Annotated[Route, what("the way along which it moves")] | None = None
    times_s: Times | None = None
    random: Annotated[Chance, what("when and where by chance")] | None = None
