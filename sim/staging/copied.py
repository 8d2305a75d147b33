"""A scenario file copied beside what was made of it, so that it can be drawn and made again later."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from settings.tomllines import Key
from sim.staging.files import SHARED
from sim.staging.scenario import Scenario

COPY = "scenario.toml"
"""What the copy is called."""


def text_in(folder: Path, scenario: Scenario) -> str:
    """The text of a scenario file as it must read in ``folder`` to name the same files: those named relative to it by
    the way from there.

    All else stays to the letter.  It holds as long as neither folder moves; after that, reading the copy says what is
    missing and where it was looked for.  A name that is written in a way that cannot be replaced safely stays, too.
    """
    text = scenario.text
    for key, named in _named_files(scenario):
        if named.startswith(SHARED) or Path(named).is_absolute():
            continue
        there = os.path.relpath((scenario.folder / named).resolve(), folder.resolve())
        text = _replaced(text, scenario.read.lines.line(key) or 1, key, named, Path(there).as_posix())
    return text


def _named_files(scenario: Scenario) -> Iterator[tuple[Key, str]]:
    site = scenario.spec.site
    if site.osm is not None:
        yield ("site", "osm"), site.osm
    if site.geojson is not None:
        yield ("site", "geojson", "buildings"), site.geojson.buildings
        if site.geojson.streets is not None:
            yield ("site", "geojson", "streets"), site.geojson.streets
    for number, recorded in enumerate(scenario.spec.recorded):
        yield ("recorded", number, "folder"), recorded.folder


def _replaced(text: str, line: int, key: Key, old: str, new: str) -> str:
    """The text with one value replaced, on its line or below; as it was when no literal there is that value."""
    wanted = copy.deepcopy(tomllib.loads(text))
    table: Any = wanted
    for part in key[:-1]:
        table = table[part]
    table[key[-1]] = new
    start = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    for literal in (f"'{old}'", msgspec.json.encode(old).decode()):
        at = text.find(literal, start)
        while at >= 0:
            candidate = text[:at] + msgspec.json.encode(new).decode() + text[at + len(literal) :]
            try:
                if tomllib.loads(candidate) == wanted:
                    return candidate
            except ValueError:
                pass  # the literal was part of a longer text
            at = text.find(literal, at + 1)
    return text
