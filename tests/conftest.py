"""What all tests share: where the shared inputs are, and how hypothesis runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Deterministic and without deadlines: a test that fails only sometimes, or only on a slow machine, is no test.
# HYPOTHESIS_PROFILE=search looks for new examples; few is for emulated processors, ten to thirty times slower.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("search", settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.register_profile("few", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_time: holds a duration of this processor; skipped on an emulated one")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("TOCSIN_EMULATED"):
        for item in items:
            if item.get_closest_marker("real_time"):
                item.add_marker(pytest.mark.skip(reason="holds a duration, and the processor is emulated"))


def shared_folder() -> Path:
    """Where the shared read-only inputs are: ``TOCSIN_SHARED``, else ``../shared`` beside the repository."""
    return Path(os.environ.get("TOCSIN_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared inputs; the test is skipped where they are absent."""
    folder = shared_folder()
    if not folder.is_dir():
        pytest.skip(f"no shared inputs at {folder} (set TOCSIN_SHARED to where they are)")
    return folder


@pytest.fixture(scope="session")
def livefire(shared: Path) -> Path:
    """The folder of firing positions of the live-fire recordings."""
    positions = sorted((shared / "livefire").glob("*/FP1"))
    if not positions:
        pytest.skip(f"no live-fire recordings under {shared / 'livefire'}")
    return positions[0].parent
