"""A simulated scene put together by hand: what plots of simulations are tried on."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.streets import Streets
from sensors.capture import ArrayCapture
from sim.sound import Shock
from sim.truth import TrueArrival, TruePath, TrueSensor, TrueSound, Truth
from tocsin.plots.sim_look import SimScene
from wire.utc import parse_utc_ns

START_NS = parse_utc_ns("2027-01-01T00:00:00Z")
SPEED_M_S = 340.0
RATE_HZ = 12_000
SENSORS_M = ((-150.0, -80.0, 12.0), (170.0, -60.0, 10.0), (140.0, 180.0, 15.0), (-90.0, 200.0, 9.0), (20.0, 60.0, 11.0))
SOURCE_M = (15.0, -20.0, 1.5)


def city(attribution: str = "© made up for a test") -> City:
    """Three blocks, one with a courtyard, and two streets."""
    blocks = [
        shapely.box(-100.0, 20.0, -20.0, 90.0),
        shapely.Polygon(shapely.box(40.0, 20.0, 130.0, 120.0).exterior, [shapely.box(60, 40, 110, 100).exterior]),
        shapely.box(-80.0, -120.0, -15.0, -45.0),
    ]
    streets = [
        shapely.LineString([(-200.0, -20.0), (220.0, -20.0)]),
        shapely.LineString([(10.0, -150.0), (10.0, 230.0)]),
    ]
    return City(
        CartesianFrame(),
        Buildings(shapely.orient_polygons(np.array(blocks)), np.array([9.0, 21.0, 30.0]), ("a", "b", "c")),
        Streets(np.array(streets), ("residential", "footway"), ("High Street", "")),
        (-200.0, -150.0, 220.0, 230.0),
        attribution,
    )


class StraightBullet:
    """Flies east at twice the speed of sound, without end: Mach's cone in closed form."""

    muzzle_m = np.array(SOURCE_M)

    def shock(self, receivers_m: NDArray[np.float64], sound_speed_m_s: float, wind_m_s: NDArray[np.float64]) -> Shock:
        along, across = (
            (receivers_m - np.array(SOURCE_M))[:, 0],
            np.linalg.norm((receivers_m - np.array(SOURCE_M))[:, 1:], axis=1),
        )
        emitted = along - across / math.sqrt(3.0)
        heard = emitted > 0.0
        delay = along / (2 * sound_speed_m_s) + across * math.sqrt(3.0) / (2 * sound_speed_m_s)
        nothing = np.where(heard, 1.0, np.nan)
        emitted_m = np.array(SOURCE_M) + np.column_stack([emitted, np.zeros((len(emitted), 2))])
        return Shock(
            heard=heard,
            emitted_m=emitted_m * nothing[:, None],
            emitted_s=emitted / (2 * sound_speed_m_s) * nothing,
            delay_s=delay * nothing,
            miss_m=across * 2 / math.sqrt(3.0) * nothing,
            peak_pa=100.0 * nothing,
            duration_s=3e-4 * nothing,
        )


def sound(number: int = 1, at_s: float = 1.0, *, arrivals: bool = True, kind: str = "gunshot") -> TrueSound:
    """A sound in the street; the first sensor sees it, the others hear it over a roof and off a wall."""
    heard: list[TrueArrival] = []
    at_ns = START_NS + round(1e9 * at_s)
    for k, place in enumerate(SENSORS_M[:4] if arrivals else ()):
        length = math.dist(place, SOURCE_M)
        level = 150.0 - 20.0 * math.log10(length)
        corner = (0.5 * (place[0] + SOURCE_M[0]) + 20.0, 0.5 * (place[1] + SOURCE_M[1]), 25.0)
        ways = [
            TruePath(kind="direct", delay_s=length / SPEED_M_S, length_m=length, peak_db_spl=level,
                     points_m=[SOURCE_M, place]),
            TruePath(kind="ground", delay_s=(length + 0.2) / SPEED_M_S, length_m=length + 0.2, peak_db_spl=level - 1,
                     points_m=[SOURCE_M, (0.5 * (place[0] + SOURCE_M[0]), 0.5 * (place[1] + SOURCE_M[1]), 0.0), place]),
        ]  # fmt: skip
        if k:
            longer = math.dist(SOURCE_M, corner) + math.dist(corner, place)
            ways = [
                TruePath(kind="over" if k != 2 else "around", delay_s=longer / SPEED_M_S, length_m=longer,
                         peak_db_spl=level - 12, points_m=[SOURCE_M, corner, place]),
                TruePath(kind="wall", delay_s=longer / SPEED_M_S + 0.08, length_m=longer + 27, peak_db_spl=level - 16,
                         points_m=[SOURCE_M, (180.0, 60.0, 8.0), place]),
                TruePath(kind="tail", delay_s=longer / SPEED_M_S + 0.1, length_m=longer, peak_db_spl=level - 25),
            ]  # fmt: skip
        arrival_ns = at_ns + round(1e9 * ways[0].delay_s)
        heard.append(
            TrueArrival(
                sensor=f"N-{k}",
                wave="blast",
                arrival_ns=arrival_ns,
                stamped_ns=arrival_ns + 3_000_000,
                peak_db_spl=max(way.peak_db_spl for way in ways),
                snr_db=22.0,
                line_of_sight=not k,
                excess_delay_s=ways[0].delay_s - length / SPEED_M_S,
                paths=ways,
            )
        )
    if heard and kind == "gunshot":
        shock_ns = heard[1].arrival_ns - 120_000_000
        emitted = (120.0, -20.0, 1.5)
        way = TruePath(
            kind="direct",
            delay_s=1e-9 * (shock_ns - at_ns),
            length_m=70.0,
            peak_db_spl=120.0,
            points_m=[emitted, SENSORS_M[1]],
        )
        heard.append(
            TrueArrival(sensor="N-1", wave="shock", arrival_ns=shock_ns, stamped_ns=shock_ns + 3_000_000,
                        peak_db_spl=120.0, snr_db=30.0, line_of_sight=True, excess_delay_s=0.0, paths=[way])
        )  # fmt: skip
    return TrueSound(
        id=f"A/{number}",
        kind=kind,
        source="A",
        label="5.56 mm rifle" if kind == "gunshot" else kind,
        round=number,
        at_ns=at_ns,
        position_m=SOURCE_M,
        axis=(1.0, 0.0, 0.0),
        peak_db_spl_1m=158.0,
        arrivals=heard,
    )


def truth(*sounds: TrueSound) -> Truth:
    """The truth of these sounds, or of two shots, a firework and a far bang."""
    other = sound(3, 2.5, arrivals=False, kind="firework")
    every = sounds or (sound(1), sound(2, 1.4), *_elsewhere(other))
    return Truth(
        scenario="made-up",
        title="Made up for a test",
        version="0",
        seed=7,
        start_ns=START_NS,
        duration_s=4.0,
        sound_speed_m_s=SPEED_M_S,
        wind_m_s=(4.0, 1.0, 0.0),
        origin=None,
        sensors=[
            TrueSensor(id=f"N-{k}", position_m=place, rate_hz=RATE_HZ, gain_error_db=0.0, clock_offset_s=3e-3,
                       clock_drift_ppm=0.0, clock_steps=[], lost=[], dead=[])
            for k, place in enumerate(SENSORS_M)
        ],
        sounds=list(every),
    )  # fmt: skip


def _elsewhere(other: TrueSound) -> tuple[TrueSound, ...]:
    import msgspec  # noqa: PLC0415

    near = msgspec.structs.replace(other, id="F/1", source="F", position_m=(-60.0, 150.0, 1.0))
    return near, msgspec.structs.replace(other, id="G/1", source="G", position_m=(4000.0, 150.0, 1.0))


def capture(of: TrueSound, sensor: str = "N-1") -> ArrayCapture:
    """Noise, with a decaying blast at every path of a sound."""
    rng = np.random.default_rng(3)
    samples = 2e-3 * rng.standard_normal(4 * RATE_HZ)
    t = np.arange(int(0.1 * RATE_HZ)) / RATE_HZ
    for arrival in of.arrivals:
        for path in arrival.paths if arrival.sensor == sensor else ():
            late = path.delay_s - arrival.paths[0].delay_s
            first = round(((arrival.stamped_ns - START_NS) / 1e9 + late) * RATE_HZ)
            wave = np.exp(-t / 0.008) * np.sin(2 * np.pi * (2500.0 if arrival.wave == "shock" else 600.0) * t)
            samples[first : first + len(t)] += (
                10.0 ** ((path.peak_db_spl - 120.0) / 20.0) * wave[: len(samples) - first]
            )
    return ArrayCapture(sensor, np.clip(samples, -1, 1).astype(np.float32), RATE_HZ, START_NS, full_scale_db_spl=120.0)


def scene(
    *, sensor: str | None = "N-1", with_city: bool = True, bullet: bool = True, kind: str = "gunshot"
) -> SimScene:
    """The first shot as seen from above, and by one sensor."""
    shown = sound(1, kind=kind)
    every = truth(shown, sound(2, 1.4), *_elsewhere(sound(3, 2.5, arrivals=False, kind="firework")))
    chosen = next((s for s in every.sensors if s.id == sensor), None)
    heard = capture(shown, sensor) if sensor is not None else None
    flown = StraightBullet() if bullet and kind == "gunshot" else None
    return SimScene(every, shown, chosen, city() if with_city else None, flown, heard)
