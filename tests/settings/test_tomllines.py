"""Lines of keys: found where people see them, however TOML lets one write them."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.tomllines import Key, TomlLines

TEXT = '''\
# title = "not this"
title = "a # no comment, [no] = 'table'"
"quoted key" = 1
notes = """
title = "inside"
[[shooter]]
"""
raw = \'\'\'
at_s = 1\'\'\'
a.b.c = 3

[site]
grid = {size_m = [1, 2], seed = 4}

[[shooter]]
id = "A"
bursts = [
    {at_s = 1, rounds = 2},  # {at_s = 9}

    {at_s = 2,  rounds = 3},
]
[[shooter]]
id = "B"
[shooter.path]
speed_m_s = 3
[[shooter.bursts]]
at_s = 5
[[shooter.bursts]]
at_s = 6
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("title",), 2),
        (("quoted key",), 3),
        (("notes",), 4),
        (("raw",), 8),
        (("a", "b", "c"), 10),
        (("site",), 12),
        (("site", "grid", "size_m", 1), 13),
        (("site", "grid", "seed"), 13),
        (("shooter", 0), 15),
        (("shooter", 0, "id"), 16),
        (("shooter", 0, "bursts", 0, "rounds"), 18),
        (("shooter", 0, "bursts", 1), 20),
        (("shooter", 0, "bursts", 1, "rounds"), 20),
        (("shooter", 1, "id"), 23),
        (("shooter", 1, "path", "speed_m_s"), 25),
        (("shooter", 1, "bursts", 1, "at_s"), 29),
        (("shooter", 1, "bursts", 1, "rounds"), 28),
        (("shooter", 1, "nothing", "of", "this"), 22),
        (("nowhere",), None),
    ],
)
def test_keys_stand_where_people_see_them(key: Key, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert TomlLines(TEXT).line(key) == line


def written(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {written(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(written(part) for part in value) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def keys(value: Any, key: Key = ()) -> list[Key]:
    """Every key and position of a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [key, *(found for name, part in below for found in keys(part, (*key, name)))]


names = st.text("abcxyz_-019", min_size=1, max_size=6)
values = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text("ab# =[]{},\"", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, values, max_size=4))
def test_every_key_of_any_document_has_its_line(document: dict[str, Any]) -> None:
    text = "".join(f"{name} =\t{written(value)}  # {{\n" for name, value in document.items())
    assert tomllib.loads(text) == document
    lines = TomlLines(text)
    rows = text.splitlines()
    for key in keys(document)[1:]:
        line = lines.line(key)
        assert line is not None
        if isinstance(key[-1], str):
            assert key[-1] in rows[line - 1]
    starts = [lines.line((name,)) for name in document]
    assert starts == sorted(starts, key=lambda line: line or 0)
