"""A file of OpenStreetMap data (PBF or XML) on disk: opened, walked through, its faults told in one sentence.

What is taken out of it is the reader's: ``geo.osm`` takes buildings and streets; whoever wants single nodes (cameras,
lamps) walks ``nodes`` with the keys of interest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
from numpy.typing import NDArray

from errors import BadInput, found

ATTRIBUTION = "© OpenStreetMap contributors"
"""What the Open Database License 1.0 asks for wherever the data are shown."""

SUFFIXES = (".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A line of nodes.

    lonlat : (n, 2) float64, degrees; NaN for nodes that the file does not hold.
    closed : whether it ends in the node in which it begins.
    """

    id: int
    tags: dict[str, str]
    lonlat: NDArray[np.float64]
    closed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation's ways.

    ways : (id, role) of its member ways.
    """

    id: int
    tags: dict[str, str]
    ways: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A tagged place, degrees."""

    id: int
    tags: dict[str, str]
    longitude: float
    latitude: float


def extent(path: Path) -> tuple[float, float, float, float] | None:
    """West, south, east, north in degrees as the file's header states them; None when it states none."""
    with _faults(path):
        box = osmium.io.Reader(str(path), osmium.osm.NOTHING).header().box()
        if not box.valid():
            return None
        return box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat


def relations(path: Path, *keys: str) -> Iterator[Relation]:
    """Relations that have one of the keys, in the order of the file."""
    with _faults(path):
        walk = osmium.FileProcessor(str(path), osmium.osm.RELATION).with_filter(osmium.filter.KeyFilter(*keys))
        for entity in walk:
            assert isinstance(entity, osmium.osm.Relation)  # no other kind was asked for
            members = tuple((member.ref, member.role) for member in entity.members if member.type == "w")
            yield Relation(entity.id, dict(entity.tags), members)


def ways(path: Path, keys: tuple[str, ...], also: frozenset[int]) -> Iterator[Way]:
    """Ways that have one of the keys or whose id is in ``also``, in the order of the file, with their places."""
    with _faults(path):
        walk = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
        for entity in walk.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)):
            assert isinstance(entity, osmium.osm.Way)  # no other kind was asked for
            if entity.id not in also and not any(key in entity.tags for key in keys):
                continue
            places = [(at.lon, at.lat) if at.valid() else (np.nan, np.nan) for at in (n.location for n in entity.nodes)]
            lonlat = np.array(places, dtype=np.float64).reshape(-1, 2)
            yield Way(entity.id, dict(entity.tags), lonlat, entity.is_closed())


def nodes(path: Path, *keys: str) -> Iterator[Node]:
    """Nodes that have one of the keys, in the order of the file."""
    with _faults(path):
        walk = osmium.FileProcessor(str(path), osmium.osm.NODE).with_filter(osmium.filter.KeyFilter(*keys))
        for entity in walk:
            assert isinstance(entity, osmium.osm.Node)  # no other kind was asked for
            yield Node(entity.id, dict(entity.tags), entity.location.lon, entity.location.lat)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Faults of the file in Tocsin's words.

    Raises BadInput when there is no such file, when it is no OpenStreetMap data, or when it ends too early.
    """
    if not path.is_file():
        raise BadInput(path, "OpenStreetMap data", expected="a file", seen="a folder" if path.is_dir() else "nothing")
    if not path.name.endswith(SUFFIXES):
        raise BadInput(path, "kind of file", expected=f"a name that ends in one of {', '.join(SUFFIXES)}")
    try:
        yield
    except RuntimeError as fault:  # what osmium raises for everything that it cannot read
        message = found(str(fault), 120)
        raise BadInput(path, f"cannot be read as OpenStreetMap data, or ends too early ({message})") from None
