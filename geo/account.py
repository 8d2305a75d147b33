"""What became of everything that a map calls a building or a street: nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """How a map was read; names are those of ``Buildings.names`` or, for what was left out, of the same form.

    buildings, streets : how many the city has.
    heights : how many buildings owe their height to which source: ``height``, ``levels``, ``outbuilding``,
        ``neighbours``, ``default`` (``geo.heights``).
    left_out : names by the reason for which they are missing.
    noted : names by what was changed or could not be understood of what is there.
    """

    buildings: int
    streets: int
    heights: Mapping[str, int]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    noted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def lines(self) -> tuple[str, ...]:
        """For people: a line each for what there is, what is missing and what was changed."""
        sources = ", ".join(f"{count} by {source}" for source, count in self.heights.items() if count)
        return (
            f"{self.buildings} buildings (heights: {sources or 'none'}), {self.streets} streets",
            *(f"left out, {reason}: {_few(names)}" for reason, names in self.left_out.items()),
            *(f"{what}: {_few(names)}" for what, names in self.noted.items()),
        )


class Tally:
    """Names collected by reason, while reading."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, reason: str, name: str) -> None:
        """Count ``name`` under ``reason``."""
        self._names.setdefault(reason, []).append(name)

    def sorted(self) -> dict[str, tuple[str, ...]]:
        """Reasons and names in an order that does not depend on that of the file."""
        return {reason: tuple(sorted(set(self._names[reason]))) for reason in sorted(self._names)}


def _few(names: tuple[str, ...], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return f"{len(names)} ({shown}{', ...' if len(names) > limit else ''})"
