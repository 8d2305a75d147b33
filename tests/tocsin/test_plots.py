"""Plots: every suffix, every kind of result, the same bytes each time; what they look like people judge."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from shapely.geometry import Polygon

from errors import ConfigurationError
from sensors.capture import ArrayCapture
from tests.tocsin.scene import geodetic_network, located
from tocsin.plots.page import check_plot, page, save_plot
from tocsin.plots.scenes import clusters, scenes
from tocsin.plots.style import short_ids
from wire.utc import NS_PER_S


def _texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(Text)}


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PDF", b"%PDF")]
)
def test_the_suffix_says_what_is_written(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"map{suffix}"
    assert save_plot([located(sound=True)], path) == []
    assert path.read_bytes().startswith(magic)
    first = path.read_bytes()
    save_plot([located(sound=True)], path)
    assert path.read_bytes() == first


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--plot: suffix of .*map.gif: expected one of .png, .svg, .pdf"):
        check_plot(tmp_path / "map.gif")


def test_the_page_names_sensors_and_shots() -> None:
    (scene,) = scenes(located(sound=True))
    texts = _texts(page(scene))
    assert {"BNG-5500", "BNQ-5537", "1", "2", "3", "N"} <= texts
    assert {"sensor used", "arrival rejected", "should have heard, did not", "95 % region", "50 % region"} <= texts
    assert {"predicted arrival", "pulse used", "pulse rejected", "sound, 300–3000 Hz"} <= texts


def test_results_without_shots_sound_or_regions(tmp_path: Path) -> None:
    nothing = dataclasses.replace(located(), shots=())
    empty = located(shots=1)
    bare = dataclasses.replace(
        empty, shots=(dataclasses.replace(empty.shots[0], region_50=Polygon(), region_95=Polygon()),)
    )
    unheard = dataclasses.replace(empty, shots=(dataclasses.replace(empty.shots[0], arrivals=()),))
    for result in (nothing, bare, unheard, located(two_roots=True, lent=True), located(geodetic_network(3), test=None)):
        save_plot([result], tmp_path / "map.png")


def test_silence_is_drawn_too(tmp_path: Path) -> None:
    result = located(sound=True)
    captures = [capture for capture in result.captures if isinstance(capture, ArrayCapture)]
    silent = tuple(dataclasses.replace(capture, samples=np.zeros_like(capture.samples)) for capture in captures)
    save_plot([dataclasses.replace(result, captures=silent)], tmp_path / "map.png")


def test_many_tests_are_a_sheet_and_in_pdf_pages_as_well(tmp_path: Path) -> None:
    results = [located(), dataclasses.replace(located(shots=1), test="test_002"), located(geodetic_network(), test="b")]
    save_plot(results, tmp_path / "sheet.png")
    save_plot(results, tmp_path / "all.pdf")
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "all.pdf").read_bytes())) == 4


def test_shots_far_apart_in_time_are_separate_scenes() -> None:
    result = located(shots=3)
    late = dataclasses.replace(result.shots[2], fired_ns=result.shots[2].fired_ns + 60 * NS_PER_S)
    first, second = scenes(dataclasses.replace(result, shots=(*result.shots[:2], late)))
    assert (len(first.shots), first.first) == (2, 0)
    assert (len(second.shots), second.first) == (1, 2)
    (none,) = scenes(dataclasses.replace(result, shots=()))
    assert none.shots == ()


def test_two_shooters_are_two_groups() -> None:
    shots = list(located(shots=3).shots)
    shots[1] = dataclasses.replace(shots[1], position_m=shots[1].position_m + np.array([300.0, 0.0, 0.0]))
    assert clusters(shots) == [[0, 2], [1]]


@pytest.mark.parametrize(
    ("ids", "short"),
    [
        (("SCP-00-BNQ-1409", "SCP-00-BNG-5567"), ("BNQ-1409", "BNG-5567")),
        (("S001", "S002"), ("S001", "S002")),
        (("only",), ("only",)),
        (("a-1", "a-1b"), ("1", "1b")),
        (("a-", "a-b"), ("a-", "b")),
    ],
)
def test_ids_without_what_they_share(ids: tuple[str, ...], short: tuple[str, ...]) -> None:
    assert tuple(short_ids(ids)[name] for name in ids) == short
