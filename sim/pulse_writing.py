"""Simulated pulses as files: JSON lines and network.toml, as ``tocsin locate FILE --network`` reads them, and truth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from errors import RecordingError
from geo.place import Cartesian
from sim.arriving import BLAST, CLUTTER
from sim.pulse_columns import SimulatedPulses
from sim.truthfile import WORDS
from sim.world import World
from wire.messages import Pulse
from wire.utc import format_utc_ns

PULSES, NETWORK, TRUE_PULSES = "pulses.jsonl", "network.toml", "pulse-truth.jsonl"


class TruePulse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a pulse came from.  Identity: as of the pulse.

    sound : id of what sounded; None for clutter.
    echo : it is not the first of that sound's ways to this sensor.
    arrival_ns : UTC nanoseconds at which what was picked arrived, before clock and pick.
    delivered_ns, copies : when its message came, and how many times.
    """

    sensor: str
    boot: str
    sequence: int
    sound: str | None
    wave: Literal["blast", "shock"]
    path: str
    echo: bool
    arrival_ns: int
    delivered_ns: int
    copies: int


def true_pulses(simulated: SimulatedPulses) -> list[TruePulse]:
    """The truth of every pulse, in the order of ``simulated.pulses``."""
    world, c = simulated.world, simulated.columns
    return [
        TruePulse(
            sensor=pulse.sensor,
            boot=pulse.boot,
            sequence=pulse.sequence,
            sound=None if c.sound[k] == CLUTTER else world.sounds[int(c.sound[k])].id,
            wave="blast" if c.wave[k] == BLAST else "shock",
            path=WORDS[int(c.kind[k])],
            echo=bool(c.echo[k]),
            arrival_ns=int(c.true_ns[k]),
            delivered_ns=int(c.delivered_ns[k]),
            copies=int(c.copies[k]),
        )
        for k, pulse in enumerate(simulated.pulses)
    ]


def pulse_lines(pulses: Iterable[Pulse]) -> bytes:
    """Pulses as the lines of a pulse file (``localize.pulsefile``)."""
    encode = msgspec.json.encode
    lines = []
    for pulse in pulses:
        line = {
            "sensor": pulse.sensor,
            "arrival": format_utc_ns(pulse.arrival_ns),
            "sigma_s": float(f"{pulse.sigma_s:.3g}"),
        }
        levels = {"snr_db": pulse.snr_db, "peak_db_spl": pulse.peak_db_spl}
        lines.append(encode({**line, **{name: round(v, 2) for name, v in levels.items() if v is not None}}))
    return b"\n".join([*lines, b""])


def network_toml(world: World) -> str:
    """The network as its sensors believe it to be, and the weather."""
    cartesian = all(isinstance(station.place, Cartesian) for station in world.stations)
    weather = world.weather
    text = [f'frame = "{"cartesian" if cartesian else "wgs84"}"', "", "[weather]"]
    for name in ("temperature_c", "humidity_percent", "pressure_hpa", "wind_speed_m_s", "wind_from_deg"):
        text.append(f"{name} = {float(getattr(weather, name))!r}")
    if weather.measured_speed_m_s is not None:
        text.append(f"speed_of_sound_m_s = {float(weather.measured_speed_m_s)!r}")
    for station in world.stations:
        place = station.place
        text += ["", "[[sensor]]", f"id = {msgspec.json.encode(station.id).decode()}"]
        if isinstance(place, Cartesian):
            names = (("x_m", place.x_m), ("y_m", place.y_m), ("z_m", place.z_m))
        else:
            names = (("longitude", place.longitude), ("latitude", place.latitude), ("height_m", place.height_m))
        text += [f"{name} = {float(value)!r}" for name, value in names]
        text.append(f"position_sigma_m = {float(station.position_sigma_m)!r}")
    return "\n".join([*text, ""])


def write_pulses(simulated: SimulatedPulses, folder: Path, *, repeats: bool = True) -> None:
    """Write ``pulses.jsonl``, ``network.toml`` and ``pulse-truth.jsonl`` into a folder, which is made when missing.

    repeats : write a pulse that is sent twice twice, as the centre gets it; readers drop the second.

    Raises
    ------
    RecordingError
        When they cannot be written.
    """
    copies = simulated.columns.copies.tolist()
    sent = [pulse for pulse, n in zip(simulated.pulses, copies, strict=True) for _ in range(n if repeats else 1)]
    files = {
        PULSES: pulse_lines(sent),
        NETWORK: network_toml(simulated.world).encode(),
        TRUE_PULSES: b"\n".join([*map(msgspec.json.encode, true_pulses(simulated)), b""]),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise RecordingError(folder, f"cannot be written ({error.strerror or error})") from error
