"""Figures with their bars, tables and pages: what a benchmark measured, for the terminal and for docs/.

Field figures (real shots, surveyed truth) and simulated ones never stand in one column: a simulation is easier than a
city, and a reader must not be able to mistake one for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table as RichTable

Kind = Literal["field", "simulated", "cost"]
HEADINGS: dict[Kind, str] = {
    "field": "field: real shots, surveyed truth",
    "simulated": "simulated: made-up pulses or mixed sounds, exact truth",
    "cost": "cost on this machine",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    bar : what it must reach, in words; "" when it is only told.
    met : None when it is only told, or could not be measured and needs not be.
    """

    name: str
    bar: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "MISSED", None: "-"}[self.met]


@dataclass(frozen=True, slots=True)
class Table:
    """Further numbers, for the page only; cells are text already."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Section:
    """What one benchmark has to say: figures of one kind, and what explains them."""

    title: str
    kind: Kind
    text: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    images: list[tuple[str, str]] = field(default_factory=list)
    """Caption, and path relative to docs/."""


def at_least(name: str, value: float, bar: float, form: str = ".3f", unit: str = "") -> Figure:
    """A figure that must not fall below its bar."""
    return Figure(name, f">= {bar:{form}}{unit}", f"{value:{form}}{unit}", value >= bar)


def at_most(name: str, value: float, bar: float, form: str = ".3f", unit: str = "") -> Figure:
    """A figure that must not rise above its bar."""
    return Figure(name, f"<= {bar:{form}}{unit}", f"{value:{form}}{unit}", value <= bar)


def between(name: str, value: float, low: float, high: float, form: str = ".3f", unit: str = "") -> Figure:
    """A figure that must lie in a range, both ends allowed."""
    return Figure(name, f"{low:{form}} .. {high:{form}}{unit}", f"{value:{form}}{unit}", low <= value <= high)


def told(name: str, measured: str) -> Figure:
    """A figure without a bar."""
    return Figure(name, "", measured, None)


def failed(name: str, bar: str, reason: str) -> Figure:
    """A figure that should have been measured and could not be."""
    return Figure(name, bar, reason, False)


def show(console: Console, sections: Sequence[Section]) -> int:
    """Print one table a kind and a summary as the last line.

    Returns the exit code: 1 when a figure is missed.
    """
    for kind, heading in HEADINGS.items():
        figures = [(s, f) for s in sections if s.kind == kind for f in s.figures]
        if not figures:
            continue
        table = RichTable(title=heading, title_justify="left", show_lines=False)
        for column in ("figure", "bar", "measured", ""):
            table.add_column(column, overflow="fold")
        last = figures[0][0]
        for section, figure in figures:
            if section is not last:
                table.add_section()
                last = section
            style = "bold red" if figure.met is False else None
            table.add_row(f"{section.title}: {figure.name}", figure.bar, figure.measured, figure.verdict, style=style)
        console.print(table)
    judged = [f for s in sections for f in s.figures if f.met is not None]
    missed = [f for f in judged if not f.met]
    tail = f": {'; '.join(f.name for f in missed)}" if missed else ""
    # Not wrapped and not styled: people grep for this line.
    console.print(
        f"{len(judged)} figures, {len(judged) - len(missed)} met, {len(missed)} missed{tail}",
        soft_wrap=True, highlight=False, markup=False,
    )  # fmt: skip
    return 1 if missed else 0


def write_page(path: Path, title: str, introduction: str, sections: Sequence[Section]) -> None:
    """Write a page of docs/: sections with their figures, tables and images."""
    lines = [f"# {title}", "", introduction.strip(), ""]
    for section in sections:
        lines += [f"## {section.title} ({section.kind})", "", section.text.strip(), ""]
        if section.figures:
            rows = tuple((f.name, f.bar, f.measured, f.verdict) for f in section.figures)
            lines += _markdown(("figure", "bar", "measured", ""), rows)
        for table in section.tables:
            lines += [f"### {table.title}", "", *_markdown(table.columns, table.rows)]
        for caption, image in section.images:
            lines += [f"![{caption}]({image})", "", f"*{caption}*", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows), ""]
