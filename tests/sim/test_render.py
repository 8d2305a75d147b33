"""Recordings of a world: where and how loud sounds are, faults, and that windows and blocks do not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from acoustic.levels import peak_db_spl
from errors import ConfigurationError
from sensors.capture import Capture
from sensors.listen import listen
from sim.hearing.sampleclock import SampleClock
from sim.hearing.waves import PIECE_S, Sounding, heard_at
from sim.reach import Soundscape
from sim.render import StationSound, rendered
from sim.world import Ambient, Clock, Faults, Surfaces, World
from tests.sim.small_world import START_NS, STILL, Roar, StraightLines, Tone, bang, station, stations, world
from wire.messages import Pulse

SILENT = Ambient(level_db_a=0.0, events_per_min=0.0)
C = STILL.sound_speed_m_s


def heard(of: World, row: int = 0, **window: float) -> NDArray[np.float32]:
    return samples_of(captures(of, **window)[row])


def captures(of: World, **window: float) -> tuple[StationSound, ...]:
    return rendered(of, soundscape=Soundscape(of, StraightLines(C)), **window)


def samples_of(capture: Capture, n: int = 4096) -> NDArray[np.float32]:
    return np.concatenate([block[:, 0] for block in capture.blocks(n)] or [np.empty(0, np.float32)])


def moved_by(later: NDArray[np.float32], earlier: NDArray[np.float32], rate_hz: int) -> float:
    """Samples between two likenesses, by the slope of their cross-spectrum's phase."""
    n = 1 << (2 * len(later) - 1).bit_length()
    cross = np.fft.rfft(later, n) * np.conj(np.fft.rfft(earlier, n))
    coarse = int(np.argmax(np.fft.irfft(cross, n)))
    coarse -= n if coarse > n // 2 else 0
    f = np.arange(len(cross)) / n
    band = (f > 100.0 / rate_hz) & (f < 1500.0 / rate_hz)
    rest = np.angle(cross[band] * np.exp(2j * np.pi * f[band] * coarse))
    weight = np.abs(cross[band])
    return coarse - float(np.sum(weight * f[band] * rest) / np.sum(weight * f[band] ** 2) / (2.0 * np.pi))


@pytest.mark.parametrize("bits", [16, 24])
def test_a_tone_of_known_pressure_has_the_right_level_in_the_recording(bits: int) -> None:
    """Spreading and absorption are all that a straight line takes; 20 Pa at one metre are 2 Pa at ten."""
    hearing = station("a", (10.0, 0.0, 2.0), rate_hz=48_000, bits=bits, gain_error_db=0.7, self_noise_db_a=5.0)
    sound = replace(bang(1.0, (0.0, 0.0, 2.0)), signal=Tone(20.0))
    peak = float(np.abs(heard(world((hearing,), sound, duration_s=2.0, ambient=SILENT))).max())
    absorbed_db = 10.0 * float(absorption_db_per_m(1000.0, 15.0, 50.0, 1013.25))
    expected = 20.0 * np.log10(2.0 / 20e-6) + 0.7 - absorbed_db
    assert peak_db_spl(peak, 120.0) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("offset_s", [0.05, -0.0301, 1.2345e-3])
def test_a_clock_offset_moves_the_pulse_by_exactly_that(offset_s: float) -> None:
    sound = bang(1.0, (0.0, 0.0, 2.0), 200.0)
    true = heard(world((station("a", (50.0, 0.0, 2.0), rate_hz=16_000),), sound, duration_s=2.0, ambient=SILENT))
    late = station("a", (50.0, 0.0, 2.0), rate_hz=16_000, clock=Clock(offset_s=offset_s))
    moved = heard(world((late,), sound, duration_s=2.0, ambient=SILENT))
    assert moved_by(moved, true, 16_000) == pytest.approx(offset_s * 16_000, abs=0.005)


def test_a_drifting_clock_moves_each_sound_by_its_own_error() -> None:
    sounds = [bang(at_s, (0.0, 0.0, 2.0), 200.0, id=f"A/{at_s}") for at_s in (1.0, 21.0)]
    clock = Clock(drift_ppm=80.0, steps=((10.0, 0.02),))
    offsets = []
    true_clock, drifting = (
        world((station("a", (50.0, 0.0, 2.0), rate_hz=16_000, clock=c),), *sounds, duration_s=24.0, ambient=SILENT)
        for c in (Clock(), clock)
    )
    for sound in sounds:
        from_s = (sound.at_ns - START_NS) / 1e9 - 0.5
        true, moved = (heard(of, start_s=from_s, duration_s=2.0) for of in (true_clock, drifting))
        offsets.append(moved_by(moved, true, 16_000) / 16_000)
    travel_s = 50.0 / C
    assert offsets[0] == pytest.approx(80e-6 * (1.0 + travel_s), abs=3e-7)
    assert offsets[1] == pytest.approx(80e-6 * (21.0 + travel_s) + 0.02, abs=3e-7)


def test_a_pulse_is_where_its_path_says() -> None:
    """Against the band-limited signal itself, put at emission plus travel time; air over 30 m delays little."""
    hearing = station("a", (30.0, 0.0, 2.0), rate_hz=48_000, self_noise_db_a=0.0, bits=24)
    sound = bang(1.00001, (0.0, 0.0, 2.0), 500.0)
    recorded = heard(world((hearing,), sound, duration_s=2.0, ambient=SILENT))
    direct = np.zeros(len(recorded), dtype=np.float32)
    pulse = sound.signal.pressure_pa(48_000.0)
    direct[48_000 : 48_000 + len(pulse)] = pulse
    expected = (1.00001 + 30.0 / C - 1.0) * 48_000
    assert moved_by(recorded, direct, 48_000) == pytest.approx(expected, abs=0.7)  # 15 us


def test_lost_samples_vanish_and_all_else_is_the_same() -> None:
    faults = Faults(lost=((1.0, 0.25), (3.9, 0.5), (1.1, 0.25)))
    whole = stations(8_000)[0]
    sound = bang(2.0, (100.0, 80.0, 1.5))
    before = heard(world((whole,), sound))
    after = heard(world((replace(whole, faults=faults),), sound))
    gone = np.r_[8_000 : round(1.35 * 8_000), round(3.9 * 8_000) : round(4.4 * 8_000)]
    assert np.array_equal(after, np.delete(before, gone))


def test_a_dead_microphone_gives_its_own_noise_only() -> None:
    whole = stations(8_000)[0]
    sound = bang(1.5, (100.0, 80.0, 1.5))
    before = heard(world((whole,), sound))
    after = heard(world((replace(whole, faults=Faults(dead=((1.5, 4.5),))),), sound))
    dead = slice(round(1.5 * 8_000), round(4.5 * 8_000))
    assert np.array_equal(np.delete(after, np.r_[dead]), np.delete(before, np.r_[dead]))
    level = np.std(after[dead]) * 20.0 / 20e-6
    assert 20.0 * np.log10(level) < 33.0  # self noise of 30 dB(A)
    assert np.abs(before[dead]).max() > 100 * np.abs(after[dead]).max()
    assert (after[dead] != 0.0).mean() > 0.2


def loud(of: World) -> list[Pulse]:
    return [pulse for pulse in listen(captures(of)[0]) if pulse.snr_db is not None and pulse.snr_db > 30.0]


def test_an_overload_is_seen_by_the_detector() -> None:
    sound = bang(2.0, (20.0, 0.0, 4.0), 20_000.0)  # 1,000 Pa at 20 m, 154 dB
    hearing = station("a", (0.0, 0.0, 4.0), faults=Faults(clip_db_spl=112.0))
    (pulse,) = loud(world((hearing,), sound))
    assert "clipped" in pulse.flags
    high = station("a", (0.0, 0.0, 4.0), full_scale_db_spl=160.0)
    (pulse,) = loud(world((high,), sound))
    assert pulse.flags == ()
    assert pulse.peak_db_spl == pytest.approx(154.0, abs=1.0)


@pytest.fixture(scope="module")
def busy() -> World:
    """Faults, a long sound, sounds before and at the ends, wind and vehicles."""
    hearing = station(
        "a",
        (0.0, 0.0, 6.0),
        rate_hz=8_000,
        clock=Clock(offset_s=-0.3, drift_ppm=40.0, steps=((7.0, 0.4),)),
        faults=Faults(lost=((5.0, 0.2), (13.0, 1.0)), dead=((9.0, 9.5),)),
    )
    long = replace(bang(1.0, (200.0, 0.0, 2.0), id="R/1"), signal=Roar(2.0), kind="helicopter")
    sounds = [bang(at_s, (300.0, 20.0, 2.0), 100.0, id=f"A/{at_s}") for at_s in (0.0, 3.2, 8.1, 12.9, 13.5, 19.9)]
    return world(
        (hearing,),
        long,
        *sounds,
        duration_s=20.0,
        ambient=Ambient(level_db_a=50.0, events_per_min=6.0),
        surfaces=Surfaces(reflections=0, reverberation_time_s=0.8),
    )


@pytest.fixture(scope="module")
def whole(busy: World) -> NDArray[np.float32]:
    return heard(busy)


def test_a_recording_lacks_what_was_lost(busy: World, whole: NDArray[np.float32]) -> None:
    assert len(whole) == round((20.0 - 1.2) * 8_000) == captures(busy)[0].frames


@settings(max_examples=12)
@given(st.floats(0.0, 18.7), st.floats(0.01, 9.0))
def test_any_window_is_a_piece_of_the_whole(
    busy: World, whole: NDArray[np.float32], start_s: float, duration_s: float
) -> None:
    (capture,) = captures(busy, start_s=start_s, duration_s=duration_s)
    first = round(start_s * 8_000)
    assert np.array_equal(samples_of(capture), whole[first : first + round(duration_s * 8_000)])
    assert capture.start_ns == START_NS + round(first / 8_000 * 1e9)


@pytest.mark.parametrize("n", [1_000, 16_384, 31_999, 10_000_000])
def test_blocks_of_any_size_give_the_same_samples(busy: World, whole: NDArray[np.float32], n: int) -> None:
    blocks = list(captures(busy)[0].blocks(n))
    assert all(block.shape == (n, 1) for block in blocks[:-1])
    assert np.array_equal(np.concatenate(blocks)[:, 0], whole)
    assert all(block.dtype == np.float32 for block in blocks)


def test_a_seed_gives_the_same_bytes_and_another_one_others(busy: World, whole: NDArray[np.float32]) -> None:
    assert np.array_equal(heard(replace(busy)), whole)
    assert not np.array_equal(heard(replace(busy, seed=8)), whole)


def test_a_long_sound_in_pieces_is_the_sound_at_once() -> None:
    of = world((station("a", (100.0, 0.0, 6.0), rate_hz=8_000),), replace(bang(0.5, (0, 0, 2)), signal=Roar(2.0)))
    soundscape = Soundscape(of, StraightLines(C))
    (one,) = heard_at(of, soundscape.reached(0), 0, SampleClock(of, of.stations[0]))
    sounding = Sounding(one)
    assert sounding.count == 3
    assert sounding.begins(1) - sounding.begins(0) == PIECE_S * 8_000
    joined = np.zeros(sounding.ends(2) - sounding.begins(0))
    for number in range(3):
        piece = sounding.piece(number)
        assert sounding.begins(number) + len(piece) == sounding.ends(number)
        at = sounding.begins(number) - sounding.begins(0)
        joined[at : at + len(piece)] += piece
    at_once = np.convolve(sounding._signal_pa, one.response.h)
    assert joined == pytest.approx(at_once, abs=1e-6 * np.abs(at_once).max())


def test_nothing_is_rendered_or_traced_before_it_is_read() -> None:
    lines = StraightLines(C)
    of = world(stations(8_000), bang(2.0, (100.0, 80.0, 1.5)))
    made = rendered(of, soundscape=Soundscape(of, lines))
    assert lines.asked == 0
    for capture in made:
        next(capture.blocks(100))
    assert lines.asked == 1  # for all stations at once


def test_a_capture_says_what_the_sensor_believes() -> None:
    hearing = station(
        "a", (0.0, 0.0, 6.0), rate_hz=8_000, position_sigma_m=2.5, clock=Clock(offset_s=9.0, sigma_s=3e-4)
    )
    capture: Capture = captures(world((hearing,)))[0]
    assert (capture.sensor, capture.channels, capture.rate_hz) == ("a", 1, 8_000.0)
    assert (capture.clock_sigma_s, capture.position_sigma_m, capture.full_scale_db_spl) == (3e-4, 2.5, 120.0)
    assert capture.start_ns == START_NS
    assert capture.place == hearing.place
    assert capture.weather == STILL
    assert capture.source == "small/a"
    assert capture.findings == ()


@pytest.mark.parametrize(("window", "what"), [({"start_s": 6.0}, "start"), ({"duration_s": 0.0}, "duration")])
def test_a_window_outside_the_scenario_is_refused(window: dict[str, float], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        rendered(world(stations(8_000)), **window)  # type: ignore[arg-type]


def test_nothing_is_left_when_all_is_lost() -> None:
    hearing = station("a", (0.0, 0.0, 6.0), rate_hz=8_000, faults=Faults(lost=((0.0, 100.0),)))
    (capture,) = captures(world((hearing,)))
    assert capture.frames == 0
    assert list(capture.blocks(10)) == []


def test_the_detector_hears_nothing_in_quiet() -> None:
    of = world(stations(16_000)[:2], duration_s=12.0)
    assert [pulse for capture in captures(of) for pulse in listen(capture)] == []
