"""Sensors of a world: where they are and believe to be, how well they hear, what goes wrong with them."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from errors import ConfigurationError
from geo.city import City
from geo.frames import LocalFrame
from geo.place import Cartesian, Geodetic, Place
from sim.staging.placement import on_grid, on_rooftops
from sim.staging.scenario import Scenario
from sim.staging.siting import Siting
from sim.staging.spec_places import Spot
from sim.staging.spec_sensors import Fault, SensorAt
from sim.world import Clock, Station, World

_T = TypeVar("_T")


def stations(scenario: Scenario, siting: Siting, world: World) -> tuple[Station, ...]:
    """All sensors of a scenario, sorted by id.

    world : whose ``generator`` draws; each sensor has its own numbers, whoever else is there.

    Raises
    ------
    ConfigurationError
        A place that cannot be, an id used twice, a fault of a sensor that is not there.
    """
    spec = scenario.spec.sensors
    placed: dict[str, tuple[NDArray[np.float64], SensorAt | None]] = {}
    for number, sensor in enumerate(spec.at):
        key = ("sensors", "at", number)
        placed[sensor.id] = siting.spot(sensor, key, f"sensor {sensor.id!r}"), sensor
    generated = _on_grid(scenario, siting) | _on_rooftops(scenario, siting.city, world)
    for name, position_m in generated.items():
        if name in placed:
            expected = "ids other than those of sensors on a grid (G01, ...) and on roofs (R01, ...)"
            raise ConfigurationError(scenario.where, "sensor id used twice", expected=expected, seen=name)
        placed[name] = position_m, None
    made = {name: _station(name, *placed[name], scenario, siting.city, world) for name in sorted(placed)}
    for number, fault in enumerate(scenario.spec.fault):
        for name in _struck(fault, number, tuple(made), scenario, world):
            made[name] = _with_fault(made[name], fault, scenario.spec.duration_s)
    return tuple(made.values())


def _station(
    name: str,
    position_m: NDArray[np.float64],
    by_hand: SensorAt | None,
    scenario: Scenario,
    city: City,
    world: World,
) -> Station:
    spec = scenario.spec.sensors
    survey = np.append(world.generator("survey", name).normal(0.0, spec.position_sigma_m, 2), 0.0)
    gain = float(world.generator("gain", name).normal(0.0, spec.gain_sigma_db))
    background = float(world.generator("surroundings", name).normal(0.0, spec.background_sigma_db))
    offset = float(world.generator("clock", name).normal(0.0, spec.clock_sigma_s))
    shelter = spec.wind_shelter_db
    if by_hand is not None:
        gain = gain if by_hand.gain_error_db is None else by_hand.gain_error_db
        background = background if by_hand.background_db is None else by_hand.background_db
        shelter = shelter if by_hand.wind_shelter_db is None else by_hand.wind_shelter_db
    return Station(
        id=name,
        position_m=position_m,
        place=_place(position_m + survey, city),
        position_sigma_m=spec.position_sigma_m,
        rate_hz=spec.rate_hz,
        bits=spec.bits,
        full_scale_db_spl=spec.full_scale_db_spl,
        gain_error_db=gain,
        self_noise_db_a=spec.self_noise_db_a,
        wind_shelter_db=shelter,
        background_db=background,
        clock=Clock(offset_s=offset, sigma_s=spec.clock_sigma_s),
    )


def _place(believed_m: NDArray[np.float64], city: City) -> Place:
    if isinstance(city.frame, LocalFrame):
        return Geodetic(*map(float, city.frame.to_geodetic(believed_m)[0]))
    return Cartesian(*map(float, believed_m))


def _on_grid(scenario: Scenario, siting: Siting) -> dict[str, NDArray[np.float64]]:
    grid = scenario.spec.sensors.grid
    if grid is None:
        return {}
    city = siting.city
    on_streets = grid.stands == "street"
    try:
        bounds_m = _within(city, grid.margin_m)
        positions_m = on_grid(bounds_m, grid.spacing_m, grid.height_m, city=None if on_streets else city)
    except ConfigurationError as error:
        raise scenario.refusal(("sensors", "grid"), str(error)) from error
    if on_streets:
        key = ("sensors", "grid")
        spots = [Spot(x_m=x, y_m=y, height_m=z, stands="street") for x, y, z in positions_m.tolist()]
        positions_m = np.array([siting.spot(spot, key, "sensor on a grid") for spot in spots])
    return _numbered("G", positions_m)


def _on_rooftops(scenario: Scenario, city: City, world: World) -> dict[str, NDArray[np.float64]]:
    roofs = scenario.spec.sensors.rooftops
    if roofs is None:
        return {}
    draw = world.generator("rooftops")
    try:
        positions_m = on_rooftops(city, roofs.per_km2, _within(city, roofs.margin_m), draw, mast_m=roofs.mast_m)
    except ConfigurationError as error:
        raise scenario.refusal(("sensors", "rooftops"), str(error)) from error
    return _numbered("R", positions_m)


def _within(city: City, margin_m: float) -> tuple[float, float, float, float]:
    """The site without its edges."""
    west, south, east, north = city.bounds_m
    return west + margin_m, south + margin_m, east - margin_m, north - margin_m


def _numbered(letter: str, positions_m: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    width = max(2, len(str(len(positions_m))))
    return {f"{letter}{number:0{width}d}": position for number, position in enumerate(positions_m, 1)}


def _struck(fault: Fault, number: int, names: tuple[str, ...], scenario: Scenario, world: World) -> list[str]:
    """The ids of the sensors that a fault strikes."""
    if fault.sensor is not None:
        if fault.sensor not in names:
            key = ("fault", number, "sensor")
            raise scenario.refusal(key, expected=f"one of {', '.join(names)}", seen=fault.sensor)
        return [fault.sensor]
    count = round((fault.share or 0.0) * len(names))
    order = world.generator("fault", number + 1).permutation(len(names))
    return sorted(names[row] for row in order[:count])


def _with_fault(station: Station, fault: Fault, duration_s: float) -> Station:
    clock, faults = station.clock, station.faults
    if fault.clock is not None:
        steps = tuple((step.at_s, step.by_s) for step in _several(fault.clock.step))
        clock = dataclasses.replace(
            clock,
            offset_s=clock.offset_s + fault.clock.offset_s,
            drift_ppm=clock.drift_ppm + fault.clock.drift_ppm,
            steps=tuple(sorted(clock.steps + steps)),
        )
    lost = tuple((loss.at_s, loss.for_s) for loss in _several(fault.lost))
    dead = tuple((part.from_s, duration_s if part.to_s is None else part.to_s) for part in _several(fault.dead))
    clips = [level for level in (faults.clip_db_spl, fault.clip_db_spl) if level is not None]
    faults = dataclasses.replace(
        faults,
        lost=tuple(sorted(faults.lost + lost)),
        dead=tuple(sorted(faults.dead + dead)),
        clip_db_spl=min(clips) if clips else None,
    )
    if fault.messages is not None:
        faults = dataclasses.replace(
            faults,
            late_share=max(faults.late_share, fault.messages.late_share),
            late_s=fault.messages.late_s,
            repeated_share=max(faults.repeated_share, fault.messages.repeated_share),
        )
    return dataclasses.replace(station, clock=clock, faults=faults)


def _several(value: tuple[_T, ...] | _T) -> tuple[_T, ...]:
    return value if isinstance(value, tuple) else (value,)
