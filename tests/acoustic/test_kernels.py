"""The filter loops: scipy's, without the memory that scipy.signal takes."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from acoustic import kernels
from acoustic.steps import fading_sum
from tests.conftest import ROOT

Array = NDArray[np.float64]
SECTIONS = np.asarray(signal.butter(2, (400.0, 1000.0), "bandpass", fs=12_000.0, output="sos"))


def sound(rows: int, length: int) -> Array:
    return np.random.default_rng(rows).standard_normal((rows, length))


def in_a_process(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_with_the_pinned_scipy_the_light_way_is_taken() -> None:
    assert kernels.KERNELS.light


def test_a_listening_node_loads_no_scipy_package_but_the_top() -> None:
    """It once took 106 MB and a second and a half to import the detector: three quarters of it never ran."""
    loaded = in_a_process("import sys, sensors.listen; print(*sorted(sys.modules))").split()
    assert "acoustic.detector" in loaded
    heavy = [f"scipy.{room}" for room in ("signal", "ndimage", "stats", "special", "optimize", "linalg", "fft")]
    assert not {*heavy, "numba", "pyproj", "shapely", "matplotlib"} & {*loaded}


@pytest.mark.parametrize("first", ["scipy.signal", "acoustic.kernels"])
def test_scipy_signal_lives_beside_it_whichever_comes_first(first: str) -> None:
    second = {"scipy.signal": "acoustic.kernels", "acoustic.kernels": "scipy.signal"}[first]
    program = (
        f"import {first}, {second}, numpy, acoustic.kernels, scipy.signal\n"
        "y = scipy.signal.sosfilt([[1, 0, 0, 1, -0.5, 0]], numpy.array([1.0, 0.0]))\n"
        "z = scipy.signal.resample_poly(numpy.ones(50), 2, 1)\n"
        "print(acoustic.kernels.KERNELS.light, y[1], round(z[50], 2))"
    )
    assert in_a_process(program).split() == ["True", "0.5", "1.0"]


@pytest.mark.parametrize("way", [kernels.compiled, kernels.public])
def test_sections_are_scipys_to_the_bit(way: object) -> None:
    taken = way()  # type: ignore[operator]
    rows, delays = sound(3, 500), sound(3, 4).reshape(3, 2, 2)
    expected, after = signal.sosfilt(SECTIONS, rows, axis=-1, zi=delays.transpose(1, 0, 2))
    taken.run_sections(SECTIONS, rows, delays)
    assert np.array_equal(rows, expected)
    assert np.array_equal(delays, after.transpose(1, 0, 2))


@pytest.mark.parametrize("way", [kernels.compiled, kernels.public])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (1, 4), (8, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("taps", [1, 20, 49])
def test_polyphase_filters_are_scipys_to_the_bit(way: object, taps: int, up: int, down: int) -> None:
    rows = sound(2, 300)
    weights = np.random.default_rng(taps).standard_normal(taps)
    before = rows.copy()
    out = way().polyphase(weights, up, down)(rows)  # type: ignore[operator]
    assert np.array_equal(out, signal.upfirdn(weights, rows, up, down, axis=-1))
    assert np.array_equal(rows, before)


def test_a_polyphase_filter_is_a_convolution_of_the_spread_signal() -> None:
    rows, weights = sound(1, 50), sound(1, 13)[0]
    spread = np.zeros(148)
    spread[::3] = rows[0]
    np.testing.assert_allclose(
        kernels.KERNELS.polyphase(weights, 3, 2)(rows)[0], np.convolve(spread, weights)[::2], atol=1e-13
    )


@pytest.mark.parametrize("broken", ["missing", "renamed", "another order", "another memory"])
def test_a_scipy_that_keeps_them_elsewhere_costs_memory_and_says_so(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = kernels._extension

    class Other:
        """The extension as a later release might have it."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, what: str) -> object:
            if what != "_sosfilt":
                return getattr(real(self._name), what)
            if broken == "renamed":
                raise AttributeError("_sosfilt")
            loop = real("_sosfilt")._sosfilt
            if broken == "another order":
                return lambda sections, rows, delays: loop(rows, sections, delays)
            return lambda sections, rows, delays: loop(sections, rows, delays.copy())

    def extension(name: str) -> object:
        if broken == "missing":
            raise ImportError(f"no {name}")
        return Other(name)

    monkeypatch.setattr(kernels, "_extension", extension)
    with caplog.at_level(logging.WARNING, logger="tocsin.acoustic.kernels"):
        taken = kernels.best()
    assert not taken.light
    (record,) = caplog.records
    assert "75 MB more memory" in record.getMessage()
    rows, expected = sound(1, 100), sound(1, 100)
    taken.run_sections(SECTIONS, rows, np.zeros((1, 2, 2)))
    assert np.array_equal(rows, signal.sosfilt(SECTIONS, expected))


def test_a_fading_sum_is_a_one_pole_filter_to_the_bit() -> None:
    values, before = sound(6, 200).reshape(3, 2, 200), np.ones((3, 2, 1))
    expected, after = signal.lfilter([0.01], [1.0, -0.99], values, axis=-1, zi=before)
    out, kept = fading_sum(values, 0.99, before)
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(kept, after, rtol=1e-13, atol=1e-15)
    assert np.array_equal(before, np.ones((3, 2, 1)))
    parts = fading_sum(values[..., :77], 0.99, before)
    more = fading_sum(values[..., 77:], 0.99, parts[1])
    assert np.array_equal(np.concatenate([parts[0], more[0]], axis=-1), out)
    assert np.array_equal(more[1], kept)
