"""How pictures of a simulation look: one colour for each way of sound, the same in every picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from geo.city import City
from sensors.capture import Capture
from sim.sound import Bullet
from sim.truth import PathWord, TrueArrival, TruePath, TrueSensor, TrueSound, Truth
from tocsin.plots.style import FAINT, INK

# Okabe & Ito 2008; the shock wave's vermilion is no way's colour.
PATH_COLOURS: dict[PathWord, str] = {
    "direct": INK,
    "ground": "#E69F00",
    "over": "#0072B2",
    "around": "#009E73",
    "wall": "#CC79A7",
    "tail": FAINT,
}
PATH_WORDS: dict[PathWord, str] = {
    "direct": "in line of sight",
    "ground": "off the ground",
    "over": "over roofs",
    "around": "around corners",
    "wall": "off walls",
    "tail": "reverberation begins",
}
BLAST, SHOCK = "#1a1a1a", "#D55E00"
SHOOTER, LOOKALIKE = "#A50026", "#7a5195"


@dataclass(frozen=True, slots=True, eq=False)
class SimScene:
    """What a picture of a simulation is drawn from.

    truth : the whole scenario; sounds far from ``sound`` in time may lack their arrivals.
    sound : whose ways are drawn; one of ``truth.sounds``, with its arrivals.
    sensor : whose recording is shown; None when none heard it.
    city : None when only the truth is known.
    bullet : of ``sound``, when it has one that is known.
    capture : the recording of ``sensor``, or the stretch of it around ``sound``.
    """

    truth: Truth
    sound: TrueSound
    sensor: TrueSensor | None
    city: City | None = None
    bullet: Bullet | None = None
    capture: Capture | None = None

    def arrivals(self, sensor: str) -> list[TrueArrival]:
        """How the sound reached a sensor: shock wave, blast, both or neither, the earlier first."""
        return sorted((a for a in self.sound.arrivals if a.sensor == sensor), key=lambda a: a.arrival_ns)

    def ways(self) -> Iterator[tuple[TrueArrival, TruePath]]:
        """Every path of the sound, with its arrival."""
        return ((arrival, path) for arrival in self.sound.arrivals for path in arrival.paths)


def way_colour(arrival: TrueArrival, path: TruePath) -> str:
    """Of one path: the shock wave's own, else that of its kind."""
    return SHOCK if arrival.wave == "shock" else PATH_COLOURS[path.kind]
