"""The scenarios that come with Tocsin, by name."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from errors import ConfigurationError

FOLDER = Path(__file__).resolve().parents[2] / "seeds" / "scenarios"
"""Beside the checkout.  An installed package has none: there, scenarios are given by path."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One shipped scenario.

    purpose : the comment at the head of its file, as one paragraph: what it is for.
    """

    name: str
    title: str
    purpose: str
    path: Path


def shipped() -> tuple[Listed, ...]:
    """Every shipped scenario, sorted by name; none where the checkout is not there.

    Raises
    ------
    ConfigurationError
        A file there has no title.
    """
    return tuple(_listed(path) for path in sorted(FOLDER.glob("*.toml")))


def scenario_path(name_or_path: str | Path) -> Path:
    """The file of a shipped scenario's name, or the path itself when it is one.

    A text is a path when it ends with ``.toml`` or holds a slash; a ``Path`` always is.

    Raises
    ------
    ConfigurationError
        A name that is not shipped; the message lists those that are.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    names = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    if name_or_path in names:
        return FOLDER / f"{name_or_path}.toml"
    if not names:
        expected = "the path of a .toml file (the shipped scenarios are not installed here)"
        raise ConfigurationError("scenario", "unknown scenario", expected=expected, seen=name_or_path)
    close = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    expected = f"one of {', '.join(names)}, or the path of a .toml file{hint}"
    raise ConfigurationError("scenario", "unknown scenario", expected=expected, seen=name_or_path)


def _listed(path: Path) -> Listed:
    text = path.read_text(encoding="utf-8")
    try:
        title = tomllib.loads(text)["title"]
    except (ValueError, KeyError) as error:
        raise ConfigurationError(path, "has no title that can be read") from error
    head = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        head.append(line[1:].strip())
    return Listed(path.stem, str(title), " ".join(" ".join(head).split()), path)
