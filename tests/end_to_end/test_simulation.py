"""``tocsin sim`` as people run it: processes, files in and out, exit codes, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tocsin.small_scenario import write_scenario

Ended = subprocess.CompletedProcess[str]


def tocsin(*arguments: object, cwd: Path | None = None) -> Ended:
    """Run the command line; whatever happens, no traceback comes out."""
    command = [sys.executable, "-m", "tocsin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario file and its rendering."""
    folder = tmp_path_factory.mktemp("simulation")
    path = write_scenario(folder)
    done = tocsin("sim", "render", path, "--out", folder / "sound")
    assert done.returncode == 0, done.stderr
    assert "5 sensors, 2 sounds, 1 gunshot among them" in done.stdout
    return folder


def test_what_is_rendered_is_located_and_scored(yard: Path) -> None:
    assert sorted(path.suffix for path in (yard / "sound").iterdir()) == [".flac"] * 5 + [".json"] * 7 + [".toml"]
    located = yard / "shots.jsonl"
    done = tocsin("locate", yard / "sound", "--out", located)
    assert done.returncode == 0, done.stderr
    scored = tocsin("sim", "score", yard / "sound", located, "--format", "json")
    assert scored.returncode == 0, scored.stderr
    (row,) = json.loads(scored.stdout)
    assert (row["scenario"], row["shots"], row["found"], row["missed"]) == ("yard", 1, 1, 0)
    assert row["false"] == row["lookalikes"]  # the bag, when it is located, and nothing else
    assert row["median_m"] < 5.0


def test_pulses_are_located_without_sound(yard: Path) -> None:
    out = yard / "pulses"
    done = tocsin("sim", "pulses", yard / "yard.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "network.toml", "pulse-truth.jsonl", "pulses.jsonl", "scenario.toml", "truth.json",
    ]  # fmt: skip
    # The last words are the command that locates them.
    command = done.stdout.strip().rpartition("; tocsin ")[2].split()
    located = tocsin(*command, "--format", "jsonl")
    assert located.returncode == 0, located.stderr
    assert located.stdout.count("\n") >= 1


def test_a_replay_gives_pulses_as_they_come(yard: Path) -> None:
    begun = time.monotonic()
    done = tocsin("sim", "replay", yard / "yard.toml", "--speed", 8, "--for", 3)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun > 3.0 / 8.0
    pulses: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert {pulse["sensor"] for pulse in pulses} == {f"N-{k}" for k in range(5)}
    assert done.stderr.startswith(f"yard: {len(pulses)} pulses of 5 of 5 sensors; 3 s at 8 x in ")
    assert done.stderr.count("\n") == 1


def _interrupted(arguments: list[object], ready: Any) -> tuple[int, str]:
    """Exit code and stderr of a command that is sent SIGINT as soon as ``ready()``."""
    # A process of its own group, with SIGINT as at a terminal: shells start jobs in the background without it.
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
         "runpy.run_module('tocsin', run_name='__main__')", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60.0
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    long = write_scenario(tmp_path, "long", duration_s="7200.0")
    out = tmp_path / "out" / "sound"
    code, said = _interrupted(
        ["sim", "render", long, "--out", out], lambda: any(tmp_path.glob("out/.sound.*.partial/*.flac"))
    )
    assert (code, said.strip()) == (130, "tocsin: stopped")
    assert list((tmp_path / "out").iterdir()) == []


def test_ctrl_c_ends_a_replay_at_once(tmp_path: Path) -> None:
    long = write_scenario(tmp_path, "long", duration_s="7200.0")
    begun = time.monotonic()
    code, said = _interrupted(["sim", "replay", long], lambda: time.monotonic() > begun + 2.0)
    assert (code, said.strip()) == (130, "tocsin: stopped")
    assert time.monotonic() - begun < 30.0


def test_help_of_the_group_names_every_command() -> None:
    done = tocsin("sim", "--help")
    assert done.returncode == 0
    for name in ("list", "render", "pulses", "replay", "plot", "animate", "score"):
        assert f"\n  {name} " in done.stdout
