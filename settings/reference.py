"""Reference pages of settings, written from the types that read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import inspect

from settings.refusal import bare

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
    "_mib": "MiB",
    "_kj_m": "kJ/m",
    "_pa": "Pa",
    "longitude": "°",
    "latitude": "°",
}
"""By the end of a key; the longest that fits."""


def sections(kind: type) -> list[str]:
    """Every table that a file of type ``kind`` may hold, as a chapter of Markdown with a table of its keys."""
    found = list(tables(kind))
    names = {node.cls: name for name, node in found}
    return [_section(name, node, names) for name, node in found]


def tables(kind: type) -> Iterator[tuple[str, inspect.StructType]]:
    """Every table that a file may hold, outermost first, each once, with the name under which it comes first."""
    seen: set[type] = set()
    waiting = [("the file itself", _struct(inspect.type_info(kind)))]
    while waiting:
        name, node = waiting.pop(0)
        if node is None or node.cls in seen:
            continue
        seen.add(node.cls)
        yield name, node
        for field in node.fields:
            path = field.encode_name if node.cls is kind else f"{name}.{field.encode_name}"
            waiting.append((path, _struct(field.type)))


def rewritten(page: str, writer: str, text: str) -> str:
    """The page with ``text`` between the marks of ``writer`` (a module's name); ``ValueError`` when it has no marks."""
    begin, end = (f"<!-- written by {writer}: {word} -->" for word in ("begin", "end"))
    head, found, rest = page.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{head}{begin}\n\n{text}\n\n{end}{tail}"


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


def _section(name: str, node: inspect.StructType, names: Mapping[type, str]) -> str:
    title = name if name.startswith("the ") else f"`{name}`"
    about = " ".join((node.cls.__doc__ or "").split())
    rows = []
    for field in node.fields:
        kind = _kind(field.encode_name, field.type, names)
        rows.append(f"| `{field.encode_name}` | {kind} | {_default(field)} | {_meaning(field.type)} |")
    return "\n".join([f"### {title}", "", about, "", "| key | value | default | meaning |", "|---|---|---|---|", *rows])


def _kind(key: str, node: inspect.Type, names: Mapping[type, str]) -> str:
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
            name = names[node.cls]
            return f"table, as [`{name}`](#{name.replace('.', '')})"
        case inspect.VarTupleType():
            return f"list of: {_kind(key, node.item_type, names)}"
        case inspect.TupleType():
            return f"list of {len(node.item_types)}: {_kind(key, node.item_types[0], names)}"
        case inspect.DictType():
            return f"table of names, each {_kind(key, node.value_type, names)}"
        case inspect.UnionType():
            kinds = [kind for kind in node.types if not isinstance(kind, inspect.NoneType)]
            return " or ".join(_kind(key, kind, names) for kind in kinds)
        case _:
            raise TypeError(f"no words for {node}")


def unit(key: str) -> str:
    """The unit of a key, by how it ends."""
    fits = [ending for ending in _UNITS if key.endswith(ending)]
    return _UNITS[max(fits, key=len)] if fits else ""


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
