"""Filters' inner loops: scipy's compiled ones, reached without the package around them.

A node needs two loops of scipy: second-order sections, and polyphase FIR filters.  ``import scipy.signal`` brings them
with statistics, optimisation, interpolation and geometry: 75 MB, and seconds of start on a small machine.  So the two
extension modules are loaded from their files, by the import system, under their own names; whoever imports scipy.signal
in the same process gets the same modules.  They are private to scipy: they are tried on known answers, and where a
release has moved or changed them the public functions of scipy.signal do the same work, at their price, and a warning
says so.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LOG = logging.getLogger("tocsin.acoustic.kernels")


@dataclass(frozen=True, slots=True)
class Kernels:
    """The two loops.

    run_sections : ``(sections, rows, delays)``: second-order sections one after another, each in transposed direct form
        II.  sections : (k, 6) float64, as scipy.signal writes them; rows : (m, n) float64, filtered in place;
        delays : (m, k, 2) float64, the filter's memory, left as it is after the last sample.  All contiguous.
    polyphase : ``(taps, up, down)`` gives the filter ``rows -> out``: ``up - 1`` zeros put behind every sample, a
        convolution with taps, every ``down``-th output kept.  taps : (t,) float64; rows : (m, n) float64;
        out : (m, ((n - 1) up + t - 1) // down + 1) float64.
    light : they are scipy's compiled ones, without scipy.signal.
    """

    run_sections: Callable[[Array, Array, Array], None]
    polyphase: Callable[[Array, int, int], Callable[[Array], Array]]
    light: bool


def compiled() -> Kernels:
    """The compiled loops alone.

    Raises
    ------
    ImportError
        When this release of scipy does not have them where they are looked for.
    AttributeError, TypeError, ValueError
        When it has them in another form.
    """
    sosfilt, upfirdn = _extension("_sosfilt"), _extension("_upfirdn_apply")
    apply, outputs, zeros_around = upfirdn._apply, upfirdn._output_len, upfirdn.mode_enum("constant")

    def polyphase(taps: Array, up: int, down: int) -> Callable[[Array], Array]:
        # The loop takes the taps phase by phase, each phase reversed.
        padded = np.zeros(-(-len(taps) // up) * up)
        padded[: len(taps)] = taps
        phases = padded.reshape(-1, up).T[:, ::-1].ravel()

        def filtered(rows: Array) -> Array:
            out = np.zeros((rows.shape[0], outputs(len(taps), rows.shape[1], up, down)))
            apply(rows, phases, out, up, down, 1, zeros_around, 0.0)
            return out

        return filtered

    kernels = Kernels(sosfilt._sosfilt, polyphase, light=True)
    _try(kernels)
    return kernels


def public() -> Kernels:
    """The same loops by way of scipy.signal."""
    from scipy import signal  # noqa: PLC0415  # the whole package: only where it must be

    def run_sections(sections: Array, rows: Array, delays: Array) -> None:
        rows[:], after = signal.sosfilt(sections, rows, axis=-1, zi=delays.transpose(1, 0, 2))
        delays[:] = np.asarray(after).transpose(1, 0, 2)

    def polyphase(taps: Array, up: int, down: int) -> Callable[[Array], Array]:
        return lambda rows: np.asarray(signal.upfirdn(taps, rows, up, down, axis=-1), dtype=np.float64)

    return Kernels(run_sections, polyphase, light=False)


def best() -> Kernels:
    """The light loops, or the public ones and a warning in the log."""
    try:
        return compiled()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        release = importlib.import_module("scipy").__version__
        _LOG.warning(
            "scipy %s keeps its filter loops elsewhere (%s): scipy.signal is loaded whole and takes 75 MB more memory",
            release,
            error,
        )
        return public()


def _extension(name: str) -> ModuleType:
    """An extension module of scipy.signal, without scipy.signal."""
    full = f"scipy.signal.{name}"
    if full in sys.modules:
        return sys.modules[full]
    package = importlib.util.find_spec("scipy")
    if package is None or not package.submodule_search_locations:
        raise ImportError("scipy is not installed as a package of files")
    for folder in package.submodule_search_locations:
        finder = FileFinder(str(Path(folder) / "signal"), (ExtensionFileLoader, EXTENSION_SUFFIXES))
        found = finder.find_spec(full)
        if found is not None and found.loader is not None:
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
            return module
    raise ImportError(f"no {full}")


def _try(kernels: Kernels) -> None:
    """Filter what is known; ValueError when something else comes out."""
    rows, delays = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), np.array([[[0.0, 0.0]], [[4.0, 0.0]]])
    kernels.run_sections(np.array([[1.0, 0.0, 1.0, 1.0, -0.5, 0.0]]), rows, delays)
    if not np.array_equal(rows, [[1.0, 0.5, 1.25], [4.0, 4.0, 2.0]]):
        raise ValueError("second-order sections give another result")
    if not np.array_equal(delays, [[[0.625, 0.0]], [[3.0, 0.0]]]):
        raise ValueError("second-order sections leave another memory")
    upsampled = kernels.polyphase(np.array([1.0, 2.0, 4.0]), 2, 1)(np.array([[1.0, 8.0], [16.0, 0.0]]))
    if not np.array_equal(upsampled, [[1.0, 2.0, 12.0, 16.0, 32.0], [16.0, 32.0, 64.0, 0.0, 0.0]]):
        raise ValueError("the polyphase filter gives another result")


KERNELS = best()
"""What everything in this room filters with."""
