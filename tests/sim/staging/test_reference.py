"""docs/scenarios.md says what the types say."""

from __future__ import annotations

from pathlib import Path

from settings.reference import rewritten, tables
from sim.staging.reference import reference
from sim.staging.scenario import parse_scenario
from sim.staging.spec import Spec
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    """Where it is not: ``python -m sim.staging.reference docs/scenarios.md``."""
    assert rewritten(PAGE, "sim.staging.reference", reference()) == PAGE


def test_every_table_has_its_section_and_every_link_a_target() -> None:
    text = reference()
    names = [name for name, _ in tables(Spec)]
    assert {"site.grid", "shooter.bursts", "sensors.at", "fault.clock.step", "gunfire.random"} <= set(names)
    for name in names:
        assert f"### {name}\n" in text or f"### `{name}`\n" in text
        assert f"](#{name.replace('.', '')})" in text or name.startswith("the ")


def test_the_example_of_the_page_is_a_scenario() -> None:
    example = PAGE.split("```toml\n")[1].split("```")[0]
    assert parse_scenario(example, Path("example.toml")).spec.shooter[0].weapon == "9mm"
