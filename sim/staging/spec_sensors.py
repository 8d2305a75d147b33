"""Tables of a scenario that say who listens, how well, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from settings.tables import Table, number, what
from sim.staging.placement import MAST_M
from sim.staging.spec_places import LONGEST_S, REACH_M, Spot


class SensorAt(Spot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensor placed by hand.  What is left out here is as `[sensors]` says."""

    id: Annotated[str, msgspec.Meta(min_length=1, description="its name, unique on the site")]
    height_m: Annotated[float, number(0, 1000, "above the ground, or above the roof")] = 6.0
    gain_error_db: Annotated[float, number(-40, 40, "true sensitivity over that of the data sheet")] | None = None
    background_db: Annotated[float, number(-40, 40, "how much louder than the site its surroundings are")] | None = None
    wind_shelter_db: Annotated[float, number(0, 60, "what screen and place take from wind noise")] | None = None


class SensorGrid(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sensors on poles on a square grid over the site; a pole that would stand in a building goes to the nearest free
    place, be it in a court, or with `street` each goes to the nearest centre line."""

    spacing_m: Annotated[float, number(20, 5000, "from one to the next")]
    height_m: Annotated[float, number(0, 500, "above the ground")] = 6.0
    margin_m: Annotated[float, number(0, REACH_M, "kept free along the edges of the site")] = 0.0
    stands: Annotated[Literal["ground", "street"], what("what the poles stand on")] = "ground"


class Rooftops(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sensors on roofs, spread evenly."""

    per_km2: Annotated[float, number(0.1, 500, "sensors a square kilometre")]
    mast_m: Annotated[float, number(0.1, 50, "above the roof")] = MAST_M
    margin_m: Annotated[float, number(0, REACH_M, "kept free along the edges of the site")] = 0.0


class Sensors(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any mix of the three ways to place sensors, and what they have in common."""

    at: Annotated[tuple[SensorAt, ...], what("sensors placed by hand: `[[sensors.at]]`")] = ()
    grid: Annotated[SensorGrid, what("sensors on a grid, named G01, G02, ...")] | None = None
    rooftops: Annotated[Rooftops, what("sensors on roofs, named R01, R02, ...")] | None = None
    rate_hz: Annotated[int, number(8000, 96_000, "samples a second")] = 48_000
    bits: Annotated[Literal[16, 24], what("of a sample")] = 16
    full_scale_db_spl: Annotated[float, number(60, 200, "peak level of a sample of magnitude 1, dB re 20 uPa")] = 120.0
    self_noise_db_a: Annotated[float, number(-20, 80, "equivalent noise of the microphone, dB(A)")] = 30.0
    wind_shelter_db: Annotated[float, number(0, 60, "what screen and place take from wind noise")] = 15.0
    gain_sigma_db: Annotated[float, number(0, 20, "standard deviation of sensitivity around the data sheet")] = 1.0
    background_sigma_db: Annotated[
        float, number(0, 20, "standard deviation of how much louder than the site a sensor's surroundings are")
    ] = 4.0
    position_sigma_m: Annotated[
        float, number(0, 100, "standard deviation of the survey along each horizontal axis, as stated and as drawn")
    ] = 1.0
    clock_sigma_s: Annotated[float, number(1e-9, 1, "standard deviation of the clock, as stated and as drawn")] = 1e-4


class ClockStep(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clock jumps."""

    at_s: Annotated[float, number(0, LONGEST_S, "when")]
    by_s: Annotated[float, number(-86_400, 86_400, "what it gains")]


class ClockFault(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clock that is wrong without knowing."""

    offset_s: Annotated[float, number(-86_400, 86_400, "ahead of UTC at the start")] = 0.0
    drift_ppm: Annotated[float, number(-1000, 1000, "what it gains, parts per million")] = 0.0
    step: Annotated[tuple[ClockStep, ...] | ClockStep, what("one jump, or a list of them")] = ()


class Loss(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Samples that vanish without a word."""

    at_s: Annotated[float, number(0, LONGEST_S, "when")]
    for_s: Annotated[float, number(1e-5, 3600, "how much sound is gone")]


class Silence(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A microphone that gives nothing but its own noise."""

    from_s: Annotated[float, number(0, LONGEST_S, "from when")] = 0.0
    to_s: Annotated[float, number(0, LONGEST_S, "until when; the scenario's end when left out")] | None = None


class Messages(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that delays or repeats messages."""

    late_share: Annotated[float, number(0, 1, "share of messages that come late")] = 0.0
    late_s: Annotated[float, number(0, 86_400, "by how much on average (exponential)")] = 30.0
    repeated_share: Annotated[float, number(0, 1, "share of messages that come twice")] = 0.0


class Fault(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong at one sensor (`sensor`), or at a share of all, drawn by the seed (`share`).  Several faults of
    one sensor add up."""

    sensor: Annotated[str, msgspec.Meta(min_length=1, description="its id; one of `sensor` and `share`")] | None = None
    share: Annotated[float, number(0, 1, "share of all sensors, rounded to the nearest whole number")] | None = None
    clock: Annotated[ClockFault, what("its clock is wrong")] | None = None
    lost: Annotated[tuple[Loss, ...] | Loss, what("it loses samples: once, or a list")] = ()
    dead: Annotated[tuple[Silence, ...] | Silence, what("its microphone is dead: once, or a list")] = ()
    clip_db_spl: Annotated[float, number(40, 200, "peak level at which its microphone overloads, dB re 20 uPa")] | (
        None
    ) = None
    messages: Annotated[Messages, what("its messages come late or twice")] | None = None
