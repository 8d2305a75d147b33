"""The page of a simulated sound: the scene from above, and what one sensor made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from tocsin.plots.figure_file import check_plot, save_figures
from tocsin.plots.sim_look import SimScene
from tocsin.plots.sim_scene import draw_scene, scene_legend
from tocsin.plots.sim_spectrogram import draw_spectrogram, draw_waveform, spectrogram_legend, stretch
from tocsin.plots.style import FAINT
from wire.utc import format_utc_ns


def save_sim_plot(scene: SimScene, path: Path) -> None:
    """Draw the scene into a file, whole or not at all.

    Raises
    ------
    ConfigurationError
        Another suffix than .png, .svg, .pdf, or the file cannot be written.
    """
    check_plot(path, "--out")

    def pages() -> Iterator[Figure]:
        yield sim_page(scene)

    save_figures(pages, path, "--out")


def sim_page(scene: SimScene) -> Figure:
    """Scene on the left; on the right waveform and spectrogram of the chosen sensor, with the truth marked."""
    figure = Figure(figsize=(15.0, 8.2))
    the_map = figure.add_axes((0.05, 0.135, 0.45, 0.745))
    draw_scene(the_map, scene)
    the_map.set_title("From above", pad=7)
    figure.legend(
        handles=scene_legend(scene),
        loc="lower center",
        bbox_to_anchor=(0.275, 0.008),
        ncols=6,
        frameon=False,
        columnspacing=1.4,
        handletextpad=0.5,
    )
    figure.text(0.05, 0.96, f"{scene.truth.title}: {scene.sound.id}", fontsize=13, fontweight="bold", va="center")
    figure.text(0.05, 0.929, _subtitle(scene), fontsize=8.5, va="center", color="#444444")
    piece = stretch(scene)
    if scene.sensor is None or piece is None:
        why = "no sensor heard it" if not scene.sound.arrivals else "no recording of it"
        figure.text(0.77, 0.5, why, ha="center", fontsize=14, color=FAINT)
        return figure
    wave = figure.add_axes((0.575, 0.66, 0.355, 0.22))
    draw_waveform(wave, scene, piece)
    wave.set_title(_sensor_title(scene), pad=7)
    figure.legend(
        handles=spectrogram_legend(scene),
        loc="lower center",
        bbox_to_anchor=(0.7525, 0.612),
        ncols=6,
        frameon=False,
        columnspacing=1.2,
        handletextpad=0.3,
    )
    picture = figure.add_axes((0.575, 0.135, 0.355, 0.465))
    draw_spectrogram(picture, scene, piece)
    return figure


def _subtitle(scene: SimScene) -> str:
    truth, sound = scene.truth, scene.sound
    sensors = len({arrival.sensor for arrival in sound.arrivals})
    wind = sum(part * part for part in truth.wind_m_s) ** 0.5
    air = f"sound {truth.sound_speed_m_s:.1f} m/s" + (f", wind {wind:.1f} m/s" if wind >= 0.05 else "")
    return (
        f"{sound.label or sound.kind.replace('_', ' ')}, {sound.peak_db_spl_1m:.0f} dB SPL at 1 m"
        f"   ·   {format_utc_ns(sound.at_ns)[:23].replace('T', ' ')} UTC   ·   {air}"
        f"   ·   reaches {sensors} of {len(truth.sensors)} sensors   ·   seed {truth.seed}"
    )


def _sensor_title(scene: SimScene) -> str:
    assert scene.sensor is not None
    arrival = next(a for a in scene.arrivals(scene.sensor.id))
    late = f"{1e3 * arrival.excess_delay_s:.1f} ms late behind buildings"
    sight = "in line of sight" if arrival.line_of_sight else late
    distance = sum((a - b) ** 2 for a, b in zip(scene.sensor.position_m, scene.sound.position_m, strict=True)) ** 0.5
    return f"Heard by {scene.sensor.id}, {distance:.0f} m away, {sight}, SNR {arrival.snr_db:.0f} dB"
