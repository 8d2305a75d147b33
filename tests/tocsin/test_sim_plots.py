"""Plots of simulations: every suffix, every kind of scene, the same bytes each time; looks are for people to judge."""

from __future__ import annotations

import dataclasses
import stat
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from errors import ConfigurationError
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.streets import Streets
from sim.fronts import FrontMap
from tests.tocsin.simulated import RATE_HZ, SOURCE_M, SPEED_M_S, StraightBullet, capture, city, scene, sound
from tocsin.plots.animation_file import check_animation, save_animation
from tocsin.plots.city_ground import inside
from tocsin.plots.sim_page import save_sim_plot, sim_page
from tocsin.plots.sim_scene import drawn_ways, front_times_s, view
from tocsin.plots.sim_spectrogram import stretch
from tocsin.plots.sim_wavefront import REACHED, Pace, frames, grid_of, longest_s


def _texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(Text)}


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_says_what_is_written(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"scene{suffix}"
    save_sim_plot(scene(), path)
    first = path.read_bytes()
    assert first.startswith(magic)
    save_sim_plot(scene(), path)
    assert path.read_bytes() == first


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--out: suffix of .*scene.gif: expected one of .png, .svg, .pdf"):
        save_sim_plot(scene(), tmp_path / "scene.gif")


def test_the_page_names_what_it_shows() -> None:
    texts = _texts(sim_page(scene()))
    assert {"Made up for a test: A/1", "© made up for a test", "N", "shock wave", "muzzle", "off walls"} - texts == {
        "muzzle"
    }
    assert {"over roofs", "around corners", "in line of sight", "sensor not reached", "0.4 s"} <= texts
    assert any(text.startswith("blast, ") for text in texts)
    assert any(text.startswith("shock, ") for text in texts)
    assert any(text.startswith("Heard by N-1, ") for text in texts)


def test_scenes_without_city_bullet_sensor_or_sound(tmp_path: Path) -> None:
    every = (
        scene(with_city=False, bullet=False),
        scene(kind="firework"),
        dataclasses.replace(scene(), sensor=None, capture=None),
        dataclasses.replace(scene(), sound=sound(arrivals=False), sensor=None),
        dataclasses.replace(scene(), city=City(CartesianFrame(), Buildings.none(), Streets.none(), (0, 0, 1, 1))),
    )
    for shown in every:
        save_sim_plot(shown, tmp_path / "scene.png")


def test_a_scene_that_nobody_heard_says_so() -> None:
    unheard = dataclasses.replace(scene(), sound=sound(arrivals=False), sensor=None)
    assert "no sensor heard it" in _texts(sim_page(unheard))
    assert "no recording of it" in _texts(sim_page(dataclasses.replace(scene(), capture=None)))


def test_the_chosen_sensor_gets_all_its_ways_and_others_the_first() -> None:
    ways = [(arrival.sensor, arrival.wave, path.kind) for arrival, path in drawn_ways(scene(sensor="N-1"))]
    assert ways == [
        ("N-0", "blast", "direct"),
        ("N-1", "blast", "over"),
        ("N-1", "blast", "wall"),
        ("N-2", "blast", "around"),
        ("N-3", "blast", "over"),
        ("N-1", "shock", "direct"),
    ]


def test_the_view_holds_the_source_and_those_who_heard() -> None:
    west, south, east, north = view(scene())
    assert west <= -150.0
    assert south <= -80.0
    assert east >= 180.0  # where a wall gives an echo
    assert north >= 200.0


def test_fronts_are_at_round_times_within_reach() -> None:
    assert front_times_s(scene(), 340.0).tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert front_times_s(scene(), 3.0).tolist() == []


def test_the_stretch_is_cut_by_the_sensors_clock_and_calibrated() -> None:
    shown = scene(sensor="N-0")
    piece = stretch(shown)
    assert piece is not None
    (arrival,) = shown.arrivals("N-0")
    onset_s = piece.first_s + int(np.argmax(np.abs(piece.pressure) > 0.5)) / piece.rate_hz
    assert onset_s == pytest.approx((arrival.stamped_ns - shown.sound.at_ns) / 1e9, abs=3e-3)
    # The first way was given 103 dB, a few decibels below which a decaying tone peaks.
    assert 20 * np.log10(np.abs(piece.pressure).max() / 20e-6) == pytest.approx(arrival.peak_db_spl, abs=6.0)
    bare = dataclasses.replace(capture(shown.sound, "N-0"), full_scale_db_spl=None)
    parts = stretch(dataclasses.replace(shown, capture=bare))
    assert parts is not None
    assert not parts.calibrated
    assert parts.pressure * 20.0 == pytest.approx(piece.pressure, rel=1e-6)


def test_a_recording_that_ends_before_the_sound_is_none() -> None:
    short = dataclasses.replace(capture(sound()), samples=np.zeros(RATE_HZ // 2, dtype=np.float32))
    assert stretch(dataclasses.replace(scene(), capture=short)) is None


def test_only_what_meets_the_view_is_drawn() -> None:
    assert inside(city().buildings.footprints, (-200.0, 0.0, 0.0, 230.0)).tolist() == [0]
    assert inside(Buildings.none().footprints, (0.0, 0.0, 1.0, 1.0)).tolist() == []


# The animation.


def _fronts(side: int = 40) -> FrontMap:
    x_m, y_m = grid_of(scene(), side)
    east, north = np.meshgrid(x_m - SOURCE_M[0], y_m - SOURCE_M[1])
    blast_s = np.hypot(east, north) / SPEED_M_S
    receivers = np.column_stack([g.ravel() for g in (east + SOURCE_M[0], north + SOURCE_M[1], 0 * east + 1.5)])
    shock_s = StraightBullet().shock(receivers, SPEED_M_S, np.zeros(3)).delay_s.reshape(blast_s.shape)
    blast_s[5:9, 5:9] = np.nan
    return FrontMap(x_m, y_m, blast_s, shock_s, np.where(np.isnan(blast_s), np.nan, 0.0))


def _colour(frame: NDArray[np.uint8], shown: tuple[int, int, int]) -> int:
    return int((np.abs(frame.astype(int) - shown).sum(axis=2) < 40).sum())


def test_frames_show_the_front_where_it_is_and_sensors_when_reached() -> None:
    shown, fronts = scene(), _fronts()
    pace = Pace(fps=10.0, slow=2.0, until_s=longest_s(shown, fronts))
    pictures = list(frames(shown, fronts, pace))
    assert len(pictures) == len(pace.times_s)
    assert all(picture.shape == pictures[0].shape and picture.dtype == np.uint8 for picture in pictures)
    orange = tuple(int(REACHED[k : k + 2], 16) for k in (1, 3, 5))
    lit = [_colour(picture, (orange[0], orange[1], orange[2])) for picture in pictures]
    assert lit[0] < lit[-1]
    # Blue is nowhere before the front starts, a ring while it crosses, and gone in the end but for the legend.
    blue = [_colour(picture, (0, 114, 178)) for picture in pictures]
    assert max(blue) > 3 * blue[-1]
    again = islice(frames(shown, fronts, pace), 4)
    assert all((a == b).all() for a, b in zip(pictures, again, strict=False))


def test_a_gif_moves_and_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    shown, fronts = dataclasses.replace(scene(), city=None), _fronts()
    pace = Pace(fps=10.0, slow=1.0, until_s=0.6)
    path = tmp_path / "front.gif"
    save_animation(frames(shown, fronts, pace), path, "--out", fps=pace.fps)
    first = path.read_bytes()
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) == len(pace.times_s)
        assert picture.info["duration"] == 100
    save_animation(frames(shown, fronts, pace), path, "--out", fps=pace.fps)
    assert path.read_bytes() == first


def test_small_marks_keep_their_colours(tmp_path: Path) -> None:
    """Vermilion turned into orange once, where there was more orange in the picture."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    noise[3, 5], noise[30, 30] = (213, 94, 0), (230, 159, 0)
    save_animation(iter([noise]), tmp_path / "a.gif", "--out", fps=10.0, kept=("#D55E00", "#E69F00"))
    with Image.open(tmp_path / "a.gif") as picture:
        drawn = np.asarray(picture.convert("RGB"))
    assert drawn[3, 5].tolist() == [213, 94, 0]
    assert drawn[30, 30].tolist() == [230, 159, 0]


def _still(count: int = 3) -> list[NDArray[np.uint8]]:
    return [np.full((21, 33, 3), 60 * k, dtype=np.uint8) for k in range(count)]


def test_animations_are_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"suffix of .*front.png: expected one of .gif, .mp4"):
        check_animation(tmp_path / "front.png", "--out")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"front.mp4 needs ffmpeg on the PATH, and there is none"):
        check_animation(tmp_path / "front.mp4", "--out")


def _ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ffmpeg that keeps what it is given."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_an_mp4_is_every_frame_through_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ffmpeg(tmp_path, 'cat >"${@: -1}"', monkeypatch)
    path = tmp_path / "front.mp4"
    save_animation(iter(_still()), path, "--out", fps=2.0, hold_s=1.0)
    assert path.read_bytes() == b"".join(frame.tobytes() for frame in [*_still(), *_still()[-1:] * 2])


def test_an_ffmpeg_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _ffmpeg(tmp_path, 'echo "no such codec" >&2; exit 3', monkeypatch)
    with pytest.raises(ConfigurationError, match=r"ffmpeg: failed \(no such codec\)"):
        save_animation(iter(_still() * 500), tmp_path / "front.mp4", "--out", fps=2.0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bin"]


def test_canvas_memory_is_written_through() -> None:
    """Frames rely on it: what is written to the buffer is what the canvas shows."""
    canvas = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=10))
    canvas.draw()  # type: ignore[no-untyped-call]
    np.asarray(canvas.buffer_rgba())[:] = 7  # type: ignore[no-untyped-call]
    assert (np.asarray(canvas.buffer_rgba()) == 7).all()  # type: ignore[no-untyped-call]


def test_truth_survives_its_file() -> None:
    """What plots read may have been on disk."""
    truth = scene().truth
    assert msgspec.json.decode(msgspec.json.encode(truth), type=type(truth)) == truth
