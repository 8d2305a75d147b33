"""A microphone as far as a machine without one can have it: PipeWire, ALSA, PortAudio, a process that listens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import null_sink
from benchmarks.captured_shots import Heard, Listening, Played, capture, compare, shots
from benchmarks.null_sink import QUANTUM, RATE_HZ, NullSink

SPREAD_S = 50e-6
STOP_S = 0.4
TRIES = 2

BEFORE_S = (0.8, 1.313_37, 1.911_71, 2.404_93)
AFTER_S = (4.2, 4.708_11, 5.291_67, 5.850_02)


@pytest.fixture(scope="module")
def sink() -> Iterator[NullSink]:
    reason = null_sink.absent()
    if reason is not None:
        pytest.skip(reason)
    with NullSink() as made:
        yield made


def test_every_shot_is_one_pulse_at_its_time_though_the_process_was_stopped(sink: NullSink, tmp_path: Path) -> None:
    """Amid the quiet stretch the process does not run for 0.4 s: what is lost is found, filled in to the frame, marked,
    and the shots after it are stamped like those before."""
    played = shots(tmp_path, BEFORE_S + AFTER_S)
    heard = _whole(sink, played)

    # A busy machine may lose some more; the stop is the longest.
    longest = int(np.argmax(heard.lost[:, 2] - heard.lost[:, 1]))
    segment, first, stop = heard.lost[longest].tolist()
    assert segment == 0
    assert np.unique(heard.ahead).size == 1  # every frame that was played is at its number
    assert (stop - first) % QUANTUM == 0
    assert STOP_S - 0.05 < (stop - first) / RATE_HZ < STOP_S + 0.5
    assert not heard.count[(heard.frames >= first) & (heard.frames < stop)].any()
    assert any(a <= first - QUANTUM and b >= stop + QUANTUM for _, a, b in heard.untrusted.tolist())

    outcome = compare(heard, played)
    assert (outcome.missing, outcome.repeated) == (0, 0)
    assert np.std(outcome.by_frame_s) <= SPREAD_S
    assert np.std(outcome.by_stamp_s) <= SPREAD_S
    assert np.abs(outcome.by_stamp_s).max() <= 2.0 * SPREAD_S


def _whole(sink: NullSink, played: Played) -> Heard:
    """What was heard of all that was to be played: a player that is not run in time leaves out sound."""
    for _ in range(TRIES):
        heard = capture(sink, played, [(BEFORE_S[-1] + 0.7, STOP_S)])
        if heard.left_out == 0:
            return heard
    pytest.skip("the player was not run in time and left out sound: this machine is too busy")


def test_a_sound_server_that_dies_is_told_and_found_again(sink: NullSink, tmp_path: Path) -> None:
    """What happens to the node when the microphone is unplugged, as nearly as can be had."""
    with Listening(sink, tmp_path / "heard.npz", 1, "--sound-only") as listening:
        sink.stop()
        assert (
            listening.line()
            == f"microphone '{null_sink.DEVICE}': stopped giving sound: unplugged, or taken by the system"
        )
        sink.start()
        assert listening.line() == "listening again, segment 1"
    with np.load(tmp_path / "heard.npz") as found:
        assert found["frames"] > 0
