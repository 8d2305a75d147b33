"""The node as people run it: a real process, a real bus, a centre that sends receipts."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import numpy as np
import pytest

from benchmarks.node_bus import Bus
from benchmarks.node_run import RATE_HZ, NodeFiles, NodeRun, popping
from sensors.capture import ArrayCapture
from sensors.clips.reading import clip_sound
from sensors.listen import listen
from sensors.node.status import read_status
from wire.cells import cell_of
from wire.codec import decode
from wire.messages import Clip, Heartbeat

SOUND = popping(12.0, 2.0, seed=11)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    with Bus(tmp_path_factory.mktemp("node") / "bus", ("N1", "N2", "N3")) as running:
        yield running


def files_of(folder: Path, sensor: str, bus: Bus | None, extra: str = "") -> NodeFiles:
    """A node's files; ``bus`` None: it has no uplink."""
    files = NodeFiles(folder / "node", folder / "spool", sensor, None if bus is None else bus.url, extra=extra)
    if bus is not None:
        files.seed_file, files.ca_file = bus.seeds[sensor], bus.ca_file
    files.write()
    return files


def finish(run: NodeRun, seconds: float) -> int:
    """Let it hear so many seconds of sound, then end the sound."""
    deadline_s = time.monotonic() + 40.0
    while run.fed < seconds * RATE_HZ:
        assert time.monotonic() < deadline_s
        assert run.process.poll() is None, run.logged
        time.sleep(0.02)
    run.end_sound()
    return run.wait(60.0)


def test_every_pulse_and_its_clip_reach_the_centre_once(tmp_path: Path, bus: Bus) -> None:
    files = files_of(tmp_path, "N1", bus)
    run = NodeRun(files, SOUND, speed=8.0)
    run.start()
    assert finish(run, 11.9) == 0, run.logged
    heard = list(listen(ArrayCapture("N1", (SOUND / 32768.0).astype(np.float32), RATE_HZ, 0)))
    assert len(heard) > 10
    came = {pulse.identity: pulse for pulse, _ in bus.pulses() if pulse.sensor == "N1"}
    assert came.keys() == run.detected.keys()
    pulses = sorted(came.values(), key=lambda pulse: pulse.sequence)
    assert len(pulses) == len(heard)
    for live, taped in zip(pulses, heard, strict=True):
        assert live.features == taped.features
        assert live.clock == "unsynchronised", "nobody vouches for the time of standard input"
    status = read_status(files.folder / "status.json")
    assert (status.spool.pulses, status.spool.clips, status.sound.pulses) == (0, 0, len(heard))
    clips = {identity for identity in bus.received().clips if identity.startswith("N1/")}
    assert clips
    assert clips <= came.keys()


def test_what_was_spooled_before_a_kill_arrives_after_it(tmp_path: Path, bus: Bus) -> None:
    """The first run knows no bus and is killed; the second one delivers what it left."""
    lonely = files_of(tmp_path, "N2", None)
    first = NodeRun(lonely, SOUND, speed=8.0)
    first.start()
    deadline_s = time.monotonic() + 30.0
    while len(first.detected) < 5:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    first.kill()
    files = files_of(tmp_path, "N2", bus)
    second = NodeRun(files, SOUND, speed=8.0)
    second.start()
    assert finish(second, 3.0) == 0, second.logged
    said = first.detected.keys() | second.detected.keys()
    assert bus.wait_for(set(said), 20.0)
    boots = {identity.split("/")[1] for identity in said}
    assert len(boots) == 2, "no identity is used twice"


def test_sigterm_ends_a_node_in_order_and_says_what_waits(tmp_path: Path) -> None:
    files = files_of(tmp_path, "N3", None)
    run = NodeRun(files, SOUND, speed=4.0)
    run.start()
    deadline_s = time.monotonic() + 30.0
    while len(run.detected) < 3:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    run.process.send_signal(signal.SIGTERM)
    assert run.wait(10.0) == 0
    last = str(run.logged[-1]["message"])
    assert last.startswith(
        f"stopped: pulses heard: {len(run.detected)}; waiting in the spool: {len(run.detected)} pulses"
    )
    assert read_status(files.folder / "status.json").spool.pulses == len(run.detected)


def test_a_heartbeat_tells_that_the_privacy_filter_is_off(tmp_path: Path, bus: Bus) -> None:
    """Clips are as they were heard only when node.toml says so, and then everyone can see it."""
    files = files_of(tmp_path, "N3", bus, extra="[clips]\nprivacy_filter = false")
    run = NodeRun(files, SOUND, speed=8.0)
    run.start()
    assert finish(run, 6.0) == 0, run.logged
    status = read_status(files.folder / "status.json")
    assert not status.sound.privacy_filter
    assert any("privacy filter is off" in note for note in status.notes)
    clips = [decode(document, Clip) for document in bus.documents("clip") if b'"N3"' in document]
    assert clips
    assert {clip.privacy for clip in clips} == {"off"}
    sound = clip_sound(clips[0])
    assert len(sound.samples) == clips[0].frames


def test_a_node_writes_no_sound_to_disk(tmp_path: Path) -> None:
    """All that it leaves is the spool, whose clips are a few seconds each, and its status."""
    files = files_of(tmp_path, "N3", None, extra="[clips]\nsend = false")
    run = NodeRun(files, SOUND, speed=0.0)
    run.start()
    finish(run, 120.0)
    left = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert left.keys() <= {"node.toml", "status.json", "spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm"}
    assert sum(left.values()) < 0.1 * 120.0 * RATE_HZ * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('sensor = "a"\nsensitivity = 3\n', "line 2: unknown key"),
        ('sensor = "a b"\n', "sensor: expected"),
        ('sensor = "a"\n[capture]\nfile = "nowhere.wav"\n', "nowhere.wav"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    config = tmp_path / "node.toml"
    config.write_text(f"{text}\n" if "[" in text else f'{text}\n[spool]\nfolder = "{tmp_path / "spool"}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "node", "--config", str(config)],
        capture_output=True, text=True, timeout=30, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_heartbeats_come_over_the_bus(tmp_path: Path, bus: Bus) -> None:
    files = files_of(tmp_path, "N1", bus)
    run = NodeRun(files, SOUND, speed=4.0)
    run.start()
    assert finish(run, 8.0) == 0, run.logged
    beat = decode(asyncio.run(last_heartbeat(bus, f"heartbeat.{cell_of(6.1466, 46.2044)}.N1")), Heartbeat)
    assert (beat.sensor, beat.boot) == ("N1", next(iter(run.detected)).split("/")[1])
    assert beat.sound.pulses == len(run.detected)
    assert beat.spool.connected
    assert beat.machine.memory_bytes is not None
    assert beat.machine.memory_bytes < 120e6


async def last_heartbeat(bus: Bus, subject: str) -> bytes:
    """The last one of a sensor that the broker keeps, read with the centre's key."""
    client = await nats.connect(
        bus.url, nkeys_seed=str(bus.seeds["centre"]), tls=ssl.create_default_context(cafile=str(bus.ca_file))
    )
    try:
        message = await client.jetstream().get_last_msg("HEARTBEATS", subject)
    finally:
        await client.close()
    assert message.data is not None
    return bytes(message.data)
