"""Heights that tags state, and heights for those that state none."""

from __future__ import annotations

import numpy as np
import pytest

from geo.buildings import DEFAULT_HEIGHT_M
from geo.heights import filled, metres, stated_height, why_no_wall


@pytest.mark.parametrize(
    ("text", "length_m"),
    [
        ("12", 12.0),
        (" 12.5 m ", 12.5),
        ("12,5m", 12.5),
        ("-3", -3.0),
        ("40 ft", 12.192),
        ("10'", 3.048),
        ("6'3\"", 1.905),
        ("7'4''", 2.2352),
        ("about 12", None),
        ("12 storeys", None),
        ("", None),
        ("1e3", None),
    ],
)
def test_lengths_are_read_as_they_are_written(text: str, length_m: float | None) -> None:
    assert metres(text) == pytest.approx(length_m) if length_m is not None else metres(text) is None


@pytest.mark.parametrize(
    ("tags", "height_m", "source", "misread"),
    [
        ({"height": "21", "building:levels": "3"}, 21.0, "height", ()),
        ({"building:height": "9 m"}, 9.0, "height", ()),
        ({"building:levels": "4"}, 12.0, "levels", ()),
        ({"building:levels": "4", "roof:levels": "1"}, 15.0, "levels", ()),
        ({"building:levels": "4", "roof:levels": "1", "roof:height": "4.5"}, 16.5, "levels", ()),
        ({"building:levels": "2.5"}, 7.5, "levels", ()),
        ({"building:levels": "1;6"}, 18.0, "levels", ()),
        ({"building:levels": "0", "roof:levels": "1"}, 3.0, "levels", ()),
        ({"levels": "2"}, 6.0, "levels", ()),
        ({"height": "high", "building:levels": "4"}, 12.0, "levels", ("height",)),
        ({"height": "0"}, None, "", ("height",)),
        ({"height": "5000"}, None, "", ("height",)),
        ({"building:levels": "many"}, None, "", ("building:levels",)),
        ({"building:levels": "0"}, None, "", ("building:levels",)),
        ({"building:levels": "3", "roof:levels": "x"}, 9.0, "levels", ("roof:levels",)),
        ({}, None, "", ()),
    ],
)
def test_tags_state_a_height(
    tags: dict[str, str], height_m: float | None, source: str, misread: tuple[str, ...]
) -> None:
    stated = stated_height(tags)
    assert (stated.height_m, stated.source, stated.misread) == (height_m, source, misread)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"building": "yes"}, None),
        ({"building": "construction"}, None),
        ({"building": "yes", "layer": "1"}, None),
        ({"building": "yes", "min_height": "0"}, None),
        ({"building": "yes", "min_height": "1.5"}, None),
        ({"building": "yes", "layer": "0;1"}, None),
        ({"building": "yes", "layer": "-2"}, "below ground"),
        ({"building": "carport"}, "a roof without walls"),
        ({"building": "yes", "wall": "no"}, "a roof without walls"),
        ({"building:part": "yes", "min_height": "12"}, "begins above head height"),
    ],
)
def test_some_buildings_are_no_walls(tags: dict[str, str], reason: str | None) -> None:
    assert why_no_wall(tags) == reason


def test_neighbours_speak_by_their_median_and_sheds_neither_ask_nor_speak() -> None:
    centre_m = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0], [199.0, 0.0], [1000.0, 0.0], [5.0, 5.0]])
    stated_m = np.array([np.nan, 10.0, 12.0, 50.0, 90.0, np.nan, 3.0])
    shed = np.array([False, False, False, False, False, False, True])
    height_m, source = filled(stated_m, centre_m, shed)
    assert height_m.tolist() == [31.0, 10.0, 12.0, 50.0, 90.0, DEFAULT_HEIGHT_M, 3.0]
    assert source.tolist() == ["neighbours", "", "", "", "", "default", ""]
    _, source = filled(stated_m, centre_m, ~shed)
    assert source.tolist() == ["outbuilding", "", "", "", "", "outbuilding", ""]


def test_neighbours_at_equal_distances_do_not_depend_on_order() -> None:
    rng = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(12.0) * 20.0, np.arange(12.0) * 20.0)
    centre_m = np.column_stack([x.ravel(), y.ravel()])
    stated_m = np.where(rng.random(144) < 0.4, rng.uniform(5.0, 50.0, 144), np.nan)
    shed = np.zeros(144, dtype=np.bool_)
    height_m, _ = filled(stated_m, centre_m, shed)
    order = rng.permutation(144)
    assert filled(stated_m[order], centre_m[order], shed)[0].tolist() == height_m[order].tolist()
