"""What the spool and the uplink of a node cost, and how fast a day without network is caught up.

A real nats-server and ``benchmarks.receiving`` on the same machine, which take their share of it.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, Section, at_least, at_most, failed, told
from sensors.delivery.identity import make_seed
from sensors.delivery.permissions import server_config
from sensors.delivery.spool import Spool
from sensors.delivery.uplink import Uplink
from sensors.node import config
from wire.messages import Pulse

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400
START_NS = 1_700_000_000_000_000_000
SLOWEST_PUT_MS = 50.0
LEAST_RATE = 100.0
"""Pulses a second: a day at one a second within a quarter of an hour."""
MOST_IDLE_SHARE = 0.001
IDLE_S = 30.0
DEADLINE_S = 600.0

TEXT = f"""
A backlog of one pulse a second for a day ({DAY:,} pulses of ten features), spooled one by one with a sync each, then
sent to a broker and a receiving centre on the same machine until the last receipt.
"""


def measure(backlog: int = DAY) -> Section:
    """All of it."""
    section = Section("delivery", "cost", TEXT)
    with tempfile.TemporaryDirectory(prefix="delivery-") as name:
        folder = Path(name)
        spool = Spool(folder / "spool", 2**31, 0)
        section.figures += filling(spool, folder / "spool", backlog)
        try:
            section.figures += sending(spool, folder, backlog)
        finally:
            spool.close()
    return section


def a_pulse(sequence: int, boot: str) -> Pulse:
    """A pulse as a node makes it."""
    return Pulse(
        sensor="n1", boot=boot, sequence=sequence, arrival_ns=START_NS + sequence * 10**9, sigma_s=1.2345e-4,
        clock="pps", clock_sigma_s=1.2e-6, snr_db=21.37 + sequence % 7, peak_db_spl=112.25,
        features={f"feature_{number}": 0.1234567 * number for number in range(10)},
    )  # fmt: skip


def filling(spool: Spool, folder: Path, count: int) -> list[Figure]:
    """Put the backlog in."""
    boot = spool.next_boot()
    spent_s = np.empty(count)
    for sequence in range(count):
        pulse = a_pulse(sequence, boot)
        began = time.perf_counter()
        durable = spool.put_pulse(pulse)
        spent_s[sequence] = time.perf_counter() - began
        if not durable:
            return [failed("put_pulse", "durable", "the disk refused")]
    median_ms, slow_ms = 1e3 * np.quantile(spent_s, (0.5, 0.99))
    file = sum(path.stat().st_size for path in folder.iterdir())
    began = time.perf_counter()
    spool.due(0.0, 64)
    due_ms = 1e3 * (time.perf_counter() - began)
    return [
        told("put_pulse, median", f"{median_ms:.2f} ms"),
        at_most("put_pulse, 99 of 100", slow_ms, SLOWEST_PUT_MS, ".2f", " ms"),
        told("a pulse as a message", f"{spool.health().bytes / count:.0f} bytes"),
        told("a pulse in the spool's files", f"{file / count:.0f} bytes"),
        told(f"looking up the 64 most important of {count:,}", f"{due_ms:.2f} ms"),
    ]


@contextlib.contextmanager
def bus(folder: Path) -> Iterator[config.Uplink]:
    """A broker and a receiving centre."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    keys = {name: make_seed(folder / f"{name}.seed") for name in ("n1", "centre")}
    text = server_config({"n1": keys["n1"]}, [keys["centre"]], store=folder / "store", host="127.0.0.1", port=port)
    (folder / "bus.conf").write_text(text)
    server = f"nats://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("nats-server")
    quiet = subprocess.DEVNULL
    broker = subprocess.Popen([program, "-c", str(folder / "bus.conf")], stdout=quiet, stderr=quiet)
    centre = None
    try:
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                break
            time.sleep(0.02)
        command = ["--server", server, "--seed", folder / "centre.seed", "--store", folder / "received.sqlite"]
        centre = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.receiving", *map(str, command)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=quiet,
        )  # fmt: skip
        assert centre.stdout is not None
        centre.stdout.readline()
        yield config.Uplink(servers=(server,), seed_file=str(folder / "n1.seed"))
    finally:
        for process in (centre, broker):
            if process is not None:
                process.terminate()
                process.communicate()


def sending(spool: Spool, folder: Path, count: int) -> list[Figure]:
    """Send it, and be idle afterwards."""
    with bus(folder) as settings:
        uplink = Uplink(settings, "n1", "u33dc", spool)
        began, spent_s = time.monotonic(), time.process_time()
        uplink.start()
        while (left := spool.health().pulses) and time.monotonic() < began + DEADLINE_S:
            time.sleep(0.2)
        took_s, spent_s = time.monotonic() - began, time.process_time() - spent_s
        if left:
            uplink.close(1.0)
            return [failed("catching up", "all of it", f"{left} pulses left after {took_s:.0f} s")]
        time.sleep(2.0)
        began, idle_s = time.monotonic(), time.process_time()
        time.sleep(IDLE_S)
        share = (time.process_time() - idle_s) / (time.monotonic() - began)
        uplink.close(1.0)
    return [
        at_least(f"catching up {count:,} pulses, a second", count / took_s, LEAST_RATE, ".0f"),
        told("processor time of the node for one of them", f"{1e6 * spent_s / count:.0f} us"),
        at_most("an idle uplink, of one core", 100.0 * share, 100.0 * MOST_IDLE_SHARE, ".3f", " %"),
    ]
