"""The simulator's physics against printed tables, closed forms and another program."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from acoustic.weather import Weather
from benchmarks.figures import Figure, Section, at_most, failed, told
from benchmarks.iso_9613_tables import ISO_9613_1_TABLE_1, ISO_9613_2_TABLE_2
from benchmarks.peers import runner
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.streets import Streets
from sim.propagation.paths import Kind
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import trace
from sim.sources.bullet import StraightBullet
from sim.sources.nwave import n_wave_pa
from sim.sources.weapons import WEAPONS
from sim.world import Surfaces

RATE_HZ = 48_000
SEED = 3

TEXT = """
Absorption: values that ISO 9613-1:1993 (table 1) and ISO 9613-2:1996 (table 2) print, in units of half their last
printed digit; one value of the second (4.1 dB/km at 15 deg C, 80 %, 1 kHz) is printed cut instead of rounded and is
left out.  N-wave: amplitude and duration of the sampled wave at 10 MHz, by a straight line through its inner part, of
bullets of three weapons at miss distances of 1 to 100 m, against Whitham's formula written out anew here.  Arrivals: a
bullet of constant speed in still air and in wind, against the closed Mach geometry, and blasts traced in open country
against the drifting sphere.  Street canyon: two parallel walls 18 m apart, direct sound and images up to the second
order; pyroomacoustics delays every response by half the length of its interpolation filter, which is taken off, and an
arrival is the parabola through the three largest samples of an isolated peak.
"""


def measure(*, peers: bool) -> Section:
    """All of it."""
    section = Section("physics", "simulated", TEXT)
    section.figures = [*absorption(), *n_waves(), *mach_geometry()]
    if peers:
        section.figures += canyon()
    return section


def absorption() -> list[Figure]:
    """Deviation from the printed tables, in half last digits."""
    first = []
    for temperature_c, humidity, band, printed in ISO_9613_1_TABLE_1:
        got = float(absorption_db_per_m(1000.0 * 10.0 ** (band / 10.0), temperature_c, humidity)) * 1000.0
        first.append(abs(got - printed) / (0.5 * 10.0 ** (math.floor(math.log10(printed)) - 2)))
    midbands = 1000.0 * 10.0 ** (0.3 * np.arange(-4, 4))
    second = []
    for temperature_c, humidity, row in ISO_9613_2_TABLE_2:
        got_row = absorption_db_per_m(midbands, temperature_c, humidity) * 1000.0
        half = np.where(np.array(row) >= 100, 0.5, 0.05)
        deviation = np.abs(got_row - row) / half
        if (temperature_c, humidity) == (15, 80):
            deviation[4] = 0.0
        second += deviation.tolist()
    return [
        at_most(f"absorption, ISO 9613-1 ({len(first)} values), half last digits", max(first), 1.0, ".2f"),
        at_most(f"absorption, ISO 9613-2 ({len(second) - 1} values), half last digits", max(second), 1.0, ".2f"),
    ]


def n_waves() -> list[Figure]:
    """Amplitude and duration against Whitham 1952 as Stoughton 1997 writes it."""
    rng = np.random.default_rng(SEED)
    amplitude, duration = [], []
    weather = Weather(temperature_c=15.0)
    c = weather.sound_speed_m_s
    for name in ("556x45", "762x51", "762x39"):
        weapon = WEAPONS[name]
        v, d, length = weapon.speed_m_s, weapon.diameter_m, weapon.length_m
        bullet = StraightBullet(np.array([0.0, 0.0, 1.5]), np.array([1.0, 0.0, 0.0]), v, d, length, None)
        mach = v / c
        for miss in np.geomspace(1.0, 100.0, 7):
            # Well ahead of the muzzle's own cone, at a random side of the path.
            turn = rng.uniform(0.0, 2.0 * math.pi)
            receiver = np.array([[3.0 * miss, miss * math.cos(turn), 1.5 + miss * math.sin(turn)]])
            shock = bullet.shock(receiver, c, np.zeros(3))
            p = 0.53 * 101_325.0 * (mach**2 - 1.0) ** 0.125 * d / (miss**0.75 * length**0.25)
            t = 1.82 * d * mach * miss**0.25 / (c * (mach**2 - 1.0) ** 0.375 * length**0.25)
            rate = 10e6
            wave = n_wave_pa(float(shock.peak_pa[0]), float(shock.duration_s[0]), rate)
            # Straight between the jumps: the line's ends are the wave's, whatever the band limit does to the corners.
            n = round(t * rate)
            inner = slice(n // 10, n - n // 10)
            slope, start = np.polyfit(np.arange(len(wave))[inner] / rate, wave[inner], 1)
            amplitude.append(abs(start / p - 1.0))
            duration.append(abs(-2.0 * start / slope / t - 1.0))
    return [
        at_most("N-wave, amplitude against Whitham's closed form", max(amplitude) * 100, 1.0, ".3f", " %"),
        at_most("N-wave, duration against Whitham's closed form", max(duration) * 100, 1.0, ".3f", " %"),
    ]


def mach_geometry() -> list[Figure]:
    """Arrival of shock and blast of a bullet that keeps its speed."""
    rng = np.random.default_rng(SEED)
    worst = {"still air": 0.0, "wind": 0.0}
    blast = 0.0
    heard = 0
    c = 340.0
    nothing = Surroundings.of(City(CartesianFrame(), Buildings.none(), Streets.none(), (-1e3, -1e3, 1e3, 1e3)))
    for _ in range(200):
        weather = Weather(
            measured_speed_m_s=c, wind_speed_m_s=rng.uniform(1.0, 15.0), wind_from_deg=rng.uniform(0.0, 360.0)
        )
        wind = weather.wind_m_s
        axis = rng.standard_normal(3) * [1.0, 1.0, 0.05]
        axis /= np.linalg.norm(axis)
        muzzle = rng.uniform([-50, -50, 1], [50, 50, 20])
        receivers = rng.uniform([-600, -600, 0], [600, 600, 60], (50, 3))
        for name, air in (("still air", np.zeros(3)), ("wind", wind)):
            speed = rng.uniform(600.0, 950.0)
            bullet = StraightBullet(muzzle, axis, speed, 0.0057, 0.023, None, range_m=5000.0)
            shock = bullet.shock(receivers, c, air)
            expected = _cone_arrival_s(muzzle, speed * axis, receivers, c, air)
            # A receiver on the edge of the cone may fall to either side of it by rounding.
            both = shock.heard & np.isfinite(expected)
            heard += int(both.sum())
            worst[name] = max(worst[name], float(np.abs(shock.delay_s - expected)[both].max(initial=0.0)))
        paths = trace(nothing, Surfaces(reflections=0), weather, np.tile(muzzle, (len(receivers), 1)), receivers)
        direct = paths.delay_s[paths.kind == Kind.DIRECT]
        radius = np.linalg.norm(receivers - muzzle - direct[:, None] * wind, axis=1)
        blast = max(blast, float(np.abs(direct - radius / c).max()))
    form = ".1e"
    return [
        *(
            at_most(f"shock arrival, {name}, against the Mach cone", error, 1e-9, form, " s")
            for name, error in worst.items()
        ),
        at_most("blast arrival against the drifting sphere", blast, 1e-9, form, " s"),
        told("receivers inside the cone", f"{heard}"),
    ]


def _cone_arrival_s(
    muzzle: NDArray[np.float64],
    velocity: NDArray[np.float64],
    receivers: NDArray[np.float64],
    c: float,
    wind: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Arrival of the Mach cone after the muzzle, seconds; NaN where the ray would have left behind the muzzle.

    In the frame of the air the bullet flies at ``u = v - w``.  The cone passes a receiver at rest there at
    ``t = (x + y sqrt(M^2 - 1)) / u`` with x along the path and y off it; one at rest on the ground drifts backwards,
    which makes ``t`` the root of a quadratic, found here by bisection on the arrival time.
    """
    u = velocity - wind
    speed = float(np.linalg.norm(u))
    axis, mach = u / speed, speed / c
    slope = math.sqrt(mach**2 - 1.0)

    def passed_s(at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """When the cone passes the places that the receivers have in the air at ``at_s``."""
        place = receivers - muzzle - at_s[:, None] * wind
        along = place @ axis
        off = np.linalg.norm(place - along[:, None] * axis, axis=1)
        return np.asarray((along + slope * off) / speed)

    low, high = np.full(len(receivers), -20.0), np.full(len(receivers), 20.0)
    for _ in range(90):
        middle = 0.5 * (low + high)
        late = passed_s(middle) > middle
        low, high = np.where(late, middle, low), np.where(late, high, middle)
    arrival = 0.5 * (low + high)
    place = receivers - muzzle - arrival[:, None] * wind
    along = place @ axis
    off = np.linalg.norm(place - along[:, None] * axis, axis=1)
    return np.where(along - off / slope >= 0.0, arrival, np.nan)


def canyon() -> list[Figure]:
    """Arrivals between two walls beside those of pyroomacoustics."""
    width, length, height, c = 18.0, 200.0, 60.0, 340.0
    rng = np.random.default_rng(SEED)
    source = np.array([60.0, 5.0, 1.5])
    receivers = np.column_stack([rng.uniform(80, 180, 10), rng.uniform(1, 17, 10), rng.uniform(3, 10, 10)])
    walls = [shapely.box(-500.0, -10.0, 700.0, 0.0), shapely.box(-500.0, width, 700.0, width + 10.0)]
    buildings = Buildings(np.array(walls, dtype=object), np.array([height, height]), ("south", "north"))
    city = City(CartesianFrame(), buildings, Streets.none(), (-500.0, -10.0, 700.0, width + 10.0))
    surfaces = Surfaces(reflections=2, wall_absorption=0.15, reflection_reach_m=1000.0)
    weather = Weather(measured_speed_m_s=c)
    sources = np.tile(source, (len(receivers), 1))
    paths = trace(Surroundings.of(city), surfaces, weather, sources, receivers)
    job = {
        "rate_hz": RATE_HZ,
        "speed_m_s": c,
        "order": 2,
        "size_m": [length, width, height],
        "absorption": [1.0, 1.0, 0.15, 0.15, 1.0, 1.0],
        "source_m": source.tolist(),
    }
    try:
        answer, arrays = runner.run("pyroomacoustics", job, {"receivers_m": receivers, "signal": np.ones(1000)})
    except runner.PeerError as error:
        return [failed("street canyon beside pyroomacoustics", "<= 1 sample", str(error))]
    compared, worst, missing = 0, 0.0, 0
    for row, response in enumerate(arrays["rir"]):
        ours = paths.delay_s[(paths.pair == row) & np.isin(paths.kind, (Kind.DIRECT, Kind.WALL))] * RATE_HZ
        theirs = _peaks(response) - answer["offset_samples"]
        for sample in theirs:
            nearest = float(np.abs(ours - sample).min())
            if nearest > 20.0:
                missing += 1
            else:
                compared += 1
                worst = max(worst, nearest)
    return [
        at_most(f"street canyon, {compared} arrivals beside pyroomacoustics", worst, 1.0, ".3f", " samples"),
        at_most("street canyon, arrivals of pyroomacoustics that we lack", missing, 0, "d"),
    ]


def _peaks(response: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions of isolated peaks of a response, samples with fractions.

    Its interpolation filter rings for 40 samples on either side: a peak counts when no larger sample lies within that.
    """
    size = np.abs(response)
    found = []
    for k in np.flatnonzero(size > 0.1 * size.max()):
        if size[k] < size[max(k - 45, 0) : k + 46].max() or k in (0, len(size) - 1):
            continue
        # The filter is a windowed sinc, whose top a parabola fits to a few hundredths of a sample.
        before, at, after = size[k - 1 : k + 2]
        found.append(k + 0.5 * (before - after) / (before - 2.0 * at + after))
    return np.array(found)
