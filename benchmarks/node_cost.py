"""What a node costs: processor and memory over an hour and a week of sound, beside others on the same sound.

    python -m benchmarks.node_cost --hours 6

replays a shorter week.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy import signal

from benchmarks.figures import Figure, Section, Table, at_most, failed, show, told
from benchmarks.metered_node import Look, NodeFailed, run_node
from benchmarks.node_bus import Bus
from benchmarks.node_sound import IMPULSES_A_MINUTE, RATE_HZ, write_street
from benchmarks.peers import runner
from benchmarks.shared_data import ROOT
from errors import TocsinError
from sensors.listen import Listener
from sensors.node.status import read_status

MOST_CPU = 0.015
MOST_MB = 120.0
MOST_GROWTH = 1.10
HOUR_S = 3600.0
SLICE_S = 300.0
LIVE_S = 90.0
PEER_S = 120.0
WEEK_HOURS = 168.0
YARDSTICK_S = 20.0
SPOOL_MIB = 64
SENSOR = "N1"

YAMNET = "TOCSIN_YAMNET"

TEXT = f"""
The real command (`tocsin node`) in a process of its own, 48 kHz mono through its standard input, clips and privacy
filter on, delivering to a real nats-server (TLS, NKEYs) and a receiving centre.  The sound is an hour of a street, made
from a seed, with {IMPULSES_A_MINUTE:g} impulse a minute.  Processor time is user and system time of all the node's
threads, its start included; memory is VmRSS and VmHWM of the process, 10^6 bytes.  The hour is handed over as fast as
the node takes it; at the pace of life the same sound comes in tenths of a second, and the first {LIVE_S / 3:.0f} s are
left out; caches are cold then whenever the node wakes.  The detector's own share is that of its steps in a process that
does nothing else.
"""

WEEK_TEXT = f"""
The real command fed with raw sound as fast as it takes it: an hour of a street, made from a seed, over and over.  It
delivers nowhere, and its spool is bounded: the oldest clips make room, as they would in a week without a network.
Processor time is judged in units of a yardstick, our detector on {YARDSTICK_S:g} s of the same sound after each slice
of {SLICE_S:g} s, and by the median over the slices of an hour: other work on the machine slows both.
"""

PEER_TEXT = f"""
The same street, its first {PEER_S:g} s, at 48 kHz, one thread each, processor time of the call.  librosa computes onset
strength and picks peaks on the whole recording at once, ours takes it a tenth of a second at a time; YAMNet classifies
a second of sound twice a second, at 16 kHz.
"""


def measure(*, peers: bool) -> list[Section]:
    """The hour, and the peers when asked for."""
    with tempfile.TemporaryDirectory(prefix="node-cost-") as name:
        street = Path(name) / "street.raw"
        impulses = write_street(street, round(HOUR_S / 60.0))
        sections = [hour(Path(name), street, impulses)]
        if peers:
            sections.append(beside(street))
    return sections


def hour(folder: Path, street: Path, impulses: int) -> Section:
    """An hour as fast as it goes, and a while at the pace of life."""
    section = Section("cost of a node", "cost", TEXT)
    try:
        with node_files(folder / "idle") as (config, _):
            idle = run_node(config, street, 0.0, every_s=SLICE_S)
        with node_files(folder / "hour") as (config, bus):
            whole = run_node(config, street, HOUR_S, every_s=SLICE_S)
            heard, arrived = pulses_heard(config), len(bus.received().pulses)
        with node_files(folder / "live") as (config, _):
            live = run_node(config, street, LIVE_S, every_s=LIVE_S / 3.0, pace=1.0)
        alone, paced = detector_alone(street, HOUR_S, 0.0), detector_alone(street, LIVE_S, 1.0)
    except TocsinError as error:
        section.figures = [failed("the node", "runs", str(error))]
        return section
    as_fast = whole.cpu_s / HOUR_S
    resident = f"{whole.looks[-1].resident_mb:.1f} / {alone['resident_mb']:.1f} MB"
    section.figures = [
        at_most("processor seconds a second of sound, an hour as fast as it goes", as_fast, MOST_CPU, ".4f"),
        told("the detector alone, on the same hour", f"{alone['cpu_s'] / HOUR_S:.4f}"),
        at_most("processor seconds a second, at the pace of life", per_second(live.looks), MOST_CPU, ".4f"),
        told("the detector alone, at the pace of life", f"{paced['cpu_s'] / LIVE_S:.4f}"),
        at_most("resident, the most over the hour", whole.peak_mb, MOST_MB, ".1f", " MB"),
        told("resident at the end of the hour / the detector alone", resident),
        told("start and end of the process, without a sound: processor time", f"{idle.cpu_s:.2f} s"),
        told("seconds of sound a second", f"{HOUR_S / whole.wall_s:.0f}"),
        told(
            "impulses in the hour / pulses heard / by the detector alone", f"{impulses} / {heard} / {alone['sounds']:g}"
        ),
        at_most("pulses of the hour that are not at the centre", heard - arrived, 0, "d"),
    ]
    section.tables = [by_slice("the hour, slice by slice", whole.looks)]
    return section


def week(hours: float = WEEK_HOURS) -> Section:
    """A week of sound, as fast as it goes: does the last hour cost what the first did?"""
    section = Section("a week of sound" if hours == WEEK_HOURS else f"{hours:g} hours of sound", "cost", WEEK_TEXT)
    with tempfile.TemporaryDirectory(prefix="node-week-") as name:
        street = Path(name) / "street.raw"
        write_street(street, round(HOUR_S / 60.0))
        config = write_config(Path(name) / "node")
        try:
            short = scaled(street, YARDSTICK_S)
            run = run_node(
                config, street, hours * HOUR_S, every_s=SLICE_S, yardstick=lambda: listening_s(short) / YARDSTICK_S
            )
            heard = pulses_heard(config)
        except TocsinError as error:
            section.figures = [failed("the node", "runs", str(error))]
            return section
    a_slice = round(HOUR_S / SLICE_S)
    first, last = run.looks[:a_slice], run.looks[-a_slice:]
    costs = slices(run.looks)
    cost = [float(np.median(part)) for part in (costs[:a_slice], costs[-a_slice:])]
    units = [cost / look.yardstick_s for cost, look in zip(costs, run.looks, strict=True)]
    measured = [float(np.median(part)) for part in (units[:a_slice], units[-a_slice:])]
    resident = [max(look.resident_mb for look in part) for part in (first, last)]
    section.figures = [
        told("sound / seconds of it a second", f"{hours * HOUR_S:,.0f} s / {hours * HOUR_S / run.wall_s:.0f}"),
        told("processor seconds a second of sound, first hour / last hour", f"{cost[0]:.4f} / {cost[1]:.4f}"),
        told("the same in units of the yardstick", f"{measured[0]:.2f} / {measured[1]:.2f}"),
        at_most("the last hour's processor time, share of the first's", measured[1] / measured[0], MOST_GROWTH, ".3f"),
        told("resident, first hour / last hour", f"{resident[0]:.1f} / {resident[1]:.1f} MB"),
        at_most("the last hour's memory, share of the first's", resident[1] / resident[0], MOST_GROWTH, ".3f"),
        at_most("processor seconds a second of sound, all of it", run.cpu_s / (hours * HOUR_S), MOST_CPU, ".4f"),
        at_most("resident, the most ever", run.peak_mb, MOST_MB, ".1f", " MB"),
        told("pulses that the node heard", f"{heard:,}"),
    ]
    hourly = max(a_slice, len(run.looks) // 28 // a_slice * a_slice)  # at most a row for six hours of a week
    section.tables = [by_slice("on the way", run.looks[hourly - 1 :: hourly])]
    return section


def beside(street: Path) -> Section:
    """Others on the same sound."""
    section = Section("beside others on the same sound", "cost", PEER_TEXT)
    samples = scaled(street, PEER_S)
    listening_s(samples[: 2 * RATE_HZ])  # warm, as the peers are
    ours = listening_s(samples)
    section.figures = [told("our detector, processor seconds a second of sound", f"{ours / PEER_S:.4f}")]
    job = {"rate_hz": RATE_HZ, "hop": 512, "thresholds": [0.07], "normalize": True}
    section.figures += against("librosa", "librosa, onset strength and peaks", job, samples, ours)
    model = os.environ.get(YAMNET)
    if not model:
        section.figures.append(told("YAMNet", f"not measured: {YAMNET} names no .tflite or .onnx file"))
        return section
    slow = np.asarray(signal.resample_poly(samples, 1, 3), dtype=np.float32)
    section.figures += against("yamnet", "YAMNet", {"model": str(Path(model).resolve())}, slow, ours)
    return section


def against(peer: str, name: str, job: dict[str, object], samples: NDArray[np.float32], ours: float) -> list[Figure]:
    """A peer's time, and ours as a share of it."""
    try:
        answer, _ = runner.run(peer, job, {"samples": samples})
    except runner.PeerError as error:
        return [failed(name, "runs", str(error))]
    seconds = float(answer["cpu_s"])
    return [
        told(f"{name}, processor seconds a second of sound", f"{seconds / PEER_S:.4f}"),
        told(f"our time as a share of that of {name}", f"{ours / seconds:.2f}"),
    ]


def scaled(street: Path, seconds: float) -> NDArray[np.float32]:
    """The first seconds of the street, shares of full scale."""
    return np.fromfile(street, "<i2", round(seconds * RATE_HZ)).astype(np.float32) / np.float32(32768.0)


def listening_s(samples: NDArray[np.float32]) -> float:
    """Processor time of our detector on it, in blocks of a tenth of a second."""
    listener = Listener(float(RATE_HZ))
    size = RATE_HZ // 10
    start_s = time.thread_time()
    for first in range(0, len(samples), size):
        listener.step(samples[first : first + size, None])
    listener.finish()
    return time.thread_time() - start_s


def detector_alone(street: Path, seconds: float, pace: float) -> dict[str, float]:
    """What `benchmarks.detector_alone` says."""
    command = [sys.executable, "-m", "benchmarks.detector_alone", str(street)]
    command += [str(RATE_HZ), str(seconds), str(pace)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NodeFailed(f"the detector alone: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@contextmanager
def node_files(folder: Path) -> Iterator[tuple[Path, Bus]]:
    """The node.toml of a node that delivers to a bus and a centre of its own, and that bus."""
    with Bus(folder / "bus", (SENSOR,)) as bus:
        yield write_config(folder, bus), bus


def write_config(folder: Path, bus: Bus | None = None) -> Path:
    """node.toml of a node that listens to raw sound."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f'sensor = "{SENSOR}"',
        "[place]\nlongitude = 6.1466\nlatitude = 46.2044",
        f"[capture]\nstdin = true\nrate_hz = {RATE_HZ}\nstall_s = 60",
        '[clock]\nsource = "none"',
        f'[spool]\nfolder = "{folder / "spool"}"\nlimit_mib = {SPOOL_MIB}\nkeep_free_mib = 0',
        f'[run]\nstatus_file = "{folder / "status.json"}"',
    ]
    if bus is not None:
        lines.append(f'[uplink]\nservers = ["{bus.url}"]\nseed_file = "{bus.seeds[SENSOR]}"\nca_file = "{bus.ca_file}"')
    config = folder / "node.toml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def pulses_heard(config: Path) -> int:
    """What a node that has ended says in its last heartbeat."""
    return read_status(config.with_name("status.json")).sound.pulses


def slices(looks: Sequence[Look]) -> list[float]:
    """Processor seconds a second of sound, from one look to the next; the first from the start of the process."""
    before = (Look(0.0, 0.0, 0.0, 0.0), *looks)
    return [(b.cpu_s - a.cpu_s) / (b.sound_s - a.sound_s) for a, b in itertools.pairwise(before)]


def per_second(looks: Sequence[Look]) -> float:
    """Processor seconds a second of sound from the first look to the last."""
    return (looks[-1].cpu_s - looks[0].cpu_s) / (looks[-1].sound_s - looks[0].sound_s)


def by_slice(title: str, looks: Sequence[Look]) -> Table:
    """Looks as a table."""
    rows = [
        (f"{look.sound_s / HOUR_S:.2f}", f"{cost:.4f}", f"{look.resident_mb:.1f}", f"{look.peak_mb:.1f}")
        for look, cost in zip(looks, slices(looks), strict=True)
    ]
    columns = ("hours of sound", "processor seconds a second since the row before", "resident, MB", "peak, MB")
    return Table(title, columns, tuple(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Replay hours of sound through a node, as fast as it goes.")
    parser.add_argument("--hours", type=float, default=WEEK_HOURS, help="of sound; at least 2")
    sys.exit(show(Console(width=140), [week(parser.parse_args().hours)]))
