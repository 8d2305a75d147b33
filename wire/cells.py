"""Map cells: geohashes (Niemeyer 2008); cells near each other mostly share a prefix, and anyone can look one up."""

from __future__ import annotations

BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"
CELL_LENGTH = 5
"""4.9 km by 4.9 km at the equator, 3.4 km by 4.9 km at 46 degrees: a few times the hearing range of a shot."""

NOWHERE = "nowhere"
"""The cell of a sensor that does not know where it is, or stands on a Cartesian site."""


def cell_of(longitude: float, latitude: float, length: int = CELL_LENGTH) -> str:
    """The cell that holds a place.

    Parameters
    ----------
    longitude, latitude : WGS 84 degrees, -180..180 and -90..90.
    length : characters; each divides a cell into 32.

    Raises
    ------
    ValueError
        A place that is not on the globe, or a length below 1.
    """
    if not (-180.0 <= longitude <= 180.0 and -90.0 <= latitude <= 90.0):
        raise ValueError(f"place: expected longitude -180..180 and latitude -90..90, got {longitude}, {latitude}")
    if length < 1:
        raise ValueError(f"length: expected at least 1, got {length}")
    low, high = [-180.0, -90.0], [180.0, 90.0]
    place = (longitude, latitude)
    letters = []
    for letter in range(length):
        value = 0
        for bit in range(5):
            axis = (5 * letter + bit) % 2  # longitude first
            middle = (low[axis] + high[axis]) / 2.0
            upper = place[axis] >= middle
            value = 2 * value + upper
            (low if upper else high)[axis] = middle
        letters.append(BASE32[value])
    return "".join(letters)
