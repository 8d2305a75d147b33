"""What is believed of UTC, in made-up worlds with exact truth (benchmarks.clock_runs)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.clock_runs import STATES, Event, Outcome, Run, Scenario, random_scenario, together
from sensors.node.config import Clock

QUIET = Scenario(150.0, interval_s=4.0, pulses_per_s=4.0)
NETWORK = replace(QUIET, pps=False, noise_s=2e-4, delay_s=8e-3, bias_s=1e-3)


def played(scenario: Scenario, seed: int = 1) -> Outcome:
    outcome = Run(scenario, seed).play()
    assert not outcome.wrong().any()
    return outcome


def states(outcome: Outcome, begin_s: float, end_s: float) -> set[str]:
    chosen: NDArray[np.bool_] = (outcome.at_s >= begin_s) & (outcome.at_s < end_s)
    assert chosen.any()
    return {STATES[int(n)] for n in outcome.state[chosen]}


def worst_s(outcome: Outcome, begin_s: float, end_s: float) -> float:
    chosen = (outcome.at_s >= begin_s) & (outcome.at_s < end_s)
    return float(np.abs(outcome.error_s[chosen]).max())


def test_a_pulse_per_second_gives_microseconds() -> None:
    outcome = played(QUIET)
    assert states(outcome, 30, 150) == {"pps"}
    assert worst_s(outcome, 60, 150) < 15e-6
    assert outcome.share_within(1) >= 0.95


def test_network_time_is_told_with_its_delay() -> None:
    outcome = played(NETWORK)
    assert states(outcome, 40, 150) == {"ntp"}
    assert outcome.share_within(1) >= 0.95
    sigma = np.median(outcome.sigma_s[outcome.at_s > 60])
    assert 4e-3 <= sigma < 8e-3


def test_chronyd_that_only_watches() -> None:
    """chronyd -x never steers: its offset carries everything, and grows all the time."""
    outcome = played(replace(QUIET, steers=False, raw_ppm=80.0, host_ppm=-25.0))
    assert states(outcome, 30, 150) == {"pps"}
    assert worst_s(outcome, 95, 150) < 15e-6


@pytest.mark.parametrize("error_s", [0.03, -0.03])
def test_stamps_are_right_while_chrony_slews(error_s: float) -> None:
    """30 ms at 500 ppm is a minute of slewing; the raw clock does not see it."""
    outcome = played(replace(QUIET, first_error_s=error_s, most_slew=0.0005))
    assert states(outcome, 40, 150) == {"pps"}
    assert worst_s(outcome, 40, 150) < 50e-6


@pytest.mark.parametrize("step_s", [1e-4, -0.02, 0.3, -5.0, 3600.0])
def test_a_step_by_somebody_else_is_carried_across(step_s: float) -> None:
    outcome = played(replace(QUIET, events=(Event(60.25, "step", step_s),)))
    assert "pps" not in states(outcome, 61.0, 62.0)
    assert worst_s(outcome, 40, 150) < 5e-4
    assert not outcome.marked[outcome.at_s > 40].all()


def test_a_stamp_sees_a_step_younger_than_the_last_look() -> None:
    run = Run(replace(QUIET, duration_s=40.0), 1)
    run.play()
    before = run.time.stamp(0, run._frame(run.clocks.now_ns))
    run.clocks.ahead_ns += 7_000_000
    after = run.time.stamp(0, run._frame(run.clocks.now_ns))
    assert (before.state, after.state) == ("pps", "holdover")
    assert abs(after.utc_ns - before.utc_ns) < 1_000_000
    assert run.time.health().steps == 1


def test_a_step_before_anything_is_known_leaves_everything_unknown() -> None:
    events = (Event(0.0, "kill"), Event(30.0, "step", 0.5), Event(60.0, "restart"))
    outcome = played(replace(QUIET, events=events))
    assert states(outcome, 1, 60) == {"unsynchronised"}
    assert states(outcome, 120, 150) == {"pps"}


def test_makestep_at_boot_goes_from_unsynchronised_to_synchronised() -> None:
    run = Run(replace(QUIET, first_error_s=-4e6, makestep_s=0.1), 1)
    outcome = run.play()
    assert not outcome.wrong().any()
    assert states(outcome, 60, 150) == {"pps"}
    assert run.time.health().steps == 1


@pytest.mark.parametrize("how", ["lose", "kill"])
def test_holdover_grows_and_ends(how: str) -> None:
    config = Clock(holdover_s=60.0, holdover_ppm=20.0)
    outcome = played(replace(QUIET, duration_s=170.0, events=(Event(50.0, how),), config=config))
    assert states(outcome, 30, 49) == {"pps"}
    assert states(outcome, 90, 105) == {"holdover"}
    assert states(outcome, 145, 170) == {"unsynchronised"}
    held = outcome.state == STATES.index("holdover")
    first, last = (float(s) for s in outcome.sigma_s[held][[0, -1]])
    grown = 20e-6 * (outcome.at_s[held][-1] - outcome.at_s[held][0])
    assert last - first == pytest.approx(grown, rel=0.2)


def test_holdover_ends_when_it_is_worse_than_allowed() -> None:
    config = Clock(holdover_ppm=500.0, worst_sigma_s=0.005)
    outcome = played(replace(QUIET, events=(Event(40.0, "kill"),), config=config))
    assert states(outcome, 100, 150) == {"unsynchronised"}


def test_chronyd_that_is_started_anew_is_believed_at_once_when_it_agrees() -> None:
    outcome = played(replace(QUIET, events=(Event(50.0, "kill"), Event(60.0, "restart"))))
    assert states(outcome, 110, 150) == {"pps"}
    assert "unsynchronised" not in states(outcome, 45, 150)


@pytest.mark.parametrize("leap", [1, -1])
@pytest.mark.parametrize("steers", [True, False])
def test_a_leap_second(leap: int, steers: bool) -> None:
    """Before it the old names, after it the new ones, and inside it none."""
    outcome = played(replace(QUIET, leap=leap, leap_at_s=100.3, steers=steers, pulses_per_s=20.0))
    inside = np.isnan(outcome.error_s)
    assert inside.any() == (leap > 0)
    assert outcome.marked[inside].all()
    assert states(outcome, 80, 98) == {"pps"}
    assert "pps" in states(outcome, 135, 150)
    named = ~inside & (outcome.at_s > 40) & ~outcome.marked
    assert np.abs(outcome.error_s[named]).max() < 1e-4


def test_a_step_back_across_a_leap_second_does_not_undo_it() -> None:
    """Chrony, not knowing of the step, once told of a time before the leap second, which then was taken back."""
    played(replace(NETWORK, leap=1, leap_at_s=80.3, events=(Event(110.2, "step", -128.9),)))


def test_a_leap_second_that_nobody_announced_is_marked_once_chrony_has_measured() -> None:
    outcome = Run(replace(QUIET, leap=1, leap_at_s=80.0, announced=False), 1).play()
    wrong = outcome.at_s[outcome.wrong()]
    assert wrong.max() < 80.0 + 4.0 * 1.05 + Clock().poll_s + 4.0


def test_a_process_that_stood_still_trusts_nothing_stale() -> None:
    outcome = played(replace(QUIET, events=(Event(50.0, "stop", 45.0), Event(70.0, "step", -1.0))))
    assert worst_s(outcome, 95, 150) < 1e-3


def test_a_machine_that_slept_knows_nothing() -> None:
    outcome = played(replace(QUIET, events=(Event(60.0, "sleep", 30.0),)))
    assert states(outcome, 91, 92) == {"unsynchronised"}


@settings(max_examples=12)
@given(st.integers(0, 2**31))
def test_no_wrong_stamp_in_any_world(seed: int) -> None:
    scenario = random_scenario(np.random.default_rng(seed), 90.0, 4.0)
    played(scenario, seed)


@settings(max_examples=6)
@given(
    step_s=st.floats(-4, 4).map(lambda e: math.copysign(10 ** abs(e) * 1e-4, e)),
    at_s=st.floats(20, 100),
    seed=st.integers(0, 1000),
)
def test_any_step_at_any_time(step_s: float, at_s: float, seed: int) -> None:
    outcome = played(replace(QUIET, events=(Event(at_s, "step", step_s),)), seed)
    assert worst_s(outcome, 20, 150) < 1e-3


def test_sigma_holds_in_many_worlds() -> None:
    runs = [Run(random_scenario(np.random.default_rng([9, n]), 120.0, 5.0), n).play() for n in range(8)]
    assert together(runs).share_within(1) >= 0.95
