"""Bullets and their shock waves: Mach geometry, stationary arrivals, drag, Whitham's N-wave."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

from sim.sound import Bullet
from sim.sources.bullet import StraightBullet
from sim.sources.drag import LB_IN2_KG_M2, TABLES, Drag
from sim.sources.flight import LEAST_MACH
from sim.sources.nwave import n_wave_pa, n_wave_spectrum, whitham_duration_s, whitham_peak_pa
from sim.sources.weapons import WEAPONS

STILL = np.zeros(3)
C = 340.0


def bullet(speed_m_s: float = 920.0, *, drag: Drag | None = None, range_m: float = 2000.0) -> StraightBullet:
    """A 5.56 mm bullet from 1.5 m above the origin towards the east."""
    return StraightBullet(
        np.array([0.0, 0.0, 1.5]), np.array([1.0, 0.0, 0.0]), speed_m_s, 5.7e-3, 23e-3, drag, range_m=range_m
    )


def mach_geometry(receiver: NDArray[np.float64], speed: float, c: float) -> tuple[float, float, float]:
    """Where along the path and when it was emitted, and when it arrives, at constant speed in still air, in closed
    form: the ray leaves at arccos(c/v)."""
    along, miss = receiver[0], math.hypot(receiver[1], receiver[2] - 1.5)
    tangent = math.sqrt((speed / c) ** 2 - 1.0)
    at = along - miss / tangent
    return at, at / speed, (along + miss * tangent) / speed


@given(st.floats(-200.0, 1500.0), st.floats(-400.0, 400.0), st.floats(-50.0, 100.0), st.floats(1.05, 4.0))
def test_arrivals_at_constant_speed_are_the_mach_geometry(x: float, y: float, z: float, mach: float) -> None:
    speed = mach * C
    receiver = np.array([[x, y, z]])
    at, emitted_s, delay_s = mach_geometry(receiver[0], speed, C)
    shock = bullet(speed, range_m=1000.0).shock(receiver, C, STILL)
    assume(abs(at) > 1e-6)
    assume(abs(at - 1000.0) > 1e-6)
    assert shock.heard[0] == (0.0 <= at <= 1000.0)
    if not shock.heard[0]:
        assert np.isnan(shock.delay_s[0])
        assert np.isnan(shock.peak_pa[0])
        assert np.isnan(shock.emitted_m[0]).all()
        return
    assert shock.delay_s[0] == pytest.approx(delay_s, abs=1e-9)
    # A place is as sharp as the root of a parabola's rounding lets it be.
    assert shock.emitted_s[0] == pytest.approx(emitted_s, abs=1e-9)
    assert shock.emitted_m[0] == pytest.approx([at, 0.0, 1.5], abs=1e-6)
    assert shock.miss_m[0] == pytest.approx(float(np.linalg.norm(receiver[0] - shock.emitted_m[0])), abs=1e-12)


@given(st.floats(5.0, 900.0), st.floats(1.0, 300.0), st.floats(-20.0, 20.0), st.floats(-20.0, 20.0))
def test_wind_is_still_air_that_moves(x: float, y: float, east: float, north: float) -> None:
    """In the frame of the air the closed geometry holds, with the bullet's speed through the air, for where the
    receiver is when the shock arrives there."""
    wind = np.array([east, north, 0.0])
    receiver = np.array([[x, y, 1.5]])
    shock = bullet(range_m=5000.0).shock(receiver, C, wind)
    assume(bool(shock.heard[0]))
    through = np.array([920.0, 0.0, 0.0]) - wind
    speed = float(np.linalg.norm(through))
    ahead = through / speed
    moved = receiver[0] - np.array([0.0, 0.0, 1.5]) - wind * shock.delay_s[0]
    along = float(moved @ ahead)
    miss = float(np.linalg.norm(moved - along * ahead))
    assert shock.delay_s[0] == pytest.approx((along + miss * math.sqrt((speed / C) ** 2 - 1)) / speed, abs=1e-9)
    emitted = np.array([0.0, 0.0, 1.5]) + (through + wind) * shock.emitted_s[0]
    assert shock.emitted_m[0] == pytest.approx(emitted, abs=1e-9)


def numeric_flight(speed: float, drag: Drag, c: float, until_s: float) -> object:
    """The bullet's way and speed by an integrator that knows nothing of closed forms: McCoy's equation in time."""
    density = 1.4 * 101_325.0 / c**2

    def slope(_t: float, state: NDArray[np.float64]) -> list[float]:
        v = state[1]
        cd = float(np.interp(v / c, TABLES[drag.curve][:, 0], TABLES[drag.curve][:, 1]))
        return [v, -math.pi / 8 * density * v * v * cd / (drag.coefficient_lb_in2 * LB_IN2_KG_M2)]

    return solve_ivp(slope, (0.0, until_s), [0.0, speed], rtol=1e-11, atol=1e-11, dense_output=True, max_step=2e-3).sol


@pytest.mark.parametrize("name", ["9mm", "556x45", "762x39"])
@pytest.mark.parametrize("wind", [(0.0, 0.0, 0.0), (8.0, -5.0, 0.0)])
def test_with_drag_the_arrival_is_the_earliest_of_all_emissions(name: str, wind: tuple[float, float, float]) -> None:
    """Emit from everywhere along a numerically integrated flight; the first arrival is the shock's."""
    weapon = WEAPONS[name]
    moving = np.array(wind)
    flying = StraightBullet(
        np.zeros(3), np.array([0.6, 0.8, 0.0]), weapon.speed_m_s, weapon.diameter_m, weapon.length_m, weapon.drag
    )
    through = weapon.speed_m_s * flying.axis - moving
    speed = float(np.linalg.norm(through))
    solution = numeric_flight(speed, weapon.drag, C, 0.5)
    size = 0.06 if name == "9mm" else 1.0  # a 9 mm bullet is soon subsonic
    receivers = np.array([[0.6, 0.8, 0.0]]) * size * np.array([[75.0], [150.0], [250.0]]) + size * np.array(
        [[8.0, -6.0, 2.0], [-1.6, 1.2, 4.0], [16.0, -12.0, -3.0]]
    )
    shock = flying.shock(receivers, C, moving)
    assert shock.heard.all()
    for row, receiver in enumerate(receivers):

        def arrival(t: float, receiver: NDArray[np.float64] = receiver) -> float:
            place = through / speed * solution(t)[0] + moving * t  # type: ignore[operator]
            gap = receiver - place
            slack = C * C - moving @ moving
            along = gap @ moving
            return float(t + (math.sqrt(along**2 + slack * (gap @ gap)) - along) / slack)

        best = minimize_scalar(arrival, bounds=(0.0, 0.45), method="bounded", options={"xatol": 1e-12})
        assert shock.delay_s[row] == pytest.approx(best.fun, abs=2e-9)
        assert shock.emitted_s[row] == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize("name", ["9mm", "556x45", "762x51", "12ga"])
def test_speed_over_distance_is_that_of_an_integrator(name: str) -> None:
    weapon = WEAPONS[name]
    flying = StraightBullet(
        np.zeros(3), np.array([1.0, 0.0, 0.0]), weapon.speed_m_s, weapon.diameter_m, weapon.length_m, weapon.drag
    )
    solution = numeric_flight(weapon.speed_m_s, weapon.drag, C, 0.3)
    for t in (0.005, 0.02, 0.04, 0.3):
        way, speed = solution(t)  # type: ignore[operator]
        found = flying.speed_after(np.array([way]), C)[0]
        if speed > LEAST_MACH * C:
            assert found == pytest.approx(speed, abs=1e-5)
        else:
            assert math.isnan(found)


@pytest.mark.parametrize(("name", "fps"), [("762x51", 2100.0), ("556x45", 2120.0), ("762x39", 1520.0)])
def test_speeds_at_300_yards_are_about_those_that_makers_print(name: str, fps: float) -> None:
    weapon = WEAPONS[name]
    flying = StraightBullet(
        np.zeros(3), np.array([1.0, 0.0, 0.0]), weapon.speed_m_s, weapon.diameter_m, weapon.length_m, weapon.drag
    )
    assert flying.speed_after(np.array([274.32]), 340.3)[0] / 0.3048 == pytest.approx(fps, rel=0.04)


def test_who_hears_no_shock() -> None:
    drag = WEAPONS["9mm"].drag
    pistol = StraightBullet(np.zeros(3), np.array([1.0, 0.0, 0.0]), 380.0, 9e-3, 14e-3, drag)
    receivers = np.array(
        [
            [-5.0, 1.0, 0.0],  # behind the muzzle
            [2.0, 20.0, 0.0],  # outside the cone: arccos(C / 380) is 26 degrees
            [400.0, 3.0, 0.0],  # where the bullet is long subsonic
            [20.0, 3.0, 0.0],  # beside the path
        ]
    )
    assert pistol.shock(receivers, C, STILL).heard.tolist() == [False, False, False, True]
    # In air as fast as the bullet nobody hears anything.
    assert not pistol.shock(receivers, 379.0, STILL).heard.any()
    assert pistol.shock(np.empty((0, 3)), C, STILL).delay_s.shape == (0,)


def test_a_flight_ends_where_it_hits_and_when_it_lands() -> None:
    far = np.array([[300.0, 10.0, 1.5]])
    at = mach_geometry(far[0], 920.0, C)[0]
    for drag in (None, Drag("G7", 0.151)):
        assert bullet(drag=drag, range_m=at + 5.0).shock(far, C, STILL).heard[0]
        assert not bullet(drag=drag, range_m=at - 5.0).shock(far, C, STILL).heard[0]
    landing = StraightBullet(
        np.zeros(3), np.array([1.0, 0.0, 0.0]), 920.0, 5.7e-3, 23e-3, None, longest_s=at / 920.0 - 0.01
    )
    assert not landing.shock(far, C, STILL).heard[0]


@given(
    st.floats(0.0, 2 * math.pi), st.floats(-0.2, 0.2), st.floats(-500, 500), st.floats(-500, 500), st.floats(-50, 80)
)
def test_turning_and_moving_everything_changes_nothing(turn: float, climb: float, x: float, y: float, z: float) -> None:
    """Rotation and translation of bullet, wind and receivers keep delays and levels."""
    drag = Drag("G7", 0.151)
    wind = np.array([6.0, -3.0, 0.0])
    receivers = np.array([[60.0, 20.0, 5.0], [150.0, -40.0, 8.0], [-20.0, 5.0, 0.0]])
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    axis = np.array([math.cos(climb), 0.0, math.sin(climb)])
    one = StraightBullet(np.zeros(3), axis, 900.0, 5.7e-3, 23e-3, drag).shock(receivers, C, wind)
    offset = np.array([x, y, z])
    two = StraightBullet(offset, rotation @ axis, 900.0, 5.7e-3, 23e-3, drag).shock(
        receivers @ rotation.T + offset, C, rotation @ wind
    )
    assert np.array_equal(one.heard, two.heard)
    assert np.allclose(one.delay_s, two.delay_s, rtol=0, atol=1e-9, equal_nan=True)
    assert np.allclose(one.peak_pa, two.peak_pa, rtol=1e-5, equal_nan=True)


def test_a_bullet_is_what_the_contract_asks() -> None:
    takes: Bullet = bullet()
    assert takes.shock(np.array([[100.0, 10.0, 1.5]]), C, STILL).heard[0]


@given(st.floats(1.1, 3.5), st.floats(0.5, 500.0))
def test_amplitude_and_duration_are_whithams(mach: float, miss: float) -> None:
    """Written out anew, with Pythagoras for the geometry: within 1 % (in truth to rounding)."""
    speed = mach * C
    tangent = math.sqrt(mach**2 - 1)
    receiver = np.array([[miss / tangent + 10.0, miss, 1.5]])
    shock = bullet(speed).shock(receiver, C, STILL)
    d, ell = 5.7e-3, 23e-3
    peak = 0.53 * 101_325.0 * tangent**0.25 * d / (miss**3 * ell) ** 0.25
    duration = 1.82 * mach * d / C * (miss / ell) ** 0.25 / tangent**0.75
    assert shock.peak_pa[0] == pytest.approx(peak, rel=1e-6)
    assert shock.duration_s[0] == pytest.approx(duration, rel=1e-6)


def test_the_duration_is_what_the_shocks_run_apart() -> None:
    """Weak-shock theory, integrated: pressure ``p`` runs faster than sound by ``(gamma + 1) / (2 gamma) p / p0``, and
    falls with the root of the way from the path.  Each shock gains that along its ray; both, the duration."""
    gamma, mach, miss = 1.4, 2.3, 30.0
    ray = miss * mach / math.sqrt(mach**2 - 1)
    peak = float(whitham_peak_pa(mach, miss, 7.8e-3, 28.6e-3))
    gain = quad(lambda s: (gamma + 1) / (2 * gamma) * peak / 101_325.0 * math.sqrt(ray / s) / C, 0.0, ray)[0]
    # What is at the shock was emitted together with the middle of the wave.
    assert whitham_duration_s(mach, miss, 7.8e-3, 28.6e-3, C) == pytest.approx(2 * gain, rel=0.01)


def test_the_amplitude_is_that_of_a_slender_body() -> None:
    """Whitham's integral over a parabolic spindle gives 0.65 in place of 0.53: bullets, more evenly thick, less."""

    def inner(at: float) -> float:
        def integrand(v: float) -> float:
            u = at - v * v
            return 2 * 32 * u * (1 - u) * (1 - 2 * u)

        return float(quad(integrand, max(0.0, at - 1.0) ** 0.5, at**0.5)[0])

    most = max(inner(at) for at in np.linspace(0.2, 0.6, 200))
    constant = 2**0.25 * 1.4 / math.sqrt(2.4) * math.sqrt(most / 8)
    assert constant == pytest.approx(0.647, abs=1e-3)
    assert 20 * math.log10(constant / 0.53) < 2.0


@pytest.mark.parametrize("rate_hz", [8_000.0, 12_000.0, 48_000.0, 96_000.0])
@pytest.mark.parametrize("duration_s", [1e-4, 3e-4, 1.2e-3])
def test_n_wave_samples_have_the_closed_spectrum(rate_hz: float, duration_s: float) -> None:
    samples = n_wave_pa(200.0, duration_s, rate_hz)
    frequency = np.asarray(np.fft.rfftfreq(len(samples), 1 / rate_hz), dtype=np.float64)
    closed = np.abs(n_wave_spectrum(frequency, 200.0, duration_s))
    flat = frequency < 0.4 * rate_hz
    greatest = np.abs(n_wave_spectrum(np.linspace(10.0, 2 / duration_s, 500), 200.0, duration_s)).max()
    measured = np.abs(np.fft.rfft(samples)) / rate_hz
    assert np.allclose(measured[flat], closed[flat], rtol=0, atol=3e-4 * greatest)
    assert abs(samples.sum() / rate_hz) < 3e-4 * greatest


def test_an_n_wave_looks_like_one() -> None:
    """At 96 kHz a wave of 2 ms: up within three samples, even fall, up again; amplitude within the filter's ripple."""
    samples = n_wave_pa(100.0, 2e-3, 96_000.0)
    assert samples[0] < 0.1
    assert 90.0 < samples[:6].max() < 120.0
    middle = samples[50:150]
    slope = np.polyfit(np.arange(len(middle)) / 96_000.0, middle, 1)[0]
    assert slope == pytest.approx(-2 * 100.0 / 2e-3, rel=5e-3)
    assert np.abs(samples[230:280]).max() < 3.0
    direct = quad(lambda t: (1 - 2 * t / 2e-3) * 100.0 * math.sin(2 * math.pi * 300 * t), 0, 2e-3)[0]
    assert -n_wave_spectrum(np.array([300.0]), 100.0, 2e-3)[0].imag == pytest.approx(direct, abs=1e-9)
