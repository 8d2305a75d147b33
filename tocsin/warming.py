"""Compile what is compiled at first use, so that the first real location does not wait for it."""

from __future__ import annotations

import numpy as np

from acoustic.weather import Weather
from geo.place import Cartesian
from localize.locate import locate
from localize.network import Network, Sensor
from localize.pulses import PulseTable
from localize.travel import travel_times_s

_CORNERS_M = ((0.0, 0.0), (500.0, 30.0), (480.0, 510.0), (-20.0, 490.0), (240.0, -300.0), (800.0, 260.0))
_FIRED_NS = 1_800_000_000_000_000_000


def warm_up() -> int:
    """Locate two shots of a small site, once in still air and once in wind; the number of shots found."""
    found = 0
    for wind_m_s in (0.0, 4.0):
        weather = Weather(wind_speed_m_s=wind_m_s)
        network = Network.of([Sensor(f"W{k}", Cartesian(x, y, 0.0)) for k, (x, y) in enumerate(_CORNERS_M)], weather)
        source = np.array([210.0, 190.0, 0.0])
        travel = travel_times_s(source, network.positions_m, weather.sound_speed_m_s, weather.wind_m_s)
        first = _FIRED_NS + np.round(travel * 1e9).astype(np.int64)
        arrival_ns = np.concatenate([first, first + 400_000_000])
        order = np.argsort(arrival_ns, kind="stable")
        sensor = np.tile(np.arange(len(_CORNERS_M), dtype=np.int32), 2)
        table = PulseTable(
            arrival_ns=arrival_ns[order],
            sensor=sensor[order],
            sigma_s=np.full(len(order), 1e-3),
            snr_db=np.full(len(order), 20.0),
            peak_db_spl=np.full(len(order), np.nan),
            source=np.arange(len(order), dtype=np.int64),
        )
        found += len(locate(table, network).shots)
    return found
