"""A bar that is missed must be seen: in the table, in the summary, in the exit code."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.figures import Figure, Section, Table, at_least, at_most, between, failed, show, told, write_page


def shown(*sections: Section) -> tuple[int, list[str]]:
    text = io.StringIO()
    code = show(Console(file=text, width=120), sections)
    return code, text.getvalue().splitlines()


def test_all_met_ends_in_0_and_a_summary() -> None:
    section = Section("hearing", "field", "", [at_least("recall", 0.9, 0.9), told("places", "3")])
    code, lines = shown(section)
    assert code == 0
    assert lines[-1] == "1 figures, 1 met, 0 missed"


def test_a_miss_is_named_last_and_ends_in_1() -> None:
    section = Section("hearing", "field", "", [at_least("recall", 0.89, 0.9), at_most("false", 2, 2, "d")])
    code, lines = shown(section)
    assert code == 1
    assert lines[-1] == "2 figures, 1 met, 1 missed: recall"


def test_field_and_simulated_stand_in_tables_of_their_own() -> None:
    field = Section("a", "field", "", [told("x", "1")])
    simulated = Section("b", "simulated", "", [told("y", "2")])
    _, lines = shown(field, simulated)
    heads = [number for number, line in enumerate(lines) if line.startswith(("field:", "simulated:"))]
    assert len(heads) == 2
    x = next(number for number, line in enumerate(lines) if "a: x" in line)
    y = next(number for number, line in enumerate(lines) if "b: y" in line)
    assert heads[0] < x < heads[1] < y


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (between("coverage", 0.93, 0.93, 0.97), True),
        (between("coverage", 0.9701, 0.93, 0.97), False),
        (at_most("time", float("nan"), 2.0), False),
        (at_least("recall", float("nan"), 0.5), False),
        (failed("peer", "runs", "no environment"), False),
        (told("peer", "left out"), None),
    ],
)
def test_verdicts(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


def test_page_holds_figures_tables_and_images(tmp_path: Path) -> None:
    section = Section("hearing", "field", "How.", [at_least("recall", 0.95, 0.9)])
    section.tables.append(Table("by place", ("place", "n"), (("a|b", "3"),)))
    section.images.append(("A map.", "img/map.png"))
    page = tmp_path / "docs" / "page.md"
    write_page(page, "Title", "Why.", [section])
    text = page.read_text()
    assert text.startswith("# Title\n\nWhy.\n\n## hearing (field)\n\nHow.\n")
    assert "| recall | >= 0.900 | 0.950 | met |" in text
    assert "| a\\|b | 3 |" in text
    assert "![A map.](img/map.png)" in text
