"""The meter of a node: what it reads is the process's own, and a node that fails is told, not measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.metered_node import Look, NodeFailed, run_node
from benchmarks.node_cost import per_second, pulses_heard, slices, write_config
from benchmarks.node_sound import RATE_HZ, street_minute
from benchmarks.process_meter import cpu_s, memory_mb


def test_a_process_is_metered_by_what_it_does() -> None:
    program = (
        "import time\nheld = bytearray(b'x') * 50_000_000\n"
        "while time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory = memory_mb(process.pid)
        assert 50.0 < memory.resident_mb <= memory.peak_mb < 80.0
        assert 0.28 <= cpu_s(process.pid) < 0.6
        process.communicate(b"\n")
    with pytest.raises(ProcessLookupError, match="has ended"):
        memory_mb(process.pid)
    with pytest.raises(ProcessLookupError, match="has ended"):
        cpu_s(process.pid)
    assert cpu_s(os.getpid()) > 0.0


def test_costs_are_differences_between_looks() -> None:
    looks = [Look(100.0, 1.5, 70.0, 80.0), Look(200.0, 2.0, 71.0, 80.0), Look(300.0, 3.0, 71.0, 81.0)]
    assert slices(looks) == pytest.approx([0.015, 0.005, 0.010])
    assert per_second(looks) == pytest.approx(0.0075)


def test_the_street_is_the_same_each_time_and_fills_its_minute() -> None:
    sound, impulses = street_minute(3, 5.0)
    again, _ = street_minute(3, 5.0)
    assert len(sound) == 60 * RATE_HZ
    assert np.array_equal(sound, again)
    assert impulses > 0
    assert 1500 < np.abs(sound).max() < 32767
    assert 20.0 < np.median(np.abs(sound)) < 200.0


def test_a_real_node_is_run_to_its_end_and_looked_at(tmp_path: Path) -> None:
    street = tmp_path / "street.raw"
    street.write_bytes(street_minute(1, 12.0)[0][: 15 * RATE_HZ].tobytes())
    config = write_config(tmp_path / "node")
    run = run_node(config, street, 30.0, every_s=10.0, yardstick=lambda: 7.0)
    assert [look.sound_s for look in run.looks] == pytest.approx([10.0, 20.0, 30.0])
    assert all(0.0 < look.cpu_s <= run.cpu_s + 0.011 for look in run.looks)
    assert all(20.0 < look.resident_mb <= look.peak_mb for look in run.looks)
    assert run.peak_mb >= run.looks[0].peak_mb
    assert {look.yardstick_s for look in run.looks} == {7.0}
    assert pulses_heard(config) >= 2  # the same shots, twice


def test_a_node_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text("nothing = 1\n")
    street = tmp_path / "street.raw"
    street.write_bytes(bytes(96_000))
    with pytest.raises(NodeFailed, match=r"exit code 2: .*nothing"):
        run_node(config, street, 5.0, every_s=1.0)
