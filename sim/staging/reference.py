"""The reference of scenario files, written from the types that read them: docs/scenarios.md between its marks.

``python -m sim.staging.reference docs/scenarios.md`` writes it anew; a test refuses a page that is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
from msgspec import inspect

from sim.sources.lookalikes import LOOKALIKES
from sim.sources.weapons import WEAPONS
from sim.staging.catalogue import shipped
from sim.staging.refusal import bare
from sim.staging.spec import Spec

BEGIN = "<!-- written by sim.staging.reference: begin -->"
END = "<!-- written by sim.staging.reference: end -->"

_UNITS = {
    "_pa_s_m2": "Pa s/m²",
    "_db_spl": "dB re 20 µPa",
    "_db_spl_1m": "dB re 20 µPa",
    "_db_a": "dB(A)",
    "_db": "dB",
    "_m_s": "m/s",
    "_m": "m",
    "_s": "s",
    "_h": "h",
    "_hz": "Hz",
    "_deg": "°",
    "_c": "°C",
    "_percent": "%",
    "_hpa": "hPa",
    "_ppm": "ppm",
    "_rpm": "per minute",
    "_min": "per minute",
    "_hour": "per hour",
    "_km2": "per km²",
    "_mm": "mm",
    "_km": "km",
    "_kj_m": "kJ/m",
    "_pa": "Pa",
    "longitude": "°",
    "latitude": "°",
}
"""By the end of a key; the longest that fits."""


def reference() -> str:
    """The generated part of the page: what is shipped, every table and key, weapons, look-alikes."""
    sections = [_section(name, node) for name, node in tables()]
    return "\n\n".join([_shipped(), "## Every table and key", *sections, _weapons(), _lookalikes()])


def tables() -> Iterator[tuple[str, inspect.StructType]]:
    """Every table that a scenario may hold, outermost first, each once, with the name under which it comes first."""
    seen: set[type] = set()
    waiting = [("the file itself", _struct(inspect.type_info(Spec)))]
    while waiting:
        name, node = waiting.pop(0)
        if node is None or node.cls in seen:
            continue
        seen.add(node.cls)
        yield name, node
        for field in node.fields:
            path = field.encode_name if node.cls is Spec else f"{name}.{field.encode_name}"
            waiting.append((path, _struct(field.type)))


def rewritten(page: str) -> str:
    """The page with its generated part up to date; ``ValueError`` when it has no marks."""
    head, found, rest = page.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n\n{END}{tail}"


def _struct(node: inspect.Type) -> inspect.StructType | None:
    """The table that a value is, or that its elements are."""
    node = bare(node)
    match node:
        case inspect.StructType():
            return node
        case inspect.VarTupleType():
            return _struct(node.item_type)
        case inspect.UnionType():
            return next((found for kind in node.types if (found := _struct(kind)) is not None), None)
        case _:
            return None


def _section(name: str, node: inspect.StructType) -> str:
    title = name if name.startswith("the ") else f"`{name}`"
    about = " ".join((node.cls.__doc__ or "").split())
    rows = []
    for field in node.fields:
        kind = _kind(field.encode_name, field.type)
        rows.append(f"| `{field.encode_name}` | {kind} | {_default(field)} | {_meaning(field.type)} |")
    return "\n".join([f"### {title}", "", about, "", "| key | value | default | meaning |", "|---|---|---|---|", *rows])


def _kind(key: str, node: inspect.Type) -> str:
    node = bare(node)
    match node:
        case inspect.FloatType() | inspect.IntType():
            word = "number" if isinstance(node, inspect.FloatType) else "whole number"
            bounds = "" if node.ge is None or node.le is None else f", {_number(node.ge)} .. {_number(node.le)}"
            return f"{word}{bounds} {unit(key)}".rstrip()
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return "text"
        case inspect.DateTimeType():
            return "date and time with zone"
        case inspect.LiteralType():
            return ", ".join(f"`{word}`" for word in node.values)
        case inspect.StructType():
            return f"table, as [`{_first_name(node)}`](#{_anchor(_first_name(node))})"
        case inspect.VarTupleType():
            return f"list of: {_kind(key, node.item_type)}"
        case inspect.TupleType():
            return f"list of {len(node.item_types)}: {_kind(key, node.item_types[0])}"
        case inspect.DictType():
            return f"table of names, each {_kind(key, node.value_type)}"
        case inspect.UnionType():
            kinds = [kind for kind in node.types if not isinstance(kind, inspect.NoneType)]
            return " or ".join(_kind(key, kind) for kind in kinds)
        case _:
            raise TypeError(f"no words for {node}")


def unit(key: str) -> str:
    """The unit of a key, by how it ends."""
    fits = [ending for ending in _UNITS if key.endswith(ending)]
    return _UNITS[max(fits, key=len)] if fits else ""


def _first_name(node: inspect.StructType) -> str:
    return _names()[node.cls]


@cache
def _names() -> dict[type, str]:
    return {table.cls: name for name, table in tables()}


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**needed**"
    value = field.default
    if value is None or value is msgspec.NODEFAULT or value == ():
        return ""
    return _value(value)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case tuple():
            return "[" + ", ".join(_value(part) for part in value) + "]"
        case msgspec.Struct() | datetime():
            return ""
        case _:
            return f"`{value}`"


def _number(value: float) -> str:
    return f"{value:.10g}"


def _meaning(node: inspect.Type) -> str:
    """The description, which may stand inside a union with None."""
    if isinstance(node, inspect.Metadata):
        schema = node.extra_json_schema or {}
        return str(schema.get("description", "")) or _meaning(node.type)
    if isinstance(node, inspect.UnionType):
        return next((words for kind in node.types if (words := _meaning(kind))), "")
    return ""


def _shipped() -> str:
    rows = [f"| `{listed.name}` | {listed.title} | {listed.purpose} |" for listed in shipped()]
    return "\n".join(["## The shipped scenarios", "", "| name | title | what it is for |", "|---|---|---|", *rows])


def _weapons() -> str:
    rows = [
        f"| `{weapon.name}` | {weapon.label} | {weapon.speed_m_s:g} | "
        f"{'' if weapon.cyclic_rpm is None else f'{weapon.cyclic_rpm:g}'} |"
        for weapon in WEAPONS.values()
    ]
    head = "| weapon | what it is | muzzle speed, m/s | rounds a minute, automatic |"
    return "\n".join(["### Weapons", "", head, "|---|---|---|---|", *rows])


def _lookalikes() -> str:
    rows = []
    for lookalike in LOOKALIKES.values():
        for option in lookalike.options:
            default = f"`{option.default}`" if isinstance(option.default, str) else f"{option.default:g}"
            bounds = f"{option.expected} {unit(option.name)}".rstrip()
            rows.append(f"| `{lookalike.word}` | `{option.name}` | {bounds} | {default} | {option.meaning} |")
    head = "| kind | option | value | default | meaning |"
    return "\n".join(["### Look-alikes and their options", "", head, "|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
