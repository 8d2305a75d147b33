"""The ring loses nothing that it has room for, counts what it has not, and mixes nothing up."""

from __future__ import annotations

import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.microphone.ring import Buffer, Ring
from tests.sensors.microphone.audio_system import ramp


def put(ring: Ring, first: int, frames: int, channels: int) -> None:
    ring.put(ramp(first, frames, channels).tobytes(), frames, float(first), 0.5, False)


@given(
    capacity=st.integers(1, 200),
    channels=st.integers(1, 3),
    slots=st.integers(1, 12),
    acts=st.lists(st.integers(1, 90) | st.none(), max_size=60),
    most=st.integers(1, 200),
)
def test_everything_comes_out_once_in_order_or_is_counted(
    capacity: int, channels: int, slots: int, acts: list[int | None], most: int
) -> None:
    """Acts: a number puts so many frames, None takes."""
    ring = Ring(capacity, channels, slots)
    received = taken = 0
    for act in [*acts, *[None] * (slots + 1)]:
        if act is not None:
            put(ring, received, act, channels)
            received += act
            continue
        buffers, sound = ring.take(most)
        assert (sound is None) == (not buffers)
        if sound is None:
            continue
        assert sum(buffer.frames for buffer in buffers) == len(sound)
        assert len(sound) <= most or len(buffers) == 1
        at = 0
        for buffer in buffers:
            assert buffer.first == buffer.adc_s
            np.testing.assert_array_equal(sound[at : at + buffer.frames], ramp(buffer.first, buffer.frames, channels))
            at += buffer.frames
            taken += buffer.frames
    assert ring.received == received
    assert received == taken + ring.refused


def test_a_buffer_after_refused_ones_tells_how_many_are_missing() -> None:
    ring = Ring(100, 1, 10)
    put(ring, 0, 80, 1)
    put(ring, 80, 30, 1)  # no room
    ring.take(1000)
    put(ring, 110, 40, 1)
    (buffer,), _ = ring.take(1000)
    assert (buffer.first, buffer.frames, ring.refused) == (110, 40, 30)


def test_what_was_taken_is_the_takers_own() -> None:
    ring = Ring(64, 1, 4)
    put(ring, 0, 64, 1)
    _, sound = ring.take(64)
    put(ring, 64, 64, 1)
    assert sound is not None
    np.testing.assert_array_equal(sound, ramp(0, 64))


def test_clocks_are_read_at_the_call() -> None:
    ring = Ring(64, 1, 4)
    before = time.monotonic_ns(), time.time_ns()
    put(ring, 0, 8, 1)
    after = time.monotonic_ns(), time.time_ns()
    (buffer,), _ = ring.take(64)
    assert isinstance(buffer, Buffer)
    assert before[0] <= buffer.monotonic_ns <= after[0]
    assert before[1] - 1_000_000_000 <= buffer.realtime_ns <= after[1] + 1_000_000_000  # it may be set meanwhile


def test_two_threads() -> None:
    """A producer as fast as it can, of buffers of all lengths, and a consumer that dawdles now and then."""
    ring = Ring(5_000, 2, 40)
    lengths = np.random.default_rng(3).integers(1, 700, 4_000).tolist()
    done = threading.Event()

    def produce() -> None:
        first = 0
        for frames in lengths:
            put(ring, first, frames, 2)
            first += frames
        done.set()

    thread = threading.Thread(target=produce)
    thread.start()
    taken = 0
    expected = 0
    while True:
        last = done.is_set()
        buffers, sound = ring.take(3_000)
        if sound is None:
            if last:
                break
            continue
        at = 0
        for buffer in buffers:
            assert buffer.first >= expected
            np.testing.assert_array_equal(sound[at : at + buffer.frames], ramp(buffer.first, buffer.frames, 2))
            expected = buffer.first + buffer.frames
            at += buffer.frames
        taken += at
    thread.join()
    assert taken > 0
    assert taken + ring.refused == sum(lengths) == ring.received
