"""Blocks from a ring: every sample at its frame number, zeros where samples were lost, anchors by CLOCK_MONOTONIC."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.microphone import ring as ring_module
from sensors.microphone.assembly import Assembly
from sensors.microphone.ring import Ring
from sensors.microphone.source import Block
from tests.sensors.microphone.audio_system import AudioSystem, ramp
from wire.utc import NS_PER_S

UTC_NS = 1_800_000_000 * NS_PER_S


class Clocks:
    """Stands in for the module ``time`` in the callback: what both clocks show there.

    of : which clock the audio system's times are of, "monotonic", "realtime" or "own" (an hour ahead of monotonic).
    steps : seconds by which CLOCK_REALTIME is set before the buffer of a number.
    """

    def __init__(self, of: str = "monotonic", steps: dict[int, float] | None = None) -> None:
        self.of = of
        self.steps = steps or {}
        self.realtime_ahead_ns = UTC_NS
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        return self.now_ns + self.realtime_ahead_ns

    def told_s(self, monotonic_ns: int) -> float:
        """A moment by the audio system's clock."""
        ahead_ns = {"monotonic": 0, "realtime": self.realtime_ahead_ns, "own": 3600 * NS_PER_S}[self.of]
        return (monotonic_ns + ahead_ns) / NS_PER_S


def heard(
    system: AudioSystem,
    n: int,
    monkeypatch: pytest.MonkeyPatch,
    clocks: Clocks | None = None,
    takes: Sequence[int] = (1,),
    skipped: frozenset[int] = frozenset(),
    channels: int = 1,
) -> list[Block]:
    """All blocks of ``n`` buffers; the reader comes after so many buffers each time, over and over."""
    clocks = clocks or Clocks()
    ring = Ring(1_000_000, channels, 4096)
    assembly = Assembly(ring, system.rate_hz, system.period, 3)
    blocks: list[Block] = []

    def read() -> None:
        while (block := assembly.next_block()) is not None:
            blocks.append(block)

    with monkeypatch.context() as patched:
        patched.setattr(ring_module, "time", clocks)
        left, turn = takes[0], 0
        for number, look in enumerate(system.looks(n)):
            clocks.realtime_ahead_ns += round(clocks.steps.get(number, 0.0) * NS_PER_S)
            clocks.now_ns = look.heard_ns + 50_000  # a call comes a little after the system has looked at its clock
            sound = ramp(system.true_frame(number), system.period, channels).tobytes()
            adc_s, current_s = clocks.told_s(look.adc_ns), clocks.told_s(look.heard_ns)
            if number in skipped:
                ring._received += system.period
            else:
                ring.put(sound, system.period, adc_s, current_s, look.overflow)
            left -= 1
            if left == 0:
                read()
                turn += 1
                left = takes[turn % len(takes)]
        read()
        assembly.flush()
        read()
    return blocks


def whole(blocks: Sequence[Block]) -> np.ndarray[Any, Any]:
    """The sound of one segment, after checking that it has no holes."""
    for before, after in pairwise(blocks):
        assert after.first == before.stop
        assert after.segment == before.segment
    return np.concatenate([block.samples for block in blocks])


@given(
    lost=st.dictionaries(st.integers(40, 180), st.integers(8, 40_000), max_size=3),
    takes=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    channels=st.integers(1, 2),
)
def test_every_sample_is_at_its_frame_number(
    lost: dict[int, int], takes: list[int], channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = {at - at % 10: n for at, n in lost.items()}
    system = AudioSystem(losses=apart)
    blocks = heard(system, 200, monkeypatch, takes=takes, channels=channels)
    sound = whole(blocks)
    expected = ramp(0, len(sound), channels)
    for at, n in apart.items():
        first = system.true_frame(at) - n
        expected[first : first + n] = 0.0
    np.testing.assert_array_equal(sound, expected)
    assert {stretch for block in blocks for stretch in block.lost} == {
        (system.true_frame(at) - n, system.true_frame(at)) for at, n in apart.items()
    }
    assert all(first <= block.first < stop or block.first <= first for block in blocks for first, stop in block.lost)


def test_anchors_tell_when_their_frames_were_digitised(monkeypatch: pytest.MonkeyPatch) -> None:
    system = AudioSystem(losses={60: 7_000})
    for of in ("monotonic", "realtime"):
        blocks = heard(system, 100, monkeypatch, Clocks(of), takes=(3,))
        anchors = [anchor for block in blocks for anchor in block.anchors]
        assert len(anchors) == 100
        for anchor in anchors:
            assert abs(anchor.monotonic_ns - system.true_ns(anchor.frame)) <= 300  # a double of UTC has 0.24 us
        assert all(block.first <= anchor.frame < block.stop for block in blocks for anchor in block.anchors)


def test_anchors_by_a_clock_that_nobody_knows_are_late_by_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    system = AudioSystem()
    blocks = heard(system, 50, monkeypatch, Clocks("own"))
    for anchor in (anchor for block in blocks for anchor in block.anchors):
        assert anchor.monotonic_ns - system.true_ns(anchor.frame) == pytest.approx(50_000, abs=300)


@given(
    steps=st.dictionaries(st.integers(30, 120), st.floats(-4000.0, 4000.0), max_size=4),
    lost=st.dictionaries(st.integers(3, 11).map(lambda k: 10 * k), st.integers(8, 20_000), max_size=2),
)
def test_setting_the_clock_is_neither_a_loss_nor_hides_one(
    steps: dict[int, float], lost: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = AudioSystem(losses=lost)
    blocks = heard(system, 140, monkeypatch, Clocks("realtime", steps), takes=(2,))
    sound = whole(blocks)
    kept = sound[:, 0] != 0.0
    np.testing.assert_array_equal(sound[kept, 0], np.flatnonzero(kept).astype(np.float32))
    assert sum(stop - first for block in blocks for first, stop in block.lost) == sum(lost.values())


def test_a_clock_set_amid_a_call_costs_one_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audio system looked before the step, the callback after it."""

    class Amid(Clocks):
        def told_s(self, monotonic_ns: int) -> float:
            amid = monotonic_ns // 1_000_000 == at_ns // 1_000_000 or monotonic_ns // 1_000_000 == adc_ns // 1_000_000
            return super().told_s(monotonic_ns) - (7.0 if amid else 0.0)

    system = AudioSystem()
    look = system.looks(61)[60]
    at_ns, adc_ns = look.heard_ns, look.adc_ns
    blocks = heard(system, 100, monkeypatch, Amid("realtime"))
    np.testing.assert_array_equal(whole(blocks), ramp(0, 100 * 1024))
    anchors = [anchor for block in blocks for anchor in block.anchors]
    assert all(abs(anchor.monotonic_ns - system.true_ns(anchor.frame)) <= 300 for anchor in anchors)
    assert len(anchors) in (98, 99)  # the buffer before it was told the wrong time at its end, which is its own


def test_what_found_no_room_in_the_ring_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = heard(AudioSystem(), 80, monkeypatch, skipped=frozenset(range(40, 45)))
    sound = whole(blocks)
    expected = ramp(0, 80 * 1024)
    expected[40 * 1024 : 45 * 1024] = 0.0
    np.testing.assert_array_equal(sound, expected)
    assert [stretch for block in blocks for stretch in block.lost] == [(40 * 1024, 45 * 1024)]


def test_a_long_gap_begins_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    system = AudioSystem(losses={60: 96_000})
    blocks = heard(system, 100, monkeypatch, takes=(40, 60))
    first, second = ([b for b in blocks if b.segment == segment] for segment in (3, 4))
    np.testing.assert_array_equal(whole(first), ramp(0, 60 * 1024))
    np.testing.assert_array_equal(whole(second), ramp(60 * 1024 + 96_000, 40 * 1024))
    assert second[0].first == 0
    assert not any(block.lost for block in blocks)


def test_a_reader_that_was_held_up_gets_bounded_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = heard(AudioSystem(), 400, monkeypatch, takes=(400,))
    np.testing.assert_array_equal(whole(blocks), ramp(0, 400 * 1024))
    assert max(len(block.samples) for block in blocks) <= 24_000
