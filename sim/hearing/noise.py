"""All that a microphone hears when nothing is fired: Gaussian noise whose spectrum changes slowly.

Background, wind and the microphone's own noise are Gaussian and independent, so their sum is Gaussian with the sum of
their densities: one stretch of random numbers is drawn in the frequency domain, given the amplitudes of that sum, and
transformed.  A hop of a quarter of a second has its own amplitudes; neighbouring stretches fade into each other with
weights whose squares add to one (the power-complementary slope of Princen & Bradley's windows, in the smooth form of
the Vorbis codec), so power is even and steep spectra do not leak.

Hops are counted from the start of the scenario and drawn in chunks of sixteen from the chunk's number alone: any chunk
can be made without those before it, always with the same bytes.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sim.hearing.background import TRAFFIC, Background
from sim.hearing.microphone import SELF_NOISE, dither_density_pa2_hz, vent_power_gain
from sim.hearing.spectrum import SNR_BAND_HZ
from sim.hearing.wind_noise import WIND_NOISE, WindNoise
from sim.world import Station, World

HOPS = 16
"""Of a chunk; a chunk is four seconds."""


class NoiseLevels:
    """Levels of one station's noise over time."""

    def __init__(self, world: World, station: Station) -> None:
        self.background = Background(world, station)
        self.wind = WindNoise(world, station)
        self.self_noise_db_a = station.self_noise_db_a

    def powers(self, at_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) float64 each: power of background and wind over that of their shapes at 0 dB(A)."""
        return 10.0 ** (self.background.level_db_a(at_s) / 10.0), 10.0 ** (self.wind.level_db_a(at_s) / 10.0)

    def band_level_db(
        self, at_s: NDArray[np.float64], low_hz: float = SNR_BAND_HZ[0], high_hz: float = SNR_BAND_HZ[1]
    ) -> NDArray[np.float64]:
        """(n,) float64, level of all noise within a band, dB re 20 uPa, at (n,) seconds after the start."""
        background, wind = self.powers(at_s)
        shapes = (TRAFFIC, WIND_NOISE, SELF_NOISE)
        shares = [10.0 ** (shape.band_level_db(low_hz, high_hz) / 10.0) for shape in shapes]
        own = 10.0 ** (self.self_noise_db_a / 10.0)
        return np.asarray(10.0 * np.log10(background * shares[0] + wind * shares[1] + own * shares[2]))

    def quietest_band_level_db(self) -> float:
        """Level in ``SNR_BAND_HZ`` below which the noise hardly ever falls, dB re 20 uPa.

        A lull of the wind takes all of its noise; background and self noise stay."""
        low, high = SNR_BAND_HZ
        background = self.background.quietest_level_db_a() + TRAFFIC.band_level_db(low, high)
        own = self.self_noise_db_a + SELF_NOISE.band_level_db(low, high)
        return float(10.0 * np.log10(10.0 ** (background / 10.0) + 10.0 ** (own / 10.0)))


class Noise:
    """Noise of one station, chunk by chunk.

    Parameters
    ----------
    world, station : whose noise.
    deaf : only the microphone's own and the converter's, drawn from the same numbers; what a dead microphone gives.
    """

    def __init__(self, world: World, station: Station, *, deaf: bool = False) -> None:
        rate = station.rate_hz
        self._world, self._station, self._deaf = world, station, deaf
        self._levels = NoiseLevels(world, station)
        self.hop = round(rate / 4)
        self._length = scipy.fft.next_fast_len(self.hop + rate // 16, real=True)
        self._fade = self._length - self.hop
        self.chunk_samples = HOPS * self.hop
        f = scipy.fft.rfftfreq(self._length, 1.0 / rate)
        # Of irfft: a bin whose parts have variance v adds 4 v / length^2 of power to every sample.
        scale = rate * self._length / 4.0
        vent = vent_power_gain(f)
        self._traffic = (scale * vent * TRAFFIC.density_pa2_hz(f)).astype(np.float32)
        self._wind = (scale * vent * WIND_NOISE.density_pa2_hz(f)).astype(np.float32)
        own = 10.0 ** (station.self_noise_db_a / 10.0) * SELF_NOISE.density_pa2_hz(f)
        self._own = (scale * (own + dither_density_pa2_hz(station))).astype(np.float32)
        self._own[0] = 0.0  # neither a constant nor, at even lengths, the last bin's imaginary part is sound
        self._own[-1] *= np.float32(0.0 if self._length % 2 == 0 else 1.0)
        x = (np.arange(self._fade) + 0.5) / self._fade
        self._rise = np.sin(0.5 * np.pi * np.sin(0.5 * np.pi * x) ** 2).astype(np.float32)
        self._next = -1
        self._last = np.empty(0, dtype=np.float32)

    def chunk(self, number: int) -> NDArray[np.float32]:
        """(chunk_samples,) float32, Pa, of chunk ``number`` from 0; quickest in order."""
        if number != self._next:
            self._last = self._stretches(number - 1)[-1, self.hop :]
        stretches = self._stretches(number)
        out = stretches[:, : self.hop]
        head = out[:, : self._fade]
        head *= self._rise
        head[0] += self._last * self._rise[::-1]
        head[1:] += stretches[:-1, self.hop :] * self._rise[::-1]
        self._next, self._last = number + 1, stretches[-1, self.hop :].copy()
        return np.ascontiguousarray(out).reshape(-1)

    def _stretches(self, chunk: int) -> NDArray[np.float32]:
        """(HOPS, length) float32, Pa: the stretches of a chunk, not faded."""
        # The chunk before the first is drawn too: the first hop needs something to fade from.
        generator = self._world.generator("background", self._station.id, chunk + 1)
        bins = self._length // 2 + 1
        drawn = generator.standard_normal((HOPS, bins, 2), dtype=np.float32)
        power = np.broadcast_to(self._own, (HOPS, bins))
        if not self._deaf:
            middle_s = ((chunk * HOPS + np.arange(HOPS)) * self.hop + self._length / 2) / self._station.rate_hz
            background, wind = (p.astype(np.float32)[:, None] for p in self._levels.powers(middle_s))
            power = power + background * self._traffic + wind * self._wind
        drawn *= np.sqrt(power)[:, :, None]
        return np.asarray(scipy.fft.irfft(drawn.view(np.complex64)[..., 0], self._length, axis=1, overwrite_x=True))
