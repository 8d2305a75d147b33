"""Pages: one scene with map, record section and residuals; or many scenes as a sheet of maps.

A PDF gets one page a scene, after a sheet of all when there are several; PNG and SVG get the page of the one scene, or
the sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tocsin.located import Located, ellipse_95, residual_rms_s
from tocsin.plots.figure_file import SUFFIXES, check_plot, save_figures
from tocsin.plots.record_section import draw_section, section_legend
from tocsin.plots.residual_chart import draw_residuals
from tocsin.plots.scenes import Scene, scenes
from tocsin.plots.site_map import draw_map, map_legend
from tocsin.plots.style import FAINT
from wire.utc import NS_PER_S, format_utc_ns

# A page takes most of a second, a sheet of more maps than this cannot be read.
MOST_PAGES, MOST_MAPS = 120, 36


def save_plot(results: Sequence[Located], path: Path) -> list[str]:
    """Draw the results into a file, whole or not at all.

    Returns
    -------
    Sentences about what was left out, because there was too much for a page or a file.

    Raises
    ------
    ConfigurationError
        The file cannot be written.
    """
    check_plot(path)
    every = [scene for located in results for scene in scenes(located)]
    left_out: list[str] = []

    save_figures(lambda: _pages(results, every, left_out), path, "--plot")
    return left_out


def _pages(results: Sequence[Located], every: Sequence[Scene], left_out: list[str]) -> Iterator[Figure]:
    if len(every) > 1:
        yield sheet(results, left_out)
    with_shots = [scene for scene in every if scene.shots] or every[:1]
    if len(with_shots) > MOST_PAGES:
        left_out.append(f"pages of the last {len(with_shots) - MOST_PAGES} of {len(with_shots)} scenes are left out")
    for scene in with_shots[:MOST_PAGES]:
        yield page(scene)


def page(scene: Scene) -> Figure:
    """One scene: map on the left, record section and residuals on the right."""
    figure = Figure(figsize=(15.0, 8.2))
    the_map = figure.add_axes((0.05, 0.125, 0.43, 0.75))
    draw_map(the_map, scene)
    the_map.set_title("Where", pad=7)
    figure.legend(
        handles=map_legend(scene),
        loc="lower center",
        bbox_to_anchor=(0.265, 0.012),
        ncols=7,
        frameon=False,
        columnspacing=1.4,
        handletextpad=0.5,
    )
    figure.text(0.05, 0.96, _title(scene), fontsize=13, fontweight="bold", va="center")
    figure.text(0.05, 0.929, _subtitle(scene), fontsize=8.5, va="center", color="#444444")
    if scene.shots:
        section = figure.add_axes((0.555, 0.395, 0.37, 0.48))
        draw_section(section, scene)
        section.set_title("When each sensor heard it", pad=7)
        figure.legend(
            handles=section_legend(scene),
            loc="lower center",
            bbox_to_anchor=(0.74, 0.300),
            ncols=5,
            frameon=False,
            columnspacing=1.3,
            handletextpad=0.5,
        )
        residuals = figure.add_axes((0.555, 0.095, 0.37, 0.185))
        draw_residuals(residuals, scene)
        residuals.set_title("Arrival minus prediction", pad=5)
    else:
        figure.text(0.74, 0.5, "no shots", ha="center", fontsize=14, color=FAINT)
    return figure


def sheet(results: Sequence[Located], left_out: list[str]) -> Figure:
    """All tests as small maps; tests of one group share one, for they share a frame."""
    merged = _by_group(results)
    if len(merged) > MOST_MAPS:
        left_out.append(f"maps of the last {len(merged) - MOST_MAPS} of {len(merged)} tests are left out")
        merged = merged[:MOST_MAPS]
    columns = next(n for n in (1, 2, 3, 4, 5, 6) if n * n >= len(merged) or n == 6)
    rows = -(-len(merged) // columns)
    size = max(3.2, min(8.0, 12.0 / columns))
    pitch = 0.9 * size
    height = rows * pitch + 1.0
    figure = Figure(figsize=(columns * size, height))
    for k, (title, scene) in enumerate(merged):
        row, column = divmod(k, columns)
        left = (column + 0.17) / columns
        bottom = (0.45 + (rows - 1 - row) * pitch + 0.12 * size) / height
        axes: Axes = figure.add_axes((left, bottom, 0.74 / columns, 0.70 * size / height))
        draw_map(axes, scene, close_ups=1 if columns <= 3 and scene.shots else 0, labels=columns <= 2)
        axes.set_title(title, pad=4, fontsize=9)
        axes.tick_params(labelsize=6.5)
        axes.xaxis.label.set_fontsize(7)
        axes.yaxis.label.set_fontsize(7)
        axes.locator_params(nbins=4)
    shots = sum(len(located.shots) for located in results)
    title = _count(shots) if len(results) == 1 else f"{_count(shots)} in {len(results)} tests"
    figure.text(0.17 / columns, 1 - 0.28 / height, title, fontsize=13, fontweight="bold", va="center")
    widest = max(merged, key=lambda item: len(map_legend(item[1])))[1]
    figure.legend(
        handles=map_legend(widest),
        loc="lower center",
        bbox_to_anchor=(0.5, 0.1 / height),
        ncols=7 if columns > 1 else 4,
        frameon=False,
    )
    return figure


def _by_group(results: Sequence[Located]) -> list[tuple[str, Scene]]:
    """(title, scene) of every map of the sheet, shots of one group together."""
    groups: dict[object, list[Located]] = {}
    for k, located in enumerate(results):
        groups.setdefault((located.group,) if located.group is not None else k, []).append(located)
    merged = []
    for members in groups.values():
        first = members[0]
        shots = tuple(shot for located in members for shot in located.shots)
        widest = max(members, key=lambda located: len(located.network))
        names = {name for located in members for name in located.network.ids}
        if not names <= set(widest.network.ids):  # sensors that only some tests know: each test its own map
            merged += [_one(located) for located in members]
            continue
        tests = f", {len(members)} tests" if len(members) > 1 else ""
        title = f"{first.group if len(members) > 1 else first.title}{tests}, {_count(len(shots))}"
        merged.append((title, Scene(replace(widest, shots=shots), shots, 0)))
    return merged


def _one(located: Located) -> tuple[str, Scene]:
    return f"{located.title}, {_count(len(located.shots))}", Scene(located, located.shots, 0)


def _count(shots: int) -> str:
    return "1 shot" if shots == 1 else f"{shots} shots"


def _title(scene: Scene) -> str:
    located = scene.located
    name = f"{located.group} {located.test}" if located.group and located.test else located.title
    if not scene.shots:
        return name
    if len(scene.shots) == len(located.shots):
        return f"{name}: {_count(len(scene.shots))}"
    return f"{name}: shots {scene.first + 1}–{scene.first + len(scene.shots)} of {len(located.shots)}"


def _subtitle(scene: Scene) -> str:
    """Date and air, then the figures of the shots in one line each while there are few."""
    weather = scene.located.network.weather
    air = f"sound {weather.sound_speed_m_s:.1f} m/s"
    if weather.wind_speed_m_s:
        air += f", wind {weather.wind_speed_m_s:.1f} m/s from {weather.wind_from_deg:.0f}°"
    if not scene.shots:
        return air
    first, last = scene.shots[0].fired_ns, scene.shots[-1].fired_ns
    text = f"{format_utc_ns(first)[:23].replace('T', ' ')} UTC"
    if len(scene.shots) > 1:
        text += f", {len(scene.shots)} in {(last - first) / NS_PER_S:.2f} s"
    best = min(scene.shots, key=lambda shot: shot.region_95.area)
    ellipse = ellipse_95(best)
    text += (
        f"   ·   {air}   ·   best 95 % ellipse ± {ellipse.major_m:.1f} × {ellipse.minor_m:.1f} m at"
        f" {ellipse.bearing_deg:.0f}°, {len(best.used)} sensors, residual RMS {1e3 * residual_rms_s(best):.1f} ms"
    )
    return text


__all__ = ["SUFFIXES", "check_plot", "page", "save_plot", "sheet"]
