"""What a node loses: killed, cut off, out of disk, with its clock stepped.

Detected means: the node has said so, which it does once the pulse is in its spool.  In effect exactly once means: the
centre holds every such pulse, and each identity once.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.figures import Figure, Section, at_most, failed, told
from benchmarks.node_bus import Bus
from benchmarks.node_faults import SteppedClock, fill, link, namespace, small_disk
from benchmarks.node_run import RATE_HZ, NodeFiles, NodeRun, popping
from errors import TocsinError
from sensors.capture import ArrayCapture
from sensors.listen import listen
from wire.messages import Heartbeat, Pulse

KILLS = 200
SERVER_KILLS = 10
CUT_S = 3600.0
"""Of sound: it is fed as fast as the node takes it."""
STEPS_S = (5.0, -3600.0, 0.3)
VOUCHED = ("pps", "ntp")
SETTLED = 9
"""Pulses of the first three seconds came through the pipe while the node was starting: they are late by as much."""

TEXT = """
A real node (`tocsin node`, sound through standard input, 3 impulses a second, many times faster than real time), a
real nats-server with TLS and NKEYs, and a small receiving centre that commits to SQLite before it sends receipts.
**Detected** is what the node says once a pulse is in its spool; **missing** is what of it the centre does not hold at
the end; **twice** is an identity that came with two contents (repeats with one content are harmless, and counted).
Killed means `kill -9`.  The network is cut by taking down the link between two network namespaces.  The disk is a
small one that is filled by another file.  CLOCK_REALTIME is stepped under the node alone, with chrony's answers
played.  An hour of sound passes in a minute, so what was on its way when the cable was cut is not yet known to be lost
when it is mended: it comes before the rest of the backlog or, when the broker never had it, after its receipt is
overdue; the order of the backlog is told with that in mind.
"""


def measure(kills: int = KILLS) -> list[Section]:
    """All of it."""
    section = Section("losses", "simulated", TEXT)
    parts: list[tuple[str, Callable[[], list[Figure]]]] = [
        ("node killed", lambda: node_killed(kills)),
        ("servers killed", servers_killed),
        ("network cut", network_cut),
        ("disk full", disk_full),
        ("clock stepped", clock_stepped),
    ]
    for name, part in parts:
        try:
            section.figures += part()
        except (TocsinError, OSError, subprocess.SubprocessError, TimeoutError) as error:
            section.figures.append(failed(name, "every pulse exactly once", str(error)))
    return [section]


def judged(name: str, bus: Bus, detected: set[str], timeout_s: float = 60.0) -> list[Figure]:
    """What the centre holds of what was detected, once everything had time to arrive."""
    bus.wait_for(detected, timeout_s)
    received = bus.received()
    return [
        told(f"{name}: pulses detected", f"{len(detected):,}"),
        at_most(f"{name}: of these missing at the centre", len(detected - received.pulses), 0, "d"),
        at_most(f"{name}: identities held twice", received.conflicts, 0, "d"),
        told(f"{name}: harmless repeats refused", f"{received.repeats:,}"),
    ]


def node_killed(kills: int) -> list[Figure]:
    """kill -9 of the node at random moments, while it starts up and while it works."""
    rng = np.random.default_rng(41)
    sound = popping(120.0, 3.0, seed=1)
    with site("killed") as (bus, files):
        detected: set[str] = set()
        boots: list[int] = []
        fed = 0
        for _ in range(kills):
            run = NodeRun(files, sound, speed=25.0, begin=fed)
            run.start()
            time.sleep(float(rng.uniform(0.1, 2.5)))
            run.kill()
            fed += run.fed
            detected |= run.detected.keys()
            boots.append(len(run.detected))
        drain(files, sound)
        worked = sum(count > 0 for count in boots)
        figures = judged("node killed", bus, detected)
        unsaid = len(bus.received().pulses - detected)
    return [
        told("node killed: kill -9, of these after its first pulse", f"{kills}, {worked}"),
        *figures,
        told("node killed: pulses at the centre that the node was killed before it could say", f"{unsaid}"),
    ]


def servers_killed() -> list[Figure]:
    """The broker killed and started again, and the centre too, under a node that goes on."""
    rng = np.random.default_rng(42)
    sound = popping(120.0, 3.0, seed=2)
    with site("servers") as (bus, files):
        run = NodeRun(files, sound, speed=10.0)
        run.start()
        for turn in range(SERVER_KILLS):
            time.sleep(float(rng.uniform(0.5, 2.0)))
            bus.kill_server()
            if turn % 2:
                bus.kill_receiver()
            time.sleep(float(rng.uniform(0.1, 1.5)))
            bus.start_server()
            if turn % 2:
                bus.start_receiver()
        time.sleep(1.0)
        run.end_sound()
        run.wait(120.0)
        figures = judged("servers killed", bus, set(run.detected))
    return [
        told("servers killed: kill -9 of the broker / of the centre", f"{SERVER_KILLS} / {SERVER_KILLS // 2}"),
        *figures,
    ]


def network_cut() -> list[Figure]:
    """An hour of sound without a network, then the network again: nothing is missing, and what is new comes first."""
    sound = popping(240.0, 3.0, seed=3)
    with ExitStack() as stack:
        name, host = stack.enter_context(namespace())
        bus, files = stack.enter_context(site("cut", host=host))
        run = NodeRun(files, sound, speed=0.0, before=("ip", "netns", "exec", name))
        run.start()
        bus.wait_for_some(1, 60.0)
        link(name, up=False)
        start = run.fed
        deadline_s = time.monotonic() + 600.0
        while (run.fed - start) / RATE_HZ < CUT_S and time.monotonic() < deadline_s:
            time.sleep(0.2)
        cut_s = (run.fed - start) / RATE_HZ
        cut = set(run.detected) - bus.received().pulses
        run.speed = 5.0  # from here on sound comes at a pace that leaves room for the backlog
        up_ns = time.time_ns()
        link(name, up=True)
        time.sleep(20.0)
        run.end_sound()
        run.wait(300.0)
        figures = judged("network cut", bus, set(run.detected), 120.0)
        came = bus.pulses()
        linked_ns = min(at_ns for pulse, at_ns in came if at_ns > up_ns)
        done_ns = max(at_ns for pulse, at_ns in came if pulse.identity in cut)
        lags_s = [
            (at_ns - run.detected[pulse.identity]) * 1e-9
            for pulse, at_ns in came
            if linked_ns < run.detected.get(pulse.identity, 0)
        ]
        backlog = [pulse.sequence for pulse, _ in came if pulse.identity in cut]
    newest_first = float(-stats.kendalltau(np.arange(len(backlog)), backlog).statistic)
    return [
        told("network cut: seconds of sound meanwhile, pulses in the backlog", f"{cut_s:,.0f} s, {len(cut):,}"),
        *figures,
        told(
            "network cut: link up to first pulse, and to the end of the backlog",
            f"{(linked_ns - up_ns) * 1e-9:.1f} s, {(done_ns - up_ns) * 1e-9:.1f} s",
        ),
        told(
            "network cut: order of the backlog, Kendall's tau (1: newest first, -1: oldest first)",
            f"{newest_first:.2f}",
        ),
        at_most(
            "network cut: pulse said to pulse committed, of new ones after it, 95 %",
            float(np.percentile(lags_s, 95.0)),
            1.0,
            ".2f",
            " s",
        ),
    ]


def disk_full() -> list[Figure]:
    """The spool's disk is filled by something else, then freed."""
    sound = popping(120.0, 3.0, seed=4)
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(mib=6))
        bus, files = stack.enter_context(site("disk", spool=disk / "spool"))
        run = NodeRun(files, sound, speed=10.0)
        run.start()
        bus.wait_for_some(20, 60.0)
        bus.kill_receiver()  # nothing leaves the spool any more
        fill(disk / "filler")
        noticed = wait_until(lambda: heartbeat(files) is not None and unspooled(files) > 0, 30.0)
        said = len(heartbeat_notes(files))
        time.sleep(5.0)
        (disk / "filler").unlink()
        written = wait_until(lambda: unspooled(files) == 0, 30.0)
        bus.start_receiver()
        time.sleep(2.0)
        run.end_sound()
        run.wait(120.0)
        figures = judged("disk full", bus, set(run.detected))
    return [
        Figure("disk full: noticed, and told in the heartbeat", "yes", "yes" if noticed and said else "no", noticed),
        Figure("disk full: written once there is room again", "yes", "yes" if written else "no", written),
        *figures,
    ]


def clock_stepped() -> list[Figure]:
    """The system clock is stepped under the node; what is stamped wrong must say that it may be."""
    sound = popping(120.0, 3.0, seed=5)
    with site("clock") as (bus, files):
        clock = SteppedClock(files.folder / "clock")
        answers = files.folder / "tracking"
        played_chrony(answers, offset_s=0.0)
        files.clock = f'source = "chrony"\nchronyc = "sh -c \'cat {answers}\'"\npoll_s = 1'
        files.write()
        run = NodeRun(files, sound, speed=1.0, environment=clock.environment)
        run.start()
        bus.wait_for_some(5, 60.0)
        total_s = 0.0
        for step_s in STEPS_S:
            total_s += step_s
            clock.set(total_s)
            time.sleep(4.0)
            played_chrony(answers, offset_s=total_s)  # chrony has measured again: its clock is off by the step
            time.sleep(6.0)
        run.end_sound()
        run.wait(60.0)
        figures = judged("clock stepped", bus, set(run.detected))
        pulses = [pulse for pulse, _ in bus.pulses() if pulse.identity in run.detected]
        wrong, unmarked, marked = stamps(pulses, sound, run.started_ns)
    return [
        told("clock stepped: steps", ", ".join(f"{step_s:+g} s" for step_s in STEPS_S)),
        *figures,
        at_most("clock stepped: stamps off by more than 0.15 s and not marked", wrong, 0, "d"),
        told("clock stepped: stamps that vouch / are marked holdover / unsynchronised", unmarked + marked),
    ]


def stamps(pulses: list[Pulse], sound: NDArray[np.int16], started_ns: int) -> tuple[int, str, str]:
    """Wrong stamps that are not marked; how many vouch; how many are marked.

    What the node heard is known: its pulse number k is the k-th that is heard in the same sound.  The way through the
    pipe takes the same time for all, but for the first seconds, which came while the node started.
    """
    capture = ArrayCapture("N1", (sound / 32768.0).astype(np.float32), RATE_HZ, started_ns)
    truth_ns = [pulse.arrival_ns for pulse in listen(capture)]
    late_s = {p.sequence: (p.arrival_ns - truth_ns[p.sequence]) * 1e-9 for p in pulses if p.sequence < len(truth_ns)}
    usual_s = float(np.median([late_s[p.sequence] for p in pulses if p.clock in VOUCHED and p.sequence in late_s]))
    wrong = sum(
        abs(late_s.get(p.sequence, usual_s) - usual_s) > 0.15
        for p in pulses
        if p.clock != "unsynchronised" and p.sequence >= SETTLED
    )
    count = {state: sum(p.clock == state for p in pulses) for state in ("pps", "ntp", "holdover", "unsynchronised")}
    return wrong, f"{count['pps'] + count['ntp']}", f" / {count['holdover']} / {count['unsynchronised']}"


def played_chrony(path: Path, offset_s: float) -> None:
    """What chronyc would answer now: synchronised to a pulse per second, the system clock off by so much."""
    now_s = time.time()
    # refid, name, stratum, ref time, system time, last offset, rms offset, frequency, residual, skew, root delay, root
    # dispersion, update interval, leap status.
    fields = f"50505300,PPS,1,{now_s:.9f},{-offset_s:.9f},0.000001,0.000002,0.1,0.0,0.01,0.000001,0.00001,1.0,Normal"
    written = path.with_suffix(".new")
    written.write_text(fields + "\n")
    written.replace(path)


@contextmanager
def site(name: str, *, host: str = "127.0.0.1", spool: Path | None = None) -> Iterator[tuple[Bus, NodeFiles]]:
    """A bus with its centre, and the files of one node that may use it."""
    with tempfile.TemporaryDirectory(prefix=f"loss-{name}-") as folder, Bus(Path(folder) / "bus", ("N1",), host) as bus:
        files = NodeFiles(
            folder=Path(folder) / "node",
            spool=spool or Path(folder) / "spool",
            sensor="N1",
            server=bus.url,
            seed_file=bus.seeds["N1"],
            ca_file=bus.ca_file,
        )
        files.write()
        yield bus, files


def drain(files: NodeFiles, sound: NDArray[np.int16]) -> None:
    """A last run that hears nothing and ends once the centre has taken what is left."""
    run = NodeRun(files, sound[:0], speed=1.0)
    run.end_sound()
    run.start()
    run.wait(120.0)


def heartbeat(files: NodeFiles) -> Heartbeat | None:
    """The node's last."""
    try:
        return msgspec.json.decode((files.folder / "status.json").read_bytes(), type=Heartbeat)
    except (OSError, msgspec.DecodeError):
        return None


def heartbeat_notes(files: NodeFiles) -> tuple[str, ...]:
    """What it tells technicians."""
    last = heartbeat(files)
    return () if last is None else last.notes


def unspooled(files: NodeFiles) -> int:
    """Pulses that the disk did not take."""
    last = heartbeat(files)
    return -1 if last is None else last.spool.unspooled


def wait_until(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Whether it came to hold in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if holds():
            return True
        time.sleep(0.1)
    return holds()
