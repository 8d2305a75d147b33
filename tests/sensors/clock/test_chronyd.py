"""A real chronyd: signs, states, and a step (the long run is in benchmarks/node_time.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.clock_runs import NO_SOUND
from benchmarks.real_chrony import FAKETIME, RealChrony, missing
from errors import ClockError
from sensors.clock.chrony import Tracking, ask
from sensors.clock.model import DisciplinedTime, chrony_asked_by
from sensors.microphone.source import Anchor, Block
from sensors.node.config import Clock

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def until(found: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def tracking(chrony: RealChrony) -> Tracking | None:
    try:
        answer = ask(chrony.chronyc, 2.0)
    except ClockError:
        return None
    return answer if answer.synchronised else None


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
def test_the_sign_of_the_offset_and_a_step(tmp_path: Path) -> None:
    """The machine's clock is 123 ms slow, then stepped by -0.3 s: UTC must not move, and the state must tell."""
    with RealChrony(tmp_path, lambda _: 0.123, steppable=True) as chrony:
        until(lambda: tracking(chrony) is not None)
        answer = tracking(chrony)
        assert answer is not None
        assert answer.offset_s == pytest.approx(0.123, abs=1e-4)
        assert answer.name == "PPS"
        assert answer.stratum == 1
        clock = DisciplinedTime(Clock(), 48_000, chrony.clocks, chrony_asked_by(chrony.chronyc))
        began_ns = time.monotonic_ns()
        anchors = tuple(Anchor(n * 480, began_ns - 1_000_000_000 + n * 10_000_000) for n in range(100))
        clock.observe(Block(NO_SOUND, 0, 0, anchors))

        def synchronised() -> bool:
            clock.poll()
            return clock.health().state == "pps"

        until(synchronised)
        true_ns = chrony.true_utc_ns(began_ns)
        before = clock.stamp(0, 48_000)
        assert before.state == "pps"
        assert abs(before.utc_ns - true_ns) * 1e-9 <= before.sigma_s < 0.005
        chrony.step(-0.3)
        after = clock.stamp(0, 48_000)
        assert after.state == "holdover"
        assert abs(after.utc_ns - true_ns) * 1e-9 <= after.sigma_s < 0.005
        assert clock.health().steps == 1


def test_chronyd_without_a_reference_is_not_synchronised(tmp_path: Path) -> None:
    with RealChrony(tmp_path, lambda _: 0.0) as chrony:
        chrony.feeding.clear()

        def answers() -> bool:
            try:
                return not ask(chrony.chronyc, 2.0).synchronised
            except ClockError:
                return False

        until(answers)
    with pytest.raises(ClockError, match="chronyc"):
        ask(chrony.chronyc, 2.0)
