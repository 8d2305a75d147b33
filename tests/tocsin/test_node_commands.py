"""The commands of ``tocsin node``: what they say, how they end, and how little they load."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import sensors.microphone.devices
import sensors.node.check
import sensors.node.daemon
import tocsin.cli
import tocsin.cli_node
from sensors.delivery.identity import public_key
from sensors.microphone.devices import Device
from sensors.node.check import Check
from sensors.node.config import NodeConfig
from sensors.node.status import write_status
from settings.reading import Read
from tests.conftest import ROOT
from tests.sensors.node.heartbeat import WELL
from wire.utc import NS_PER_S

Run = Callable[..., tuple[int, str, str]]

# What the command line, and a node that listens to a recording, must do without.
HEAVY = (
    "rich",
    "matplotlib",
    "numba",
    "shapely",
    "pyproj",
    "scipy.signal",
    "scipy.optimize",
    "sounddevice",
    "settings.reference",
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line in a folder of its own, on a machine without settings in /etc."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tocsin.cli_node, "CONFIG", tmp_path / "etc" / "node.toml")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tocsin", "node", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            tocsin.cli.main()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return command


def settings(text: str = "") -> None:
    Path("node.toml").write_text(f'sensor = "roof-17"\n{text}')


def loaded_by(program: str) -> set[str]:
    """The modules that are loaded when a program has run in a fresh interpreter."""
    listing = "\nimport sys\nprint('LOADED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program + listing], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


HELP = """
import sys, tocsin.cli
sys.argv = ["tocsin", "node", "--help"]
try:
    tocsin.cli.main()
except SystemExit as ended:
    assert ended.code == 0
"""


def test_help_loads_next_to_nothing() -> None:
    loaded = loaded_by(HELP)
    assert "tocsin.cli_node" in loaded
    assert not loaded & {"numpy", "scipy", "msgspec", "rich", "asyncio", "nats", "sounddevice", *HEAVY}


def test_the_daemon_loads_nothing_of_the_centre() -> None:
    loaded = loaded_by("import tocsin.cli, sensors.node.reading, sensors.node.daemon")
    assert "sensors.node.listening" in loaded
    assert not loaded & set(HEAVY)


def test_settings_are_read_without_numpy() -> None:
    assert not loaded_by("import tocsin.cli, sensors.node.reading") & {"numpy", "scipy", "asyncio", *HEAVY}


def test_help_reads_well(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    listed = out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == ["check", "devices", "enrol", "status"]
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_the_node_is_run_with_its_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[NodeConfig] = []

    def run_node(read: Read[NodeConfig]) -> int:
        ran.append(read.value)
        return 1

    monkeypatch.setattr(sensors.node.daemon, "run_node", run_node)
    settings('[uplink]\nservers = ["nats://me:s3cret@192.0.2.1"]')
    code, out, err = run("--config", "node.toml")
    assert (code, out) == (1, "")
    assert ran[0].sensor == "roof-17"
    sentence = "uplink.servers: nothing encrypts what goes to nats://***@192.0.2.1; tls:// does"
    assert err == f"tocsin: node.toml, line 3: {sentence}\n"


@pytest.mark.parametrize("command", [[], ["check"], ["status"], ["enrol"]])
def test_settings_that_are_wrong_exit_with_2(run: Run, command: list[str]) -> None:
    settings("[capture]\ndevise = 1")
    code, out, err = run(*command, "--config", "node.toml")
    assert (code, out) == (2, "")
    assert err.startswith("tocsin: node.toml, line 3: unknown key in capture: expected one of device, file, ")
    assert run("--config", "node.toml", *command)[0] == 2
    code, _, err = run(*command, "--config", "none.toml")
    assert (code, err) == (2, "tocsin: none.toml: cannot be read (No such file or directory)\n")


def test_settings_of_the_machine_are_the_default(run: Run) -> None:
    code, _, err = run()
    assert code == 2
    assert "etc/node.toml: cannot be read" in err
    Path("etc").mkdir()
    Path("etc/node.toml").write_text('sensor = "a"\n[run]\nstatus_file = "here.json"')
    code, _, err = run("status")
    assert (code, err) == (1, "tocsin: here.json: no node is running here, or its run.status_file is elsewhere\n")


def test_devices(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Device(0, "USB Audio", "ALSA", 1, 48000.0, (44_100, 48_000), True), Device(12, "HDMI", "ALSA", 8, 48000.0)]
    monkeypatch.setattr(sensors.microphone.devices, "list_devices", lambda: found)
    assert run("devices") == (
        0,
        "*   0  USB Audio  (ALSA, 1 channel; 44,100, 48,000 Hz)\n   12  HDMI  (ALSA, 8 channels; busy)\n",
        "",
    )
    monkeypatch.setattr(sensors.microphone.devices, "list_devices", list)
    assert "No microphone is known here" in run("devices")[1]


def test_enrol_makes_a_key_once(run: Run) -> None:
    settings()
    code, out, err = run("enrol", "--seed", "node.seed", "--config", "node.toml")
    assert (code, err) == (0, "")
    key = public_key("node.seed")
    assert f"Public key: {key}\n" in out
    assert f'    "roof-17" = "{key}"\n' in out
    seed = Path("node.seed").read_text()
    assert seed.strip() not in out
    assert Path("node.seed").stat().st_mode & 0o777 == 0o600
    code, out, err = run("enrol", "--seed", "node.seed")
    assert (code, out) == (2, "")
    assert "there is a key already" in err
    assert Path("node.seed").read_text() == seed


def test_enrol_follows_the_settings(run: Run) -> None:
    settings('[uplink]\nservers = ["tls://h"]\nseed_file = "mine.seed"')
    assert run("enrol", "--config", "node.toml")[0] == 0
    assert public_key("mine.seed")
    _, out, _ = run("enrol", "--seed", "other.seed")
    assert '"SENSOR-ID" = "U' in out


def test_check_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    settings('[uplink]\nservers = ["nats://a.b"]')
    done = [Check("microphone", True, "it hears"), Check("time", True, "by the network", "use GPS")]
    monkeypatch.setattr(sensors.node.check, "run_checks", lambda read: iter(done))
    code, out, err = run("check", "--config", "node.toml")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "note  settings   node.toml, line 3: uplink.servers: nothing encrypts what goes to nats://a.b; tls:// does",
        "ok    microphone it hears",
        "note  time       by the network",
        "                 -> use GPS",
    ]
    done.append(Check("spool", False, "full", "make room"))
    code, out, _ = run("--config", "node.toml", "check")
    assert code == 1
    assert out.splitlines()[-2:] == ["FAIL  spool      full", "                 -> make room"]


def test_check_tries_everything(run: Run) -> None:
    """A node that listens to a recording, with no bus: nothing is patched."""
    from tests.sensors.written import noise, sidecar, write_audio  # noqa: PLC0415

    write_audio(Path("sound/a.wav"), noise(16_000), 16_000)
    Path("sound/a.json").write_bytes(msgspec.json.encode(sidecar()))
    settings(
        '[capture]\nfile = "sound"\npace = 0\n[clock]\nsource = "recorded"\n'
        '[spool]\nfolder = "spool"\nkeep_free_mib = 0'
    )
    code, out, err = run("check", "--config", "node.toml")
    assert err == ""
    names = [line.split()[1] for line in out.splitlines() if "->" not in line]
    assert names == ["microphone", "level", "time", "place", "spool", "network"]
    assert not Path("spool").exists()
    failures = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert all("in memory" in line for line in failures)  # where the tests' folder is a tmpfs
    assert code == (1 if failures else 0)


def test_status(run: Run) -> None:
    settings('[run]\nstatus_file = "s.json"\nheartbeat_s = 100')
    fresh = msgspec.structs.replace(WELL, at_ns=time.time_ns())
    write_status(Path("s.json"), fresh)
    code, out, err = run("status", "--config", "node.toml")
    assert (code, err) == (0, "")
    assert out.startswith("  roof-17 (tocsin 0.1.0, run 42) has run for")
    assert run("status", "--file", "s.json")[0] == 0
    write_status(Path("s.json"), msgspec.structs.replace(fresh, at_ns=fresh.at_ns - 120 * NS_PER_S))
    assert run("status", "--config", "node.toml")[0] == 0
    code, out, _ = run("status", "--file", "s.json")
    assert code == 1
    assert out.startswith("! roof-17 (tocsin 0.1.0, run 42) does not run: its last heartbeat was 2 min ago")
    Path("s.json").write_text("{}")
    code, _, err = run("status", "--file", "s.json")
    assert code == 2
    assert "s.json" in err
