"""A recording as a live source: its sound once, in its pace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from errors import CaptureError
from sensors.capture import ArrayCapture
from sensors.microphone import recorded as recorded_module
from sensors.microphone.recorded import RecordedSource
from sensors.microphone.source import Block, EndOfSound
from tests.sensors.microphone.audio_system import ramp
from wire.utc import NS_PER_S

START_NS = 1_800_000_000 * NS_PER_S


def capture(seconds: float = 1.0, rate_hz: float = 16_000.0, channels: int = 1) -> ArrayCapture:
    return ArrayCapture("S", ramp(0, round(seconds * rate_hz), channels), rate_hz, START_NS)


class Clock:
    """Stands in for the module ``time``: sleeps at once."""

    def __init__(self) -> None:
        self.now_ns = 77 * NS_PER_S
        self.slept: list[float] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ns += round(seconds * NS_PER_S)


def all_of(source: RecordedSource, timeout_s: float = 1.0) -> list[Block]:
    blocks: list[Block] = []
    while True:
        try:
            block = source.read(timeout_s)
        except EndOfSound:
            return blocks
        if block is not None:
            blocks.append(block)


@given(
    pace=st.sampled_from((0.0, 0.5, 1.0, 7.0, 1000.0)),
    timeout_s=st.sampled_from((0.003, 0.25)),
    channels=st.integers(1, 2),
)
def test_all_of_it_comes_once_when_due(
    pace: float, timeout_s: float, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    with monkeypatch.context() as patched:
        patched.setattr(recorded_module, "time", clock)
        recording = capture(1.0, channels=channels)
        source = RecordedSource(recording, pace)
        assert source.recorded is recording
        source.open()
        blocks = []
        while True:
            try:
                block = source.read(timeout_s)
            except EndOfSound:
                break
            if block is not None:
                blocks.append(block)
                due_s = block.stop / 16_000.0 / pace if pace else 0.0
                assert clock.now_ns - 77 * NS_PER_S == pytest.approx(due_s * NS_PER_S, abs=2)
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), recording.samples)
    assert [block.first for block in blocks] == [sum(len(b.samples) for b in blocks[:k]) for k in range(len(blocks))]
    assert all(wait <= timeout_s for wait in clock.slept)


def test_nothing_drifts_when_the_reader_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Due times count from the start: after a pause what was missed comes at once, and then the pace is the old one."""
    clock = Clock()
    monkeypatch.setattr(recorded_module, "time", clock)
    source = RecordedSource(capture(2.0), 1.0)
    source.open()
    for number in range(100):
        if number == 30:
            clock.now_ns += NS_PER_S // 2
        assert source.read(1.0) is not None
    assert clock.now_ns - 77 * NS_PER_S == 2 * NS_PER_S


def test_anchors_in_lifes_pace_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(recorded_module, "time", clock)
    for pace, wanted in ((1.0, True), (2.0, False), (0.0, False)):
        begin_ns = clock.now_ns
        source = RecordedSource(capture(1.0), pace)
        source.open()
        anchors = [anchor for block in all_of(source) for anchor in block.anchors]
        assert bool(anchors) == wanted
        for anchor in anchors:
            assert anchor.monotonic_ns - begin_ns == round(anchor.frame / 16_000.0 * NS_PER_S)


def test_opened_again_it_goes_on_where_it_was() -> None:
    source = RecordedSource(capture(1.0), 0.0)
    with pytest.raises(CaptureError, match="is not open"):
        source.read(0.0)
    source.open()
    first = source.read(0.0)
    source.close()
    source.open()
    rest = all_of(source)
    assert first is not None
    assert {block.segment for block in (first, *rest)} == {0}
    np.testing.assert_array_equal(np.concatenate([block.samples for block in (first, *rest)]), ramp(0, 16_000))
    with pytest.raises(EndOfSound):
        source.read(0.0)


def test_unpaced_blocks_are_large_and_paced_ones_small() -> None:
    for pace, length in ((0.0, 4800), (1.0, 320), (4.0, 1280), (500.0, 4800)):
        source = RecordedSource(capture(1.0), pace)
        source.open()
        block = source.read(10.0)
        assert block is not None
        assert len(block.samples) == length


def test_in_real_time() -> None:
    source = RecordedSource(capture(0.3), 1.0)
    source.open()
    start = time.monotonic()
    all_of(source)
    assert 0.3 <= time.monotonic() - start < 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Endless(ArrayCapture):
    """A capture that paces itself, and says so by not knowing its length."""

    @property
    def frames(self) -> int | None:  # type: ignore[override]
        return None

    def blocks(self, n: int) -> Iterator[NDArray[np.float32]]:
        for first in range(0, len(self.samples), n):
            yield self.samples[first : first + n]


def test_a_capture_that_paces_itself_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(recorded_module, "time", clock)
    source = RecordedSource(Endless("S", ramp(0, 16_000), 16_000.0, START_NS), 1.0)
    source.open()
    np.testing.assert_array_equal(np.concatenate([block.samples for block in all_of(source)]), ramp(0, 16_000))
    assert clock.slept == []
