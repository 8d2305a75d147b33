"""The house rules that no single room can test for itself."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECKED = ("benchmarks", "tests")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
LONGEST_MODULE = 400

# What a node imports, and what only the centre installs.
NODE_ROOMS = ("errors", "settings", "wire", "acoustic", "sensors")
NODE_MODULES = ("geo.place",)
CENTRE_ONLY = ("numba", "llvmlite", "shapely", "pyproj", "matplotlib", "contourpy")

IMPORT_WITHOUT_CENTRE = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed on a node", name=name)
        return None

sys.meta_path.insert(0, Absent())
for room in {rooms!r}:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        importlib.import_module(module.name)
for module in {modules!r}:
    importlib.import_module(module)
"""


def packages() -> list[str]:
    """Packages that are installed, as pyproject.toml lists them, packages inside rooms included."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed: list[str] = tomllib.load(file)["tool"]["setuptools"]["packages"]
    return listed


def rooms() -> list[str]:
    """The rooms alone."""
    return [package for package in packages() if "." not in package]


def modules() -> list[Path]:
    """Every Python file of the house, tests and benchmarks included."""
    return [path for room in (*rooms(), *CHECKED) for path in sorted((ROOT / room).rglob("*.py"))]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_rooms_import_downwards_only() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_holds_one_concept(path: Path) -> None:
    words = set(re.split(r"[_./]", str(path.relative_to(ROOT).with_suffix(""))))
    assert not words & FORBIDDEN_NAMES, f"{path.name}: name the concept"
    length = len(path.read_text().splitlines())
    assert length <= LONGEST_MODULE, f"{path.name}: {length} lines, at most {LONGEST_MODULE}"


def test_node_installs_without_the_centre() -> None:
    """A node has the base dependencies only; one import of shapely in ``sensors`` would break every node."""
    program = IMPORT_WITHOUT_CENTRE.format(blocked=set(CENTRE_ONLY), rooms=NODE_ROOMS, modules=NODE_MODULES)
    done = run(sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr


def test_nothing_names_the_machine_that_it_was_written_on() -> None:
    files = run("git", "ls-files", "-z").stdout.split("\0")
    if files == [""]:
        pytest.skip("not a git checkout")
    places = [f"{place}/" for place in (ROOT, ROOT.parent / "shared", Path.home()) if len(place.parts) > 1]
    for name in filter(None, files):
        path = ROOT / name
        if path.suffix in {".png", ".svg", ".flac", ".wav"} or not path.exists():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not any(place in line for place in places), f"{name}, line {number}: {line.strip()}"


def test_every_room_is_in_the_import_contract() -> None:
    """A room that is installed but not listed would be free to import anything."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        linter = tomllib.load(file)["tool"]["importlinter"]
    layers = {room.strip() for layer in linter["contracts"][0]["layers"] for room in layer.split("|")}
    assert set(rooms()) == set(linter["root_packages"]) == layers


def test_every_package_of_a_room_is_installed() -> None:
    """A package that is not listed works in an editable install and is missing from the wheel."""
    found = {
        ".".join(init.parent.relative_to(ROOT).parts) for room in rooms() for init in (ROOT / room).rglob("__init__.py")
    }
    assert found == set(packages())
