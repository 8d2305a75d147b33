"""Clocks read together, and the raw time of a monotonic one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.clock.looks import Look, LookHistory, SystemClocks, look


@dataclass
class Delayed:
    """Clocks that are all equal, whose n-th read takes so long."""

    delays: list[int]
    now_ns: int = 0
    reads: int = field(default=0)

    def _read(self) -> int:
        self.now_ns += self.delays[self.reads % len(self.delays)]
        self.reads += 1
        return self.now_ns

    monotonic_ns = raw_ns = realtime_ns = boottime_ns = _read


def test_the_tightest_look_is_kept() -> None:
    slow, fast = [100, 5_000_000, 100, 100], [100, 100, 100, 100]
    clocks = Delayed([*slow, *slow, *fast, 100, 100])
    assert look(clocks).width_ns == 300


@given(st.lists(st.integers(50, 50_000), min_size=18, max_size=18))
def test_a_look_is_off_by_no_more_than_half_its_width(delays: list[int]) -> None:
    seen = look(Delayed(delays))
    assert abs(seen.realtime_ns - seen.monotonic_ns) <= seen.width_ns / 2 + 1
    assert abs(seen.raw_ns - seen.monotonic_ns) <= seen.width_ns / 2 + 1


def test_the_clocks_of_this_machine() -> None:
    looks = [look(SystemClocks()) for _ in range(50)]
    tight = [seen for seen in looks if seen.width_ns < 100_000]
    assert tight
    assert max(seen.ahead_ns for seen in tight) - min(seen.ahead_ns for seen in tight) < 200_000


def seen(monotonic_ns: int, raw_ns: int) -> Look:
    return Look(monotonic_ns, raw_ns, 0, 0, 0)


def test_raw_time_through_a_slew() -> None:
    history = LookHistory()
    for n in range(20):
        history.add(seen(n * 1_000_000_000, 7 + n * 1_000_000_000 + (n > 10) * (n - 10) * 80_000_000))
    assert history.raw_ns(4_500_000_000) == 4_500_000_007
    assert history.raw_ns(12_500_000_000) == 7 + 12_500_000_000 + 200_000_000
    assert history.raw_ns(-1_000_000_000) == 7 - 1_000_000_000
    assert history.raw_ns(20_000_000_000) == 7 + 20_000_000_000 + 720_000_000


def test_how_bent() -> None:
    history = LookHistory()
    assert history.bent_ppm() is None
    for n in range(100):
        history.add(seen(n * 1_000_050_000, n * 1_000_000_000))
    assert history.bent_ppm() == pytest.approx(50.0)


def test_many_looks_a_second_do_not_shorten_the_memory() -> None:
    history = LookHistory(keep=8, apart_ns=100)
    for n in range(1000):
        history.add(seen(n, n + 5))
    assert history.raw_ns(300) == 305
    assert len(history._raw) <= 8
    assert history._monotonic[-1] - history._monotonic[0] >= 600
