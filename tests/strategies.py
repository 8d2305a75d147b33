"""Hypothesis strategies shared by all rooms: weather, places, networks, instants, JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from acoustic.weather import BOUNDS, Weather
from geo.place import Cartesian, Geodetic
from wire.utc import NS_PER_S

YEAR_2000_NS = 946_684_800 * NS_PER_S
YEAR_2100_NS = 4_102_444_800 * NS_PER_S


def _within(name: str) -> st.SearchStrategy[float]:
    low, high, _ = BOUNDS[name]
    return st.floats(low, high)


def weathers() -> st.SearchStrategy[Weather]:
    """Any weather that passes ``Weather.validated``."""
    return st.builds(
        Weather,
        temperature_c=_within("temperature_c"),
        humidity_percent=_within("humidity_percent"),
        pressure_hpa=_within("pressure_hpa"),
        wind_speed_m_s=_within("wind_speed_m_s"),
        wind_from_deg=_within("wind_from_deg"),
        measured_speed_m_s=st.none() | _within("measured_speed_m_s"),
    )


def mild_weathers() -> st.SearchStrategy[Weather]:
    """Weather of a town on most days: -20..40 deg C, wind up to 15 m/s, no measured speed."""
    return st.builds(
        Weather,
        temperature_c=st.floats(-20.0, 40.0),
        humidity_percent=st.floats(10.0, 100.0),
        wind_speed_m_s=st.floats(0.0, 15.0),
        wind_from_deg=st.floats(0.0, 360.0),
    )


def instants_ns() -> st.SearchStrategy[int]:
    """UTC nanoseconds from 2000 to 2100."""
    return st.integers(YEAR_2000_NS, YEAR_2100_NS - 1)


def geodetic_places(max_latitude: float = 85.0) -> st.SearchStrategy[Geodetic]:
    """Inhabited places on the globe."""
    return st.builds(
        Geodetic, st.floats(-180.0, 180.0), st.floats(-max_latitude, max_latitude), st.floats(-400.0, 5000.0)
    )


def cartesian_places(reach_m: float = 5000.0) -> st.SearchStrategy[Cartesian]:
    """Places of a surveyed site."""
    return st.builds(
        Cartesian, st.floats(-reach_m, reach_m), st.floats(-reach_m, reach_m), st.floats(-100.0, 100.0)
    )


@st.composite
def networks(
    draw: st.DrawFn, min_sensors: int = 4, max_sensors: int = 12, spacing_m: float = 300.0, jitter_m: float = 100.0
) -> tuple[Cartesian, ...]:
    """Sensors on a jittered square lattice, as on a city's roofs: never in a line, never two at one place."""
    count = draw(st.integers(min_sensors, max_sensors))
    side = 2
    while side * side < count:
        side += 1
    shift = st.floats(-jitter_m, jitter_m)
    return tuple(
        Cartesian(
            (number % side) * spacing_m + draw(shift),
            (number // side) * spacing_m + draw(shift),
            draw(st.floats(0.0, 20.0)),
        )
        for number in range(count)
    )


def json_values() -> st.SearchStrategy[Any]:
    """Anything that JSON can say, and a little that it cannot (very large numbers)."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(10**25), 10**25)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def mutations(draw: st.DrawFn, document: Any) -> Any:
    """``document`` with one part, anywhere in it, replaced, removed, or repeated."""
    if isinstance(document, dict) and document and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(document)))
        match draw(st.sampled_from(["inside", "inside", "replace", "remove"])):
            case "inside":
                return {**document, key: draw(mutations(document[key]))}
            case "replace":
                return {**document, key: draw(json_values())}
            case _:
                return {name: value for name, value in document.items() if name != key}
    if isinstance(document, list) and document and draw(st.integers(0, 9)):
        index = draw(st.integers(0, len(document) - 1))
        if draw(st.booleans()):
            return [*document[:index], draw(mutations(document[index])), *document[index + 1 :]]
        return [*document, document[index]]
    return draw(json_values())


def points_m(reach_m: float = 2000.0) -> st.SearchStrategy[NDArray[np.float64]]:
    """(2,) points of a plane, metres, to the millimetre."""
    part = st.integers(-round(1e3 * reach_m), round(1e3 * reach_m)).map(lambda mm: mm * 1e-3)
    return st.tuples(part, part).map(np.array)


def places_m(reach_m: float = 2000.0) -> st.SearchStrategy[NDArray[np.float64]]:
    """(3,) points of a site, metres, heights -50..200."""
    return st.builds(lambda flat, z: np.array([*flat, z]), points_m(reach_m), st.floats(-50.0, 200.0))


def winds_m_s(*, vertical: bool = True) -> st.SearchStrategy[NDArray[np.float64]]:
    """(3,) winds up to a hurricane, m/s."""
    part = st.floats(-30.0, 30.0)
    return st.tuples(part, part, st.floats(-5.0, 5.0) if vertical else st.just(0.0)).map(np.array)


def headings_rad() -> st.SearchStrategy[float]:
    """Turns of a site."""
    return st.floats(-3.14, 3.14)
