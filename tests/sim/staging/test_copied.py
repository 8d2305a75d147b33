"""Copies of scenario files: they name the same files from elsewhere, and are the same otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.staging.copied import COPY, text_in
from sim.staging.files import resolved
from sim.staging.scenario import Scenario, parse_scenario, read_scenario
from tests.sim.staging.written_scenario import EVERYTHING

TEXT = """\
# maps/city.json is the map
title = "maps/city.json"
start = 2026-03-01T20:00:00Z
duration_s = 10
[site]
%s
[sensors]
grid = {spacing_m = 100}
[[recorded]]
id = "a"
folder = "sounds"
times_s = [1]
at = {x_m = 1, y_m = 2}
"""


def names_of(scenario: Scenario) -> tuple[str, str | None, str]:
    site = scenario.spec.site.geojson
    assert site is not None
    return site.buildings, site.streets, scenario.spec.recorded[0].folder


@pytest.mark.parametrize(
    "site",
    [
        'geojson = {buildings = "maps/city.json", streets = "maps/city.json"}',
        "geojson = {buildings = 'maps/city.json', streets = \"maps/city.json\"} # maps/city.json",
        '[site.geojson]\nstreets = "maps/city.json"\nbuildings = "maps/city.json"',
    ],
)
def test_a_copy_names_the_same_files(tmp_path: Path, site: str) -> None:
    for name in ("maps/city.json", "sounds/x.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    original = parse_scenario(TEXT % site, tmp_path / "one.toml")
    folder = tmp_path / "out" / "here"
    folder.mkdir(parents=True)
    (folder / COPY).write_text(text_in(folder, original))
    copied = read_scenario(folder / COPY)
    assert names_of(copied) == ("../../maps/city.json", "../../maps/city.json", "../../sounds")
    found = resolved(copied, names_of(copied)[0], ("site",))
    assert found.resolve() == (tmp_path / "maps/city.json").resolve()
    back = text_in(tmp_path, copied)
    assert names_of(parse_scenario(back, tmp_path / "one.toml")) == names_of(original)
    assert back.replace("'", '"') == (TEXT % site).replace("'", '"')


def test_what_is_no_relative_file_stays_to_the_letter(tmp_path: Path) -> None:
    for text in (EVERYTHING, TEXT % 'osm = "shared:city.osm.pbf"', TEXT % 'osm = "/maps/city.osm.pbf"'):
        kept = text.replace('"sounds"', '"shared:sounds"')
        assert text_in(tmp_path, parse_scenario(kept, Path("one.toml"))) == kept
    odd = TEXT % 'osm = """maps/\\u0063ity.pbf"""'  # a name that is not written as it reads
    assert "maps/\\u0063ity.pbf" in text_in(tmp_path, parse_scenario(odd, Path("one.toml")))
