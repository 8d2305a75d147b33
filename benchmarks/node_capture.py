"""Capture by PipeWire and PortAudio: every shot once, stamps to the sample, what is lost, and what it takes."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import null_sink
from benchmarks.captured_shots import Heard, Listening, Outcome, Played, capture, compare, shots
from benchmarks.figures import Figure, Section, at_most, failed, told
from benchmarks.null_sink import DEVICE, RATE_HZ, NullSink
from errors import Mishap

SHOTS, SEED = 40, 7
SPREAD_US = 50.0
STOPS_S = (0.5, 2.0)
SHARE_PERCENT = 0.3
COUNTED_S, SETTLED_S = 20.0, 2.0
TRIES = 3

TEXT = f"""
{SHOTS} single shots at one sensor are rendered, played into a PipeWire sink (quantum {null_sink.QUANTUM} frames) and
captured from it through ALSA and PortAudio by `sensors.microphone.device`.  Stamps less true arrivals spread around
their common offset, which is the delay of playing: by the sample counter, and as `sensors.clock` stamps from the
anchors.  A second channel counts frames, so that wrong frame numbers are seen exactly.  Then the listening process is
stopped (SIGSTOP) between shots: for {STOPS_S[0]:g} s, which is filled in, and for {STOPS_S[1]:g} s, which begins a new
segment.  What `arecord` takes of the processor, which only copies, is told beside what capture takes: in a virtual
machine most of either is the price of waking up.
"""


def measure() -> Section:
    """All of it; takes two minutes."""
    section = Section("capture", "simulated", TEXT)
    reason = null_sink.absent()
    if reason is not None:
        section.figures = [failed("capture through PipeWire", "runs", reason)]
        return section
    with tempfile.TemporaryDirectory(prefix="node-capture-") as name, NullSink() as sink:
        rng = np.random.default_rng(SEED)
        times_s = 0.8 + np.cumsum(rng.uniform(0.5, 0.7, SHOTS))
        try:
            section.figures = undisturbed(sink, shots(Path(name), times_s.tolist(), SEED))
            for for_s in STOPS_S:
                section.figures += stopped(sink, Path(name), for_s)
        except Mishap as error:
            section.figures.append(failed("shots through PipeWire", "captured", str(error)))
        section.figures += cost(sink)
    return section


def undisturbed(sink: NullSink, played: Played) -> list[Figure]:
    """Nothing is in the way."""
    heard = whole(sink, played)
    outcome = compare(heard, played)
    error_ns = heard.anchors[:, 2] - heard.anchors[0, 2] - (heard.anchors[:, 1] / RATE_HZ * 1e9)
    error_us = (error_ns - np.median(error_ns)) * 1e-3
    return [
        told(f"{len(played.arrivals_s)} shots: pulses", str(len(heard.pulses))),
        at_most("shots missing", outcome.missing, 0, "d"),
        at_most("pulses repeated", outcome.repeated, 0, "d"),
        *spread("undisturbed", outcome),
        at_most("frames with a wrong number", wrong_frames(heard), 0, "d"),
        told("converter's times less the sample counter", f"{error_us.std():.1f} us, {np.ptp(error_us):.0f} us in all"),
    ]


def stopped(sink: NullSink, folder: Path, for_s: float) -> list[Figure]:
    """The listening process does not run for a while, between two shots."""
    rng = np.random.default_rng(SEED + 1)
    pause_s = for_s + 1.5
    steps = rng.uniform(0.5, 0.7, 16)
    steps[8] += pause_s
    times_s = 0.8 + np.cumsum(steps)
    played = shots(folder, times_s.tolist(), SEED)
    heard = whole(sink, played, [(float(times_s[7]) + 0.9, for_s)])
    outcome = compare(heard, played)
    after = np.flatnonzero(played.arrivals_s > times_s[8])
    title = f"stopped for {for_s:g} s"
    lost = int((heard.lost[:, 2] - heard.lost[:, 1]).sum())
    return [
        told(f"{title}: filled in", f"{lost} frames, {len(np.unique(heard.segment))} segment(s)"),
        at_most(f"{title}: shots missing or repeated", outcome.missing + outcome.repeated, 0, "d"),
        at_most(f"{title}: frames with a wrong number", wrong_frames(heard), 0, "d"),
        at_most(
            f"{title}: stamps afterwards, farthest from the common offset",
            float(np.nanmax(np.abs(outcome.by_stamp_s[after]))) * 1e6, SPREAD_US, ".1f", " us",
        ),
        *spread(title, outcome),
    ]  # fmt: skip


def spread(title: str, outcome: Outcome) -> list[Figure]:
    """Standard deviations around the common offset."""
    return [
        at_most(
            f"{title}: standard deviation of {what} less truth", float(np.nanstd(by)) * 1e6, SPREAD_US, ".1f", " us"
        )
        for what, by in (("frame", outcome.by_frame_s), ("stamp", outcome.by_stamp_s))
    ]


def wrong_frames(heard: Heard) -> int:
    """Frames of any segment that are not as far from the count as most of it are."""
    wrong = 0
    for segment in np.unique(heard.segment):
        played = (heard.count > 0) & (heard.segment == segment)
        ahead = heard.frames[played] - heard.count[played]
        wrong += int((ahead != np.median(ahead)).sum()) if len(ahead) else 0
    return wrong


def whole(sink: NullSink, played: Played, stops: list[tuple[float, float]] | None = None) -> Heard:
    """Play and listen; again, when the player was not given the time to play all of it.

    Raises Mishap when it never was.
    """
    for _ in range(TRIES):
        heard = capture(sink, played, stops or ())
        if heard.left_out == 0:
            return heard
    raise Mishap("aplay", f"left out sound {TRIES} times: this machine is too busy to measure on")


def cost(sink: NullSink) -> list[Figure]:
    """Processor time of a process that only captures, beside arecord."""
    with tempfile.TemporaryDirectory(prefix="node-capture-") as name:
        with Listening(sink, Path(name) / "heard.npz", 1, "--sound-only") as listening:
            own = share(listening.pid)
        record = ["arecord", "--quiet", f"--device={DEVICE}", "--format=FLOAT_LE", f"--rate={RATE_HZ}", "--channels=1"]
        record += ["--file-type=raw", "--period-size=1024", "--buffer-size=16384", "/dev/null"]
        recorder = subprocess.Popen(record, env=sink.environment, stderr=subprocess.DEVNULL)
        try:
            plain = share(recorder.pid)
        finally:
            recorder.kill()
            recorder.wait()
    return [
        at_most("processor, capture alone, % of a core", 100.0 * own, SHARE_PERCENT, ".2f", " %"),
        told("the same of arecord", f"{100.0 * plain:.2f} %"),
    ]


def share(pid: int) -> float:
    """Processor time of a process, once it has settled, as a share of one core."""
    time.sleep(SETTLED_S)
    begun_s, spent_ns = time.monotonic(), _spent_ns(pid)
    time.sleep(COUNTED_S)
    return (_spent_ns(pid) - spent_ns) / 1e9 / (time.monotonic() - begun_s)


def _spent_ns(pid: int) -> int:
    """Processor time of all threads of a process, to the nanosecond, unlike in /proc/PID/stat."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


if __name__ == "__main__":
    for figure in measure().figures:
        print(f"{figure.name}: {figure.measured} ({figure.bar or 'told'}) {figure.verdict}")
