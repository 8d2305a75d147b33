"""OpenStreetMap as a city: small maps whose truth is known, and Geneva."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from errors import BadInput
from geo import osmfile
from geo.account import Account
from geo.buildings import DEFAULT_HEIGHT_M
from geo.city import City
from geo.frames import LocalFrame
from geo.osm import read_osm, read_osm_with_account
from tests.geo.drawn import FRAME, Map, assert_sound, degrees, square


@pytest.fixture(scope="session")
def geneva_pbf(shared: Path) -> Path:
    path = shared / "city" / "geneva.osm.pbf"
    if not path.is_file():
        pytest.skip("no extract of Geneva")
    return path


def read(folder: Path, drawn: Map, *, backwards: bool = False) -> tuple[City, Account]:
    path = folder / "town.osm"
    path.write_text(drawn.xml(backwards=backwards))
    city, account = read_osm_with_account(path)
    assert_sound(city.buildings)
    return city, account


def area_of(city: City, name: str) -> float:
    return float(city.buildings.footprints[city.buildings.names.index(name)].area)


def height_of(city: City, name: str) -> float:
    return float(city.buildings.height_m[city.buildings.names.index(name)])


def test_place_size_and_height_of_a_building_are_those_of_the_map(tmp_path: Path) -> None:
    city, account = read(tmp_path, Map().way(7, square(100.0, 50.0), building="yes", height="12.5 m"))
    assert city.buildings.names == ("way/7",)
    assert city.buildings.height_m.tolist() == [12.5]
    assert account.heights["height"] == 1
    assert city.attribution == "© OpenStreetMap contributors"
    assert isinstance(city.frame, LocalFrame)
    assert city.frame.origin.height_m == 0.0
    # From this frame's metres to the globe and on into the test's frame: a file has 7 decimals, that is 1.1 cm.
    corners = shapely.get_coordinates(city.buildings.footprints[0])
    lonlat = city.frame.to_geodetic(np.column_stack([corners, np.zeros(len(corners))]))
    there = FRAME.to_local(lonlat[:, 0], lonlat[:, 1], 0.0)[:, :2]
    assert shapely.hausdorff_distance(shapely.Polygon(there), shapely.Polygon(square(100.0, 50.0))) < 8e-3


def test_bounds_without_a_header_are_those_of_the_contents(tmp_path: Path) -> None:
    city, _ = read(tmp_path, Map().way(1, square(0.0, 0.0), building="yes").way(2, square(90.0, 40.0), building="yes"))
    west, south, east, north = city.bounds_m
    assert (east - west, north - south) == pytest.approx((100.0, 50.0), abs=0.02)
    assert (east + west, north + south) == pytest.approx((0.0, 0.0), abs=0.02)
    assert shapely.total_bounds(city.buildings.footprints).tolist() == list(city.bounds_m)


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    drawn = Map()
    for number in range(30):
        tags: dict[str, Any] = {"building__levels": 2 + number % 4} if number % 3 else {}
        drawn.way(100 - number, square(15.0 * (number % 6), 15.0 * (number // 6)), building="yes", **tags)
    drawn.way(300, [(200.0, 0.0), (260.0, 0.0)], closed=False).way(301, [(260.0, 0.0), (260.0, 50.0)], closed=False)
    drawn.way(302, [(0.0, -5.0), (300.0, -5.0)], closed=False, highway="residential", name="A")
    drawn.way(303, [(0.0, -9.0), (300.0, -9.0)], closed=False, highway="footway")
    drawn.way(304, square(300.0, 0.0, 40.0)).way(305, square(310.0, 10.0, 8.0))
    drawn.relation(9, [(304, "outer"), (305, "inner")], building="yes").relation(4, [(304, "outer")], building="yes")
    there, there_account = read(tmp_path, drawn)
    back, back_account = read(tmp_path, drawn, backwards=True)
    assert there.buildings.names == back.buildings.names
    assert [p.wkb for p in there.buildings.footprints] == [p.wkb for p in back.buildings.footprints]
    assert there.buildings.height_m.tobytes() == back.buildings.height_m.tobytes()
    assert [p.wkb for p in there.streets.lines] == [p.wkb for p in back.streets.lines]
    assert there.streets.names == back.streets.names == ("A", "")
    assert there.bounds_m == back.bounds_m
    assert there_account == back_account


def test_a_courtyard_and_an_island_in_it_are_kept(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0, 60.0)).way(2, square(10.0, 10.0, 40.0)).way(3, square(20.0, 20.0, 20.0))
    drawn.relation(5, [(3, "outer"), (2, "inner"), (1, "outer")], building="yes", height=20)
    city, _ = read(tmp_path, drawn)
    assert city.buildings.names == ("relation/5", "relation/5#2")
    assert sorted(shapely.area(city.buildings.footprints)) == pytest.approx([20.0**2, 60.0**2 - 40.0**2], rel=2e-3)
    assert shapely.get_num_interior_rings(city.buildings.footprints).tolist() == [1, 0]
    assert city.buildings.height_m.tolist() == [20.0, 20.0]


def test_rings_may_come_in_pieces_and_roles_may_be_wrong(tmp_path: Path) -> None:
    half = [(0.0, 0.0), (60.0, 0.0), (60.0, 60.0)]
    drawn = Map().way(1, half, closed=False).way(3, square(20.0, 20.0, 20.0))
    # The other half ends in nodes of its own at the same places.
    drawn.way(2, [(0.0, 0.0), (0.0, 60.0), (60.0, 60.0)], closed=False)
    drawn.relation(5, [(1, "outer"), (2, "inner"), (3, "")], building="yes")
    city, _ = read(tmp_path, drawn)
    assert shapely.area(city.buildings.footprints).tolist() == pytest.approx([60.0**2 - 20.0**2], rel=2e-3)


def test_an_outline_that_its_relation_draws_too_does_not_fill_the_courtyard(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0, 60.0), building="yes").way(2, square(20.0, 20.0), building="shed")
    drawn.relation(5, [(1, "outer"), (2, "inner")], building="yes")
    city, account = read(tmp_path, drawn)
    assert city.buildings.names == ("way/2", "relation/5")
    assert area_of(city, "relation/5") == pytest.approx(3500.0, rel=2e-3)
    assert account.left_out == {"drawn again by its relation": ("way/1",)}


def test_what_does_not_stand_on_the_ground_is_left_out_and_counted(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0), building="yes")
    for id, tags in enumerate(
        (
            {"building": "roof"},
            {"building": "yes", "layer": "-1"},
            {"building": "yes", "location": "underground"},
            {"building": "yes", "min_height": "4"},
            {"building": "yes", "building:min_level": "1"},
            {"building": "no"},
        ),
        start=10,
    ):
        words: dict[str, Any] = {key.replace(":", "__"): value for key, value in tags.items()}
        drawn.way(id, square(20.0 * id, 0.0), **words)
    city, account = read(tmp_path, drawn)
    assert city.buildings.names == ("way/1",)
    assert account.left_out == {
        "a roof without walls": ("way/10",),
        "begins above head height": ("way/13", "way/14"),
        "below ground": ("way/11", "way/12"),
        "not built": ("way/15",),
    }


def test_damaged_outlines_are_mended_or_left_out_and_counted(tmp_path: Path) -> None:
    drawn = Map().way(1, [(0.0, 0.0), (20.0, 20.0), (20.0, 0.0), (0.0, 20.0)], building="yes")  # a bow tie
    drawn.way(2, square(40.0, 0.0), closed=False, building="yes")
    drawn.way(3, square(60.0, 0.0), missing=1, building="yes")
    drawn.way(4, square(80.0, 0.0)[:2], building="yes")
    drawn.way(5, [(100.0, 0.0), (110.0, 0.0), (120.0, 0.0)], building="yes")
    drawn.relation(6, [(2, "outer")], building="yes").relation(7, [(99, "outer")], building="yes")
    drawn.way(8, square(140.0, 0.0)).relation(8, [(8, "outer"), (99, "inner")], building="yes", height=7)
    city, account = read(tmp_path, drawn)
    assert city.buildings.names == ("way/1", "way/1#2", "relation/8")
    assert shapely.area(city.buildings.footprints).tolist() == pytest.approx([100.0, 100.0, 100.0], rel=2e-3)
    assert account.left_out == {
        "outline not closed": ("relation/6", "relation/7"),
        "outline with fewer than three corners": ("way/4",),
        "outline with nodes that the file does not hold": ("way/3",),
        "outline without an area": ("way/5",),
        "drawn again by its relation": ("way/2",),
    }
    assert account.noted == {"outline in part outside the file": ("relation/8",), "outline mended": ("way/1",)}
    assert any("way/3" in line for line in account.lines())


def test_parts_carve_their_outline_and_the_highest_decides(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0, 40.0), building="yes", height=10)
    drawn.way(2, square(0.0, 0.0, 20.0), building__part="yes", height=20)
    drawn.way(3, square(5.0, 5.0, 10.0), building__part="yes", height=50, min_height=20)  # a tower on it
    drawn.way(4, square(35.0, 35.0, 10.0), building__part="yes", height=12, min_height=5)  # hangs over by 3/4
    drawn.way(5, square(30.0, 0.0, 5.0), building__part="yes")
    city, account = read(tmp_path, drawn)
    areas = {name: area_of(city, name) for name in city.buildings.names}
    assert areas == pytest.approx({"way/1": 1600 - 400 - 25, "way/2": 300, "way/3": 100, "way/4": 25}, rel=3e-3)
    assert [height_of(city, f"way/{k}") for k in (1, 2, 3, 4)] == [10.0, 20.0, 50.0, 12.0]
    assert account.left_out == {"part of a building without a height of its own": ("way/5",)}


def test_silent_buildings_are_as_high_as_their_neighbours(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0), building="yes")
    for id, levels in enumerate((3, 4, 5, 6, 9), start=2):
        drawn.way(id, square(20.0 * id, 0.0), building="yes", building__levels=levels)
    drawn.way(20, square(0.0, 30.0), building="garage").way(21, square(0.0, 60.0, 5.0), building="yes")
    drawn.way(22, square(2000.0, 0.0), building="yes")
    drawn.way(23, square(30.0, 50.0), building="garage", building__levels=2, roof__levels=1)
    city, account = read(tmp_path, drawn)
    assert height_of(city, "way/1") == 15.0
    assert height_of(city, "way/20") == height_of(city, "way/21") == 3.0
    assert height_of(city, "way/22") == DEFAULT_HEIGHT_M
    assert height_of(city, "way/23") == 9.0
    assert account.heights == {"height": 0, "levels": 6, "outbuilding": 2, "neighbours": 1, "default": 1}


def test_streets_have_kinds_and_names_and_end_at_the_bounds(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0), building="yes")
    drawn.way(8, square(-90.0, -90.0, 180.0), highway="footway", area="yes")
    drawn.way(2, [(-500.0, 20.0), (500.0, 20.0)], closed=False, highway="primary", name="Rue du Rhône")
    drawn.way(3, [(-20.0, 0.0), (60.0, 0.0), (60.0, 10.0), (-20.0, 10.0)], closed=False, highway="footway")
    drawn.way(4, square(0.0, 0.0), highway="platform").way(5, square(0.0, 0.0), highway="pedestrian", area="yes")
    drawn.way(6, [(0.0, 0.0), (9.0, 0.0)], closed=False, missing=1, highway="path")
    path = tmp_path / "town.osm"
    path.write_text(drawn.xml())
    (west, south), (east, north) = degrees([(-50.0, -50.0), (50.0, 50.0)])
    city, account = read_osm_with_account(path, (west, south, east, north))
    assert city.streets.kinds == ("primary", "footway", "footway")
    assert city.streets.names == ("Rue du Rhône", "", "")
    assert shapely.length(city.streets.lines).tolist() == pytest.approx([100.0, 70.0, 70.0], rel=3e-3)
    assert account.left_out == {
        "highway that is no street": ("way/4",),
        "street drawn as an area": ("way/5", "way/8"),
        "street with fewer than two nodes in the file": ("way/6",),
    }
    assert city.bounds_m == pytest.approx((-50.0, -50.0, 50.0, 50.0), abs=0.02)
    assert shapely.box(*np.add(city.bounds_m, (-1e-9, -1e-9, 1e-9, 1e-9))).contains(
        shapely.MultiLineString(list(city.streets.lines))
    )


def test_buildings_at_the_edge_of_bounds_are_whole_and_the_account_is_of_what_is_inside(tmp_path: Path) -> None:
    drawn = Map().way(1, square(45.0, 0.0), building="yes").way(2, square(70.0, 0.0), building="yes")
    drawn.way(3, square(900.0, 0.0), building="roof").way(4, square(0.0, 0.0), building="roof")
    drawn.way(5, square(-500.0, -500.0, 1000.0)).way(6, square(-400.0, -400.0, 800.0))
    drawn.relation(7, [(5, "outer"), (6, "inner")], building="yes")
    path = tmp_path / "town.osm"
    path.write_text(drawn.xml())
    (west, south), (east, north) = degrees([(-50.0, -50.0), (50.0, 50.0)])
    city, account = read_osm_with_account(path, (west, south, east, north))
    assert city.buildings.names == ("way/1",)
    assert shapely.area(city.buildings.footprints).tolist() == pytest.approx([100.0], rel=2e-3)
    assert account.left_out == {"a roof without walls": ("way/4",)}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.osm.pbf", b"hello, world", "cannot be read as OpenStreetMap data"),
        ("a.osm.pbf", b"", "cannot be read as OpenStreetMap data"),
        ("a.osm", b'<osm version="0.6"><way id="1"', "cannot be read as OpenStreetMap data"),
        ("a.osm", b'<osm version="0.6"></osm>', "buildings and streets"),
        ("a.txt", b"", "kind of file: expected a name that ends in"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_osm(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_no_file_no_buildings_and_foreign_bounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a file, found 'nothing'"):
        read_osm(tmp_path / "none.osm.pbf")
    with pytest.raises(BadInput, match="expected a file, found 'a folder'"):
        read_osm(tmp_path)
    path = tmp_path / "town.osm"
    path.write_text(Map().way(1, [(0.0, 0.0), (50.0, 50.0)], closed=False, highway="path").xml())
    with pytest.raises(BadInput, match="buildings: expected one or more that stand on the ground, found 0"):
        read_osm(path)
    path.write_text(Map().way(1, square(0.0, 0.0), building="yes").xml())
    with pytest.raises(BadInput, match=r"bounds: expected an area that meets the extract \(6\.15 \.\. 6\.15"):
        read_osm(path, (7.0, 46.0, 7.1, 46.1))
    with pytest.raises(BadInput, match="bounds: expected west < east"):
        read_osm(path, (6.2, 46.2, 6.1, 46.3))
    path.write_text(Map().way(1, square(0.0, 0.0), building="yes").way(2, square(500.0, 500.0), building="yes").xml())
    (west, south), (east, north) = degrees([(100.0, 100.0), (400.0, 400.0)])
    with pytest.raises(BadInput, match=r"buildings within bounds .*: expected one or more"):
        read_osm(path, (west, south, east, north))


def test_geneva(geneva_pbf: Path) -> None:
    city, account = read_osm_with_account(geneva_pbf)
    assert_sound(city.buildings)
    assert 11_000 < len(city.buildings) < 11_800
    assert len(city.streets) > 13_000
    assert "Rue du Rhône" in city.streets.names
    west, south, east, north = city.bounds_m
    assert (east - west, north - south) == pytest.approx((4780.0, 3890.0), abs=10.0)
    assert 1500 < account.heights["levels"] < 1600
    assert sum(account.heights.values()) == account.buildings == len(city.buildings)
    # Every building of the file is in the city, or the account says why not.
    seen = {name.split("#")[0] for name in city.buildings.names}
    seen |= {name for names in account.left_out.values() for name in names}
    tagged = {f"way/{way.id}" for way in osmfile.ways(geneva_pbf, ("building",), frozenset())}
    tagged |= {f"relation/{relation.id}" for relation in osmfile.relations(geneva_pbf, "building")}
    assert tagged <= seen
    assert len(seen) > 11_700


def test_a_truncated_pbf_is_refused(geneva_pbf: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(geneva_pbf.read_bytes()[:1_200_000])
    with pytest.raises(BadInput, match="ends too early"):
        read_osm(path)


def test_nodes_of_a_kind_can_be_walked(geneva_pbf: Path) -> None:
    posts = [node for node in osmfile.nodes(geneva_pbf, "man_made") if node.tags["man_made"] == "surveillance"]
    assert len(posts) == 406
    assert all(6.0 < post.longitude < 6.3 and 46.1 < post.latitude < 46.3 for post in posts)


def test_an_outline_of_nothing_but_parts_is_those_parts(tmp_path: Path) -> None:
    drawn = Map().way(1, square(0.0, 0.0, 40.0), building="yes", height=30)
    drawn.way(2, [(0.0, 0.0), (20.0, 0.0), (20.0, 40.0), (0.0, 40.0)], building__part="yes", building__levels=5)
    drawn.way(3, [(20.0, 0.0), (40.0, 0.0), (40.0, 40.0), (20.0, 40.0)], building__part="yes", height=30)
    drawn.way(4, square(50.0, 0.0), building__part="yes", height=30, min_height=20)  # in the air, over nothing
    city, account = read(tmp_path, drawn)
    assert city.buildings.names == ("way/2", "way/3")
    assert city.buildings.height_m.tolist() == [15.0, 30.0]
    assert account.left_out == {"nothing of it stands beside its parts": ("way/1", "way/4")}
