"""The node's packages for a Raspberry Pi: each is a wheel for 64-bit ARM, so that nothing is compiled on a roof.

Resolved by pip against the package index that it is configured with; skipped where none answers.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PURE = "any"
PYTHONS = ("3.11", "3.13")  # of Raspberry Pi OS on Debian 12 and on Debian 13
UNREACHABLE = "connection broken"  # pip's word when it tries again; a package that is missing is no such thing


def script_list(name: str) -> list[str]:
    """A list of words that script/test-arm holds: what it installs and what is resolved here are the same."""
    found = re.search(rf"^{name}=\((.*)\)$", (ROOT / "script" / "test-arm").read_text(), re.MULTILINE)
    assert found, f"script/test-arm has no list {name}"
    return found.group(1).split()


def pip(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "--retries=1",
            "--timeout=15",
            *map(str, arguments),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def requirements() -> list[str]:
    listed: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return listed


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of the packages that are published as source only, built on this machine."""
    pytest.importorskip("pip", reason="pip resolves the wheels, and this environment was made without it")
    folder = tmp_path_factory.mktemp("built")
    done = pip("wheel", "--no-deps", "--constraint", CONSTRAINTS, "--wheel-dir", folder, *script_list("source_only"))
    if done.returncode and UNREACHABLE in done.stderr:
        said = next(line for line in done.stderr.splitlines() if UNREACHABLE in line)
        pytest.skip(f"no package index answers, so nothing can be resolved: {said}")
    assert done.returncode == 0, done.stderr
    return folder


def resolve(built: Path, target: Path, *wanted: str, python: str = PYTHONS[0]) -> subprocess.CompletedProcess[str]:
    """What a Raspberry Pi with 64-bit Raspberry Pi OS would install for ``wanted``; standard output is pip's report."""
    return pip(
        *("install", "--dry-run", "--ignore-installed", "--only-binary=:all:", "--report", "-"),
        *(f"--platform={platform}" for platform in script_list("platforms")),
        *("--python-version", python, "--implementation", "cp", "--target", target),
        *("--find-links", built, "--constraint", CONSTRAINTS, *wanted),
    )


def wheel_platforms(file_name: str) -> set[str]:
    """Platforms of a wheel by its name: PEP 425, name-version[-build]-python-abi-platform.whl."""
    assert file_name.endswith(".whl"), file_name
    return set(file_name.removesuffix(".whl").rsplit("-", 1)[1].split("."))


def test_source_only_packages_need_no_compiler(built: Path) -> None:
    """Built anywhere they give one wheel for every machine; one with compiled code would need a compiler on the Pi."""
    for name in script_list("source_only"):
        wheels = [path.name for path in built.glob("*.whl") if path.name.lower().startswith(f"{name}-")]
        assert [wheel_platforms(wheel) for wheel in wheels] == [{PURE}], wheels


@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_of_a_node_has_a_wheel_for_arm(python: str, built: Path, tmp_path: Path) -> None:
    done = resolve(built, tmp_path, *requirements(), python=python)
    if done.returncode:
        without = [wanted for wanted in requirements() if resolve(built, tmp_path, wanted, python=python).returncode]
        pytest.fail(f"no wheel for 64-bit ARM: {', '.join(without) or 'in this combination'}\n{done.stderr}")
    items = json.loads(done.stdout)["install"]
    wheels = {
        item["metadata"]["name"].lower().replace("_", "-"): item["download_info"]["url"].rsplit("/", 1)[1]
        for item in items
    }
    named = {re.split(r"[<>=!~\[; ]", wanted)[0].lower() for wanted in requirements()}
    assert named <= set(wheels)
    foreign = {
        name: wheel
        for name, wheel in wheels.items()
        if not all(platform == PURE or platform.endswith("_aarch64") for platform in wheel_platforms(wheel))
    }
    assert not foreign
    # Without these there is nothing to check: they carry compiled code.
    assert all(
        any(platform.endswith("_aarch64") for platform in wheel_platforms(wheels[name])) for name in ("numpy", "scipy")
    )


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", script_list("source_only"))
def test_source_only_package_has_no_wheel_yet(name: str, tmp_path: Path) -> None:
    """When it is published as a wheel, its exception in script/test-arm is to go."""
    done = resolve(tmp_path, tmp_path, "--no-deps", name)
    assert done.returncode != 0, f"{name} has a wheel now: take it out of source_only in script/test-arm"
    assert name in done.stderr
