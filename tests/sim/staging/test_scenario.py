"""Scenario files: what is written is what is read, and what cannot be is named with file, line, key and reason."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from acoustic.weather import BOUNDS, Weather
from errors import ConfigurationError, TocsinError
from settings.reference import tables
from sim.staging.scenario import parse_scenario, read_scenario
from sim.staging.spec import AmbientTable, Spec, SurfacesTable, WeatherTable
from sim.world import Ambient, Surfaces
from tests.sim.staging.written_scenario import EVERYTHING, PATH, everything
from tests.strategies import mutations

DOCUMENT = tomllib.loads(EVERYTHING)


def written(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {written(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    return json.dumps("none" if value is None else value, ensure_ascii=False)


def file_of(document: dict[str, Any]) -> str:
    """A document as TOML, a line a key."""
    return "".join(f"{json.dumps(name)} = {written(value)}\n" for name, value in document.items())


def test_reads_everything() -> None:
    scenario = everything()
    spec = scenario.spec
    assert (scenario.name, scenario.title, spec.seed) == ("everything", "Everything at once", 5)
    assert scenario.start_ns == 1_772_395_200_000_000_000
    assert spec.shooter[0].bursts is not None
    assert spec.shooter[0].bursts[1].rate_rpm == 200.0
    assert spec.shooter[1].path is not None
    assert spec.shooter[1].path.points[1].y_m == 30.0
    assert spec.sensors.at[0].height_m == 40.0
    assert spec.fault[0].clock is not None


def test_start_is_an_instant_in_any_zone() -> None:
    assert everything("2026-03-01T20:00:00Z", "2026-03-01T21:30:00.000001+01:30").start_ns == (
        everything().start_ns + 1000
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("duration_s = 60", "duration_s = -1", "line 4: duration_s: expected a number, 0.1 .. 172,800, found -1"),
        ("duration_s = 60", "duration_s = nan", "line 4: duration_s: expected a number, .* found nan"),
        ("duration_s = 60", "duration_s = true", "line 4: duration_s: expected a number, .* found True"),
        ("duration_s = 60", "", ": the file has no duration_s"),
        ("2026-03-01T20:00:00Z", "2026-03-01T20:00:00", "line 3: start: expected an instant with its zone"),
        ('title = "Everything at once"', 'title = ""', "line 2: title: expected a text that is not empty, found ''"),
        ("[weather]", "[wether]", "line 13: unknown key: expected one of title, start, .*, found 'wether'"),
        ("temperature_c", "temperatur_c", "line 14: unknown key in weather: expected one of temperature_c, .*"),
        ("temperature_c = 3.5", "temperature_c = 99", "line 14: weather.temperature_c: expected a number, -60 .. 60"),
        ('style = "houses"', 'style = "huts"', 'site.grid.style: expected one of "blocks", "houses", found \'huts\''),
        ("size_m = [500, 400]", "size_m = [500]", "site.grid.size_m: expected a list of 2 values, each a number"),
        ("size_m = [500, 400]", "size_m = [500, 4]", "site.grid.size_m: expected a number, 20 .. 40,000, found 4"),
        ("reflections = 0", "reflections = 4", "line 18: surfaces.reflections: expected a whole number, 0 .. 3"),
        ("[site.grid]", '[site]\nosm = "a.pbf"\n[site.grid]', "line 9: site: only one kind of site"),
        ("rate_hz = 12000", "bits = 20", "sensors.bits: expected one of"),
        ("y_m = -12\n", "", "line 28: sensors.at: place: expected x_m and y_m, or longitude and latitude, found 'x_m'"),
        ('weapon = "9mm"', 'weapon = "bow"', "line 37: shooter.weapon: unknown weapon: expected one of .*'bow'"),
        ('id = "B"', 'id = "A"', r"line 47: id used twice \(first by a \[\[shooter\]\]\): expected ids that differ"),
        ('id = "B"', 'id = "B/1"', 'line 47: shooter.id: expected a printable text without "/", found'),
        ("rounds = 3, ", "rounds = 0, ", "line 43: shooter.bursts.rounds: expected a whole number, 1 .. 500, found 0"),
        ("rounds = 3, ", "rouns = 3, ", "line 43: unknown key in shooter.bursts: .* found 'rouns'"),
        ("at_s = 20.5", "at_s = 60", "line 43: shooter.bursts.at_s: expected an instant before the scenario's end"),
        ("{at_s = 1, rounds = 4},", "{rounds = 4},", "line 42: shooter.bursts has no at_s"),
        ("heading_deg = 90\n", "", r"shooter 'A': expected one of heading_deg, aim, found 'none'"),
        ("elevation_deg = 5", "elevation_deg = 5\ntimes_s = [1]", "shooter 'A': expected one of times_s, bursts"),
        ("times_s = [30, 2.25]", "times_s = [30, 60.5]", "line 50: shooter.times_s: expected an instant before"),
        ("times_s = [30, 2.25]", "times_s = []", "line 50: shooter.times_s: expected a list of 1 or more"),
        ("height_m = 20}", "height_m = 20}\nelevation_deg = 3", "shooter 'B': aim already says how high"),
        ("45acp = 2", "45acp = -2", "line 61: gunfire.weapons: expected a number, 0 .. 1,000,000"),
        ("45acp = 2", "45cap = 2", "line 61: gunfire.weapons.45cap: unknown weapon"),
        ("per_hour = 240,", "", "line 62: gunfire.random: expected one of per_hour, incidents, found 'none'"),
        ("from_s = 10", "from_s = 10, to_s = 61", "line 62: gunfire.random.to_s: expected at most"),
        ('kind = "firecracker"', 'kind = "cracker"', "line 66: noise.kind: unknown look-alike: expected one of"),
        ("bangs = 5", "bang = 5", "line 67: unknown option 'bang': expected one of bangs"),
        ("bangs = 5", "bangs = 0", "line 67: bangs: expected a whole number"),
        ("{x_m = 0, y_m = 120}", "", "line 72: noise.random.within: expected three corners or more, found 2"),
        ("times_s = [3, 9]", "times_s = [3, 9]\nat = {x_m = 1, y_m = 1}", "noise 'van': expected one of at, path"),
        ('sensor = "mast"', "", "fault: expected one of sensor, share, found 'none'"),
        ("share = 0.5\nmessages", "share = 0.5\n# messages", "line 87: fault: nothing goes wrong"),
        ("{from_s = 20, to_s = 30}", "{from_s = 40, to_s = 30}", "fault.dead.from_s: expected an instant before 30 s"),
        ("[[fault]]", "[[fault", "is not TOML"),
    ],
)
def test_names_the_file_the_line_the_key_and_the_reason(old: str, new: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^everything.toml(, )?.*{sentence}") as raised:
        everything(old, new)
    assert "\n" not in str(raised.value)


def tables_in(document: Any) -> list[Any]:
    """Every table of a document, however deep."""
    if isinstance(document, dict):
        return [document, *(found for part in document.values() for found in tables_in(part))]
    return [found for part in document for found in tables_in(part)] if isinstance(document, list) else []


@given(st.data())
def test_an_unknown_key_is_refused_wherever_it_stands(data: st.DataObject) -> None:
    document = tomllib.loads(EVERYTHING)
    table = data.draw(st.sampled_from(tables_in(document)))
    known = {name for _, node in tables(Spec) for name in (field.encode_name for field in node.fields)}
    words = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=40)  # longer ones are cut in errors
    name = data.draw(words.filter(lambda word: word not in known))
    table[name] = data.draw(st.integers() | st.text("abc", max_size=3) | st.booleans())
    with pytest.raises(ConfigurationError, match=rf"^everything.toml, line \d+: .*{name}"):
        parse_scenario(file_of(document), PATH)


def test_the_written_document_is_what_the_laws_start_from() -> None:
    assert parse_scenario(file_of(DOCUMENT), PATH).spec == everything().spec


@given(mutations(DOCUMENT))
def test_whatever_is_written_is_read_or_refused_in_one_sentence(document: Any) -> None:
    text = file_of(document) if isinstance(document, dict) else written(document)
    sentence = "everything.toml"
    with contextlib.suppress(TocsinError):
        try:
            parse_scenario(text, PATH)
        except TocsinError as error:
            sentence = str(error)
            raise
    assert sentence.startswith("everything.toml")
    assert "\n" not in sentence


def test_every_number_has_bounds_and_every_key_a_meaning() -> None:
    def check(node: inspect.Type, where: str) -> None:
        match node:
            case inspect.Metadata():
                check(node.type, where)
            case inspect.FloatType() | inspect.IntType():
                assert where == "noise.options" or (node.ge is not None and node.le is not None), where
            case inspect.UnionType():
                for kind in node.types:
                    check(kind, where)
            case inspect.VarTupleType():
                check(node.item_type, where)
            case inspect.TupleType():
                for kind in node.item_types:
                    check(kind, where)
            case inspect.DictType():
                check(node.value_type, where)

    for name, table in tables(Spec):
        for field in table.fields:
            check(field.type, f"{name}.{field.encode_name}")
            assert "description" in str(field.type), f"{name}.{field.encode_name}"


def test_tables_of_the_air_are_those_of_the_world() -> None:
    for world, table in ((Surfaces(), SurfacesTable()), (Ambient(), AmbientTable())):
        ours = {field.name: getattr(world, field.name) for field in dataclasses.fields(world)}
        assert {name: getattr(table, name) for name in table.__struct_fields__} == ours
    renamed = {"speed_of_sound_m_s": "measured_speed_m_s"}
    for name in WeatherTable.__struct_fields__:
        assert getattr(WeatherTable(), name) == getattr(Weather(), renamed.get(name, name))
    assert {renamed.get(name, name) for name in WeatherTable.__struct_fields__} == set(BOUNDS)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing.toml: cannot be read \(No such file"):
        read_scenario(tmp_path / "nothing.toml")
    (tmp_path / "binary.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(ConfigurationError, match=r"binary.toml: is not UTF-8 text \(byte 9\)"):
        read_scenario(str(tmp_path / "binary.toml"))
