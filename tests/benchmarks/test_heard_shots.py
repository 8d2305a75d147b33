"""The rule by which pulses are taken for a shot's, and the differences of distributions."""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.weather import Weather
from benchmarks.heard_shots import Deployment, HeardShots, heard_in
from benchmarks.realism import distances

WEATHER = Weather()


def deployment(sensors: int) -> Deployment:
    places = np.column_stack([np.linspace(100.0, 900.0, sensors), np.zeros(sensors), np.zeros(sensors)])
    names = tuple(f"S{k}" for k in range(sensors))
    return Deployment(1, names, places, np.zeros(3), (np.array([0.0, 1.0]),), (WEATHER,), ("9mm",))


def shots_of(missing: tuple[int, ...] = (), late: dict[int, float] | None = None, level_db: float = 80.0) -> HeardShots:
    where = deployment(9)
    sensor = np.array([k for k in range(9) if k not in missing])
    arrival = 0.02 + np.linalg.norm(where.sensors_m, axis=1)[sensor] / WEATHER.sound_speed_m_s
    arrival = arrival + np.array([(late or {}).get(int(k), 0.0) for k in sensor])
    both = np.concatenate([arrival, arrival + 1.0, arrival + 1.3])
    rows = np.tile(sensor, 3)
    level = np.full(len(rows), level_db)
    fired = np.array([0.0, 1.0])
    return heard_in(where, where.source_m, where.sensors_m, WEATHER, 0, fired, rows, both, level, level - 60.0)


def test_the_first_pulse_in_the_gate_is_taken() -> None:
    found = shots_of(missing=(3,), late={5: 0.03, 7: 0.2})
    assert found.heard.reshape(2, 9).tolist() == [[k not in (3, 7) for k in range(9)]] * 2
    late = found.late_s.reshape(2, 9)
    assert late[:, 5] == pytest.approx(0.03, abs=1e-9)
    assert np.nanmedian(late, axis=1) == pytest.approx(0.0, abs=1e-12)
    assert found.sensors_a_shot().tolist() == [7, 7]
    assert found.further.reshape(2, 9)[1][0] == 1
    assert np.isnan(found.level_db[~found.heard]).all()


def test_a_set_differs_from_itself_by_nothing() -> None:
    one = shots_of(late={5: 0.03})
    assert set(distances(one, one).values()) == {0.0}
    other = distances(one, shots_of(missing=(0, 1), level_db=90.0))
    assert other["level"] == 1.0
    assert other["hearing"] > 0.0
    assert other["sensors a shot"] == 1.0
