"""What is wrong with a document, in one sentence: the file, the line, the key, what was expected, what was found."""

from __future__ import annotations

import re

import msgspec
from msgspec import inspect

from errors import ConfigurationError
from settings.tomllines import Key, TomlLines

_AT = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*)`")


def refusal(
    error: msgspec.ValidationError, document: object, kind: type, where: object, lines: TomlLines
) -> ConfigurationError:
    """The error to raise when ``msgspec.convert(document, kind)`` has failed with ``error``.

    where : the file, as the user named it.
    """
    sentence = str(error)
    key, node, value = _walk(sentence, document, inspect.type_info(kind))
    sentence = _AT.sub("", sentence)
    if (found := _UNKNOWN.search(sentence)) and isinstance(node, inspect.StructType):
        place = at(where, lines, (*key, found[1]))
        return ConfigurationError(place, f"unknown key{_inside(key)}", expected=one_of(node), seen=found[1])
    if found := _MISSING.search(sentence):
        table = named(key) or "the file"
        return ConfigurationError(at(where, lines, key), f"{table} has no {found[1]}")
    return ConfigurationError(at(where, lines, key), named(key), expected=expected(node), seen=value)


def at(where: object, lines: TomlLines, key: Key) -> str:
    """``file, line n`` of a key, or the file alone."""
    line = lines.line(key)
    return str(where) if line is None else f"{where}, line {line}"


def named(key: Key) -> str:
    """A key in words, without positions in arrays: ``shooter.bursts.at_s``."""
    return ".".join(part for part in key if isinstance(part, str))


def one_of(node: inspect.StructType) -> str:
    """The keys that a table may have."""
    return "one of " + ", ".join(field.encode_name for field in node.fields)


def expected(node: inspect.Type) -> str:
    """What a value must be, in words."""
    node = bare(node)
    match node:
        case inspect.FloatType():
            return f"a number{_bounds(node)}"
        case inspect.IntType():
            return f"a whole number{_bounds(node)}"
        case inspect.StrType():
            form = f" of the form {node.pattern}" if node.pattern else ""
            return ("a text that is not empty" if node.min_length else "a text") + form
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return "an instant with its zone, such as 2026-01-01T00:00:00Z"
        case inspect.LiteralType():
            return "one of " + ", ".join(f'"{word}"' for word in node.values)
        case inspect.VarTupleType():
            least = f"{node.min_length} or more of " if node.min_length else ""
            return f"a list of {least}{expected(node.item_type)}"
        case inspect.TupleType():
            return f"a list of {len(node.item_types)} values, each {expected(node.item_types[0])}"
        case inspect.StructType():
            return "a table of " + ", ".join(field.encode_name for field in node.fields)
        case inspect.DictType():
            return f"a table of names, each {expected(node.value_type)}"
        case inspect.UnionType():
            return " or ".join(expected(kind) for kind in node.types if not isinstance(kind, inspect.NoneType))
        case _:
            return "another value"


def bare(node: inspect.Type) -> inspect.Type:
    """A type without its description, and without the None that only says "may be left out"."""
    while True:
        if isinstance(node, inspect.Metadata):
            node = node.type
        elif isinstance(node, inspect.UnionType) and len(rest := _some(node)) == 1:
            node = rest[0]
        else:
            return node


def _some(node: inspect.UnionType) -> list[inspect.Type]:
    return [kind for kind in node.types if not isinstance(kind, inspect.NoneType)]


def _bounds(node: inspect.FloatType | inspect.IntType) -> str:
    if node.ge is not None and node.le is not None:
        return f", {node.ge:,.12g} .. {node.le:,.12g}"
    return "" if node.ge is None else f", {node.ge:,.12g} or more"


def _inside(key: Key) -> str:
    return f" in {named(key)}" if key else ""


def _walk(sentence: str, document: object, node: inspect.Type) -> tuple[Key, inspect.Type, object]:
    """The key that msgspec complains about, what it should be, and what stands there."""
    key: Key = ()
    value = document
    node = bare(node)
    found = _AT.search(sentence)
    for step in _STEP.finditer(found[1] if found else ""):
        part: str | int = step[1] or (int(step[2]) if step[2].isdigit() else "...")
        node = _below(node, part, value)
        if part == "...":  # msgspec does not say which key of a table of names
            break
        key = (*key, part)
        value = value[part] if isinstance(value, dict | list) else value  # type: ignore[index]
    return key, node, value


def _below(node: inspect.Type, part: str | int, value: object) -> inspect.Type:
    if isinstance(node, inspect.UnionType):
        wanted = (inspect.VarTupleType, inspect.TupleType) if isinstance(value, list) else inspect.StructType
        node = next((bare(kind) for kind in node.types if isinstance(bare(kind), wanted)), node)
    match node:
        case inspect.StructType():
            return bare(next(field.type for field in node.fields if field.encode_name == part))
        case inspect.VarTupleType():
            return bare(node.item_type)
        case inspect.TupleType() if isinstance(part, int):
            return bare(node.item_types[part])
        case inspect.DictType():
            return bare(node.value_type)
        case _:
            return node
