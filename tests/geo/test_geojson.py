"""GeoJSON as a city, and a city as GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from errors import BadInput
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame, LocalFrame
from geo.geojson import read_geojson, read_geojson_with_account
from geo.geojson_export import write_geojson
from geo.place import Geodetic
from geo.streets import Streets
from tests.geo.drawn import assert_sound, collection, degrees, line, polygon, square
from tests.strategies import mutations


def saved(folder: Path, document: object, name: str = "buildings.geojson") -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def a_city(frame: LocalFrame | CartesianFrame) -> City:
    rng = np.random.default_rng(11)
    shapes = [
        shapely.affinity.rotate(
            shapely.Polygon(square(x, y, 30.0), [square(x + 10.0, y + 10.0, 10.0)]), rng.uniform(0.0, 90.0)
        )
        for x in range(-2000, 2001, 500)
        for y in range(-2000, 2001, 500)
    ]
    footprints = np.empty(len(shapes), dtype=object)
    footprints[:] = shapely.orient_polygons(shapes)
    heights_m = rng.uniform(3.0, 60.0, len(shapes))
    lines = np.empty(2, dtype=object)
    lines[:] = [shapely.LineString([(-2000.0, 5.0), (10.0, 0.3), (2000.0, -7.0)]), shapely.LineString([(0, 0), (1, 1)])]
    return City(
        frame,
        Buildings(footprints, heights_m, tuple(f"way/{k}" for k in range(len(shapes)))),
        Streets(lines, ("primary", "footway"), ("Rue de l’Été", "")),
        (-2100.0, -2100.0, 2100.0, 2100.0),
        "somebody",
    )


@pytest.mark.parametrize(
    "frame", [CartesianFrame(), LocalFrame(Geodetic(6.14, 46.2, 0.0)), LocalFrame(Geodetic(-80.0, 40.4, 350.0))]
)
def test_what_is_written_is_read_back(tmp_path: Path, frame: LocalFrame | CartesianFrame) -> None:
    city = a_city(frame)
    buildings, streets = tmp_path / "b.geojson", tmp_path / "s.geojson"
    write_geojson(city, buildings, streets)
    back, account = read_geojson_with_account(buildings, streets)
    assert_sound(back.buildings)
    assert back.frame == city.frame
    assert back.bounds_m == city.bounds_m
    assert back.attribution == "somebody"
    assert back.buildings.names == city.buildings.names
    assert back.buildings.height_m.tolist() == city.buildings.height_m.tolist()
    assert (back.streets.kinds, back.streets.names) == (city.streets.kinds, city.streets.names)
    exact = 0.0 if frame == CartesianFrame() else 1e-7
    for mine, theirs in (
        (city.buildings.footprints, back.buildings.footprints),
        (city.streets.lines, back.streets.lines),
    ):
        first, second = shapely.get_coordinates(mine), shapely.get_coordinates(theirs)
        np.testing.assert_allclose(first, second, rtol=0.0, atol=exact)
    assert not account.left_out
    assert not account.noted


def test_properties_say_how_high(tmp_path: Path) -> None:
    osm_words: dict[str, Any] = {"building:levels": "2", "roof:levels": 1}
    path = saved(
        tmp_path,
        collection(
            polygon(square(0.0, 0.0), height=12),
            polygon(square(20.0, 0.0), height_m=7.5),
            polygon(square(40.0, 0.0), levels=4),
            polygon(square(60.0, 0.0), **osm_words),
            polygon(square(80.0, 0.0), height="40 ft"),
            polygon(square(100.0, 0.0), height=None),
            polygon(square(120.0, 0.0), height=-1),
            polygon(square(140.0, 0.0), building="roof"),
            polygon(square(0.0, 100.0, 50.0), square(10.0, 110.0, 30.0), building="yes", height=20),
        ),
    )
    city, account = read_geojson_with_account(path)
    assert_sound(city.buildings)
    assert city.buildings.names == tuple(f"feature/{k}" for k in (0, 1, 2, 3, 4, 5, 6, 8))
    assert city.buildings.height_m == pytest.approx([12.0, 7.5, 12.0, 9.0, 12.192, 12.0, 12.0, 20.0])
    assert shapely.area(city.buildings.footprints)[-1] == pytest.approx(2500.0 - 900.0, rel=1e-6)
    assert account.heights == {"height": 4, "levels": 2, "outbuilding": 0, "neighbours": 2, "default": 0}
    assert account.left_out == {"a roof without walls": ("feature/7",)}
    assert account.noted == {"height not understood": ("feature/6",)}
    assert isinstance(city.frame, LocalFrame)
    assert len(city.streets) == 0


def test_bounding_box_says_what_is_known(tmp_path: Path) -> None:
    (west, south), (east, north) = degrees([(-100.0, -50.0), (100.0, 50.0)])
    features = [polygon(square(0.0, 0.0), height=5), polygon(square(300.0, 0.0), height=5)]
    streets = saved(tmp_path, collection(line([(-500.0, 0.0), (500.0, 0.0)], kind="service", name=None)), "s.json")
    path = saved(tmp_path, collection(*features, bbox=[west, south, -10.0, east, north, 10.0]))
    city = read_geojson(path, streets)
    assert city.buildings.names == ("feature/0",)
    assert city.bounds_m == pytest.approx((-100.0, -50.0, 100.0, 50.0), abs=2e-3)
    assert city.streets.kinds == ("service",)
    assert shapely.length(city.streets.lines)[0] == pytest.approx(200.0, abs=5e-3)
    assert len(read_geojson(saved(tmp_path, collection(*features)), streets).buildings) == 2


def test_metres_need_a_word(tmp_path: Path) -> None:
    features = [polygon(square(0.0, 0.0, 300.0), in_degrees=False, height=5)]
    city = read_geojson(saved(tmp_path, collection(*features, frame="site", bbox=[-10, -10, 310, 310])))
    assert city.frame == CartesianFrame()
    assert city.bounds_m == (-10.0, -10.0, 310.0, 310.0)
    assert city.buildings.footprints[0].area == 90_000.0
    with pytest.raises(BadInput, match=r'feature 0: geometry.coordinates: expected longitude .*"frame": "site".*\[300'):
        read_geojson(saved(tmp_path, collection(*features)))


def test_damaged_features_are_mended_or_left_out_and_counted(tmp_path: Path) -> None:
    bow = [(0.0, 0.0), (20.0, 20.0), (20.0, 0.0), (0.0, 20.0)]
    same = [polygon(square(40.0, 0.0), height=4) | {"id": 7}, polygon(square(60.0, 0.0), height=4) | {"id": 7}]
    empty = {"type": "Feature", "geometry": None, "properties": None}
    clockwise = polygon(square(80.0, 0.0)[::-1], height=4)
    path = saved(tmp_path, collection(polygon(bow, height=4), *same, empty, clockwise))
    city, account = read_geojson_with_account(path)
    assert_sound(city.buildings)
    assert city.buildings.names == ("feature/0", "feature/0#2", "7", "feature/2", "feature/4")
    assert account.left_out == {"feature without geometry": ("feature/3",)}
    assert account.noted == {"id that another feature has": ("7",), "outline mended": ("feature/0",)}


def broken(**geometry: Any) -> dict[str, Any]:
    return collection(
        polygon(square(0.0, 0.0), height=5), {"type": "Feature", "geometry": geometry, "properties": {"height": 5}}
    )


RING = [[6.0, 46.0], [6.1, 46.0], [6.1, 46.1], [6.0, 46.0]]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "type: expected a GeoJSON FeatureCollection, found []"),
        ({"type": "Feature"}, "type: expected a GeoJSON FeatureCollection, found 'Feature'"),
        ({"type": "FeatureCollection"}, "features: expected an array, found None"),
        (collection(), "buildings: expected one or more, found 0"),
        (collection(polygon(square(0.0, 0.0), building="roof")), "buildings: expected one or more that stand"),
        (collection({"type": "Polygon"}), ", feature 0: type: expected Feature, found 'Polygon'"),
        (collection(polygon(square(0.0, 0.0)), frame="utm"), 'frame: expected "wgs84" or "site", found \'utm\''),
        (
            collection(polygon(square(0.0, 0.0)), crs={"type": "name", "properties": {"name": "EPSG:2056"}}),
            "crs: expected WGS 84",
        ),
        (collection(polygon(square(0.0, 0.0)), bbox=[6.2, 46.0, 6.1, 46.1]), "bbox: expected west, south, east"),
        (collection(polygon(square(0.0, 0.0)), origin=[6.2]), "origin: expected longitude, latitude"),
        (collection(polygon(square(0.0, 0.0), height="tall")), "feature 0: properties.height: expected a number of me"),
        (collection(polygon(square(0.0, 0.0), height=[3])), "feature 0: properties.height: expected text or a number"),
        (collection(polygon(square(0.0, 0.0), height=4711)), "properties.height: expected a number of metres up"),
        (collection(polygon(square(0.0, 0.0), levels="x")), "properties.levels: expected a number of storeys up"),
        (broken(type="Point", coordinates=[6.0, 46.0]), "feature 1: geometry.type: expected Polygon or MultiPolygon"),
        (broken(type="Polygon"), "feature 1: geometry.coordinates: expected an array with something in it, found None"),
        (broken(type="Polygon", coordinates=[RING[:3]]), "feature 1: geometry.coordinates: expected 4 positions"),
        (broken(type="Polygon", coordinates=[[*RING[:3], [6, 47]]]), "expected a ring that ends where it begins"),
        (broken(type="Polygon", coordinates=[[["6", "46"], *RING]]), "expected positions of two numbers or three"),
        (broken(type="Polygon", coordinates=[[[6.0], *RING]]), "expected positions of two numbers or three"),
        (broken(type="MultiPolygon", coordinates=[RING]), "coordinates: expected 4 positions or more"),
        (collection(polygon(square(0.0, 0.0)), bbox=[-90, -60, 90, 60]), "extent: expected within 200 km"),
        (collection(polygon(square(0.0, 0.0)), origin=[-3.0, 50.0]), "extent: expected within 200 km"),
        (broken(type="Polygon", coordinates=[[[6.0, 95.0], *RING]]), "expected longitude and latitude in degrees"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, document: object, words: str) -> None:
    path = saved(tmp_path, document)
    with pytest.raises(BadInput) as refusal:
        read_geojson(path)
    assert str(refusal.value).startswith(str(path))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_files_that_are_not_there_not_json_or_of_another_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none.json: cannot be read \(No such file"):
        read_geojson(tmp_path / "none.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(BadInput, match=r"a\.json: is no JSON"):
        read_geojson(tmp_path / "a.json")
    streets = saved(tmp_path, collection(line([(0.0, 0.0), (1.0, 1.0)]), frame="site"), "s.json")
    with pytest.raises(BadInput, match=r"s\.json: frame: expected 'wgs84' as in .*, found 'site'"):
        read_geojson(saved(tmp_path, collection(polygon(square(0.0, 0.0)))), streets)
    streets = saved(tmp_path, collection(polygon(square(0.0, 0.0))), "s.json")
    with pytest.raises(BadInput, match=r"s\.json, feature 0: geometry.type: expected LineString or MultiLineString"):
        read_geojson(saved(tmp_path, collection(polygon(square(0.0, 0.0)))), streets)


GOOD = collection(
    polygon(square(0.0, 0.0), square(2.0, 2.0, 2.0), height=5),
    polygon(square(30.0, 0.0), levels="3", building="yes"),
    bbox=[6.149, 46.199, 6.151, 46.201],
)


@given(mutations(GOOD))
def test_whatever_is_in_the_file_the_answer_is_a_city_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    path = saved(tmp_path_factory.getbasetemp(), document, "mutated.json")
    try:
        city = read_geojson(path)
    except BadInput as refusal:
        sentence = str(refusal)
    else:
        sentence = f"{path}: {len(city.buildings)} buildings"
        assert_sound(city.buildings)
    assert sentence.startswith(str(path))


@given(st.binary(max_size=40))
def test_bytes_that_are_no_json_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.json"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_geojson(path)
