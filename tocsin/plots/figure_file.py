"""Figures in files: by suffix, whole or not at all, with the same bytes each time."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from errors import ConfigurationError
from tocsin.formats.saving import check_target, save_by
from tocsin.plots.style import RC

SUFFIXES = (".png", ".svg", ".pdf")
# Repeatable bytes: no date of making inside the file.
_METADATA: dict[str, dict[str, object]] = {
    ".png": {"Software": "Tocsin"},
    ".svg": {"Date": None, "Creator": "Tocsin"},
    ".pdf": {"CreationDate": None, "Creator": "Tocsin"},
}


def check_plot(path: Path, option: str = "--plot") -> None:
    """Refuse a plot file before the long work.

    Raises
    ------
    ConfigurationError
        Another suffix than .png, .svg, .pdf, or a directory that does not exist.
    """
    if path.suffix.lower() not in SUFFIXES:
        expected = "one of " + ", ".join(SUFFIXES)
        raise ConfigurationError(option, f"suffix of {path}", expected=expected, seen=path.suffix)
    check_target(path, option)


def save_figures(figures: Callable[[], Iterator[Figure]], path: Path, option: str) -> None:
    """Save figures, drawn in the house's style, into a file: a page each in PDF, elsewhere the first alone.

    Raises
    ------
    ConfigurationError
        The file cannot be written; what was there before is as it was.
    """
    suffix = path.suffix.lower()

    def write(target: Path) -> None:
        with matplotlib.rc_context(RC):
            if suffix == ".pdf":
                with PdfPages(target, metadata=_METADATA[suffix]) as pages:
                    for figure in figures():
                        pages.savefig(figure)
            else:
                next(figures()).savefig(target, dpi=170, format=suffix[1:], metadata=_METADATA[suffix])

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(pyparsing|matplotlib)(\..*)?")
        save_by(path, write, option)
