"""Losses are found, filled and marked; lateness is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.microphone.gaps import AGREEING, LONGEST_FILL_S, LONGEST_HOLD_NS, GapFinder, Look
from tests.sensors.microphone.audio_system import AudioSystem, placed
from wire.utc import NS_PER_S

LEARNT = 40
"""Buffers after which times are known to be clean."""

FEWEST = 8
"""Frames: what is lost must be more than counters round and clocks scatter."""


@st.composite
def losses(draw: st.DrawFn, longest: int = 47_000) -> dict[int, int]:
    """Losses of up to just less than a second, far enough apart to be told from one another."""
    found: dict[int, int] = {}
    at = LEARNT
    for _ in range(draw(st.integers(0, 5))):
        at += draw(st.integers(AGREEING + 1, 60))
        found[at] = draw(st.integers(FEWEST, longest))
    return found


@given(losses=losses(), rate_ppm=st.floats(-20.0, 20.0), rate_hz=st.sampled_from((16_000.0, 44_100.0, 48_000.0)))
def test_with_clean_times_frame_numbers_follow_true_time(
    losses: dict[int, int], rate_ppm: float, rate_hz: float
) -> None:
    """The law: whatever is lost, frame n is the n-th since the start.  An unknown rate of 20 ppm is a frame in the
    longest gap, so such gaps are short here."""
    short = {at: min(n, 10_000) for at, n in losses.items()} if rate_ppm else losses
    short = {at: min(n, int(0.9 * rate_hz)) for at, n in short.items()}
    system = AudioSystem(rate_hz=rate_hz, losses=short, rate_ppm=rate_ppm)
    looks = system.looks(LEARNT + 400)
    found = placed(system.finder(), looks)
    assert [one.look for one in found] == looks
    assert [one.first for one in found] == [system.true_frame(number) for number in range(len(looks))]
    assert {number: one.missing for number, one in enumerate(found) if one.missing} == short


@given(losses=losses(), seed=st.integers(0, 2**32 - 1))
def test_rounding_of_times_to_a_frame_costs_no_frame_when_whole_periods_are_lost(
    losses: dict[int, int], seed: int
) -> None:
    """As PipeWire behind ALSA tells its times: within half a frame, either side."""
    whole = {at: -(-n // 1024) * 1024 for at, n in losses.items() if n < 46_000}
    scatter = np.random.default_rng(seed).uniform(-0.5, 0.5, LEARNT + 400) / 48_000.0
    system = AudioSystem(losses=whole, late_s=scatter.tolist())
    found = placed(system.finder(), system.looks(LEARNT + 400))
    assert {number: one.missing for number, one in enumerate(found) if one.missing} == whole


@given(
    late_s=st.lists(st.floats(0.0, 0.064) | st.just(0.0), min_size=200, max_size=300),
    seed=st.integers(0, 2**32 - 1),
)
def test_times_late_now_and_then_are_no_loss(late_s: list[float], seed: int) -> None:
    """Up to three periods late, at most three in a row, at any moment."""
    rng = np.random.default_rng(seed)
    told = [0.0] * LEARNT
    for value in late_s:
        told.append(0.0 if len(told) % AGREEING == 0 or rng.random() < 0.5 else value)
    system = AudioSystem(late_s=told)
    found = placed(system.finder(), system.looks(len(told)))
    assert [one.first for one in found] == [system.true_frame(number) for number in range(len(told))]
    assert not any(one.missing or one.fresh for one in found[1:])


@given(hold_s=st.floats(0.03, 3.0))
def test_a_backlog_that_is_worked_off_is_no_loss(hold_s: float) -> None:
    """A process that was stopped, on a system whose times are those of the call: the first buffer after it is late by
    all of it, the next by a period less, and so on."""
    backlog = [max(0.0, hold_s - k * 1024 / 48_000.0) for k in range(200)]
    system = AudioSystem(late_s=[0.0] * LEARNT + backlog)
    found = placed(system.finder(), system.looks(LEARNT + 200))
    assert [one.first for one in found] == [system.true_frame(number) for number in range(LEARNT + 200)]
    assert not any(one.fresh for one in found[1:])
    late = [one for one, s in zip(found[LEARNT:], backlog, strict=True) if s > 0.002]
    assert not any(one.timely for one in late)


@given(seed=st.integers(0, 2**32 - 1), lost_s=st.floats(0.2, 0.9))
def test_a_loss_among_times_that_scatter_by_milliseconds_is_found_to_their_scatter(seed: int, lost_s: float) -> None:
    late = np.random.default_rng(seed).exponential(0.002, 600).clip(0.0, 0.02)
    lost = round(lost_s * 48_000)
    system = AudioSystem(losses={300: lost}, late_s=late.tolist())
    found = placed(system.finder(), system.looks(600))
    assert not any(one.fresh for one in found[1:])
    assert found[299].first == system.true_frame(299)
    assert abs(found[-1].first - system.true_frame(599)) < 0.005 * 48_000


def test_a_loss_is_marked_with_the_buffers_beside_it() -> None:
    system = AudioSystem(losses={50: 5_000})
    found = placed(system.finder(), system.looks(80))
    gap = found[50]
    first = 50 * 1024
    assert (gap.first - gap.missing, gap.first) == (first, first + 5_000)
    assert gap.untrusted == (first - 1024, first + 5_000 + 1024)
    assert all(one.untrusted is None for number, one in enumerate(found) if number != 50)


def test_nothing_waits_without_suspicion_and_a_loss_waits_for_four_buffers() -> None:
    system = AudioSystem(losses={50: 5_000})
    finder = system.finder()
    let_go = [len(finder.step(look)) for look in system.looks(60)]
    assert let_go == [1] * 50 + [0] * (AGREEING - 1) + [AGREEING] + [1] * (60 - 50 - AGREEING)


def test_a_loss_that_the_audio_system_tells_waits_for_two() -> None:
    system = AudioSystem(losses={50: 5_000}, overflows=frozenset((50,)))
    finder = system.finder()
    let_go = [len(finder.step(look)) for look in system.looks(60)]
    assert let_go == [1] * 50 + [0, 2] + [1] * 8


def test_an_overflow_without_a_jump_is_marked() -> None:
    system = AudioSystem(overflows=frozenset((50,)))
    found = placed(system.finder(), system.looks(60))
    assert [one.first for one in found] == [1024 * number for number in range(60)]
    assert found[50].untrusted == (50 * 1024, 51 * 1024)


def test_no_buffer_is_held_longer_than_is_allowed() -> None:
    """Times that jump about, and never agree nor come back: let go, marked, and watched on."""
    rng = np.random.default_rng(5)
    system = AudioSystem(late_s=[0.0] * 100 + rng.uniform(0.01, 0.06, 40).tolist() + [0.0] * 60)
    finder = system.finder()
    came_ns: dict[int, int] = {}
    longest_ns = marked = 0
    for look in system.looks(200):
        came_ns[look.first] = look.heard_ns
        for one in finder.step(look):
            longest_ns = max(longest_ns, look.heard_ns - came_ns[one.look.first])
            marked += one.untrusted is not None
    next_ns = round((1024 / 48_000.0 + 0.05) * NS_PER_S)  # waiting ends when another buffer comes, late itself
    assert 0 < longest_ns <= LONGEST_HOLD_NS + next_ns
    assert marked >= 4


@pytest.mark.parametrize(("lost", "fresh"), [(47_999, False), (48_001, True), (480_000, True)])
def test_more_than_a_second_is_not_filled_but_begins_a_segment(lost: int, fresh: bool) -> None:
    assert LONGEST_FILL_S == 1.0
    system = AudioSystem(losses={50: lost})
    found = placed(system.finder(), system.looks(80))
    assert [number for number, one in enumerate(found) if one.fresh] == ([0, 50] if fresh else [0])
    assert found[50].missing == lost
    assert found[79].first == (29 * 1024 if fresh else 79 * 1024 + lost)


def test_time_that_goes_back_begins_a_segment() -> None:
    """Frames that were handed on cannot be taken back."""
    system = AudioSystem(late_s=[0.0] * 100 + [-0.010] * 100)
    found = placed(system.finder(), system.looks(200))
    assert [number for number, one in enumerate(found) if one.fresh] == [0, 100]


def test_a_first_buffer_that_is_late_begins_nothing() -> None:
    system = AudioSystem(late_s=[0.015] + [0.0] * 100)
    found = placed(system.finder(), system.looks(100))
    assert [one.first for one in found] == [1024 * number for number in range(100)]
    assert not any(one.fresh for one in found[1:])


def test_a_time_that_is_wrong_once_is_nothing() -> None:
    """CLOCK_REALTIME was set between the audio system's look at it and ours."""
    for wrong_s in (-3600.0, 3600.0):
        late = [0.0] * 50 + [wrong_s] + [0.0] * 20
        found = placed(AudioSystem().finder(), AudioSystem(late_s=late).looks(71))
        assert [one.first for one in found] == [1024 * number for number in range(71)]
        assert not any(one.fresh or one.missing for one in found[1:])
        assert [one.timely for one in found] == [True] * 50 + [False] + [True] * 20


def test_frames_that_found_no_room_are_filled_without_any_suspicion() -> None:
    looks = AudioSystem().looks(60)
    finder = GapFinder(48_000.0, 1024)
    found = placed(finder, looks[:30] + looks[33:])
    assert found[30].missing == 3 * 1024
    assert [one.first for one in found] == [look.first for look in looks[:30] + looks[33:]]


def test_a_rate_that_is_off_is_learnt_so_that_a_long_gap_is_filled_to_the_frame() -> None:
    """100 ppm are 4.3 frames in 0.9 s; after some time the rate is known and none is left."""
    system = AudioSystem(rate_ppm=100.0, losses={1500: 43_210})
    found = placed(system.finder(), system.looks(1520))
    assert found[1500].missing == 43_210


def test_what_stood_in_the_system_after_an_overrun_is_mistrusted() -> None:
    """PipeWire behind ALSA, held up for 0.6 s: fifteen buffers from before the gap come with times from after it, all
    at once; the sound itself jumped behind them."""
    system = AudioSystem(losses={70: 13 * 1024})
    looks = system.looks(110)
    handed_ns = looks[85].heard_ns
    looks[70:85] = [Look(o.first, o.frames, o.adc_ns, handed_ns, o.overflow) for o in looks[70:85]]
    found = placed(system.finder(), looks)
    marked = [number for number, one in enumerate(found) if one.untrusted is not None]
    assert marked == list(range(70, 85))
    assert found[84].untrusted is not None
    assert found[84].untrusted[1] >= found[85].first
    assert not any(one.timely for one in found[70:83])
    assert found[86].timely
