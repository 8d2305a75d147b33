"""JSON lines and GeoJSON: every field of the contract, no NaN, the same bytes each time."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from shapely.geometry import GeometryCollection, MultiPolygon, Polygon, shape

from tests.tocsin.scene import START_NS, geodetic_network, located
from tocsin.formats.geojson import geojson
from tocsin.formats.jsonlines import json_lines
from tocsin.formats.record import geometry, rounded
from tocsin.located import ellipse_95
from wire.utc import parse_utc_ns

FIELDS = [
    "test", "shot", "revision", "fired_at", "x_m", "y_m", "z_m", "longitude", "latitude", "covariance_m2",
    "region_50", "region_95", "region_frame", "area_95_m2", "sensors", "sensors_used", "sensors_lent",
    "sensors_rejected", "sensors_silent", "residuals_ms", "score", "level_db_spl_1m", "provisional", "notes",
    "roots",
]  # fmt: skip


def _refuse_nan(name: str) -> float:
    raise AssertionError(f"{name} in JSON")


def _records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=_refuse_nan) for line in data.splitlines()]


def test_a_cartesian_shot() -> None:
    result = located()
    first, second, _ = _records(json_lines([result]))
    shot = result.shots[0]
    assert set(FIELDS) <= set(first)
    assert first["test"] == "test_001"
    assert first["shot"] == shot.id
    assert parse_utc_ns(first["fired_at"]) == shot.fired_ns == START_NS
    assert [first["x_m"], first["y_m"], first["z_m"]] == pytest.approx(shot.position_m.tolist(), abs=1e-6)
    assert first["longitude"] is None
    assert first["latitude"] is None
    assert np.allclose(first["covariance_m2"], shot.covariance_m2, atol=1e-9)
    assert first["region_frame"] == "site"
    assert shape(first["region_95"]).symmetric_difference(shot.region_95).area < 1e-3
    assert first["area_95_m2"] == pytest.approx(shot.region_95.area, abs=1e-6)
    assert first["sensors"] == len(first["sensors_used"]) == 7
    assert len(first["sensors_rejected"]) == len(first["sensors_silent"]) == 1
    assert set(first["residuals_ms"]) == {*first["sensors_used"], *first["sensors_rejected"]}
    for arrival in shot.used:
        assert first["residuals_ms"][arrival.sensor] == pytest.approx(1e3 * arrival.residual_s, abs=1e-6)
    assert first["level_db_spl_1m"] == 150.0
    assert second["level_db_spl_1m"] is None


def test_a_geodetic_shot() -> None:
    """Regions are in degrees there, and turned back they cover the same ground."""
    result = located(geodetic_network(), shots=1, test=None, two_roots=True)
    (record,) = _records(json_lines([result]))
    shot = result.shots[0]
    assert record["test"] is None
    assert record["region_frame"] == "wgs84"
    frame = result.network.frame
    back = frame.to_local(record["longitude"], record["latitude"], frame.to_geodetic(shot.position_m)[0, 2])  # type: ignore[index]
    assert np.allclose(back, shot.position_m, atol=2e-6)
    assert record["region_95"]["type"] == "MultiPolygon"
    ring = np.array(record["region_95"]["coordinates"][0][0])
    again = frame.to_local(ring[:, 0], ring[:, 1], np.full(len(ring), 375.0))
    east, north = again[:, 0].mean(), again[:, 1].mean()
    assert min(math.hypot(east - p[0], north - p[1]) for p, _ in shot.roots) < 2.0
    assert [root["weight"] for root in record["roots"]] == [0.7, 0.3]
    assert record["notes"] == ["two positions fit"]
    assert record["provisional"] is True


def test_arrivals_lent_by_other_rounds_are_no_sensors_used() -> None:
    (record,) = _records(json_lines([located(shots=1, lent=True)]))
    (lent,) = record["sensors_lent"]
    assert lent not in record["sensors_used"]
    assert record["sensors"] == len(record["sensors_used"]) == 6
    assert lent in record["residuals_ms"]


def test_the_same_input_gives_the_same_bytes() -> None:
    assert json_lines([located()]) == json_lines([located()])
    assert geojson([located()]) == geojson([located()])


def test_no_shots_are_no_lines() -> None:
    assert json_lines([dataclasses.replace(located(), shots=())]) == b""


def test_outer_rings_turn_left() -> None:
    """RFC 7946, 3.1.6."""
    square = Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(3, 3), (6, 3), (6, 6), (3, 6)]])
    outer, inner = (Polygon(ring).exterior for ring in geometry(square, located().network, 0.0)["coordinates"])  # type: ignore[index]
    assert outer.is_ccw
    assert not inner.is_ccw


def test_regions_of_all_kinds() -> None:
    network = located().network
    square = Polygon([(0, 0), (9, 0), (9, 9), (0, 9)])
    assert geometry(Polygon(), network, 0.0) is None
    assert geometry(GeometryCollection(), network, 0.0) is None
    one, several = geometry(square, network, 0.0), geometry(MultiPolygon([square]), network, 0.0)
    assert one is not None
    assert several is not None
    assert (one["type"], several["type"]) == ("Polygon", "MultiPolygon")
    assert several["coordinates"] == [one["coordinates"]]


def test_rounding_knows_no_negative_zero_and_no_nan() -> None:
    assert math.copysign(1.0, rounded(-1e-9, 3) or 0.0) == 1.0
    assert rounded(math.nan, 3) is None
    assert rounded(-math.inf, 3) is None
    assert rounded(np.float64(1.23456), 3) == 1.235


def test_geojson_holds_points_regions_and_sensors() -> None:
    result = located(shots=2)
    collection = json.loads(geojson([result]), parse_constant=_refuse_nan)
    assert collection["type"] == "FeatureCollection"
    assert collection["frame"] == "site"
    assert collection["notes"] == ["test_001: 7 repeated lines dropped"]
    kinds = [feature["properties"]["kind"] for feature in collection["features"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"sensor": 9, "region_95": 2, "region_50": 2, "shot": 2}
    for feature in collection["features"]:
        assert shape(feature["geometry"]).is_valid
    sensor = next(f for f in collection["features"] if f["properties"]["kind"] == "sensor")
    assert sensor["geometry"]["coordinates"] == pytest.approx(result.network.positions_m[0].tolist(), abs=1e-6)
    shot = next(f["properties"] for f in collection["features"] if f["properties"]["kind"] == "shot")
    assert set(FIELDS) - set(shot) == {"region_50", "region_95", "region_frame"}


def test_geojson_of_two_kinds_of_sites_says_so() -> None:
    collection = json.loads(geojson([located(), located(geodetic_network())]))
    assert collection["frame"] == "mixed"
    assert {feature["properties"]["frame"] for feature in collection["features"]} == {"site", "wgs84"}


@pytest.mark.parametrize("bearing_deg", [0.5, 34.0, 90.0, 134.0, 179.0])
def test_the_ellipse_is_the_one_that_was_drawn(bearing_deg: float) -> None:
    shot = located(shots=1).shots[0]
    turn = math.radians(bearing_deg)
    axes = np.array([[math.sin(turn), math.cos(turn)], [math.cos(turn), -math.sin(turn)]])
    covariance = axes @ np.diag([18.0**2, 6.0**2]) @ axes.T / 5.991464547107979
    ellipse = ellipse_95(dataclasses.replace(shot, covariance_m2=covariance))
    assert (ellipse.major_m, ellipse.minor_m, ellipse.bearing_deg) == pytest.approx((18.0, 6.0, bearing_deg), abs=1e-9)
