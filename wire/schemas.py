"""JSON Schemas of the messages, with the words of their docstrings: ``python -m wire.schemas docs/schemas``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from wire.messages import Clip, Heartbeat, Pulse, Receipt

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: dict[str, type[msgspec.Struct]] = {
    "pulse": Pulse,
    "clip": Clip,
    "heartbeat": Heartbeat,
    "receipt": Receipt,
}

SCHEMA_FIELD = "version of this message's form; it only grows, and readers accept older ones"

_ENTRY = re.compile(r"(?P<names>\w+(?:, \w+)*) : ")


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema (Draft 2020-12) of a message; every field has a description."""
    found: dict[str, Any] = {"$schema": DIALECT, "title": kind.__name__, **msgspec.json.schema(kind)}
    for name, definition in found["$defs"].items():
        introduction, described = described_fields(definition["description"], definition["properties"])
        definition["description"] = introduction
        for field, properties in definition["properties"].items():
            said = SCHEMA_FIELD if field == "schema" else described.get(field)
            for way in (properties, *properties.get("anyOf", ())):
                if said is None and "$ref" in way:
                    said = _first_sentence(found["$defs"][way["$ref"].rpartition("/")[2]]["description"])
            if said is None:
                raise ValueError(f"{name}: its docstring says nothing of {field}")
            properties["description"] = said
    return found


def described_fields(docstring: str, fields: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """The parts of a docstring: what comes before the fields, and what it says of each.

    Entries are ``name : text``, or ``name, name : text`` for several at once, and go on to the next entry.  A field
    without an entry gets the entry, or the sentence before them, that mentions it in double backquotes.
    """
    words = " ".join(docstring.split())
    entries = [e for e in _ENTRY.finditer(words) if all(name in fields for name in e["names"].split(", "))]
    introduction = words[: entries[0].start()].strip() if entries else words
    described = {}
    ends = [*(e.start() for e in entries[1:]), len(words)]
    for entry, end in zip(entries, ends, strict=False):
        said = words[entry.end() : end].strip()
        for name in entry["names"].split(", "):
            described[name] = said
    for name in fields:
        if name not in described:
            mentions = [m for m in (*described.values(), *introduction.split(". ")) if f"``{name}``" in m]
            if mentions:
                described[name] = mentions[0]
    return introduction, described


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def text(name: str) -> str:
    """The file of a message's schema."""
    return json.dumps(schema(MESSAGES[name]), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """One file a message, ``<kind>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MESSAGES:
        (folder / f"{name}.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
