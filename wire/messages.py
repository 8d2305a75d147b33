"""The messages: frozen msgspec structs, JSON on the wire.

Each has ``schema`` (an integer that only grows; readers accept older ones) and an identity that makes a repeat
harmless.
"""

from __future__ import annotations

import msgspec

PULSE_SCHEMA = 1


class Pulse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One impulsive arrival at one sensor.  Identity: ``sensor`` + ``boot`` + ``sequence``.

    sensor : the sensor's id in the registry.
    boot, sequence : which run of the node, and the number of the pulse in it.
    arrival_ns : UTC nanoseconds of the first onset, its known bias removed.
    sigma_s : one standard deviation of ``arrival_ns`` as a measurement (picking and clock; not propagation), seconds.
    snr_db : peak envelope over the noise floor before the onset, dB.
    peak_db_spl : peak level, dB re 20 uPa; None when the sensor is not calibrated.
    flags : what an auditor should know: ``clipped``, ``gap``.
    features : numbers of ``acoustic.features``, by name.
    """

    sensor: str
    arrival_ns: int
    sigma_s: float
    boot: str = ""
    sequence: int = 0
    snr_db: float | None = None
    peak_db_spl: float | None = None
    flags: tuple[str, ...] = ()
    features: dict[str, float] = {}
    schema: int = PULSE_SCHEMA

    @property
    def identity(self) -> str:
        """``sensor/boot/sequence``: equal for every repeat of one pulse."""
        return f"{self.sensor}/{self.boot}/{self.sequence}"
