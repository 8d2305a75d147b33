"""The shipped scenarios as a table."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.formats.plain_table import cells_table, printed
from tocsin.simulating import Shipped


def scenario_table(every: Iterable[Shipped]) -> str:
    """A row a scenario; a sentence instead where there is none, and one for each that cannot be built here."""
    table = cells_table(
        ("scenario", "left"), ("sensors", "right"), ("sounds", "right"), ("shots", "right"), ("length", "right"),
        ("", "left"),
    )  # fmt: skip
    notes = []
    rows = list(every)
    for row in rows:
        if row.duration_s is None:
            table.add_row(row.name, "–", "–", "–", "–", row.title)
            notes.append(f"{row.name} cannot be built here: {row.why}")
        else:
            table.add_row(
                row.name, f"{row.sensors:,}", f"{row.sounds:,}", f"{row.shots:,}", _length(row.duration_s), row.title
            )
    if not rows:
        return "No scenarios are installed here: give the path of a .toml file instead.\n"
    return printed(table) + "".join(f"{note}\n" for note in notes)


def _length(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:g} s"
    minutes = seconds / 60.0
    return f"{minutes:.3g} min" if minutes < 120.0 else f"{minutes / 60.0:.3g} h"
