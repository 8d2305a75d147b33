"""The status file: whole at any time, readable by anyone, and first of all what is wrong."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

import sensors.node.status
from errors import MessageError, Mishap
from sensors.node.status import duration, is_old, read_status, status_text, write_status
from tests.sensors.node.heartbeat import AT_NS, WELL, but
from wire.messages import Heartbeat
from wire.utc import NS_PER_S

SOON_NS = AT_NS + 4 * NS_PER_S


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run" / "status.json"
    before = os.umask(0o077)
    try:
        write_status(path, WELL)
    finally:
        os.umask(before)
    assert read_status(path) == WELL
    assert path.stat().st_mode & 0o777 == 0o644
    assert [found.name for found in path.parent.iterdir()] == ["status.json"]


def test_a_reader_never_sees_half_a_heartbeat(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, WELL)
    long = msgspec.structs.replace(WELL, notes=("x" * 100_000,))
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            write_status(path, long)
            write_status(path, WELL)

    writer = threading.Thread(target=write)
    writer.start()
    seen: Counter[Heartbeat] = Counter()
    deadline_s = time.monotonic() + 10.0
    while min(seen[WELL], seen[long]) < 50 and time.monotonic() < deadline_s:
        seen[read_status(path)] += 1
    enough.set()
    writer.join()
    assert set(seen) == {WELL, long}


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status.json"
    write_status(path, WELL)

    def full(_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sensors.node.status, "encode", full)
    with pytest.raises(OSError, match="No space left"):
        write_status(path, but("spool", pulses=3))
    assert read_status(path) == WELL
    assert [found.name for found in tmp_path.iterdir()] == ["status.json"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        Mishap, match=r"none\.json: no node is running here, or its run\.status_file is elsewhere"
    ) as it:
        read_status(tmp_path / "none.json")
    assert it.value.exit_code == 1
    with pytest.raises(Mishap, match=r"the status file cannot be read \(Is a directory\)"):
        read_status(tmp_path)
    (tmp_path / "half.json").write_text('{"sensor":')
    with pytest.raises(MessageError, match=r"half\.json: is not JSON"):
        read_status(tmp_path / "half.json")


def test_a_node_that_is_well() -> None:
    assert status_text(WELL, SOON_NS).splitlines() == [
        "  roof-17 (tocsin 0.1.0, run 42) has run for 3 d 4 h, heartbeat 4 s ago",
        "  time     pps, within 12.3 \u00b5s, by PPS, stratum 1, samples +3.2 ppm, 1 step",
        "  sound    level -52 dBFS, peak -20, floor -80 .. -71, 1,234 pulses",
        "  spool    connected, nothing waits",
        "  machine  51 \u00b0C, 1.2 % of a core, 84 MiB of memory, 12.3 GiB of disk free",
        "  place    38.897680, -77.036530, 31 m, within 0.5 m, as configured, GPS fix 3d",
    ]


@pytest.mark.parametrize(
    ("heartbeat", "line"),
    [
        (but("clock", state="unsynchronised", sigma_s=None, source="", rate_ppm=None), "time     unsynchronised, 1 s"),
        (but("clock", state="holdover", sigma_s=0.0123, source="", steps=2), "time     holdover, within 12.3 ms, s"),
        (but("sound", level_dbfs=None), "sound    nothing was heard, 1,234 pulses"),
        (but("sound", level_dbfs=-140.0, gaps=1, lost_frames=480, stalls=3), "sound    level -140 dBFS"),
        (but("spool", connected=False, pulses=3, clips=1, bytes=2**20, oldest_ns=AT_NS - 90 * NS_PER_S),
         "spool    the bus is not reached, 3 pulses and 1 clip wait since 1 min (1.0 MiB)"),
        (but("spool", unspooled=2, clips_dropped=1),
         "spool    connected, nothing waits, the disk refuses 2 pulses, held in memory, 1 clip dropped for want of"),
        (but("machine", throttled=("under_voltage", "throttled")), "machine  under voltage, throttled, 51"),
        (but("machine", temperature_c=84.6), "machine  85"),
        (but("place", moved_m=31.4, origin="gps"), "place    38.897680, -77.036530, 31 m, within 0.5 m, by GPS"),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_first(heartbeat: Heartbeat, line: str) -> None:
    lines = status_text(heartbeat, SOON_NS).splitlines()
    assert lines[1].startswith(f"! {line}")
    assert not any(other.startswith("!") for other in lines[2:])
    assert len(lines) == 6


def test_notes_come_before_everything() -> None:
    heartbeat = msgspec.structs.replace(but("spool", connected=False), notes=("the microphone is gone",))
    lines = status_text(heartbeat, SOON_NS).splitlines()
    assert lines[1] == "! the microphone is gone"
    assert lines[2].startswith("! spool")


def test_a_node_that_knows_little() -> None:
    heartbeat = msgspec.structs.replace(WELL, place=None, machine=type(WELL.machine)())
    assert status_text(heartbeat, SOON_NS).splitlines()[-2:] == [
        "  machine  tells nothing",
        "  place    not known to the node",
    ]


def test_a_heartbeat_grows_old() -> None:
    assert not is_old(WELL, AT_NS + 35 * NS_PER_S)
    assert is_old(WELL, AT_NS + 35 * NS_PER_S + 1)
    assert not is_old(WELL, AT_NS + 60 * NS_PER_S, 70.0)
    assert status_text(WELL, AT_NS + 725 * NS_PER_S).splitlines()[0] == (
        "! roof-17 (tocsin 0.1.0, run 42) does not run: its last heartbeat was 12 min ago, after 3 d 4 h"
    )
    assert "2 h 0 min in the future, so the clock" in status_text(WELL, AT_NS - 7200 * NS_PER_S)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (59.4, "59 s"), (60.0, "1 min"), (3599.0, "59 min"), (3661.0, "1 h 1 min"), (90_000.0, "1 d 1 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
