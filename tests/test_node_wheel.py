"""What ``pip install .`` gives a Raspberry Pi: a wheel with the whole node, that runs without the centre's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.test_rooms import CENTRE_ONLY, packages

ROOT = Path(__file__).resolve().parent.parent

RUN = """
import importlib, pathlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed on a node", name=name)
        return None

sys.meta_path.insert(0, Absent())
for room in ("errors", "settings", "wire", "acoustic", "sensors"):
    package = importlib.import_module(room)
    assert pathlib.Path(package.__file__).is_relative_to({folder!r}), package.__file__
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        importlib.import_module(module.name)
from tocsin.cli import main
sys.argv = ["tocsin", *{arguments!r}]
sys.exit(main())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what is installed (a build leaves folders behind) and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for room in {package.partition(".")[0] for package in packages()}:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", folder, source],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("tocsin-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = RUN.format(blocked=set(CENTRE_ONLY), folder=str(installed), arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_wheel_holds_every_module_that_a_node_has(installed: Path) -> None:
    """A module or a file of data that only the checkout has would be missed on the roof first."""
    for room in ("errors", "settings", "wire", "acoustic", "sensors", "tocsin"):
        expected = {path.relative_to(ROOT) for path in (ROOT / room).rglob("*.py")}
        assert {path.relative_to(installed) for path in (installed / room).rglob("*.py")} == expected


def test_the_installed_node_runs_without_the_centre(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "node", "--help")
    assert done.returncode == 0, done.stderr
    assert "--config" in done.stdout


def test_the_installed_node_says_in_a_sentence_what_is_wrong(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "node", "--config", str(tmp_path / "absent.toml"), "check")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    assert "absent.toml" in done.stdout + done.stderr
