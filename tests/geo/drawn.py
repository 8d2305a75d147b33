"""Small maps for tests: OpenStreetMap XML, GeoJSON features, and what every map of buildings must keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import shapely

from geo.buildings import Buildings
from geo.frames import LocalFrame
from geo.place import Geodetic

ORIGIN = Geodetic(6.15, 46.2, 0.0)
FRAME = LocalFrame(ORIGIN)

Corners = list[tuple[float, float]]


def square(x: float, y: float, side: float = 10.0) -> Corners:
    """Counter-clockwise, open; its lower left corner at x, y."""
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def degrees(corners: Corners) -> list[list[float]]:
    """Longitudes and latitudes of metres around ``ORIGIN``."""
    flat = np.array(corners, dtype=np.float64)
    rows: list[list[float]] = FRAME.to_geodetic(np.column_stack([flat, np.zeros(len(flat))]))[:, :2].tolist()
    return rows


@dataclass
class Map:
    """OpenStreetMap XML in the making; coordinates are metres around ``ORIGIN``."""

    nodes: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)

    def way(self, id: int, corners: Corners, *, closed: bool = True, missing: int = 0, **tags: object) -> Map:
        """A line of new nodes, the last ``missing`` of which the file does not hold."""
        first = len(self.nodes) + 1
        for number, (lon, lat) in enumerate(degrees(corners)):
            left_out = number >= len(corners) - missing
            self.nodes.append("" if left_out else f'<node id="{first + number}" lon="{lon:.9f}" lat="{lat:.9f}"/>')
        refs = [*range(first, first + len(corners)), *([first] if closed else [])]
        inner = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        self.ways.append(f'<way id="{id}">{inner}{_tags(tags)}</way>')
        return self

    def relation(self, id: int, members: list[tuple[int, str]], **tags: object) -> Map:
        """Ways with roles."""
        inner = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
        self.relations.append(f'<relation id="{id}">{inner}{_tags({"type": "multipolygon"} | tags)}</relation>')
        return self

    def xml(self, *, backwards: bool = False, bounds: str = "") -> str:
        """The file; ``backwards`` turns the order of ways and relations around."""
        step = -1 if backwards else 1
        parts = [bounds, *self.nodes, *self.ways[::step], *self.relations[::step]]
        return '<osm version="0.6" generator="test">' + "\n".join(parts) + "</osm>"


def _tags(tags: dict[str, object]) -> str:
    """Python names as keys: two underscores stand for a colon."""
    return "".join(f'<tag k="{key.replace("__", ":")}" v={quoteattr(str(value))}/>' for key, value in tags.items())


def polygon(corners: Corners, *holes: Corners, in_degrees: bool = True, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature."""
    rings = [degrees(ring) if in_degrees else [list(point) for point in ring] for ring in (corners, *holes)]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def line(corners: Corners, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature."""
    geometry = {"type": "LineString", "coordinates": degrees(corners)}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(*features: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A GeoJSON feature collection."""
    return {"type": "FeatureCollection", **members, "features": list(features)}


def assert_sound(buildings: Buildings) -> None:
    """Everything that ``Buildings`` promises: valid, oriented, high, named; and the open on the right of every wall."""
    footprints = buildings.footprints
    assert (shapely.get_type_id(footprints) == shapely.GeometryType.POLYGON).all()
    assert shapely.is_valid(footprints).all()
    assert not shapely.is_empty(footprints).any()
    assert shapely.is_ccw(shapely.get_exterior_ring(footprints)).all()
    assert not any(shapely.is_ccw(hole) for plan in footprints for hole in plan.interiors)
    assert buildings.height_m.dtype == np.float64
    assert (buildings.height_m > 0.0).all()
    assert len(set(buildings.names)) == len(buildings.names) == len(footprints) == len(buildings)
    walls = buildings.walls
    along = walls.end_m - walls.start_m
    right = np.column_stack([along[:, 1], -along[:, 0]]) / np.hypot(*along.T)[:, None]
    middle = (walls.start_m + walls.end_m) / 2.0
    own = footprints[walls.building]
    assert not shapely.contains_xy(own, *(middle + 0.01 * right).T).any()
    assert shapely.contains_xy(own, *(middle - 0.01 * right).T).all()
