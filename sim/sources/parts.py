"""What signals are put together from: pulses, rings and noise, each causal, without aliasing and in closed form.

Pulses and rings are known by their Fourier transforms (``sim.sources.bandlimit``).  A ring is a mode of a struck body,

    p(t) = a exp(-d t) (cos w0 t - d/w0 sin w0 t),   P(f) = a i w / ((d + i w)^2 + w0^2),   d = 6.91 / T60,   (1)

of no area, as far sound must be, folded with the force of the contact: half a sine of unit area and of the contact's
length ``tau`` (the force between two elastic bodies by Hertz is close to that), with which it begins without a jump,

    F(f) = cos(pi f tau) / (1 - (2 f tau)^2) exp(-i pi f tau).                                         (2)

Noise is a Fourier series over its length with random amplitudes under a given power spectrum; the numbers are drawn
from low to high frequency, so that every sampling rate hears the same noise up to its own limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.sources.bandlimit import FLAT_TO, add_band_limited, sample_count
from sim.sources.friedlander import MATTERS, TAIL, friedlander_spectrum, level_db_spl, pressure_of_level_pa
from sim.sources.nwave import n_wave_spectrum

DECAY_60DB = 6.907755278982137
"""ln(1000): 60 dB."""


class Part(Protocol):
    """One thing that sounds within a signal."""

    @property
    def until_s(self) -> float:
        """When it no longer matters, seconds after the signal's beginning."""
        ...

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        """Add its pressure, Pa at one metre, to the samples ``out``."""
        ...


@dataclass(frozen=True, slots=True)
class Bang:
    """A Friedlander pulse at ``at_s``."""

    at_s: float
    peak_pa: float
    positive_s: float

    @property
    def until_s(self) -> float:
        return self.at_s + MATTERS * self.positive_s

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        add_band_limited(
            out,
            lambda f: friedlander_spectrum(f, self.peak_pa, self.positive_s),
            self.at_s,
            TAIL * self.positive_s,
            rate_hz,
        )


@dataclass(frozen=True, slots=True)
class Crack:
    """An N-wave at ``at_s``, spread over ``spread_s`` when its source is long (folded with a box of that length)."""

    at_s: float
    peak_pa: float
    duration_s: float
    spread_s: float = 0.0

    @property
    def until_s(self) -> float:
        return self.at_s + self.duration_s + self.spread_s

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        def spectrum(f: NDArray[np.float64]) -> NDArray[np.complex128]:
            box = np.sinc(f * self.spread_s) * np.exp(-1j * np.pi * f * self.spread_s)
            return np.asarray(n_wave_spectrum(f, self.peak_pa, self.duration_s) * box)

        add_band_limited(out, spectrum, self.at_s, self.duration_s + self.spread_s, rate_hz)


@dataclass(frozen=True, slots=True)
class Slap:
    """A smooth pulse up and down of no area, for a blade that cuts through a vortex: ``P(f) ~ i w / (1 + i w tau)^4``.

    peak_pa is of its first, greater half; its spectrum is greatest at 1 / (2 pi tau sqrt(3)).
    """

    at_s: float
    peak_pa: float
    tau_s: float

    @property
    def until_s(self) -> float:
        return self.at_s + 18.0 * self.tau_s

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        # In time it is (3 x^2 - x^3) exp(-x) / 6 tau^2, x = t/tau, with its peak at x = 3 - sqrt(3).
        x = 3.0 - np.sqrt(3.0)
        unit = (3.0 * x**2 - x**3) * np.exp(-x) / 6.0
        scale = self.peak_pa * self.tau_s**2 / unit

        def spectrum(f: NDArray[np.float64]) -> NDArray[np.complex128]:
            s = 2j * np.pi * f
            return np.asarray(scale * s / (1.0 + s * self.tau_s) ** 4)

        add_band_limited(out, spectrum, self.at_s, 30.0 * self.tau_s, rate_hz)


def contact_spectrum(frequency_hz: NDArray[np.float64], contact_s: float) -> NDArray[np.complex128]:
    """(n,) complex128, Fourier transform of half a sine of this length and unit area: the force of a blow."""
    x = np.asarray(frequency_hz, dtype=np.float64) * contact_s
    # cos(pi x) / (1 - 4 x^2), written so that 2 x = 1 is no singularity.
    shape = np.pi / 4.0 * (np.sinc(x + 0.5) + np.sinc(x - 0.5))
    return np.asarray(shape * np.exp(-1j * np.pi * x))


Mode = tuple[float, float, float]
"""Amplitude when struck by something hard, Pa; frequency, Hz; decay by 60 dB, seconds."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A body struck at ``at_s`` within ``contact_s``: its modes, eq. 1, folded with the contact, eq. 2."""

    at_s: float
    modes: tuple[Mode, ...]
    contact_s: float

    @property
    def until_s(self) -> float:
        return self.at_s + self.contact_s + max(decay for _, _, decay in self.modes)

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        def spectrum(f: NDArray[np.float64]) -> NDArray[np.complex128]:
            s = 2j * np.pi * f
            sum_ = np.zeros(len(f), dtype=np.complex128)
            for amplitude, frequency, t60 in self.modes:
                own = 2.0 * np.pi * frequency
                sum_ += amplitude * s / ((DECAY_60DB / t60 + s) ** 2 + own**2)
            return np.asarray(sum_ * contact_spectrum(f, self.contact_s))

        # Twice the decay: 120 dB down.
        add_band_limited(out, spectrum, self.at_s, 2.0 * (self.until_s - self.at_s), rate_hz)


@dataclass(frozen=True, slots=True)
class Hiss:
    """Noise at ``at_s`` that swells within ``attack_s`` and dies away by 60 dB within ``t60_s``; with ``t60_s`` of
    None it lasts ``length_s`` and is faded in and out over ``attack_s`` so that what follows may overlap by as much,
    with constant power.

    rms_pa : at its height.
    low_hz, high_hz : power density is flat between them and falls with 12 dB an octave below and above.
    seed : of its random amplitudes.
    """

    at_s: float
    length_s: float
    rms_pa: float
    low_hz: float
    high_hz: float
    attack_s: float
    t60_s: float | None
    seed: int

    @property
    def until_s(self) -> float:
        return self.at_s + self.length_s

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        points = int(np.ceil(self.length_s * rate_hz))
        first = int(np.ceil(self.at_s * rate_hz))
        t = np.arange(points) / rate_hz
        if self.t60_s is None:
            rise = np.clip(np.minimum(t, self.length_s - t) / self.attack_s, 0.0, 1.0)
            envelope = np.sin(0.5 * np.pi * rise)
        else:
            envelope = -np.expm1(-3.0 * t / self.attack_s) * np.exp(-DECAY_60DB / self.t60_s * t)
        noise = envelope * self._steady(points, rate_hz)
        keep = max(min(points, len(out) - first), 0)
        out[first : first + keep] += noise[:keep]

    def _steady(self, points: int, rate_hz: float) -> NDArray[np.float64]:
        """(points,) float64: the noise before its envelope."""
        spacing = 1.0 / self.length_s
        lines = int(FLAT_TO * rate_hz * self.length_s)
        f = spacing * np.arange(1, lines + 1)
        power = 1.0 / ((1.0 + (self.low_hz / f) ** 4) * (1.0 + (f / self.high_hz) ** 4))
        # The integral of that power over all frequencies, so that no sampling rate changes the level of what it hears.
        grid = np.geomspace(1e-2 * self.low_hz, 1e2 * self.high_hz, 2000)
        density = 1.0 / ((1.0 + (self.low_hz / grid) ** 4) * (1.0 + (grid / self.high_hz) ** 4))
        whole = float(np.trapezoid(density, grid))
        drawn = np.random.default_rng(self.seed).standard_normal((lines, 2)) @ np.array([1.0, 1j])
        amplitudes = np.zeros(points // 2 + 1, dtype=np.complex128)
        lines = min(lines, points // 2)
        amplitudes[1 : lines + 1] = (drawn * np.sqrt(power * spacing / whole))[:lines] * self.rms_pa / 2.0
        return np.asarray(np.fft.irfft(amplitudes, points) * points)


@dataclass(frozen=True, slots=True)
class Whistle:
    """A falling tone with harmonics, for a burning whistle composition in a tube that burns down.

    start_hz, end_hz : pitch; it goes evenly in octaves.
    """

    at_s: float
    length_s: float
    rms_pa: float
    start_hz: float
    end_hz: float

    @property
    def until_s(self) -> float:
        return self.at_s + self.length_s

    def add_to(self, out: NDArray[np.float64], rate_hz: float) -> None:
        points = int(self.length_s * rate_hz)
        first = int(np.ceil(self.at_s * rate_hz))
        t = np.arange(points) / rate_hz
        slope = np.log(self.end_hz / self.start_hz) / self.length_s
        turns = self.start_hz * (np.expm1(slope * t) / slope if slope else t)
        pitch = self.start_hz * np.exp(slope * t)
        tone = np.zeros(points)
        for harmonic, weight in ((1, 1.0), (2, 0.5), (3, 0.25), (4, 0.12)):
            # A partial fades out as it nears the highest frequency that this rate may hold.
            room = np.clip(4.0 - 4.0 * harmonic * pitch / (FLAT_TO * rate_hz), 0.0, 1.0)
            tone += weight * room * np.sin(2.0 * np.pi * harmonic * turns)
        rise = np.clip(np.minimum(t, self.length_s - t) / (0.1 * self.length_s), 0.0, 1.0)
        tone *= np.sin(0.5 * np.pi * rise) ** 2 * self.rms_pa * np.sqrt(2.0 / 1.327)  # 1.327: sum of weights squared
        keep = max(min(points, len(out) - first), 0)
        out[first : first + keep] += tone[:keep]


@dataclass(frozen=True, slots=True)
class Mixture:
    """A ``Signal`` of several parts whose own levels stand.

    peak_db_spl_1m : what its maker states, from the parts.
    """

    parts: tuple[Part, ...]
    peak_db_spl_1m: float

    @property
    def duration_s(self) -> float:
        """Until the last part no longer matters, seconds."""
        return max(part.until_s for part in self.parts)

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        """(n,) float64, Pa at one metre; sample 0 is the onset; band-limited."""
        out = np.zeros(sample_count(self.duration_s, rate_hz))
        for part in self.parts:
            part.add_to(out, rate_hz)
        return out


REFERENCE_RATE_HZ = 48_000.0
"""The rate at which a levelled mixture has its stated peak."""


@dataclass(frozen=True, slots=True)
class Levelled:
    """A ``Signal`` of several parts of which only their proportions are known: scaled to a stated peak level.

    peak_db_spl_1m : that it has at ``REFERENCE_RATE_HZ``.
    """

    parts: tuple[Part, ...]
    peak_db_spl_1m: float

    @property
    def duration_s(self) -> float:
        """Until the last part no longer matters, seconds."""
        return max(part.until_s for part in self.parts)

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        """(n,) float64, Pa at one metre; sample 0 is the onset; band-limited."""
        raw = Mixture(self.parts, 0.0)
        reference = raw.pressure_pa(REFERENCE_RATE_HZ)
        scale = pressure_of_level_pa(self.peak_db_spl_1m) / float(np.abs(reference).max())
        samples = reference if rate_hz == REFERENCE_RATE_HZ else raw.pressure_pa(rate_hz)
        return np.asarray(scale * samples)


def measured(parts: tuple[Part, ...], rate_hz: float = REFERENCE_RATE_HZ) -> Mixture:
    """A mixture whose stated peak is that of its samples at this rate: for parts that overlap with known levels."""
    samples = Mixture(parts, 0.0).pressure_pa(rate_hz)
    return Mixture(parts, level_db_spl(float(np.abs(samples).max())))
