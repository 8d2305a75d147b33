"""The short memory of sound, against a dictionary that never forgets by itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.clips.memory import LONGEST_S, SoundMemory
from sensors.microphone.source import Block

RATE_HZ, SECONDS = 100.0, 0.5
ROOM = 50


def sound(segment: int, first: int, n: int, channels: int = 2) -> NDArray[np.float32]:
    """Samples that say where they are from."""
    rows = 1000.0 * segment + np.arange(first, first + n)[:, None] + 0.25 * np.arange(channels)
    return rows.astype(np.float32)


def block(segment: int, first: int, n: int) -> Block:
    return Block(sound(segment, first, n), segment, first)


@st.composite
def streams(draw: st.DrawFn) -> list[Block]:
    """Blocks in order: mostly the next, at times a new segment, a jump ahead, or longer than the memory."""
    blocks: list[Block] = []
    segment = first = 0
    for _ in range(draw(st.integers(1, 12))):
        match draw(st.sampled_from(["next", "next", "next", "segment", "jump"])):
            case "segment":
                segment, first = segment + 1, draw(st.integers(0, 3))
            case "jump":
                first += draw(st.integers(1, 70))
        n = draw(st.integers(0, 30) | st.integers(40, 130))
        blocks.append(block(segment, first, n))
        first += n
    return blocks


@given(streams(), st.data())
def test_what_is_remembered_is_read_and_nothing_else(blocks: list[Block], data: st.DataObject) -> None:
    memory = SoundMemory(RATE_HZ, 2, SECONDS)
    rows: list[tuple[int, int]] = []
    for b in blocks:
        memory.append(b)
        rows += [(b.segment, frame) for frame in range(b.first, b.stop)]
    remembered = set(rows[-ROOM:])
    for _ in range(12):
        segment = data.draw(st.integers(-1, blocks[-1].segment + 1))
        first = data.draw(st.integers(0, blocks[-1].stop + 3))
        stop = first + data.draw(st.integers(1, 60))
        wanted = [(segment, frame) for frame in range(first, stop)]
        whole = all(row in remembered for row in wanted) and _together(rows[-ROOM:], wanted)
        found = memory.read(segment, first, stop)
        if whole:
            assert found is not None
            np.testing.assert_array_equal(found, sound(segment, first, stop - first))
        else:
            assert found is None


def _together(rows: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> bool:
    at = rows.index(wanted[0])
    return rows[at : at + len(wanted)] == wanted


def test_a_new_segment_discards_the_old_only_as_it_overwrites() -> None:
    memory = SoundMemory(RATE_HZ, 2, SECONDS)
    memory.append(block(0, 0, 50))
    memory.append(block(1, 0, 20))
    found = memory.read(0, 20, 50)
    assert found is not None
    np.testing.assert_array_equal(found, sound(0, 20, 30))
    assert memory.read(0, 19, 50) is None
    memory.append(block(1, 20, 30))
    assert memory.read(0, 49, 50) is None
    assert memory.read(1, 0, 50) is not None
    assert memory.read(1, 0, 51) is None


def test_a_segment_that_begins_again_replaces_what_was_known_of_it() -> None:
    memory = SoundMemory(RATE_HZ, 2, SECONDS)
    memory.append(block(0, 0, 20))
    memory.append(Block(sound(7, 0, 10), 0, 0))
    found = memory.read(0, 0, 10)
    assert found is not None
    np.testing.assert_array_equal(found, sound(7, 0, 10))
    assert memory.read(0, 0, 20) is None


def test_what_is_read_is_a_copy() -> None:
    memory = SoundMemory(RATE_HZ, 2, SECONDS)
    memory.append(block(0, 0, 10))
    found = memory.read(0, 0, 10)
    assert found is not None
    found[:] = 0.0
    again = memory.read(0, 0, 10)
    assert again is not None
    np.testing.assert_array_equal(again, sound(0, 0, 10))


def test_nothing_is_allocated_later_and_no_more_than_asked() -> None:
    memory = SoundMemory(48_000.0, 1, 30.0)
    assert memory.frames == 1_440_000


def test_another_thread_reads_whole_stretches_or_none() -> None:
    """Every stretch that is read while the other thread overwrites holds the frames asked for, in order."""
    memory = SoundMemory(10_000.0, 1, 0.2)
    done = threading.Event()
    wrong: list[int] = []
    reads = 0

    def write() -> None:
        for first in range(0, 400_000, 170):
            rows = np.arange(first, first + 170, dtype=np.float32)[:, None]
            memory.append(Block(rows, 0, first))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    newest = 0
    while not done.is_set() or reads < 10:
        found = memory.read(0, newest, newest + 900)
        if found is None:
            newest = newest + 170 if not done.is_set() else 398_500
            continue
        reads += 1
        if not np.array_equal(found[:, 0], np.arange(newest, newest + 900, dtype=np.float32)):
            wrong.append(newest)
        newest = (newest + 100) % 398_500
    thread.join()
    assert not wrong
    assert reads >= 10


@pytest.mark.parametrize(
    ("rate_hz", "channels", "seconds", "what"),
    [
        (0.0, 1, 1.0, "rate_hz"),
        (np.inf, 1, 1.0, "rate_hz"),
        (48_000.0, 0, 1.0, "channels"),
        (48_000.0, 1, 0.0, "seconds"),
        (48_000.0, 1, LONGEST_S + 1.0, "seconds"),
        (48_000.0, 1, np.nan, "seconds"),
    ],
)
def test_sizes_out_of_range_are_refused(rate_hz: float, channels: int, seconds: float, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        SoundMemory(rate_hz, channels, seconds)


def test_sound_of_another_shape_is_refused() -> None:
    memory = SoundMemory(RATE_HZ, 2, SECONDS)
    with pytest.raises(ValueError, match=r"expected shape \(n, 2\), got \(5, 1\)"):
        memory.append(Block(np.zeros((5, 1), np.float32), 0, 0))
    with pytest.raises(ValueError, match="stop: expected at least 5"):
        memory.read(0, 5, 4)
