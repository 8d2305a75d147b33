"""Raw sound: every format, any cut into reads, and what is wrong with it."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from errors import CaptureError, RecordingError
from sensors.microphone.pcm import PcmSource, SampleFormat
from sensors.microphone.source import Block, EndOfSound

BYTES: dict[SampleFormat, int] = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}


def encoded(values: list[int], sample_format: SampleFormat) -> bytes:
    """Whole numbers as samples; those of f32 are hundredths."""
    if sample_format == "f32":
        return np.array(values, "<f4").__truediv__(np.float32(100.0)).astype("<f4").tobytes()
    return b"".join(value.to_bytes(BYTES[sample_format], "little", signed=True) for value in values)


def decoded(values: list[int], sample_format: SampleFormat, channels: int) -> NDArray[np.float32]:
    """The same by definition: full scale is -1..1."""
    scale = 100.0 if sample_format == "f32" else 2.0 ** (8 * BYTES[sample_format] - 1)
    return (np.array(values, np.float64) / scale).astype(np.float32).reshape(-1, channels)


def all_of(source: PcmSource) -> list[Block]:
    blocks: list[Block] = []
    while True:
        try:
            block = source.read(5.0)
        except EndOfSound:
            return blocks
        if block is not None:
            blocks.append(block)


@contextmanager
def pipe(pieces: list[bytes], hold: threading.Event | None = None) -> Iterator[BinaryIO]:
    """The reading end of a pipe into which the pieces are written one by one, by another thread."""
    reading, writing = os.pipe()

    def write() -> None:
        for piece in pieces:
            os.write(writing, piece)
            time.sleep(0)
        if hold is not None:
            hold.wait(10.0)
        os.close(writing)

    thread = threading.Thread(target=write)
    with os.fdopen(reading, "rb") as stream:
        thread.start()
        yield stream
        if hold is not None:
            hold.set()
        thread.join()


@given(
    sample_format=st.sampled_from(("s16", "s24", "s32", "f32")),
    channels=st.integers(1, 3),
    values=st.lists(st.integers(-(2**15), 2**15 - 1), max_size=200),
    cuts=st.lists(st.integers(0, 2400), max_size=6),
    in_memory=st.booleans(),
)
def test_any_cut_into_reads_gives_the_same_sound(
    sample_format: SampleFormat, channels: int, values: list[int], cuts: list[int], in_memory: bool
) -> None:
    values = values[: len(values) // channels * channels]
    if sample_format in ("s24", "s32"):
        values = [value << (8 * BYTES[sample_format] - 16) for value in values]
    raw = encoded(values, sample_format)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in pairwise(edges)]
    if in_memory:
        source = PcmSource(io.BytesIO(raw), 48_000.0, channels, sample_format)
        source.open()
        blocks = all_of(source)
    else:
        with pipe(pieces) as stream:
            source = PcmSource(stream, 48_000.0, channels, sample_format)
            source.open()
            blocks = all_of(source)
    assert [block.first for block in blocks] == [sum(len(b.samples) for b in blocks[:k]) for k in range(len(blocks))]
    got = np.concatenate([block.samples for block in blocks]) if blocks else np.zeros((0, channels), np.float32)
    np.testing.assert_array_equal(got, decoded(values, sample_format, channels))


def test_full_scale() -> None:
    for sample_format in ("s16", "s24", "s32"):
        top = 2 ** (8 * BYTES[sample_format] - 1)
        source = PcmSource(io.BytesIO(encoded([-top, top - 1], sample_format)), 48_000.0, 1, sample_format)
        source.open()
        (block,) = all_of(source)
        assert block.samples[0, 0] == -1.0
        assert block.samples[1, 0] == pytest.approx(1.0, abs=4e-5)
        assert block.samples[1, 0] <= 1.0


def test_the_end_within_a_frame_is_told(caplog: pytest.LogCaptureFixture) -> None:
    source = PcmSource(io.BytesIO(bytes(4 * 10 + 3)), 48_000.0, 2, "s16", name="the radio")
    source.open()
    with caplog.at_level(logging.WARNING):
        blocks = all_of(source)
    assert sum(len(block.samples) for block in blocks) == 10
    assert [record.getMessage() for record in caplog.records] == [
        "the radio: ended within a frame: expected 4 bytes, found 3"
    ]
    with pytest.raises(EndOfSound):
        source.read(0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused_with_its_place(bad: float) -> None:
    samples = np.zeros((60_000, 2), "<f4")
    samples[54_321, 1] = bad
    source = PcmSource(io.BytesIO(samples.tobytes()), 48_000.0, 2, "f32")
    source.open()
    with pytest.raises(RecordingError, match=r"^standard input: sample 54321 of channel 1: expected a finite number"):
        all_of(source)


def test_a_silent_writer_gives_nothing_in_time() -> None:
    hold = threading.Event()
    with pipe([bytes(2 * 480)], hold) as stream:
        source = PcmSource(stream, 48_000.0, 1, "s16")
        source.open()
        got = 0
        while got < 480:
            block = source.read(5.0)
            assert block is not None
            got += len(block.samples)
        start = time.monotonic()
        assert source.read(0.05) is None
        assert 0.04 < time.monotonic() - start < 2.0
        hold.set()
        assert all_of(source) == []


def test_anchors_are_times_of_arrival() -> None:
    hold = threading.Event()
    before_ns = time.monotonic_ns()
    with pipe([bytes(2 * 4800)], hold) as stream:
        source = PcmSource(stream, 48_000.0, 1, "s16")
        source.open()
        block = source.read(5.0)
        after_ns = time.monotonic_ns()
        assert block is not None
        (anchor,) = block.anchors
        assert anchor.frame == block.stop - 1
        assert before_ns - 21_000 <= anchor.monotonic_ns <= after_ns


def test_opened_again_it_reads_on_in_a_new_segment() -> None:
    source = PcmSource(io.BytesIO(encoded(list(range(48_000)), "s32")), 48_000.0, 1, "s32")
    with pytest.raises(CaptureError, match="is not open"):
        source.read(0.0)
    source.open()
    first = source.read(0.0)
    source.close()
    source.open()
    second = source.read(0.0)
    assert first is not None
    assert second is not None
    assert (first.segment, first.first, second.segment, second.first) == (0, 0, 1, 0)
    assert second.samples[0, 0] == np.float32(len(first.samples) / 2.0**31)


@pytest.mark.real_time
def test_hours_go_through_in_a_second() -> None:
    """A week in accelerated replay goes through here: a thousand times as fast as in life at least."""
    seconds = 1200
    reading, writing = os.pipe()

    def write() -> None:
        piece = bytes(2 * 48_000)
        with os.fdopen(writing, "wb") as stream:
            for _ in range(seconds):
                stream.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as stream:
        source = PcmSource(stream, 48_000.0, 1, "s16")
        source.open()
        start = time.thread_time()
        frames = sum(len(block.samples) for block in all_of(source))
        spent_s = time.thread_time() - start
    thread.join()
    assert frames == seconds * 48_000
    assert spent_s < seconds / 1000.0
