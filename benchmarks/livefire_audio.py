"""The live-fire tests as benchmarks open them: with the publisher's pulses, or with the pulses that we hear."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain

from benchmarks.livefire_truth import tests_by_position
from sensors.listen import listen
from sensors.recording_set import RecordingSet
from sensors.recordings import open_recordings
from wire.messages import Pulse


@cache
def recorded(position: str, *, published: bool) -> Mapping[str, RecordingSet]:
    """Tests of a firing position by name, all of them opened together; ``published`` as ``tocsin locate --pulses``."""
    folders = tests_by_position()[position]
    return {test.name: test for test in open_recordings(folders[0].parent, published=published)}


@cache
def heard(position: str) -> Mapping[str, tuple[Pulse, ...]]:
    """Pulses of our detector in the audio of each test, sensor by sensor; by the name of the test."""
    tests = recorded(position, published=False)
    return {name: tuple(chain.from_iterable(listen(c) for c in test.captures)) for name, test in tests.items()}
