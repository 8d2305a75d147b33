"""Shots of a rendered scenario, played into a sink and captured from it as from a microphone: pulses against truth.

Beside the sound runs a second channel that counts frames, so that every captured sample tells which played one it is:
what capture lost, or numbered wrongly, is known exactly, and told apart from what the player left out (silence).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.null_sink import DEVICE, RATE_HZ, NullSink
from errors import Mishap
from sensors.recordings import open_recordings
from sim.staging.build import build_world
from sim.staging.scenario import read_scenario
from sim.writing import write_recordings

COUNT_SCALE = 2.0**-20
"""Frames are counted in steps of this, which float32 holds exactly."""

COUNTED = 2**20 - 1
"""Counts before it begins anew, with 1: nothing that was played is 0.  21 s at 48 kHz."""

MATCH_S = 0.005
"""A pulse this near to an arrival, after their common offset, is of it."""

READY_S = 20.0

SCENARIO = """
title = "Single shots near one sensor"
start = 2027-03-01T20:00:00Z
duration_s = {duration_s:.3f}
seed = {seed}

[site.open]
width_m = 400
depth_m = 400

[ambient]
level_db_a = 45
events_per_min = 0

[surfaces]
reverberation_time_s = 0

[sensors]
rate_hz = 48000
at = [{{id = "N-0", x_m = 40, y_m = 35}}]

[[shooter]]
id = "A"
weapon = "45acp"
at = {{x_m = 0, y_m = 0}}
heading_deg = 40
times_s = [{times}]
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What is played.

    file : two channels, float32: the sound, and the count.
    arrivals_s : true times of the shots' first sounds in it, seconds from its first frame.
    """

    file: Path
    arrivals_s: NDArray[np.float64]
    duration_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What was captured.

    frames : number of each sample in its segment; ``segment`` the segment of each; ``count`` what the second channel
        says, 0 where nothing was played or samples were filled in.
    pulses : (n, 3) segment, frame and UTC nanoseconds as stamped.
    lost, untrusted : (m, 3) segment, first frame and the one after the last.
    anchors : (k, 3) segment, frame, CLOCK_MONOTONIC nanoseconds.
    """

    frames: NDArray[np.int64]
    segment: NDArray[np.int64]
    count: NDArray[np.int64]
    pulses: NDArray[np.float64]
    lost: NDArray[np.int64]
    untrusted: NDArray[np.int64]
    anchors: NDArray[np.int64]

    @property
    def ahead(self) -> NDArray[np.int64]:
        """Frame number less count of every sample that was played: constant while none is lost or left out."""
        played = self.count > 0
        return self.frames[played] - self.count[played]

    @property
    def left_out(self) -> int:
        """Frames that the player, or the sink, left out amid playing: silence that capture does not call lost."""
        played = np.flatnonzero(self.count > 0)
        amid = np.zeros(len(self.count), dtype=bool)
        amid[played[0] : played[-1] + 1] = True
        amid[played] = False
        for segment, first, stop in self.lost:
            amid &= ~((self.segment == segment) & (self.frames >= first) & (self.frames < stop))
        return int(amid.sum())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Pulses against truth.

    by_frame_s, by_stamp_s : of each shot that was heard, its place in its segment by the sample counter, and its stamp,
        less the truth and their common offset, seconds; NaN for one that was not.
    missing : shots without a pulse; ``repeated`` pulses beyond one a shot, those of nothing included.
    """

    by_frame_s: NDArray[np.float64]
    by_stamp_s: NDArray[np.float64]
    missing: int
    repeated: int


def shots(folder: Path, times_s: Sequence[float], seed: int = 1) -> Played:
    """Render shots at these times of a scenario that ends a second after the last."""
    scenario = folder / "shots.toml"
    duration_s = max(times_s) + 1.0
    scenario.write_text(
        SCENARIO.format(duration_s=duration_s, seed=seed, times=", ".join(f"{time_s:.7f}" for time_s in times_s))
    )
    world = build_world(read_scenario(str(scenario)))
    truth = write_recordings(world, folder / "rendered", format="wav")
    arrivals = [arrival.arrival_ns for sound in truth.sounds for arrival in sound.arrivals]
    ((capture,),) = [one.captures for one in open_recordings(folder / "rendered")]
    sound = np.concatenate([block[:, 0] for block in capture.blocks(RATE_HZ)])
    count = (np.arange(len(sound)) % COUNTED + 1) * COUNT_SCALE
    file = folder / "played.wav"
    soundfile.write(file, np.column_stack([sound, count]).astype(np.float32), RATE_HZ, subtype="FLOAT")
    return Played(file, (np.sort(np.array(arrivals)) - truth.start_ns) * 1e-9, len(sound) / RATE_HZ)


def capture(sink: NullSink, played: Played, stops: Sequence[tuple[float, float]] = ()) -> Heard:
    """Play it and listen.

    stops : when after the player was started the listening process is stopped (SIGSTOP), and for how long, seconds.
    """
    with tempfile.TemporaryDirectory(prefix="captured-") as name:
        result = Path(name) / "heard.npz"
        with Listening(sink, result, channels=2) as listener:
            player = sink.play(played.file)
            begun_s = time.monotonic()
            for at_s, for_s in stops:
                time.sleep(max(0.0, begun_s + at_s - time.monotonic()))
                os.kill(listener.pid, signal.SIGSTOP)
                time.sleep(for_s)
                os.kill(listener.pid, signal.SIGCONT)
            player.wait(played.duration_s + READY_S)
            time.sleep(0.5)  # what was played last is still on its way
        with np.load(result) as found:
            lengths = found["length"]
            frames = np.concatenate([f + np.arange(n) for f, n in zip(found["first"], lengths, strict=True)])
            counted = np.round(found["samples"][:, 1].astype(np.float64) / COUNT_SCALE).astype(np.int64)
            pulses = [(one["segment"], one["frame"], one["utc_ns"]) for one in json.loads(str(found["pulses"]))]
            return Heard(
                frames,
                np.repeat(found["segment"], lengths),
                _unwrapped(counted),
                np.array(pulses, dtype=np.float64).reshape(-1, 3),
                found["lost"],
                found["untrusted"],
                found["anchors"],
            )


def compare(heard: Heard, played: Played) -> Outcome:
    """Match pulses with shots, by the sample counter and by stamps."""
    # A segment's numbers begin anew: the count of its first played sample says where it lies on the player's time line.
    places = np.array([frame + _shift(heard, int(segment)) for segment, frame, _ in heard.pulses]) / RATE_HZ
    by_frame, missing, repeated = _matched(places, played.arrivals_s)
    stamps_s = (heard.pulses[:, 2] - heard.pulses[:1, 2].sum()) * 1e-9
    by_stamp, _, _ = _matched(stamps_s, played.arrivals_s)
    return Outcome(by_frame, by_stamp, missing, repeated)


def _shift(heard: Heard, segment: int) -> int:
    """Frames to add to a segment's numbers to have those of the first segment, as the count says."""
    if segment == heard.segment[0]:
        return 0
    start, later = (np.flatnonzero((heard.count > 0) & (heard.segment == s))[0] for s in (heard.segment[0], segment))
    return int(heard.count[later] - heard.frames[later] - (heard.count[start] - heard.frames[start]))


def _matched(heard_s: NDArray[np.float64], true_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, int]:
    """Differences after the common offset that matches most, NaN where nothing matches; how many miss and repeat."""
    differences = heard_s[:, None] - true_s[None, :]
    offsets = differences.ravel()
    support = [int((np.abs(differences - offset) < MATCH_S).any(axis=0).sum()) for offset in offsets]
    left = np.full(len(true_s), np.nan)
    if support:
        near = np.abs(differences - offsets[int(np.argmax(support))]) < MATCH_S
        for shot in range(len(true_s)):
            pulses = np.flatnonzero(near[:, shot])
            if len(pulses):
                left[shot] = differences[pulses[0], shot]
    found = int(np.isfinite(left).sum())
    return left - np.nanmedian(left) if found else left, len(true_s) - found, len(heard_s) - found


def _unwrapped(counted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts that began anew, made to grow on; zeros are silence and stay."""
    grown = counted.copy()
    played = np.flatnonzero(counted > 0)
    grown[played] += COUNTED * np.concatenate([[0], np.cumsum(np.diff(counted[played]) < -COUNTED // 2)])
    return grown


class Listening:
    """The listening process, from when sound comes until it has written what it heard."""

    def __init__(self, sink: NullSink, result: Path, channels: int, *options: str) -> None:
        command = [sys.executable, "-m", "benchmarks.capture_run", DEVICE, str(channels), str(result), *options]
        root = Path(__file__).resolve().parents[1]
        environment = {**sink.environment, "PYTHONPATH": str(root)}
        self._said = (result.parent / "said").open("w+b")
        self._process = subprocess.Popen(
            command, env=environment, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )

    def __enter__(self) -> Listening:
        said = self.line()
        if said != "listening":
            self.__exit__()
            raise Mishap("capture", f"expected sound, found {said!r}")
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """The next thing that it says; waits for it."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        try:
            code = self._process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process.stdout.close()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace")[-1000:]
            self._said.close()
        if code != 0:
            raise Mishap("capture", said)
