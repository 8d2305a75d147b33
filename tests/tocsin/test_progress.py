"""Progress passes work on unchanged, and moves only forwards."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress as RichProgress

from sensors.capture import ArrayCapture
from sensors.recording_set import RecordingSet
from tocsin.progress import ProgressBar, SilentProgress, progress_on_stderr
from wire.messages import Pulse

START_NS = 1_700_000_000 * 10**9
CAPTURE = ArrayCapture("a", np.zeros(80_000, dtype=np.float32), 8_000.0, START_NS)
TESTS = [RecordingSet(f"test_{k}", None, Path(), (CAPTURE, CAPTURE), (), None) for k in range(3)]
PULSES = [Pulse(sensor="a", arrival_ns=START_NS + s * 10**9, sigma_s=1e-3, sequence=s) for s in (1, 4, 9)]


def test_everything_passes_and_nothing_goes_back() -> None:
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        task = rich.add_task("", total=None)
        bar = ProgressBar(rich, task)
        seen: list[float] = []
        for test in bar.over(TESTS):
            for capture in test.captures:
                assert [*bar.within(capture, PULSES)] == PULSES
                seen.append(rich.tasks[0].completed)
        assert seen == [1, 2, 3, 4, 5, 6]
        assert rich.tasks[0].total == 6


def test_halfway_through_a_recording_is_half_a_recording() -> None:
    with RichProgress(console=Console(file=io.StringIO())) as rich:
        bar = ProgressBar(rich, rich.add_task("", total=1))
        shares = [rich.tasks[0].completed for _ in bar.within(CAPTURE, PULSES)]
        assert shares == pytest.approx([0.1, 0.4, 0.9])


def test_no_terminal_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_on_stderr() as progress:
        assert isinstance(progress, SilentProgress)
        assert [*progress.over(TESTS)] == TESTS
        assert [*progress.within(CAPTURE, PULSES)] == PULSES
    assert capsys.readouterr().err == ""
