"""The truth of a rendering, against closed forms and against the rendering itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from acoustic.weather import Weather
from errors import RecordingError
from geo.frames import LocalFrame
from geo.place import Geodetic
from sensors.listen import listen
from sim.propagation.paths import Kind
from sim.reach import Soundscape, reach
from sim.render import rendered
from sim.truth import Truth
from sim.truthfile import encoded, read_truth, save_truth, truth_of
from sim.world import Ambient, Clock, Faults, Surfaces, World
from tests.sim.small_world import CORNERS_M, START_NS, STILL, StraightLines, bang, station, stations, world

C = STILL.sound_speed_m_s
SHOT_M = (100.0, 80.0, 1.5)


def straight(of: World) -> Truth:
    soundscape = Soundscape(of, StraightLines(C))
    return truth_of(of, [soundscape.reached(n) for n in range(len(of.sounds))])


def test_arrivals_levels_and_ways_in_still_air() -> None:
    of = world(stations(48_000), bang(2.0, SHOT_M))
    (sound,) = straight(of).sounds
    assert [arrival.sensor for arrival in sound.arrivals] == ["s0", "s1", "s2", "s3", "s4"]
    for arrival, corner in zip(sound.arrivals, CORNERS_M, strict=True):
        apart_m = float(np.linalg.norm(np.subtract(corner, SHOT_M)))
        assert arrival.arrival_ns - START_NS - 2_000_000_000 == pytest.approx(apart_m / C * 1e9, abs=1.0)
        assert arrival.stamped_ns == arrival.arrival_ns
        assert arrival.excess_delay_s == 0.0
        assert arrival.line_of_sight
        (path,) = arrival.paths
        assert path.kind == "direct"
        assert path.delay_s == pytest.approx(apart_m / C, abs=1e-9)
        assert path.length_m == pytest.approx(apart_m, abs=1e-4)
        assert path.points_m == [SHOT_M, corner]
        assert path.peak_db_spl == arrival.peak_db_spl
        free_db = sound.peak_db_spl_1m - 20.0 * np.log10(apart_m)
        assert free_db - 3.0 < arrival.peak_db_spl < free_db


def test_what_a_clock_and_lost_samples_make_of_an_instant() -> None:
    clock = Clock(offset_s=0.2, drift_ppm=50.0, steps=((1.0, -0.05),))
    hearing = station("a", (0.0, 0.0, 6.0), clock=clock, faults=Faults(lost=((0.5, 0.125),)))
    (sound,) = straight(world((hearing,), bang(2.0, SHOT_M))).sounds
    (arrival,) = sound.arrivals
    at_s = (arrival.arrival_ns - START_NS) * 1e-9
    assert (arrival.stamped_ns - START_NS) * 1e-9 == pytest.approx(at_s + 0.15 + 50e-6 * at_s - 0.125, abs=2e-9)


def test_the_detector_finds_what_the_truth_says() -> None:
    """Arrival by the sensor's own count, level and signal-to-noise ratio, with an offset clock and lost samples."""
    faults = Faults(lost=((0.5, 0.1),))
    hearing = stations(48_000, clock=Clock(offset_s=0.3), faults=faults, full_scale_db_spl=140.0)
    of = world(hearing, bang(2.0, SHOT_M), ambient=Ambient(level_db_a=60.0, events_per_min=0.0))
    truth = straight(of)
    for capture, arrival in zip(
        rendered(of, soundscape=Soundscape(of, StraightLines(C))), truth.sounds[0].arrivals, strict=True
    ):
        (pulse,) = listen(capture)
        assert pulse.arrival_ns == pytest.approx(arrival.stamped_ns, abs=0.4e6)
        assert pulse.peak_db_spl == pytest.approx(arrival.peak_db_spl, abs=1.0)
        assert pulse.snr_db == pytest.approx(arrival.snr_db, abs=4.0)  # another band, 30 ms of noise


def test_wind_and_ground_of_the_real_air() -> None:
    """The straight line in moving air has no excess; the ground's bounce comes after it."""
    windy = Weather(temperature_c=5.0, wind_speed_m_s=12.0, wind_from_deg=250.0)
    of = world(stations(), bang(2.0, SHOT_M), weather=windy, surfaces=Surfaces(reverberation_time_s=0.8))
    truth = truth_of(of, reach(of))
    assert truth.wind_m_s == pytest.approx(windy.wind_m_s, abs=1e-4)
    for arrival in truth.sounds[0].arrivals:
        assert arrival.excess_delay_s == 0.0
        assert [path.kind for path in arrival.paths] == ["direct", "tail", "ground"]
        direct, tail, ground = arrival.paths
        assert direct.delay_s == tail.delay_s < ground.delay_s
        assert tail.peak_db_spl < direct.peak_db_spl
        assert len(ground.points_m) == 3
        assert ground.points_m[1][2] == pytest.approx(0.0, abs=1e-4)


def test_a_file_gives_the_same_truth_back(tmp_path: Path) -> None:
    of = world(stations(), bang(2.0, SHOT_M), bang(3.0, SHOT_M, id="A/2"))
    truth = straight(of)
    save_truth(truth, tmp_path / "truth.json")
    assert read_truth(tmp_path / "truth.json") == truth
    assert encoded(straight(of)) == (tmp_path / "truth.json").read_bytes()
    assert truth.schema == 1
    assert truth.origin is None
    assert [sensor.id for sensor in truth.sensors] == [s.id for s in of.stations]


def test_a_site_on_the_globe_has_longitudes() -> None:
    of = world(stations(), bang(2.0, SHOT_M))
    origin = Geodetic(6.14, 46.2, 400.0)
    of = replace(of, city=replace(of.city, frame=LocalFrame(origin), attribution="whoever drew it"))
    truth = straight(of)
    assert truth.origin == (6.14, 46.2, 400.0)
    assert truth.attribution == "whoever drew it"
    sound = truth.sounds[0]
    assert sound.longitude is not None
    assert sound.latitude is not None
    east, north, _ = LocalFrame(origin).to_local(sound.longitude, sound.latitude, 401.5)[0]
    assert (east, north) == pytest.approx(SHOT_M[:2], abs=0.01)


class Echoes(StraightLines):
    """Many copies of the straight way, each a millisecond later and a metre longer."""

    def blast(self, source_m, receivers_m):  # type: ignore[no-untyped-def]
        one = super().blast(source_m, receivers_m)
        count = 200
        n = len(receivers_m)
        late = np.tile(np.arange(count), n)
        pick = np.repeat(np.arange(n), count)
        return replace(
            one,
            pair=one.pair[pick],
            kind=np.where(late == 0, Kind.DIRECT, Kind.WALL).astype(np.int8),
            length_m=one.length_m[pick] + late,
            delay_s=one.delay_s[pick] + 1e-3 * late,
            excess_m=one.excess_m[pick],
            edges=one.edges[pick],
            edge_span_m=one.edge_span_m[pick],
            bounces=(late > 0).astype(np.int16),
            departure=one.departure[pick],
            grazing_rad=one.grazing_rad[pick],
            points_m=one.points_m.reshape(n, 2, 3)[pick].reshape(-1, 3),
            first_point=np.arange(0, 2 * n * count + 1, 2, dtype=np.int64),
        )


def test_the_strongest_paths_are_kept_and_the_file_stays_small() -> None:
    of = world(stations(8_000), bang(2.0, SHOT_M))
    truth = truth_of(of, [Soundscape(of, Echoes(C)).reached(0)])
    for arrival in truth.sounds[0].arrivals:
        assert len(arrival.paths) == 64
        assert max(path.peak_db_spl for path in arrival.paths) == arrival.peak_db_spl
        assert sum(bool(path.points_m) for path in arrival.paths) == 12
        delays = [path.delay_s for path in arrival.paths]
        assert delays == sorted(delays)
    many = [bang(1.0 + 0.02 * n, SHOT_M, id=f"A/{n}") for n in range(150)]
    crowd = tuple(station(f"s{n:02d}", (10.0 * n, 50.0, 5.0), rate_hz=8_000) for n in range(20))
    of = world(crowd, *many)
    soundscape = Soundscape(of, StraightLines(C))
    assert len(encoded(truth_of(of, [soundscape.reached(n) for n in range(0, 150, 50)]))) < 60_000


def test_numbers_are_rounded_far_below_what_they_mean() -> None:
    text = encoded(straight(world(stations(), bang(2.0, SHOT_M)))).decode()
    decimals = [len(word.partition(".")[2]) for word in text.replace(",", " ").split() if word.count(".") == 1]
    assert max(decimals) <= 9
    assert "-0.0" not in text.replace("-0.0", "", 0).split()


@pytest.mark.parametrize(
    ("content", "what"),
    [("{", "is not JSON"), ('{"scenario": 3}', "scenario"), ('{"unknown": 3}', "unknown"), (None, "cannot be read")],
)
def test_what_is_not_a_truth_is_refused_in_one_sentence(tmp_path: Path, content: str | None, what: str) -> None:
    path = tmp_path / "truth.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RecordingError, match=what) as raised:
        read_truth(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_truth_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    truth = straight(world(stations(), bang(2.0, SHOT_M)))
    with pytest.raises(RecordingError, match="cannot be written"):
        save_truth(truth, tmp_path / "nowhere" / "truth.json")
    assert msgspec.json.decode(encoded(truth), type=Truth) == truth
