"""The scripts at the door, as far as they can be tried without making an environment."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [[], ["weather"]])
def test_bench_refuses_an_area_that_it_does_not_know(arguments: list[str]) -> None:
    done = subprocess.run(
        [ROOT / "script" / "bench", *arguments], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "expected core" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "name",
    ["script/setup", "script/run", "script/test", "script/bench", "script/test-arm", "script/arm-inside", ".ci/run"],
)
def test_scripts_can_be_run_and_parse(name: str) -> None:
    path = ROOT / name
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True, timeout=20)


def test_constraints_pin_every_dependency_that_pyproject_names() -> None:

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["build-system"]["requires"] + project["project"]["dependencies"]
    named += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    missing = {name.partition(">=")[0].lower() for name in named} - pinned
    assert not missing
