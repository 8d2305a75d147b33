"""One sound that leaves one place at one instant: what shooters and look-alikes give, and propagation carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

REFERENCE_PA = 20e-6
"""0 dB of sound pressure level."""


class Signal(Protocol):
    """Sound pressure at one metre from its source, on the axis, in free field.

    peak_db_spl_1m : peak level, dB re 20 uPa.
    duration_s : from the first to the last sample that matters.
    """

    @property
    def peak_db_spl_1m(self) -> float: ...
    @property
    def duration_s(self) -> float: ...

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        """(n,) float64, Pa; sample 0 is the instant of emission, nothing comes before it.  Band-limited to half of
        ``rate_hz``; always the same samples for the same rate."""
        ...


class Directivity(Protocol):
    """How much weaker a source is off its axis."""

    def gain(self, angle_rad: NDArray[np.float64], frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, m) float64 amplitude factor, 1 on the axis, of n angles from the axis (0..pi) at m frequencies."""
        ...


class Bullet(Protocol):
    """A bullet in flight from the muzzle, which may fly faster than sound.

    muzzle_m : (3,) float64, where its flight begins, metres, site frame.
    """

    @property
    def muzzle_m(self) -> NDArray[np.float64]: ...

    def shock(
        self, receivers_m: NDArray[np.float64], sound_speed_m_s: float, wind_m_s: NDArray[np.float64]
    ) -> Shock:
        """The shock wave as it passes each of (n, 3) float64 receivers, metres, site frame, in a free field."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shock:
    """Shock waves at n receivers; rows where none arrives hold NaN.

    heard : (n,) bool, whether the receiver lies where the shock passes.
    emitted_m : (n, 3) float64, where on the trajectory it was emitted, metres, site frame.
    emitted_s : (n,) float64, seconds after the bullet left the muzzle.
    delay_s : (n,) float64, from leaving the muzzle to arrival, seconds.
    miss_m : (n,) float64, the distance from ``emitted_m`` to the receiver, metres.
    peak_pa : (n,) float64, amplitude of the N-wave (half of its peak to peak).
    duration_s : (n,) float64, from front to rear shock.
    """

    heard: NDArray[np.bool_]
    emitted_m: NDArray[np.float64]
    emitted_s: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    miss_m: NDArray[np.float64]
    peak_pa: NDArray[np.float64]
    duration_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """One discharge, burst, bang or roar.

    id : unique in a world, such as ``A/3`` for the third round of shooter A.
    kind : ``gunshot``, or a look-alike's word: ``firecracker``, ``firework``, ``backfire``, ``nail_gun``, ...
    source : the shooter or look-alike it belongs to, as the scenario names it.
    label : what made it, for people: ``9 mm pistol``, ``aerial shell, 100 mm``.
    round : its number in ``source``, from 1.
    at_ns : UTC nanoseconds of emission.
    position_m : (3,) float64, metres, site frame, up above the ground.
    axis : (3,) float64 unit vector: the barrel, or any direction for what has none.
    directivity : None for a source that is the same on all sides.
    bullet : None for everything that shoots none, and for what needs none (always slower than sound).
    """

    id: str
    kind: str
    source: str
    label: str
    round: int
    at_ns: int
    position_m: NDArray[np.float64]
    signal: Signal
    axis: NDArray[np.float64] = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    directivity: Directivity | None = None
    bullet: Bullet | None = None

    @property
    def is_gunshot(self) -> bool:
        """Whether it is what Tocsin exists to find."""
        return self.kind == "gunshot"
