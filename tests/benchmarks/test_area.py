"""The command that measures an area: what it refuses, and that a missed figure shows in its exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.area import Area, Part
from benchmarks.core import ACCURACY, CORE, PAGES, PERFORMANCE
from benchmarks.figures import Figure, Section, at_least
from errors import ConfigurationError, TocsinError


def part(page: str, *figures: Figure, needs_peers: bool = False) -> Part:
    kind = "field" if page == ACCURACY else "cost"
    return Part(page, lambda _: [Section("here", kind, "How.", list(figures))], needs_peers)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def with_parts(parts: dict[str, Part], *options: str) -> tuple[int, str]:
        area = Area("trial", PAGES, parts, tmp_path)
        result = CliRunner().invoke(area.command("a trial"), list(options))
        return result.exit_code, result.output

    return with_parts


def test_a_missed_figure_is_exit_code_1_and_named_in_the_last_line(run: Callable[..., tuple[int, str]]) -> None:
    parts = {"a": part(ACCURACY, at_least("found", 5, 6, "d")), "b": part(PERFORMANCE, at_least("speed", 2, 1, "d"))}
    code, said = run(parts)
    assert code == 1
    assert said.strip().splitlines()[-1] == "2 figures, 1 met, 1 missed: found"
    assert run({"b": parts["b"]})[0] == 0


def test_pages_are_written_when_all_that_stands_on_them_was_measured(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    met = at_least("speed", 2, 1, "d")
    parts = {
        "a": part(ACCURACY, met),
        "b": part(PERFORMANCE, met),
        "c": part(PERFORMANCE, met, needs_peers=True),
    }
    run(parts, "--no-peers")
    assert (tmp_path / "docs" / "accuracy.md").exists()
    assert not (tmp_path / "docs" / "performance.md").exists()
    run(parts, "--only", "b,c")
    assert "speed" in (tmp_path / "docs" / "performance.md").read_text()


def test_a_part_that_fails_is_a_missed_figure_and_the_others_stand(run: Callable[..., tuple[int, str]]) -> None:
    def fails(_: bool) -> list[Section]:
        raise TocsinError("the peer died")

    code, said = run({"a": Part(ACCURACY, fails), "b": part(PERFORMANCE, at_least("speed", 2, 1, "d"))})
    assert code == 1
    assert "the peer died" in said
    assert "2 figures, 1 met, 1 missed" in said


def test_absent_data_is_bad_input(run: Callable[..., tuple[int, str]]) -> None:
    def absent(_: bool) -> list[Section]:
        raise ConfigurationError("TOCSIN_SHARED", "benchmark data", expected="livefire in it", seen="nothing")

    code, said = run({"a": Part(ACCURACY, absent)})
    assert code == 2
    assert "livefire in it" in said


def test_unknown_parts_are_refused() -> None:
    result = CliRunner().invoke(CORE.command("everything"), ["--only", "nothing"])
    assert result.exit_code == 2
    assert "found 'nothing'" in result.output
