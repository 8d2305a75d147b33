"""What a computer tells of itself, and that one which tells nothing is no error."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sensors.node.machine import MachineWatch
from wire.messages import MachineHealth


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for folder in ("thermal", "firmware", "spool"):
        (tmp_path / folder).mkdir()
    return tmp_path


def watch(place: Path, vcgencmd: str = "no-such-command") -> MachineWatch:
    return MachineWatch(
        place / "spool",
        thermal=place / "thermal",
        firmware=place / "firmware",
        status=place / "status",
        vcgencmd=vcgencmd,
    )


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine() -> None:
    health = MachineWatch(Path.cwd()).health()
    assert health.memory_bytes is not None
    assert 5e6 < health.memory_bytes < 5e9
    assert health.disk_free_bytes is not None
    found = os.statvfs(Path.cwd())
    assert abs(health.disk_free_bytes - found.f_bavail * found.f_frsize) < 0.05 * found.f_blocks * found.f_frsize


def test_nothing_there_is_none(tmp_path: Path) -> None:
    health = watch(tmp_path / "nowhere").health()
    assert (health.disk_free_bytes, health.temperature_c, health.memory_bytes, health.throttled) == (None,) * 3 + ((),)


def test_the_processor_is_what_is_measured(place: Path) -> None:
    put(place / "thermal/thermal_zone0/type", "acpitz\n")
    put(place / "thermal/thermal_zone0/temp", "91000\n")
    assert watch(place).health().temperature_c == 91.0
    put(place / "thermal/thermal_zone1/type", "cpu-thermal\n")
    put(place / "thermal/thermal_zone1/temp", "48312\n")
    put(place / "thermal/thermal_zone2/type", "soc-1\n")
    put(place / "thermal/thermal_zone2/temp", "-51200\n")
    put(place / "thermal/thermal_zone3/temp", "\n")
    put(place / "thermal/thermal_zone4/type", "cpu9\n")
    put(place / "thermal/thermal_zone4/temp", "2147483647\n")
    assert watch(place).health().temperature_c == 48.312


@pytest.mark.parametrize("folder", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware"])
def test_what_holds_a_raspberry_pi_back(place: Path, folder: str) -> None:
    path = place / "firmware" / folder / "get_throttled"
    put(path, "0\n")
    watched = watch(place)
    assert watched.health().throttled == ()
    put(path, "50005\n")
    assert watched.health().throttled == ("under_voltage", "throttled")
    put(path, "50000\n")
    assert watched.health().throttled == ()
    put(path, "d0008\n")  # the cap on the frequency is new, was it short as it may
    assert watched.health().throttled == ("soft_temperature_limit",)
    put(path, "f0000\n")
    assert watched.health().throttled == ("frequency_capped",)
    put(path, "no number\n")
    assert watched.health().throttled == ()


def test_what_has_been_before_the_node_is_not_told(place: Path) -> None:
    put(place / "firmware/soc/soc:firmware/get_throttled", "0x50000\n")
    assert watch(place).health().throttled == ()


def test_the_command_of_the_raspberry_pi_is_asked_once_a_minute(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = place / "vcgencmd"
    asked = place / "asked"
    command.write_text(f'#!/bin/sh\necho "$1" >> {asked}\necho throttled=0x50001\n')
    command.chmod(0o755)
    now_s = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    watched = watch(place, str(command))
    for at_s in (0.0, 10.0, 59.0):
        now_s[0] = 1000.0 + at_s
        assert watched.health().throttled == ("under_voltage",)
    assert asked.read_text() == "get_throttled\n"
    now_s[0] = 1060.0
    watched.health()
    assert asked.read_text() == "get_throttled\n" * 2
    put(place / "firmware/soc/soc:firmware/get_throttled", "2\n")
    now_s[0] = 2000.0
    assert watched.health().throttled == ("frequency_capped",)
    assert asked.read_text() == "get_throttled\n" * 2


@pytest.mark.parametrize("script", ["exit 3", "echo VCHI initialization failed", "printf '\\377'"])
def test_a_command_that_fails_tells_nothing(place: Path, script: str) -> None:
    command = place / "vcgencmd"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    assert watch(place, str(command)).health().throttled == ()


def test_memory_is_what_linux_calls_resident(place: Path) -> None:
    put(place / "status", "Name:\tpython\nVmPeak:\t  999999 kB\nVmRSS:\t   84212 kB\nRssAnon:\t 1 kB\n")
    assert watch(place).health().memory_bytes == 84212 * 1024


def test_the_share_of_the_processor_is_since_the_last_look(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"cpu": 5.0, "at": 100.0}
    monkeypatch.setattr(time, "process_time", lambda: clock["cpu"])
    monkeypatch.setattr(time, "monotonic", lambda: clock["at"])
    watched = watch(place)
    assert watched.health().cpu_share is None
    clock.update(cpu=5.3, at=110.0)
    assert watched.health().cpu_share == pytest.approx(0.03, rel=1e-9)
    clock.update(cpu=15.3, at=120.0)
    assert watched.health().cpu_share == pytest.approx(1.0, rel=1e-9)


def test_health_is_a_message(place: Path) -> None:
    assert isinstance(watch(place).health(), MachineHealth)
