"""The truth of a simulation, as ``truth.json`` has it: what sounded where and when, and how it reached each sensor."""

from __future__ import annotations

from typing import Literal

import msgspec

TRUTH_SCHEMA = 1

PathWord = Literal["direct", "ground", "over", "around", "wall", "tail"]


class TruePath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of a sound to a sensor.

    delay_s : from emission to arrival (for a shock wave: from leaving the muzzle).
    length_m : along the way, from where it was emitted.
    peak_db_spl : peak level that it has alone, dB re 20 uPa.
    points_m : its corners, east, north, up; source and sensor included.
    """

    kind: PathWord
    delay_s: float
    length_m: float
    peak_db_spl: float
    points_m: list[tuple[float, float, float]] = []


class TrueArrival(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sound at a sensor.

    wave : the muzzle blast (or whatever a look-alike sends), or the bullet's shock wave.
    arrival_ns : UTC nanoseconds of the first path.
    stamped_ns : the same by the sensor's clock and sample counter, faults included.
    peak_db_spl : of the strongest path, dB re 20 uPa.
    snr_db : peak of the strongest path within 300-3000 Hz over the noise in that band at the sensor then, dB; some dB
        beside ``snr_db`` of a pulse, which is told in the detector's own band.
    excess_delay_s : how much later than a straight line in the same air.
    paths : sorted by delay.
    """

    sensor: str
    wave: Literal["blast", "shock"]
    arrival_ns: int
    stamped_ns: int
    peak_db_spl: float
    snr_db: float
    line_of_sight: bool
    excess_delay_s: float
    paths: list[TruePath]


class TrueSound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One discharge or other sound; the fields of ``sim.sound.Sound``."""

    id: str
    kind: str
    source: str
    label: str
    round: int
    at_ns: int
    position_m: tuple[float, float, float]
    axis: tuple[float, float, float]
    peak_db_spl_1m: float
    longitude: float | None = None
    latitude: float | None = None
    arrivals: list[TrueArrival] = []


class TrueSensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensor as it is; what it believes of itself is in its sidecar."""

    id: str
    position_m: tuple[float, float, float]
    rate_hz: int
    gain_error_db: float
    clock_offset_s: float
    clock_drift_ppm: float
    clock_steps: list[tuple[float, float]]
    lost: list[tuple[float, float]]
    dead: list[tuple[float, float]]


class Truth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    origin : longitude, latitude, height of the frame's origin; None on a Cartesian site.
    sensors, sounds : sorted as in the world.
    """

    scenario: str
    title: str
    version: str
    seed: int
    start_ns: int
    duration_s: float
    sound_speed_m_s: float
    wind_m_s: tuple[float, float, float]
    origin: tuple[float, float, float] | None
    sensors: list[TrueSensor]
    sounds: list[TrueSound]
    attribution: str = ""
    schema: int = TRUTH_SCHEMA
