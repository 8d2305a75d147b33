"""Map cells against published geohashes, and their bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.cells import BASE32, CELL_LENGTH, NOWHERE, cell_of
from wire.subjects import is_token

LONGITUDES, LATITUDES = st.floats(-180.0, 180.0), st.floats(-90.0, 90.0)


@pytest.mark.parametrize(
    ("longitude", "latitude", "geohash"),
    [
        (10.40744, 57.64911, "u4pruydqqvj"),  # Niemeyer's own example
        (-5.6, 42.6, "ezs42"),
        (-4.329021, 48.668983, "gbsuv"),
        (-49.265506, -25.382708, "6gkzwgjzn820"),
        (112.5584, 37.8324, "ww8p1r4t8"),
        (0.0, 0.0, "s0000000"),
        (-180.0, -90.0, "00000000"),
        (180.0, 90.0, "zzzzzzzz"),
    ],
)
def test_published_geohashes(longitude: float, latitude: float, geohash: str) -> None:
    assert cell_of(longitude, latitude, len(geohash)) == geohash


def bounds(cell: str) -> tuple[float, float, float, float]:
    """West, east, south, north of a cell, by Niemeyer's definition: the bits of each axis as one binary fraction."""
    bits = "".join(f"{BASE32.index(letter):05b}" for letter in cell)
    edges: list[float] = []
    for axis, (low, span) in enumerate(((-180.0, 360.0), (-90.0, 180.0))):
        own = bits[axis::2]
        share = int(own, 2) / 2 ** len(own)
        edges += [low + span * share, low + span * (share + 2.0 ** -len(own))]
    return edges[0], edges[1], edges[2], edges[3]


@given(LONGITUDES, LATITUDES, st.integers(1, 12))
def test_a_cell_holds_its_place_and_is_a_prefix_of_finer_ones(longitude: float, latitude: float, length: int) -> None:
    cell = cell_of(longitude, latitude, length)
    assert len(cell) == length
    assert is_token(cell)
    assert cell_of(longitude, latitude, length + 1).startswith(cell)
    west, east, south, north = bounds(cell)
    assert west <= longitude < east or longitude == east == 180.0
    assert south <= latitude < north or latitude == north == 90.0


@given(LONGITUDES, LATITUDES, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_neighbours_share_cells(longitude: float, latitude: float, x: float, y: float) -> None:
    """Any place within the bounds of a cell has that cell."""
    cell = cell_of(longitude, latitude)
    west, east, south, north = bounds(cell)
    assert cell_of(west + x * (east - west), south + y * (north - south)) == cell


def test_a_cell_is_as_large_as_documented() -> None:
    west, east, south, north = bounds(cell_of(8.5, 46.0, CELL_LENGTH))
    km = 40_007.9 / 360.0
    assert (north - south) * km == pytest.approx(4.9, abs=0.05)
    assert (east - west) * km == pytest.approx(4.9, abs=0.05)
    assert (east - west) * km * math.cos(math.radians(46.0)) == pytest.approx(3.4, abs=0.05)


@pytest.mark.parametrize(
    ("longitude", "latitude"),
    [(180.1, 0.0), (-180.1, 0.0), (0.0, 90.1), (0.0, -90.1), (math.nan, 0.0), (0.0, math.nan), (math.inf, 0.0)],
)
def test_places_off_the_globe_are_refused(longitude: float, latitude: float) -> None:
    with pytest.raises(ValueError, match="place: expected longitude"):
        cell_of(longitude, latitude)


@pytest.mark.parametrize("length", [0, -1])
def test_lengths_below_one_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length: expected at least 1"):
        cell_of(0.0, 0.0, length)


def test_nowhere_can_stand_in_a_subject_and_is_no_cell() -> None:
    assert is_token(NOWHERE)
    assert len(NOWHERE) != CELL_LENGTH
