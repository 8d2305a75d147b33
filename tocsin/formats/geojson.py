"""Located shots as a GeoJSON FeatureCollection (RFC 7946): points, regions, sensors.

A Cartesian site has no longitude; its coordinates are metres of the site frame, which RFC 7946 leaves to "prior
arrangement": the foreign member ``"frame": "site"`` is that arrangement, and map programs show it as a plane.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tocsin.formats.record import coordinates, region_frame, shot_record
from tocsin.located import Located

_GEOMETRY_KEYS = ("region_50", "region_95", "region_frame")


def geojson(results: Iterable[Located]) -> bytes:
    """One FeatureCollection of all tests; a feature's ``kind`` is one of
    ``sensor``, ``region_95``, ``region_50``, ``shot``.
    """
    features: list[dict[str, Any]] = []
    frames: set[str] = set()
    notes: list[str] = []
    for located in results:
        frames.add(region_frame(located.network))
        notes += [f"{located.title}: {note}" for note in located.notes]
        features += _sensors(located)
        features += _shots(located)
    collection = {
        "type": "FeatureCollection",
        "frame": frames.pop() if len(frames) == 1 else "mixed",
        "features": features,
        "notes": notes,
    }
    return msgspec.json.format(msgspec.json.encode(collection), indent=1) + b"\n"


def _sensors(located: Located) -> Iterable[dict[str, Any]]:
    network = located.network
    for sensor, position in zip(network.sensors, coordinates(network, network.positions_m, heights=True), strict=True):
        yield {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": position},
            "properties": {
                "kind": "sensor",
                "test": located.test,
                "sensor": sensor.id,
                "frame": region_frame(network),
                "used_by": [s.id for s in located.shots if any(a.sensor == sensor.id for a in s.used)],
            },
        }


def _shots(located: Located) -> Iterable[dict[str, Any]]:
    for shot in located.shots:
        record = shot_record(located, shot)
        named = {"test": located.test, "shot": shot.id, "revision": shot.revision, "frame": record["region_frame"]}
        for kind in ("region_95", "region_50"):
            if record[kind] is not None:
                yield {"type": "Feature", "geometry": record[kind], "properties": {"kind": kind, **named}}
        place = coordinates(located.network, shot.position_m[None, :], heights=True)[0]
        properties = {key: value for key, value in record.items() if key not in _GEOMETRY_KEYS}
        yield {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": place},
            "properties": {"kind": "shot", "frame": record["region_frame"], **properties},
        }
