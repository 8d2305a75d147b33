"""What the localizer believes before it has heard anything: every constant, with its unit and its reason.

A value with a *strength* is a prior: it counts as that many observations, and the shots of the run itself take over as
they accumulate (empirical Bayes, ``localize.learning``).
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from errors import ConfigurationError

__all__ = ["DEFAULT_TUNING", "Tuning"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Constants of association and location.  ``docs/tuning.md`` lists them by symptom.

    picking_sigma_s : one standard deviation of an arrival whose pulse states none, seconds.
    propagation_sigma_s : unmodelled symmetric part of a travel time (weather, ground, survey of the sensor), seconds.
    propagation_strength : how many arrivals the prior of ``propagation_sigma_s`` counts for.
    late_share : share of arrivals that come late by diffraction or reflection (no line of sight).
    late_mean_s : mean of their exponential excess delay, seconds.
    late_strength : how many arrivals the prior of the late part counts for.
    hearing_max : chance that a close sensor reports a shot.
    hearing_half_m : distance at which that chance has halved.
    hearing_width_m : scale of the logistic fall around that distance.
    hearing_strength : how many sensor-shots the prior of the hearing curve counts for.
    clutter_rate_hz : rate of pulses at a quiet sensor that are not first arrivals of shots.
    echo_rate_hz, echo_decay_s : rate of echoes right after a pulse, and the time in which it falls to 1/e.
    shot_rate_per_km2_s : rate of shots per area and time while something is going on.
    repeat_sigma_s : what changes between two rounds from one place at one sensor (turbulence, picking), seconds.
    repeat_heard : chance that a sensor that heard one round of a burst reports another.
    repeat_rate_hz : rate of rounds in a burst; ``repeat_span_s`` how far apart rounds of one burst may lie.
    repeat_level_db, clutter_level_db : scatter of level between rounds, and between unrelated pulses, at one sensor.
    repeat_nats : log odds that a single round of a burst needs beside the burst's.
    accept_nats : log posterior odds of shot against clutter from which a shot is believed.
    shortest_repeat_s : two shots of one place closer together than this are one.
    level_sigma_db : scatter of peak levels around spherical spreading in a city.
    """

    picking_sigma_s: float = 1.0e-3
    propagation_sigma_s: float = 8.5e-3
    propagation_strength: float = 3.0
    late_share: float = 0.05
    late_mean_s: float = 15.0e-3
    late_strength: float = 30.0
    hearing_max: float = 0.9
    hearing_half_m: float = 850.0
    hearing_width_m: float = 80.0
    hearing_strength: float = 30.0
    clutter_rate_hz: float = 0.01
    echo_rate_hz: float = 3.5
    echo_decay_s: float = 0.3
    shot_rate_per_km2_s: float = 0.1
    repeat_sigma_s: float = 2.5e-3
    repeat_heard: float = 0.9
    repeat_rate_hz: float = 1.0
    repeat_span_s: float = 5.0
    repeat_level_db: float = 3.5
    clutter_level_db: float = 8.0
    repeat_nats: float = 2.0
    accept_nats: float = 9.0
    shortest_repeat_s: float = 0.045
    level_sigma_db: float = 7.0

    @property
    def hearing_range_m(self) -> float:
        """Distance beyond which less than 1 % hear: farther sensors neither help nor accuse, metres."""
        return self.hearing_half_m + self.hearing_width_m * math.log(99.0)

    @classmethod
    def read(cls, path: Path) -> Tuning:
        """The tuning in a TOML file; keys as the fields, unknown keys refused.

        Raises
        ------
        ConfigurationError
            When the file cannot be read, or holds an unknown key or a value that is not a positive number.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(path, f"cannot be read ({error.strerror})") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(path, f"not TOML ({error})") from error
        known = {field.name for field in dataclasses.fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise ConfigurationError(path, f"unknown key {key!r}", expected=f"one of {', '.join(sorted(known))}")
            plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not plain or (value <= 0 and key != "accept_nats"):
                raise ConfigurationError(path, key, expected="a positive number", seen=value)
            if key in ("late_share", "hearing_max") and value >= 1:
                raise ConfigurationError(path, key, expected="a share below 1", seen=value)
        return cls(**{key: float(value) for key, value in values.items()})


DEFAULT_TUNING = Tuning()
