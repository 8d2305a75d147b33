"""The sensor registry of one site: who listens, where, in which air."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from errors import ConfigurationError
from geo.frames import CartesianFrame, LocalFrame, frame_for
from geo.place import Geodetic, Place

# A site wider than 2,000 km is a slip of units, a height above Everest one of signs.
CARTESIAN_BOUNDS = {"x_m": (-1e6, 1e6), "y_m": (-1e6, 1e6), "z_m": (-12_000.0, 12_000.0)}
GEODETIC_BOUNDS = {"longitude": (-180.0, 180.0), "latitude": (-90.0, 90.0), "height_m": (-500.0, 9000.0)}


@dataclass(frozen=True, slots=True)
class Sensor:
    """One microphone at a surveyed place.

    id : its name in the registry, unique within a network.
    place : where it was surveyed.
    position_sigma_m : one standard deviation of the survey along each horizontal axis, metres; NaN where not stated.
    """

    id: str
    place: Place
    position_sigma_m: float = math.nan


@dataclass(frozen=True)
class Network:
    """The sensors of one site, their positions in its local frame, and the weather over it.

    sensors : in the order that columns and pulse tables count them.
    positions_m : (n, 3) float64, site frame, metres east, north, up; read-only.
    position_sigma_m : (n,) float64, metres; NaN where not stated; read-only.
    frame : what turns the site frame into places and back; a plain Cartesian site is its own frame.
    weather : uniform over the site.
    """

    sensors: tuple[Sensor, ...]
    positions_m: NDArray[np.float64]
    position_sigma_m: NDArray[np.float64]
    frame: LocalFrame | CartesianFrame
    weather: Weather

    @classmethod
    def of(
        cls,
        sensors: Sequence[Sensor],
        weather: Weather | None = None,
        *,
        where: object = "network",
        frame: LocalFrame | CartesianFrame | None = None,
    ) -> Network:
        """The network of these sensors.

        Parameters
        ----------
        sensors : at least one; ids differ; all places geodetic, or all Cartesian.
        weather : still air of 15 degrees C when not given.
        where : what the user called the source, for errors.
        frame : the site's frame; by default one around the sensors.

        Raises
        ------
        ConfigurationError
            No sensors, an empty or repeated id, a number that is not finite, a negative sigma, two kinds of places.
        """
        if not sensors:
            raise ConfigurationError(where, "no sensors", expected="at least one sensor", seen=0)
        known: set[str] = set()
        for number, sensor in enumerate(sensors, 1):
            check_sensor(sensor, f"{where}, sensor {number}")
            if sensor.id in known:
                raise ConfigurationError(where, "sensor id used twice", expected="ids that differ", seen=sensor.id)
            known.add(sensor.id)
        kinds = {type(sensor.place) for sensor in sensors}
        if len(kinds) > 1:
            raise ConfigurationError(
                where,
                "sensors of two frames",
                expected="all places cartesian or all WGS 84",
                seen=sorted(kind.__name__ for kind in kinds),
            )
        places = [sensor.place for sensor in sensors]
        try:
            site = frame_for(places) if frame is None else frame
            positions = site.places_to_local(places)
        except ConfigurationError as error:
            raise ConfigurationError(where, str(error)) from error
        sigma = np.array([sensor.position_sigma_m for sensor in sensors], dtype=np.float64)
        positions.setflags(write=False)
        sigma.setflags(write=False)
        return cls(tuple(sensors), positions, sigma, site, Weather() if weather is None else weather)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids in the order of ``sensors``."""
        return tuple(sensor.id for sensor in self.sensors)

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each id in ``positions_m``."""
        return {name: row for row, name in enumerate(self.ids)}

    def subset(self, ids: Iterable[str]) -> Network:
        """The network of these sensors alone, in this network's order and in its frame.

        Raises
        ------
        ConfigurationError
            An id that the network does not hold, or none at all.
        """
        wanted = set(ids)
        unknown = sorted(wanted - self.index.keys())
        if unknown:
            raise ConfigurationError("network", "unknown sensor", expected="an id of the network", seen=unknown[0])
        return Network.of([s for s in self.sensors if s.id in wanted], self.weather, frame=self.frame)

    def __len__(self) -> int:
        return len(self.sensors)


def check_sensor(sensor: Sensor, where: object) -> None:
    """Refuse a sensor whose id is empty or whose numbers are not places.

    Raises
    ------
    ConfigurationError
        Naming ``where`` and the field.
    """
    if not sensor.id or not sensor.id.isprintable():
        raise ConfigurationError(where, "id", expected="a printable name that is not empty", seen=sensor.id)
    place = sensor.place
    bounds = GEODETIC_BOUNDS if isinstance(place, Geodetic) else CARTESIAN_BOUNDS
    for name, (low, high) in bounds.items():
        check_bounds(where, name, getattr(place, name), low, high)
    if not math.isnan(sensor.position_sigma_m):
        check_bounds(where, "position_sigma_m", sensor.position_sigma_m, 0.0, 1000.0)


def check_bounds(where: object, name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside ``low .. high``, NaN included.

    Raises
    ------
    ConfigurationError
        Naming ``where`` and ``name``.
    """
    if not low <= value <= high:
        raise ConfigurationError(where, name, expected=f"{low:,.12g} .. {high:,.12g}", seen=value)
