"""How far long work has come: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from sensors.capture import Capture, end_ns
from sensors.recording_set import RecordingSet
from wire.messages import Pulse

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress(Protocol):
    """Told about work as it is done; passes everything on unchanged."""

    def over(self, tests: Sequence[RecordingSet]) -> Iterator[RecordingSet]:
        """Each test in turn."""
        ...

    def within(self, capture: Capture, pulses: Iterable[Pulse]) -> Iterator[Pulse]:
        """Each pulse of a recording, as it is heard."""
        ...


class SilentProgress:
    """For pipes, logs and tests."""

    def over(self, tests: Sequence[RecordingSet]) -> Iterator[RecordingSet]:
        yield from tests

    def within(self, capture: Capture, pulses: Iterable[Pulse]) -> Iterator[Pulse]:
        yield from pulses


class ProgressBar:
    """One bar over all tests; a recording advances it with the time of its pulses, for hours take a while."""

    def __init__(self, progress: RichProgress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def over(self, tests: Sequence[RecordingSet]) -> Iterator[RecordingSet]:
        self._progress.update(self._task, total=sum(max(len(test.captures), 1) for test in tests), visible=True)
        done = 0
        for test in tests:
            self._progress.update(self._task, description=test.name)
            yield test
            done += max(len(test.captures), 1)
            self._progress.update(self._task, completed=done)

    def within(self, capture: Capture, pulses: Iterable[Pulse]) -> Iterator[Pulse]:
        end = end_ns(capture)
        begun = self._progress.tasks[self._task].completed
        for pulse in pulses:
            if end is not None and end > capture.start_ns:
                share = (pulse.arrival_ns - capture.start_ns) / (end - capture.start_ns)
                self._progress.update(self._task, completed=begun + min(max(share, 0.0), 1.0))
            yield pulse
        self._progress.update(self._task, completed=begun + 1)


@contextmanager
def progress_on_stderr() -> Iterator[Progress]:
    """A bar on stderr when that is a terminal, else silence; gone when the work is done."""
    if not sys.stderr.isatty():
        yield SilentProgress()
        return
    from rich.console import Console  # noqa: PLC0415  only people at a terminal wait for it
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield ProgressBar(progress, progress.add_task("", total=None, visible=False))


@contextmanager
def share_on_stderr(name: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr that is told the share done, 0..1, when that is a terminal, else silence; gone in the end."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda share: progress.update(task, completed=share)
