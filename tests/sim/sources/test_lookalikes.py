"""Look-alikes: what each sends, its options, its repeatability; real sounds from a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from errors import BadInput, ConfigurationError, RecordingError
from sim.sound import Sound
from sim.sources.lookalikes import LOOKALIKES
from sim.sources.parts import Bang, Hiss, Mixture, Ring, Slap, Whistle, contact_spectrum
from sim.sources.recorded import RecordedSounds

WORDS = (
    "firecracker", "firework", "backfire", "nail_gun", "hammer", "jackhammer", "thunder", "dumpster", "bag_pop",
    "helicopter",
)  # fmt: skip

PLACE = np.array([100.0, -50.0, 1.0])
SHORT: dict[str, dict[str, object]] = {
    "helicopter": {"duration_s": 5.0},
    "jackhammer": {"duration_s": 2.0},
    "thunder": {"channel_km": 1.0},
}
"""Options that keep the tests quick."""


def make(word: str, seed: int = 1, **options: object) -> tuple[Sound, ...]:
    return LOOKALIKES[word].sounds(
        source="N",
        at_ns=10**18,
        position_m=PLACE,
        generator=np.random.default_rng(seed),
        **{**SHORT.get(word, {}), **options},
    )


def test_every_word_is_there() -> None:
    assert set(LOOKALIKES) == set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_sounds_are_what_the_contract_asks(word: str) -> None:
    sounds = make(word)
    assert len({s.id for s in sounds}) == len(sounds) > 0
    assert [s.at_ns for s in sounds] == sorted(s.at_ns for s in sounds)
    for sound in sounds:
        assert sound.kind == word
        assert sound.source == "N"
        assert sound.id == f"N/{sound.round}"
        assert sound.label
        assert sound.at_ns >= 10**18
        assert sound.bullet is None
        assert not sound.is_gunshot
        assert sound.position_m.shape == (3,)
        assert sound.position_m[2] >= 0.9
        assert 0.0 < sound.signal.duration_s < 8.0


@pytest.mark.parametrize("word", WORDS)
def test_the_same_seed_sends_the_same_bytes_another_another(word: str) -> None:
    one, two, other = (make(word, seed)[0] for seed in (3, 3, 4))
    rate = 16_000.0
    assert one.signal.pressure_pa(rate).tobytes() == two.signal.pressure_pa(rate).tobytes()
    assert one.signal.pressure_pa(rate).tobytes() != other.signal.pressure_pa(rate).tobytes()


@pytest.mark.parametrize("word", WORDS)
def test_samples_hold_their_peak_and_begin_and_end_quietly(word: str) -> None:
    for sound in make(word)[:3]:
        samples = sound.signal.pressure_pa(96_000.0)
        peak = float(np.abs(samples).max())
        assert np.isfinite(samples).all()
        assert 20 * np.log10(peak / 2e-5) == pytest.approx(sound.signal.peak_db_spl_1m, abs=2.0)
        assert abs(samples[0]) < 0.02 * peak
        assert np.abs(samples[-20:]).max() < 0.01 * peak


@pytest.mark.parametrize("word", WORDS)
def test_no_aliasing_low_rates_hear_what_high_ones_do(word: str) -> None:
    """Energy below 3 kHz is the same at 8 kHz as at 48 kHz, within what fading out the noise at the top leaves."""
    sound = make(word, style="crackle")[-1] if word == "firework" else make(word)[0]
    energy = []
    for rate in (8_000.0, 48_000.0):
        samples = sound.signal.pressure_pa(rate)
        spectrum = np.abs(np.fft.rfft(samples, int(10 * rate))) / rate
        f = np.fft.rfftfreq(int(10 * rate), 1 / rate)
        energy.append(float((spectrum[(f > 50) & (f < 3000)] ** 2).sum()))
    assert 10 * np.log10(energy[0] / energy[1]) == pytest.approx(0.0, abs=0.1)


def test_a_firecracker_string_runs_on() -> None:
    sounds = make("firecracker", bangs=200, interval_s=0.05)
    assert len(sounds) == 200
    waits = np.diff([s.at_ns for s in sounds]) / 1e9
    assert 0.04 < waits.mean() < 0.06
    assert 0.3 < waits.std() / waits.mean() < 0.8
    levels = [s.signal.peak_db_spl_1m for s in sounds]
    assert np.mean(levels) == pytest.approx(160.0, abs=0.6)


def test_an_aerial_shell_lifts_then_bursts_overhead() -> None:
    lift, burst = make("firework", style="salute", calibre_mm=75.0)
    assert np.array_equal(lift.position_m, PLACE)
    height = burst.position_m[2] - PLACE[2]
    assert 75.0 < height < 105.0
    assert 3.0 < (burst.at_ns - lift.at_ns) / 1e9 < 5.0
    assert burst.signal.peak_db_spl_1m > lift.signal.peak_db_spl_1m + 10.0
    assert burst.signal.peak_db_spl_1m == pytest.approx(165.0, abs=5.0)
    high = make("firework", height_m=200.0)[-1]
    assert high.position_m[2] == pytest.approx(201.0)
    assert [s.label.rsplit(", ", 1)[1] for s in make("firework", style="whistle")] == ["lift", "whistle", "burst"]
    assert make("firework", style="crackle")[-1].label.endswith("crackle")


def test_thunder_comes_from_a_channel_kilometres_high() -> None:
    sounds = make("thunder", channel_km=5.0)
    heights = np.array([s.position_m[2] for s in sounds])
    assert len(sounds) > 35
    assert heights.max() > 2500.0
    seconds = np.array([(s.at_ns - 10**18) / 1e9 for s in sounds])
    assert seconds.min() >= 0.0
    assert seconds.max() < 0.5
    # Some kilometres away it rolls for seconds, at the level of thunder.
    away = np.array([np.linalg.norm(s.position_m - PLACE - [3000.0, 0.0, 0.0]) for s in sounds])
    arrivals = seconds + away / 340.0
    assert 3.0 < np.ptp(arrivals) < 20.0
    loudest = max(s.signal.peak_db_spl_1m - 20 * np.log10(d) for s, d in zip(sounds, away, strict=True))
    assert 100.0 < loudest < 120.0
    energy = sum(4 * np.pi / 416.0 * float((s.signal.pressure_pa(16_000.0) ** 2).sum()) / 16_000.0 for s in sounds)
    assert 0.05e6 < energy < 5e6


def test_a_helicopter_is_chunks_without_gaps() -> None:
    """Slaps come at the blade rate across the seams of the chunks, and the roar keeps its power there."""
    sounds = make("helicopter", duration_s=20.0, blade_rate_hz=10.0)
    assert len(sounds) == 10
    rate = 8_000.0
    whole = np.zeros(int(21.0 * rate))
    for sound in sounds:
        first = round((sound.at_ns - 10**18) / 1e9 * rate)
        samples = sound.signal.pressure_pa(rate)
        whole[first : first + len(samples)] += samples
        assert sound.position_m[2] == pytest.approx(151.0)
        assert sound.signal.duration_s < 2.5
    slaps = whole[: int(20 * rate)].reshape(-1, int(rate / 10))
    peaks = slaps[:, :80].max(axis=1)
    assert (peaks > 0.5 * np.median(peaks)).all()
    quiet = slaps[:, 300:].std(axis=1)[3:]
    assert (quiet / np.median(quiet)).min() > 0.5
    assert (quiet / np.median(quiet)).max() < 1.7


def test_a_popped_bag_is_the_exact_solution_of_a_ball() -> None:
    """Ball of radius a at excess pressure q: p = q (r - c t) / 2 r within |r - c t| < a."""
    (sound,) = make("bag_pop")
    samples = sound.signal.pressure_pa(96_000.0)
    assert 130.0 < sound.signal.peak_db_spl_1m < 145.0
    # Equal impulses of both halves, as an N-wave has them.
    assert abs(samples.sum()) < 1e-3 * np.abs(samples).sum()


@pytest.mark.parametrize(
    ("word", "options", "says"),
    [
        (
            "firecracker",
            {"bang": 3},
            "look-alike firecracker: unknown option 'bang': expected one of bangs, interval_s",
        ),
        ("firecracker", {"bangs": 0}, "bangs: expected a whole number of 1 .. 2000, found 0"),
        ("firecracker", {"bangs": 2.5}, "bangs: expected a whole number of 1 .. 2000, found 2.5"),
        ("firecracker", {"bangs": True}, "found True"),
        ("firecracker", {"interval_s": "fast"}, "interval_s: expected 0.005 .. 10, found 'fast'"),
        ("firecracker", {"interval_s": float("nan")}, "found nan"),
        ("firework", {"style": "loud"}, "style: expected one of shell, salute, crackle, whistle, found 'loud'"),
        ("firework", {"style": 3}, "found 3"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(word: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        LOOKALIKES[word].checked(options)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_caller_may_say_where_options_are_from() -> None:
    with pytest.raises(ConfigurationError, match=r"^city.toml, line 4: pops: expected"):
        LOOKALIKES["backfire"].checked({"pops": -1}, "city.toml, line 4")
    assert LOOKALIKES["backfire"].checked({"peak_db_spl": 140}) == {"pops": 2, "peak_db_spl": 140.0}


def test_options_say_themselves() -> None:
    for lookalike in LOOKALIKES.values():
        for option in lookalike.options:
            assert option.meaning
            assert option.checked(option.default, "here") == option.default


def test_parts_keep_their_level_at_every_rate() -> None:
    for rate in (16_000.0, 48_000.0, 96_000.0):
        out = np.zeros(int(rate))
        Hiss(0.0, 1.0, 2.0, 100.0, 1500.0, 0.01, None, 7).add_to(out, rate)
        assert out.std() == pytest.approx(2.0, rel=0.02)
        out = np.zeros(int(rate))
        Slap(0.1, 50.0, 1e-3).add_to(out, rate)
        assert out.max() == pytest.approx(50.0, rel=1e-3)
        assert not out[: int(0.1 * rate)].any()
        out = np.zeros(int(rate))
        Whistle(0.0, 1.0, 3.0, 2500.0, 2500.0).add_to(out, rate)
        if rate > 40_000:  # all harmonics fit
            assert out[len(out) // 4 : -len(out) // 4].std() == pytest.approx(3.0, rel=1e-3)


def test_noise_is_the_same_at_every_rate() -> None:
    low, high = np.zeros(16_000), np.zeros(48_000)
    noise = Hiss(0.0, 1.0, 1.0, 50.0, 500.0, 0.1, None, 7)
    noise.add_to(low, 16_000.0)
    noise.add_to(high, 48_000.0)
    assert np.allclose(low, high[::3], atol=0.05)  # what the low rate cannot hold


def test_a_ring_is_its_closed_form() -> None:
    rate = 192_000.0
    out = np.zeros(40_000)
    Ring(0.0, ((1.0, 440.0, 0.1),), 1e-3).add_to(out, rate)
    fine = np.arange(0, 0.02, 1e-6)
    decay, own = 6.907755 / 0.1, 2 * np.pi * 440.0
    mode = np.exp(-decay * fine) * (np.cos(own * fine) - decay / own * np.sin(own * fine))
    force = np.where(fine < 1e-3, np.pi / 2e-3 * np.sin(np.pi * fine / 1e-3), 0.0)
    direct = np.convolve(mode, force)[: len(fine)] * 1e-6
    samples = np.interp(fine, (np.arange(len(out)) - 1.876) / rate, out)  # the filter's delay
    assert np.allclose(samples[100:], direct[100:], atol=2e-3)


def test_a_blows_force_has_unit_area_and_its_closed_spectrum() -> None:
    t = np.linspace(0.0, 1e-3, 20_001)
    force = np.pi / 2e-3 * np.sin(np.pi * t / 1e-3)
    for f in (0.0, 499.9999999, 500.0, 1234.5):
        direct = np.trapezoid(force * np.exp(-2j * np.pi * f * t), t)
        assert contact_spectrum(np.array([f]), 1e-3)[0] == pytest.approx(direct, abs=1e-7)


def test_a_part_beyond_the_end_is_cut() -> None:
    out = np.zeros(100)
    Bang(1.0, 1.0, 1e-3).add_to(out, 1000.0)
    assert not out.any()
    assert len(Mixture((Bang(0.0, 1.0, 1e-3),), 0.0).pressure_pa(8000.0)) > 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds: ``bang`` with a level in JSON, ``thud`` (stereo FLAC) with one in TOML."""
    t = np.arange(4410) / 44_100.0
    soundfile.write(
        tmp_path / "bang.wav", 0.5 * np.sin(2 * np.pi * 500 * t) * np.exp(-t / 0.01), 44_100, subtype="FLOAT"
    )
    soundfile.write(tmp_path / "thud.flac", np.column_stack([np.full(100, 0.2), np.full(100, 0.4)]), 12_000)
    (tmp_path / "bang.json").write_text(json.dumps({"peak_db_spl_1m": 148.0}))
    (tmp_path / "thud.toml").write_text("peak_db_spl_1m = 120\n")
    (tmp_path / "readme.txt").write_text("no sound")
    return tmp_path


def test_recorded_sounds_stand_in(folder: Path) -> None:
    sounds = RecordedSounds.read(folder)
    assert sounds.names == ("bang", "thud")
    native = sounds.signal("bang")
    assert native.duration_s == pytest.approx(0.1)
    assert np.abs(native.pressure_pa(44_100.0)).max() == pytest.approx(2e-5 * 10**7.4, rel=1e-6)
    thud = sounds.signal("thud").pressure_pa(12_000.0)
    assert np.allclose(thud, 2e-5 * 10**6, rtol=1e-4)
    assert sounds.signal("thud", 140.0).peak_db_spl_1m == 140.0


@pytest.mark.parametrize("rate_hz", [8_000.0, 16_000.0, 48_000.0, 96_000.0])
def test_recorded_sounds_resample_without_changing_what_is_heard(folder: Path, rate_hz: float) -> None:
    samples = RecordedSounds.read(folder).signal("bang").pressure_pa(rate_hz)
    assert len(samples) == pytest.approx(0.1 * rate_hz, abs=1)
    energy = float((samples**2).sum()) / rate_hz
    native = RecordedSounds.read(folder).signal("bang").pressure_pa(44_100.0)
    assert energy == pytest.approx(float((native**2).sum()) / 44_100.0, rel=1e-2)


def test_wrong_folders_are_refused_in_a_sentence(folder: Path) -> None:
    def refusal(name: str = "bang") -> str:
        with pytest.raises(BadInput) as refused:
            RecordedSounds.read(folder).signal(name)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    assert "no recorded sound of this name: expected one of bang, thud, found 'boom'" in refusal("boom")
    (folder / "bang.json").write_text("{")
    assert "cannot be read as JSON" in refusal()
    (folder / "bang.json").write_text("[]")
    assert "no peak_db_spl_1m" in refusal()
    (folder / "bang.json").write_text('{"peak_db_spl_1m": 1e9}')
    assert "expected 40 .. 200 dB re 20 uPa, found 1000000000.0" in refusal()
    (folder / "bang.json").unlink()
    assert "its level is not known: expected peak_db_spl_1m in bang.json or bang.toml" in refusal()
    soundfile.write(folder / "bang.wav", np.zeros(10), 8000)
    (folder / "bang.toml").write_text("peak_db_spl_1m = 100.0")
    assert "holds no sound" in refusal()
    (folder / "bang.wav").write_bytes(b"RIFF")
    assert "cannot be read as audio" in refusal()
    soundfile.write(folder / "bang.flac", np.ones(10), 8000)
    assert "the name 'bang' is taken by bang.flac" in refusal()
    with pytest.raises(RecordingError, match="no such folder"):
        RecordedSounds.read(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(RecordingError, match="no sound in this folder"):
        RecordedSounds.read(folder / "empty")
