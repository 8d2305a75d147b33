"""The commands of ``tocsin sim``: what they write, what they refuse, and that they leave alone what is not theirs."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import tocsin.cli
import tocsin.simulating
from errors import ConfigurationError
from sim.staging.catalogue import Listed
from sim.truthfile import read_truth
from tests.tocsin.small_scenario import write_scenario
from tocsin.demonstration import demonstrate
from tocsin.formats.folder import whole_folder
from tocsin.formats.scenario_table import scenario_table
from tocsin.replaying import Replay
from tocsin.simulated_scene import scene_of
from tocsin.simulating import Shipped, listing, render_folder, world_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario ``yard.toml`` and, in ``sound``, its rendering."""
    folder = tmp_path_factory.mktemp("yard")
    scenario = str(write_scenario(folder))
    render_folder(world_of(scenario), scenario, folder / "sound", "wav", None, None, 1, lambda share: None)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], yard: Path) -> Run:
    """Runs a command line in the scenario's folder."""
    monkeypatch.chdir(yard)

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tocsin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            tocsin.cli.main()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return command


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_help_of_sim_imports_nothing_heavy() -> None:
    script = (
        "import sys, tocsin.cli\n"
        "try: tocsin.cli.cli.main(['sim', 'render', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'rich', 'shapely', 'matplotlib', 'numba', 'PIL'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("render", "atlantis", "--out", "x"), "scenario: unknown scenario: expected one of "),
        (("render", "absent.toml", "--out", "x"), "absent.toml: cannot be read (No such file or directory)"),
        (("render", "yard.toml"), "Missing option '--out'"),
        (("render", "yard.toml", "--out", "x", "--seed", "minus"), "Invalid value for '--seed': 'minus'"),
        (("render", "yard.toml", "--out", "x", "--seed", "-1"), "Invalid value for '--seed': -1 is not in the range"),
        (("render", "yard.toml", "--out", "x", "--format", "mp3"), "Invalid value for '--format'"),
        (("render", "yard.toml", "--out", "x", "--rate", "4000"), "Invalid value for '--rate'"),
        (("render", "yard.toml", "--out", "x", "--from", "4"), "--from: beyond the end: expected less than the 4 s"),
        (("render", "yard.toml", "--out", "x", "--for", "0"), "Invalid value for '--for'"),
        (("render", "yard.toml", "--out", "."), "expected nothing, an empty folder, or an earlier rendering"),
        (("pulses", "yard.toml", "--out", "sound"), "--out: sound holds something else"),
        (("pulses", "yard.toml", "--out", "yard.toml"), "--out: yard.toml exists and is no folder"),
        (("pulses", "yard.toml", "--out", "x", "--runs", "0"), "Invalid value for '--runs'"),
        (("replay", "yard.toml", "--speed", "0"), "Invalid value for '--speed'"),
        (("plot", "yard.toml", "--out", "x.gif"), "--out: suffix of x.gif: expected one of .png, .svg, .pdf"),
        (("plot", "yard.toml", "--out", "no/x.png"), "--out: directory of no/x.png does not exist"),
        (("plot", "yard.toml", "--out", "x.png", "--sound", "Z/1"), "--sound: not in yard: expected one of A/1, F/1"),
        (("plot", "sound", "--out", "x.png", "--sensor", "N-9"), "--sensor: not in sound: expected one of N-0, N-1"),
        (("plot", "sound", "--out", "x.png", "--seed", "3"), "--seed: sound is rendered already"),
        (("plot", "empty", "--out", "x.png"), "empty/truth.json: cannot be read"),
        (("animate", "yard.toml", "--out", "x.png"), "--out: suffix of x.png: expected one of .gif, .mp4"),
        (("animate", "yard.toml", "--out", "x.gif", "--sound", "Z"), "--sound: not in yard"),
        (("animate", "yard.toml", "--out", "x.gif", "--slow", "900"), "--slow, --fps: too many frames: expected 400"),
        (("animate", "yard.toml", "--out", "x.gif", "--fps", "0"), "Invalid value for '--fps'"),
        (("score", "absent"), "absent: is no folder: expected a folder that holds truth.json"),
        (("score", "empty"), "empty: holds no truth: expected truth.json of tocsin sim render or tocsin sim pulses"),
        (("score", "sound", "absent.jsonl"), "absent.jsonl: cannot be read"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run: Run, yard: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (yard / "empty").mkdir(exist_ok=True)
    before = _names(yard)
    code, out, err = run("sim", *arguments)
    assert (code, out) == (2, ""), err
    assert sentence in err
    assert err.startswith("tocsin: ")
    assert err.count("\n") == 1
    assert _names(yard) == before


def test_seed_rate_and_format_arrive(run: Run, tmp_path: Path) -> None:
    arguments = ("--seed", 9, "--rate", 8000, "--format", "wav", "--for", 0.5, "--workers", 1)
    code, out, _ = run("sim", "render", "yard.toml", "--out", tmp_path / "s", *arguments)
    assert code == 0
    assert out.startswith(f"{tmp_path / 's'}: 5 sensors, 0 sounds")
    info = soundfile.info(str(tmp_path / "s" / "N-0.wav"))
    assert (info.samplerate, info.frames) == (8000, 4000)
    assert read_truth(tmp_path / "s" / "truth.json").seed == 9


def test_an_excerpt_has_the_samples_of_the_whole(run: Run, yard: Path, tmp_path: Path) -> None:
    """What is cut out while rendering is what would be cut out afterwards."""
    out = tmp_path / "part"
    assert run("sim", "render", "yard.toml", "--out", out, "--from", 1.25, "--for", 1.0, "--format", "flac")[0] == 0
    for number in range(5):
        whole, rate = soundfile.read(str(yard / "sound" / f"N-{number}.wav"), dtype="int16")
        part, _ = soundfile.read(str(out / f"N-{number}.flac"), dtype="int16")
        assert np.array_equal(part, whole[round(1.25 * rate) : round(2.25 * rate)])
    sidecar = json.loads((out / "N-0.json").read_text())
    whole_sidecar = json.loads((yard / "sound" / "N-0.json").read_text())
    assert sidecar.pop("timestamp") == "2027-03-01T20:00:01.250000000Z"
    assert whole_sidecar.pop("timestamp") == "2027-03-01T20:00:00.000000000Z"
    assert sidecar == whole_sidecar
    truth, whole_truth = read_truth(out / "truth.json"), read_truth(yard / "sound" / "truth.json")
    assert [sound.id for sound in truth.sounds] == ["A/1"]  # the other comes later
    assert truth.sounds[0] == whole_truth.sounds[0]
    assert dataclasses.asdict(world_of("yard.toml").ambient)["level_db_a"] == 45
    code, _, err = run("sim", "render", "yard.toml", "--out", out, "--from", 1.25)  # an earlier excerpt is replaced
    assert code == 0, err


def test_runs_share_the_scene_and_nothing_else(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    assert run("sim", "pulses", "yard.toml", "--out", out, "--runs", 3)[0] == 0
    assert _names(out) == ["run_0001", "run_0002", "run_0003"]
    truths = [read_truth(path / "truth.json") for path in sorted(out.iterdir())]
    assert [truth.seed for truth in truths] == [5, 6, 7]
    assert len({truth.sounds[0].position_m for truth in truths}) == 1
    pulses = [(path / "pulses.jsonl").read_bytes() for path in sorted(out.iterdir())]
    assert len(set(pulses)) == 3
    assert run("sim", "pulses", "yard.toml", "--out", out)[0] == 0  # replaces its own earlier folder, whole
    assert "run_0001" not in _names(out)
    assert (out / "pulses.jsonl").read_bytes() == pulses[0]


def test_a_replay_hears_what_a_rendering_holds(yard: Path) -> None:
    from sensors.listen import listen  # noqa: PLC0415
    from sensors.recordings import open_recordings  # noqa: PLC0415

    world = world_of(str(yard / "yard.toml"))
    replayed = [json.loads(line) for line in Replay(world, 1e6).lines()]
    (recordings,) = open_recordings(yard / "sound")
    recorded = [pulse for capture in recordings.captures for pulse in listen(capture)]
    assert sorted((p["sensor"], p["arrival_ns"]) for p in replayed) == sorted(
        (p.sensor, p.arrival_ns) for p in recorded
    )


def test_plots_of_scenario_and_folder(run: Run, yard: Path, tmp_path: Path) -> None:
    assert run("sim", "render", "yard.toml", "--out", tmp_path / "part", "--from", 1.25, "--for", 1.0)[0] == 0
    for source in ("yard.toml", "sound", tmp_path / "part"):
        assert run("sim", "plot", source, "--out", tmp_path / "scene.png", "--sensor", "N-2") == (0, "", "")
        assert (tmp_path / "scene.png").read_bytes().startswith(b"\x89PNG")


def test_scenes_of_scenario_and_folder_agree(yard: Path) -> None:
    drawn, notes = scene_of(str(yard / "yard.toml"))
    assert notes == []
    rendered, _ = scene_of(str(yard / "sound"))
    assert rendered.truth == drawn.truth
    assert rendered.sound == drawn.sound
    assert (drawn.sound.id, drawn.sensor) == ("A/1", rendered.sensor)
    assert scene_of(str(yard / "yard.toml"), sound="F/1")[0].sound.kind == "bag_pop"


def test_a_rendering_is_drawn_with_the_city_that_its_scenario_names(run: Run, yard: Path, tmp_path: Path) -> None:
    """Also when that is a file beside the scenario; when it is gone, one sentence says so."""
    features = []
    for west, south in ((6.1, 46.2), (6.106, 46.204)):  # on either side of the yard
        corners = [[west, south], [west + 2e-4, south], [west + 2e-4, south + 2e-4], [west, south]]
        house = {"type": "Polygon", "coordinates": [corners]}
        features.append({"type": "Feature", "geometry": house, "properties": {"height": 9.0}})
    city = tmp_path / "maps" / "city.json"
    city.parent.mkdir()
    city.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    scenario = write_scenario(tmp_path, "town")
    named = "[site]\ngeojson = {buildings = 'maps/city.json'}\n"
    text = scenario.read_text().replace("[site.open]\nwidth_m = 600\ndepth_m = 600\n", named)
    scenario.write_text(text)
    for what in (("render", "--for", 2), ("pulses",), ("pulses", "--runs", 2)):
        out = tmp_path / "deep" / "-".join(map(str, what))
        assert run("sim", what[0], scenario, "--out", out, *what[1:])[0] == 0
        assert run("sim", what[0], scenario, "--out", out, *what[1:])[0] == 0  # recognised as an earlier one
        drawn, notes = scene_of(str(out / "run_0001" if "--runs" in what else out))
        assert notes == [] if what[0] == "render" else "without a recording" in notes[0]
        assert drawn.city is not None
        assert len(drawn.city.buildings) == 2
        assert drawn.truth.scenario == "town"
    out = tmp_path / "deep" / "render---for-2"
    assert run("locate", out)[0] == 0
    city.rename(tmp_path / "elsewhere.json")
    code, _, err = run("sim", "plot", out, "--out", tmp_path / "scene.png")
    assert code == 0
    assert re.search(r"drawn without buildings: .*scenario\.toml.*there is none at .*maps/city\.json", err)


def test_an_animation_is_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.animating.ACROSS", 24)
    out = tmp_path / "front.gif"
    assert run("sim", "animate", "yard.toml", "--out", out, "--fps", 5, "--slow", 2) == (0, "", "")
    with Image.open(out) as picture:
        assert getattr(picture, "n_frames", 1) > 5


def test_the_demonstration_says_what_it_does_and_where(
    yard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.demonstration.SCENARIO", str(yard / "yard.toml"))
    monkeypatch.setattr("tocsin.animating.ACROSS", 24)
    monkeypatch.setattr("tocsin.animating.LASTS_S", 1.0)
    said: list[str] = []
    demonstrate(tmp_path / "out", None, said.append)
    text = "\n".join(said)
    assert "A yard, simulated: 1 gunshot in a city of 0 buildings, heard by 5 microphones for 4 s." in text
    assert "shot, 5 sensors" in text or "shots, 5 sensors" in text
    assert "look-alikes" in text
    assert _names(tmp_path / "out") == ["front.gif", "map.png", "scene.png", "shots.geojson", "shots.jsonl", "yard"]


def test_a_rendering_is_located_to_be_scored(run: Run) -> None:
    code, out, err = run("sim", "score", "sound")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].split()[:4] == ["yard", "1", "1", "0"]


def test_a_folder_of_renderings_is_scored_in_rows(run: Run, tmp_path: Path) -> None:
    assert run("sim", "pulses", "yard.toml", "--out", tmp_path / "runs", "--runs", 2)[0] == 0
    code, out, err = run("sim", "score", tmp_path / "runs")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if line.strip()][-3:] == ["run_0001", "run_0002", "all"]
    shots = tmp_path / "shots.jsonl"
    shots.write_text("")
    code, _, err = run("sim", "score", tmp_path / "runs", shots)
    assert code == 2
    assert "is of one folder" in err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{}", "shots.jsonl, line 1: Object missing required field `fired_at`"),
        ("[1", "shots.jsonl, line 1: "),
        (
            '{"fired_at": "noon", "x_m": 0, "y_m": 0, "z_m": 0, "region_50": null, "region_95": null}',
            "shots.jsonl, line 1: fired_at: expected an ISO 8601 instant with a zone, found 'noon'",
        ),
        (
            '{"fired_at": "2027-03-01T20:00:01Z", "x_m": 0, "y_m": 0, "z_m": 0, "region_50": {}, "region_95": null}',
            "shots.jsonl, line 1: region: expected a GeoJSON polygon",
        ),
    ],
)
def test_located_files_that_are_none(run: Run, tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "shots.jsonl").write_text(line + "\n")
    code, out, err = run("sim", "score", "sound", tmp_path / "shots.jsonl")
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_the_shipped_are_listed_and_one_that_cannot_be_built_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, yard: Path, tmp_path: Path
) -> None:
    elsewhere = write_scenario(tmp_path, "elsewhere")
    elsewhere.write_text(elsewhere.read_text().replace("[site.open]", '[site]\nosm = "absent.osm.pbf"\n[unused]'))
    both = tuple(Listed(path.stem, path.stem, "", path) for path in (elsewhere, yard / "yard.toml"))
    monkeypatch.setattr(tocsin.simulating, "shipped", lambda: both)
    first, second = listing()
    assert (first.sensors, first.duration_s) == (None, None)
    assert "elsewhere.toml" in first.why
    assert second == Shipped("yard", "yard", 5, 2, 1, 4.0)
    text = scenario_table((first, second))
    assert "elsewhere cannot be built here: " in text
    assert scenario_table(()).startswith("No scenarios are installed here")


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"

    def interrupted() -> None:
        with whole_folder(out, "--out", {"a"}) as target:
            (target / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _names(tmp_path / "deep") == []
    for text in ("first", "second"):
        with whole_folder(out, "--out", {"a"}) as target:
            (target / "a").write_text(text)
        assert _names(tmp_path / "deep") == ["out"]
        assert (out / "a").read_text() == text
    (out / "mine").write_text("kept")
    with pytest.raises(ConfigurationError, match="holds something else"), whole_folder(out, "--out", {"a"}):
        pass
    assert _names(out) == ["a", "mine"]
