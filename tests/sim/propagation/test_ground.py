"""The ground against the exact integral, its limits and causality."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from sim.propagation import ground
from sim.propagation.ground import admittance, boundary_loss, spherical_reflection

SPEED = 343.0
ASPHALT, LAWN, SNOW = 2e7, 2e5, 2e4


def reflection(frequency_hz: object, grazing_rad: float, length_m: float, resistivity: float) -> NDArray[np.complex128]:
    frequency = np.atleast_1d(np.asarray(frequency_hz, dtype=np.float64))
    rows = spherical_reflection(frequency, np.array([grazing_rad]), np.array([length_m]), resistivity, SPEED)
    return np.asarray(rows[0])


def exact_reflection(frequency_hz: float, grazing_rad: float, length_m: float, resistivity: float) -> complex:
    """The field over a locally reacting plane without approximation: an image source and a line of them at complex
    depths, ``G(h) - 2 k beta int_0^inf exp(-k beta q) G(h + j q) dq`` (Di and Gilbert 1993, J. Acoust. Soc. Am. 93,
    714-720), which is ``R = 1 - 2 beta / (sin phi + beta)`` of every plane wave of Sommerfeld's integral; convention
    exp(-j omega t)."""
    k = 2 * np.pi * frequency_hz / SPEED
    beta = np.conj(admittance(np.array([frequency_hz]), resistivity))[0]
    across, up = length_m * np.cos(grazing_rad), length_m * np.sin(grazing_rad)

    def field(depth: float) -> complex:
        way = np.sqrt(across**2 + (up + 1j * depth) ** 2)
        return complex(np.exp(1j * k * way) / way)

    edges = np.linspace(0.0, min(40 / (k * beta.real), across + up + 40 / k), 60)
    line = 0j
    for low, high in itertools.pairwise(edges):
        steep = [across] if low < across < high else None
        line += quad(lambda q: np.exp(-k * beta * q) * field(q), low, high, complex_func=True, limit=400, points=steep)[
            0
        ]
    return complex(np.conj((field(0.0) - 2 * k * beta * line) / field(0.0)))


@pytest.mark.parametrize("resistivity", [ASPHALT, LAWN])
@pytest.mark.parametrize(("length_m", "grazing_rad"), [(10.0, 0.5), (20.0, 0.3), (100.0, 0.06), (300.0, 0.01)])
def test_reflection_is_that_of_the_exact_integral(resistivity: float, length_m: float, grazing_rad: float) -> None:
    for frequency in (100.0, 500.0):
        got = reflection(frequency, grazing_rad, length_m, resistivity)[0]
        assert abs(got - exact_reflection(frequency, grazing_rad, length_m, resistivity)) < 2e-3


@given(st.floats(1.0, 24_000.0), st.floats(0.0, np.pi / 2), st.floats(1.0, 3000.0))
def test_rigid_ground_mirrors(frequency: float, grazing: float, length: float) -> None:
    assert reflection(frequency, grazing, length, np.inf)[0] == pytest.approx(1.0, abs=1e-12)


def test_every_ground_is_rigid_at_zero_frequency() -> None:
    for resistivity in (ASPHALT, LAWN, SNOW):
        assert reflection(0.0, 0.1, 100.0, resistivity)[0] == 1.0
        assert abs(reflection(1e-3, 0.1, 10.0, resistivity)[0] - 1.0) < 1e-2


def test_grazing_wave_over_soft_ground_comes_back_upside_down() -> None:
    """At distance Q tends to the plane-wave coefficient, which is -1 at grazing incidence: direct and reflected
    cancel."""
    assert abs(reflection(2000.0, 0.002, 3000.0, LAWN)[0] + 1.0) < 0.03
    assert abs(1.0 + reflection(500.0, 0.01, 300.0, LAWN)[0]) < 10 ** (-18 / 20)  # the ground dip is deeper than 18 dB


def test_near_the_normal_it_is_the_plane_waves() -> None:
    beta = admittance(np.array([1000.0]), LAWN)[0]
    plane = (1 - beta) / (1 + beta)
    assert abs(reflection(1000.0, np.pi / 2, 1000.0, LAWN)[0] - plane) < 1e-3


def test_first_dip_over_asphalt_is_where_half_a_wave_fits() -> None:
    """Source at 1.5 m, receiver at 4 m, 20 m apart: hard ground dips where the ways differ by half a wavelength."""
    direct, mirrored = np.hypot(20.0, 2.5), np.hypot(20.0, 5.5)
    frequency = np.linspace(100.0, 500.0, 401)
    k = 2 * np.pi * frequency / SPEED
    q = reflection(frequency, float(np.arcsin(5.5 / mirrored)), float(mirrored), ASPHALT)
    field = np.abs(1 + q * direct / mirrored * np.exp(-1j * k * (mirrored - direct)))
    dip = frequency[field.argmin()]
    assert dip == pytest.approx(SPEED / 2 / (mirrored - direct), rel=0.03)
    assert 20 * np.log10(field.min()) < -20
    assert 20 * np.log10(abs(1 + reflection(50.0, 0.3, 20.0, ASPHALT)[0])) == pytest.approx(6.0, abs=0.1)


@given(st.floats(20.0, 24_000.0), st.floats(1e-3, np.pi / 2), st.floats(5.0, 3000.0), st.floats(4.0, 8.0))
def test_reflection_is_bounded(frequency: float, grazing: float, length: float, decades: float) -> None:
    """Near grazing a surface wave lets the reflection exceed the mirror image's, 2.35 times at most (found by a dense
    search of the same ranges); elsewhere nothing is gained."""
    size = abs(reflection(frequency, grazing, length, 10.0**decades)[0])
    assert size < 2.4
    if grazing > 0.5:
        assert size <= 1.0


@given(st.floats(1.0, 1e5), st.floats(3.0, 8.0))
def test_ground_takes_energy_and_gives_none(frequency: float, decades: float) -> None:
    beta = admittance(np.array([frequency]), 10.0**decades)[0]
    assert beta.real > 0
    assert abs(beta) <= 1.0
    impedance = 1 / beta
    assert impedance.imag == pytest.approx(-(impedance.real - 1) * np.tan(0.316 * np.pi), rel=1e-6)


def test_impedance_is_mikis() -> None:
    """Miki 1990: Z = 1 + 0.070 (f / sigma)^-0.632 - 0.107 j (f / sigma)^-0.632."""
    x = (500.0 / LAWN) ** -0.632
    impedance = 1 / admittance(np.array([500.0]), LAWN)[0]
    assert impedance.real == pytest.approx(1 + 0.070 * x, rel=1e-9)
    assert impedance.imag == pytest.approx(-0.107 * x, rel=5e-3)


def delany_bazley_admittance(
    frequency_hz: NDArray[np.float64], flow_resistivity_pa_s_m2: float
) -> NDArray[np.complex128]:
    """The same by Delany and Bazley's fit as Chessell 1977 (eq. 15) writes it, to compare with."""
    x = np.asarray(frequency_hz, dtype=np.float64) * 1000.0 / flow_resistivity_pa_s_m2
    return np.asarray(1.0 / (1.0 + 9.08 * x**-0.75 - 11.9j * x**-0.73))


def test_fits_agree_where_both_were_fitted() -> None:
    frequency = LAWN * np.geomspace(0.01, 1.0, 9)
    miki, original = 1 / admittance(frequency, LAWN), 1 / delany_bazley_admittance(frequency, LAWN)
    assert np.all(np.abs(miki / original - 1) < 0.15)


def test_only_mikis_reflection_is_causal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the bilinear transform a causal function stays causal: nothing may come at negative times."""
    size, rate = 1 << 15, 48_000.0
    bent = rate / np.pi * np.tan(np.pi * np.arange(size // 2 + 1) / size)
    bent[0], bent[-1] = 1e-6, 1e18

    def before(resistivity: float) -> float:
        h = scipy.fft.irfft(reflection(bent, 0.0325, 200.0, resistivity), size)
        return float(np.abs(h[size // 2 :]).sum())

    mikis = before(LAWN)
    monkeypatch.setattr(ground, "admittance", delany_bazley_admittance)
    assert mikis < 0.01
    assert before(LAWN) > 0.05


def test_boundary_loss_has_its_limits() -> None:
    assert boundary_loss(np.array([0j]))[0] == 1.0
    far = np.array([30.0 * np.exp(0.6j)])
    assert boundary_loss(far)[0] == pytest.approx(-1 / (2 * far[0] ** 2), rel=1e-2)
