"""The command line: options, exit codes, one sentence for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tocsin.cli
import tocsin.locating
from errors import NotEnoughEvidence, RecordingError
from tests.tocsin.scene import located
from tocsin.located import Located
from tocsin.locating import Request

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line; what is located is a scene put together by hand."""

    def locate_inputs(request: Request, progress: object = None) -> list[Located]:
        requests.append(request)
        return [located()]

    requests: list[Request] = []
    monkeypatch.setattr(tocsin.locating, "locate_inputs", locate_inputs)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tocsin", *arguments])
        with pytest.raises(SystemExit) as ended:
            tocsin.cli.main()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    command.requests = requests  # type: ignore[attr-defined]
    return command


def test_the_table_is_the_default(run: Run) -> None:
    code, out, err = run("locate", "folder")
    assert (code, err) == (0, "")
    assert "3 shots, 9 sensors" in out


def test_json_lines_and_notes_beside_them(run: Run) -> None:
    code, out, err = run("locate", "folder", "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["test"] for line in out.splitlines()] == ["test_001"] * 3
    assert err == "test_001: 7 repeated lines dropped\n"


@pytest.mark.parametrize(("name", "start"), [("a.jsonl", '{"test"'), ("a.geojson", '{\n "type"'), ("a.txt", "\n")])
def test_the_suffix_of_out_gives_the_format(run: Run, tmp_path: Path, name: str, start: str) -> None:
    code, out, _ = run("locate", "folder", "--out", name)
    assert (code, out) == (0, "")
    assert (tmp_path / name).read_text().startswith(start)
    assert run("locate", "folder", "--out", name, "--format", "table")[0] == 0
    assert "3 shots" in (tmp_path / name).read_text()


def test_options_arrive(run: Run) -> None:
    arguments = (
        "--pulses",
        "--network",
        "n.toml",
        "--tuning",
        "t.toml",
        "--weather",
        "temperature_c=3, wind_speed_m_s = 4",
    )
    assert run("locate", "a", "b", *arguments)[0] == 0
    (request,) = run.requests  # type: ignore[attr-defined]
    weather = {"temperature_c": 3.0, "wind_speed_m_s": 4.0}
    assert request == Request((Path("a"), Path("b")), True, Path("n.toml"), weather, Path("t.toml"))


def test_the_plot_is_drawn(run: Run, tmp_path: Path) -> None:
    assert run("locate", "folder", "--plot", "map.png")[0] == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("locate",), "tocsin: Missing argument 'INPUT...' (see 'tocsin locate --help')"),
        (("locate", "x", "--frmat", "table"), "No such option '--frmat'"),
        (("locate", "x", "--format", "xml"), "Invalid value for '--format'"),
        (("find",), "No such command 'find'"),
        (("locate", "x", "--weather", "temperature_c"), "--weather: a part: expected key=value"),
        (
            ("locate", "x", "--weather", "temperature_c=warm"),
            "--weather: temperature_c: expected a number, found 'warm'",
        ),
        (("locate", "x", "--weather", "temperature_c=1,temperature_c=2"), "--weather: key given twice"),
        (("locate", "x", "--out", "absent/shots.jsonl"), "--out: directory of absent/shots.jsonl does not exist"),
        (("locate", "x", "--plot", "map.gif"), "--plot: suffix of map.gif: expected one of .png, .svg, .pdf"),
    ],
)
def test_bad_options_are_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert run.requests == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (RecordingError("a.wav", "rate", expected="8000 .. 96000", seen=4), 2, "tocsin: a.wav: rate: expected 8000"),
        (NotEnoughEvidence("three sensors in a line"), 1, "tocsin: three sensors in a line"),
        (
            ZeroDivisionError("float\ndivision"),
            1,
            "internal failure, ZeroDivisionError: float division (run again with",
        ),
        (KeyboardInterrupt(), 130, "tocsin: stopped"),
    ],
)
def test_failures_are_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentence: str
) -> None:
    def fail(*_: object) -> list[Located]:
        raise error

    monkeypatch.setattr(tocsin.locating, "locate_inputs", fail)
    ended, out, err = run("locate", "x")
    assert (ended, out) == (code, "")
    assert sentence in err
    assert err.strip().count("\n") == 0
    if not isinstance(error, KeyboardInterrupt):
        for arguments in (("--debug", "locate", "x"), ("locate", "x", "--debug")):
            ended, _, err = run(*arguments)
            assert ended == code
            assert "Traceback" in err


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys, tocsin.cli\n"
        "try: tocsin.cli.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'rich', 'shapely', 'matplotlib', 'numba', 'soundfile'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_version() -> None:
    ended = subprocess.run([sys.executable, "-m", "tocsin", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("tocsin 0.")


def test_a_reader_that_leaves_is_no_failure() -> None:
    """``tocsin locate ... | head -1`` ends quietly."""
    script = (
        "import sys, tocsin.cli, tocsin.locating\n"
        "from tests.tocsin.scene import located\n"
        "tocsin.locating.locate_inputs = lambda *_: [located() for _ in range(60)]\n"
        "sys.argv = ['tocsin', 'locate', 'x', '--format', 'geojson']\n"
        "tocsin.cli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in errors
