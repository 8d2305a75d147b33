"""The listening loop, with doubles around it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from errors import CaptureError
from sensors.capture import ArrayCapture
from sensors.listen import listen
from sensors.microphone.source import Block
from sensors.node import listening
from sensors.node.config import Capture, Clips, Detect, NodeConfig
from sensors.node.listening import Listening
from tests.acoustic.blasts import far_shot, noise
from tests.sensors.node.doubles import START_NS, MemoryKeeper, RightTime, ScriptedSource, blocks

RATE = 16_000.0


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PAUSES_S", (0.0,))


def sound(onsets_s: Iterable[float], length_s: float, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    out = noise(rng, RATE, length_s)
    for onset_s in onsets_s:
        out = out + 0.3 * far_shot(rng, RATE, onset_s, length_s)
    return out.astype(np.float32)


def heard(
    script: Iterable[Block | Exception | None], config: NodeConfig | None = None, keeper: MemoryKeeper | None = None
) -> tuple[Listening, MemoryKeeper, ScriptedSource]:
    """What a node makes of a script."""
    keeper = keeper or MemoryKeeper()
    source = ScriptedSource(script, RATE)
    loop = Listening(config or NodeConfig(sensor="north"), source, RightTime(RATE), keeper, "7-a", lambda: None)
    loop.run(threading.Event())
    return loop, keeper, source


def onsets_s(keeper: MemoryKeeper) -> list[float]:
    return [(pulse.arrival_ns - START_NS) * 1e-9 for pulse in keeper.pulses]


def test_live_pulses_are_those_of_the_recording() -> None:
    """The loop adds a clock and a name; it must not hear otherwise than ``listen`` does."""
    samples = sound([1.0, 1.4, 2.6], 4.0)
    _, keeper, _ = heard(blocks(samples))
    recorded = list(listen(ArrayCapture("north", samples, RATE, START_NS)))
    for live, taped in zip(keeper.pulses, recorded, strict=True):
        assert live.arrival_ns == pytest.approx(taped.arrival_ns, abs=1000)
        assert (live.features, live.snr_db, live.flags) == (taped.features, taped.snr_db, ())
    assert [pulse.identity for pulse in keeper.pulses] == ["north/7-a/0", "north/7-a/1", "north/7-a/2"]
    assert {pulse.clock for pulse in keeper.pulses} == {"pps"}


def test_a_pulse_is_kept_within_300_ms_of_its_onset() -> None:
    samples = sound([1.0], 3.0)
    at: list[float] = []
    played = [0]

    class Timed(MemoryKeeper):
        def put_pulse(self, pulse: object) -> bool:
            at.append(played[0] / RATE)
            return True

    def script() -> Iterable[Block]:
        for block in blocks(samples, size=round(0.02 * RATE)):
            played[0] = block.stop
            yield block

    heard(script(), keeper=Timed())
    assert len(at) == 1
    assert 1.06 < at[0] < 1.0 + 0.300 - 0.050, "50 ms are the reader's, who looks so often"


def test_a_clip_holds_half_a_second_before_and_two_after() -> None:
    _, keeper, _ = heard(blocks(sound([1.0], 4.0)))
    (clip,) = keeper.clips
    assert clip.identity == keeper.pulses[0].identity
    assert clip.frames == round(2.5 * RATE)
    assert clip.start_ns == pytest.approx(START_NS + 500_000_000, abs=200_000)
    assert clip.onset_frame == pytest.approx(0.5 * RATE, abs=2.0)
    assert clip.privacy == "filtered"


def test_a_burst_is_one_clip_and_every_pulse_lies_in_one() -> None:
    times = [1.0, 1.1, 1.2, 1.3, 2.4, 2.9, 5.0]
    _, keeper, _ = heard(blocks(sound(times, 8.0)))
    assert onsets_s(keeper) == pytest.approx(times, abs=1e-3)
    begins = [(clip.start_ns - START_NS) * 1e-9 + 0.5 for clip in keeper.clips]
    assert begins == pytest.approx([1.0, 2.9, 5.0], abs=1e-3)
    for at in onsets_s(keeper):
        assert any(begin - 0.5 <= at <= begin + 2.0 - listening.SOUND_S for begin in begins)


def test_clips_are_bounded_a_minute_and_the_rest_is_counted() -> None:
    times = [float(at) for at in range(2, 20, 3)]
    config = NodeConfig(sensor="north", clips=Clips(most_per_minute=4))
    loop, keeper, _ = heard(blocks(sound(times, 22.0)), config)
    assert (len(keeper.pulses), len(keeper.clips), loop.hearing.clips_skipped) == (6, 4, 2)


def test_no_clip_leaves_when_clips_are_off() -> None:
    config = NodeConfig(sensor="north", clips=Clips(send=False))
    loop, keeper, _ = heard(blocks(sound([1.0], 4.0)), config)
    assert (len(keeper.pulses), keeper.clips, loop.hearing.clips_skipped) == (1, [], 0)


def test_a_clip_at_the_end_of_the_sound_is_as_long_as_the_sound() -> None:
    _, keeper, _ = heard(blocks(sound([1.0], 1.5)))
    (clip,) = keeper.clips
    assert clip.frames == pytest.approx(1.0 * RATE, abs=2)


def test_a_spool_without_room_for_clips_costs_clips_only() -> None:
    loop, keeper, _ = heard(blocks(sound([1.0], 4.0)), keeper=MemoryKeeper(refuse_clips=True))
    assert (len(keeper.pulses), keeper.clips, loop.hearing.clips_skipped) == (1, [], 1)


def test_more_pulses_a_minute_than_configured_are_counted_not_sent() -> None:
    config = NodeConfig(sensor="north", detect=Detect(most_per_minute=3))
    loop, keeper, _ = heard(blocks(sound([1.0, 2.0, 3.0, 4.0, 5.0], 6.0)), config)
    assert (len(keeper.pulses), loop.hearing.unsent) == (3, 2)


def test_a_source_that_fails_is_opened_again_and_nothing_heard_is_lost() -> None:
    before, after = sound([1.0], 1.2, seed=1), sound([0.5], 2.0, seed=2)
    script: list[Block | Exception | None] = [*blocks(before), CaptureError("mic", "unplugged")]
    script += blocks(after, segment=1)
    loop, keeper, source = heard(script)
    assert source.opened == 2
    assert loop.hearing.stalls == 1
    assert onsets_s(keeper) == pytest.approx([1.0, 3600.5], abs=1e-3), "the first ended 0.2 s after its onset"
    assert [pulse.sequence for pulse in keeper.pulses] == [0, 1]
    assert len(keeper.clips) == 2
    assert loop.trouble == ""


def test_a_source_that_stands_still_is_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    config = NodeConfig(sensor="north", capture=Capture(stall_s=1.0))
    clock = iter(np.arange(0.0, 1000.0, 0.25).tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listening, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        script = [*blocks(sound([], 0.1)), *[None] * 8, *blocks(sound([0.5], 2.0), segment=1)]
        loop, keeper, source = heard(script, config)
    assert (source.opened, loop.hearing.stalls, len(keeper.pulses)) == (2, 1, 1)
    assert "no sound for" in caplog.text
    assert "opening it again" in caplog.text


def test_pulses_near_lost_samples_are_marked() -> None:
    samples = sound([1.0, 3.0, 4.0], 6.0)
    lost = (round(2.99 * RATE), round(2.993 * RATE))
    near = (round(2.95 * RATE), round(3.05 * RATE))
    script = []
    for block in blocks(samples):
        inside = block.first <= lost[0] < block.stop
        touched = dataclasses.replace(block, lost=(lost,), untrusted=(near,)) if inside else block
        script.append(touched)
    loop, keeper, _ = heard(script)
    assert [pulse.flags for pulse in keeper.pulses] == [(), ("gap", "untrusted"), ()]
    assert (loop.hearing.gaps, loop.hearing.lost_frames) == (1, lost[1] - lost[0])
    assert loop.hearing.health().frames == len(samples) - (lost[1] - lost[0])


def test_the_heartbeat_tells_level_and_floor() -> None:
    samples = np.full(32_000, 0.1, dtype=np.float32) * np.where(np.arange(32_000) % 2 == 0, 1.0, -1.0)
    loop, _, _ = heard(blocks(samples))
    health = loop.hearing.health()
    assert health.level_dbfs == pytest.approx(-20.0, abs=1e-3)
    assert health.peak_dbfs == pytest.approx(-20.0, abs=1e-3)
    assert loop.hearing.health().level_dbfs is None, "levels are since the heartbeat before"
    again = Listening(NodeConfig(sensor="n"), ScriptedSource([]), RightTime(), MemoryKeeper(), "1", lambda: None)
    for block in blocks(noise(np.random.default_rng(3), RATE, 3.0)):
        again.take(block)
    again.note_floor()
    floor = again.hearing.health().floor_dbfs
    assert len(floor) == len(again.hearing.bands_hz) == 4
    assert all(-90.0 < value < -50.0 for value in floor)
