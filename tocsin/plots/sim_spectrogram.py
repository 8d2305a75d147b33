"""What one sensor recorded of a simulated sound, with the truth marked: waveform, ways, spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from sensors.capture import Capture, sample_ns
from sim.truth import TrueArrival
from tocsin.plots.sim_look import BLAST, PATH_COLOURS, PATH_WORDS, SHOCK, SimScene, way_colour
from tocsin.plots.style import FAINT, TRACE
from wire.utc import NS_PER_S

BEFORE_S, AFTER_S = 0.15, 0.6
# Of the detector's band and what is above it: higher a street lets little through.
HIGHEST_HZ = 8_000.0
RANGE_DB = 60.0
_WINDOW_S = 0.008
_COLUMNS = 1800
_READ_FRAMES = 65_536


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a recording.

    first_s : of the first sample, seconds after emission of the sound, by the sensor's clock.
    rate_hz : samples a second.
    pressure : (n,) float64, Pa when ``calibrated``, else parts of full scale.
    """

    first_s: float
    rate_hz: float
    pressure: NDArray[np.float64]
    calibrated: bool


def stretch(scene: SimScene) -> Stretch | None:
    """The recording around the sound; None when there is none, or it ends before."""
    arrivals = [] if scene.sensor is None else scene.arrivals(scene.sensor.id)
    if scene.capture is None or not arrivals:
        return None
    first_s, last_s = span_s(scene, arrivals)
    found = _read(scene.capture, scene.sound.at_ns, first_s, last_s)
    return found


def span_s(scene: SimScene, arrivals: list[TrueArrival]) -> tuple[float, float]:
    """From just before the first arrival to after the last path, seconds after emission, by the sensor's clock."""
    stamps = [(arrival.stamped_ns - scene.sound.at_ns) / NS_PER_S for arrival in arrivals]
    lasts = [
        stamp + (arrival.paths[-1].delay_s - arrival.paths[0].delay_s if arrival.paths else 0.0)
        for stamp, arrival in zip(stamps, arrivals, strict=True)
    ]
    return min(stamps) - BEFORE_S, max(lasts) + AFTER_S


def draw_waveform(axes: Axes, scene: SimScene, piece: Stretch) -> None:
    """Pressure over time, with every path as a mark in its colour, higher the louder it is, and what each wave is."""
    assert scene.sensor is not None
    width = max(len(piece.pressure) // _COLUMNS, 1)
    columns = piece.pressure[: len(piece.pressure) // width * width].reshape(-1, width)
    time_s = piece.first_s + (np.arange(len(columns)) + 0.5) * width / piece.rate_hz
    axes.fill_between(time_s, columns.min(axis=1), columns.max(axis=1), color=TRACE, linewidth=0.4, zorder=3)
    peak = float(np.abs(piece.pressure).max()) or 1.0
    arrivals = scene.arrivals(scene.sensor.id)
    loudest = max((path.peak_db_spl for arrival in arrivals for path in arrival.paths), default=0.0)
    for arrival in arrivals:
        for path in arrival.paths:
            at_s = _path_s(scene, arrival, path.delay_s)
            top = 1.15 + 0.55 * float(np.clip(1.0 + (path.peak_db_spl - loudest) / 40.0, 0.12, 1.0))
            axes.vlines(at_s, 1.15 * peak, top * peak, color=way_colour(arrival, path), linewidth=1.2)
    axes.set_xlim(piece.first_s, piece.first_s + len(piece.pressure) / piece.rate_hz)
    axes.set_ylim(-1.15 * peak, 2.1 * peak)
    _name_waves(axes, scene, arrivals)
    axes.set_ylabel("sound pressure, Pa" if piece.calibrated else "full scale")
    axes.grid(axis="x", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelbottom=False)


def draw_spectrogram(axes: Axes, scene: SimScene, piece: Stretch) -> None:
    """Level over time and frequency, 60 dB deep, with the first arrival of each wave."""
    assert scene.sensor is not None
    length = max(round(_WINDOW_S * piece.rate_hz), 32)
    hop = max(length // 8, len(piece.pressure) // 2000, 1)
    transform = ShortTimeFFT(hann(length, sym=False), hop, piece.rate_hz, mfft=4 * length, scale_to="magnitude")
    first, last = 0, transform.upper_border_begin(len(piece.pressure))[1]
    level = np.abs(transform.stft(piece.pressure, p0=first, p1=max(last, 1)))
    top_hz = min(HIGHEST_HZ, piece.rate_hz / 2)
    rows = int(np.searchsorted(transform.f, top_hz, side="right"))
    reference = 20e-6 if piece.calibrated else 1.0
    # One side of the spectrum of a tone of amplitude A is A/2: its effective value is the square root of 2 times that.
    db = 20.0 * np.log10(np.maximum(np.sqrt(2.0) * level[:rows] / reference, 1e-9))
    highest = float(np.ceil(db.max() / 5.0) * 5.0)
    begin_s = piece.first_s - 0.5 * transform.delta_t
    image = axes.imshow(
        db,
        origin="lower",
        aspect="auto",
        extent=(begin_s, begin_s + level.shape[1] * transform.delta_t, 0.0, float(transform.f[rows - 1])),
        cmap="magma_r",
        vmin=max(highest - RANGE_DB, float(np.median(db)) - 3.0),  # noise alone is one pale tone
        vmax=highest,
        interpolation="bilinear",
        zorder=1,
    )
    for arrival in scene.arrivals(scene.sensor.id):
        colour = SHOCK if arrival.wave == "shock" else "#0072B2"
        at_s = (arrival.stamped_ns - scene.sound.at_ns) / NS_PER_S
        axes.axvline(at_s, color=colour, linewidth=0.9, linestyle="--", zorder=3)
    axes.set_xlim(piece.first_s, piece.first_s + len(piece.pressure) / piece.rate_hz)
    axes.set_ylim(0.0, top_hz)
    axes.set_xlabel("seconds after emission, by the sensor's clock")
    axes.set_ylabel("frequency, Hz")
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position()
    bar = figure.add_axes((box.x1 + 0.008, box.y0, 0.008, box.height))
    figure.colorbar(image, cax=bar)
    bar.set_title("dB SPL" if piece.calibrated else "dB FS", fontsize=7, fontweight="normal", pad=5, loc="left")
    bar.tick_params(labelsize=6.5)


def spectrogram_legend(scene: SimScene) -> list[Line2D]:
    """Legend entries of the marks above the waveform: each kind of path that reached the sensor."""
    assert scene.sensor is not None
    arrivals = scene.arrivals(scene.sensor.id)
    kinds = {path.kind for arrival in arrivals if arrival.wave == "blast" for path in arrival.paths}
    entries = [_tick(PATH_COLOURS[kind], word) for kind, word in PATH_WORDS.items() if kind in kinds]
    if any(arrival.wave == "shock" for arrival in arrivals):
        entries.append(_tick(SHOCK, "shock wave"))
    return entries


def _tick(colour: str, label: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker="|", markersize=8, markeredgewidth=1.6, color=colour, label=label)


def _name_waves(axes: Axes, scene: SimScene, arrivals: list[TrueArrival]) -> None:
    """``blast`` and ``shock`` at their arrivals, the earlier above, the later below; dotted, other sounds."""
    for k, arrival in enumerate(arrivals):
        at_s = (arrival.stamped_ns - scene.sound.at_ns) / NS_PER_S
        colour = SHOCK if arrival.wave == "shock" else BLAST
        axes.axvline(at_s, color=colour, linewidth=0.9, linestyle="--", zorder=2)
        word = arrival.wave if scene.sound.kind == "gunshot" else scene.sound.kind.replace("_", " ")
        axes.annotate(
            f"{word}, at most {arrival.peak_db_spl:.0f} dB SPL",
            (at_s, 0.03 if k else 0.985),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            va="bottom" if k else "top",
            fontsize=7,
            color=colour,
            annotation_clip=False,
        )
    for other in _others(scene):
        axes.axvline(other, color=FAINT, linewidth=0.7, linestyle=":", zorder=2)


def _others(scene: SimScene) -> list[float]:
    """Arrivals of other sounds at the sensor, seconds after emission of this one."""
    assert scene.sensor is not None
    return [
        (arrival.stamped_ns - scene.sound.at_ns) / NS_PER_S
        for sound in scene.truth.sounds
        if sound.id != scene.sound.id
        for arrival in sound.arrivals
        if arrival.sensor == scene.sensor.id
    ]


def _path_s(scene: SimScene, arrival: TrueArrival, delay_s: float) -> float:
    """When a path arrives, seconds after emission, by the sensor's clock."""
    return (arrival.stamped_ns - scene.sound.at_ns) / NS_PER_S + delay_s - arrival.paths[0].delay_s


def _read(capture: Capture, origin_ns: int, first_s: float, last_s: float) -> Stretch | None:
    """The first channel of a capture between two times after ``origin_ns``; None when it holds next to nothing."""
    to_start_s = (origin_ns - capture.start_ns) / NS_PER_S
    begin = max(int((to_start_s + first_s) * capture.rate_hz), 0)
    end = int((to_start_s + last_s) * capture.rate_hz)
    pieces, position = [np.empty(0)], 0
    for block in capture.blocks(_READ_FRAMES):
        low, high = max(begin - position, 0), min(end - position, len(block))
        if low < high:
            pieces.append(block[low:high, 0].astype(np.float64))
        position += len(block)
        if position >= end:
            break
    sound = np.concatenate(pieces)
    if len(sound) < 256:
        return None
    calibrated = capture.full_scale_db_spl is not None
    if capture.full_scale_db_spl is not None:
        # The level of full scale is a peak level: a sample of 1 is so many dB above 20 uPa.
        sound *= 20e-6 * 10.0 ** (capture.full_scale_db_spl / 20.0)
    at_s = (sample_ns(capture.start_ns, capture.rate_hz, begin) - origin_ns) / NS_PER_S
    return Stretch(at_s, capture.rate_hz, sound, calibrated)
