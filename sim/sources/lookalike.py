"""What a look-alike is: a kind of sound that may be taken for gunfire, with what one may choose about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from errors import ConfigurationError
from sim.sound import Signal, Sound

Value = float | int | str | bool
"""What an option may hold."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that one may choose.

    name : as scenarios write it, with its unit as suffix.
    default : also fixes the type: whole number, number, word or truth value.
    meaning : in one line.
    low, high : bounds of a number, both included.
    choices : the words that it may be.
    """

    name: str
    default: Value
    meaning: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What it may be, for people."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        whole = "a whole number of " if isinstance(self.default, int) else ""
        return f"{whole}{self.low:g} .. {self.high:g}"

    def checked(self, value: object, where: object) -> Value:
        """The value as this option's type; ``ConfigurationError`` naming ``where`` and this option when it cannot
        be."""
        if isinstance(self.default, bool):
            if isinstance(value, bool):
                return value
        elif isinstance(self.default, str):
            if isinstance(value, str) and value in self.choices:
                return value
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high:
            if isinstance(self.default, float):
                return float(value)
            if value == int(value):
                return int(value)
        raise ConfigurationError(where, self.name, expected=self.expected, seen=value)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Options with their values, all present and checked."""

    values: Mapping[str, Value]

    def number(self, name: str) -> float:
        """A number."""
        return float(self.values[name])

    def whole(self, name: str) -> int:
        """A whole number."""
        return int(self.values[name])

    def word(self, name: str) -> str:
        """A word."""
        return str(self.values[name])

    def truth(self, name: str) -> bool:
        """A truth value."""
        return bool(self.values[name])


@dataclass(slots=True, eq=False)
class Stage:
    """Where and when a look-alike sounds, and the sounds that it has made so far.

    kind, source, at_ns, position_m : as ``Lookalike.sounds`` was called.
    generator : all its randomness.
    """

    kind: str
    source: str
    at_ns: int
    position_m: NDArray[np.float64]
    generator: np.random.Generator
    made: list[Sound] = field(default_factory=list)

    def add(
        self, signal: Signal, label: str, *, after_s: float = 0.0, offset_m: NDArray[np.float64] | None = None
    ) -> None:
        """One more sound, so many seconds after the beginning and so far from its place."""
        round_ = 1 + len(self.made)
        self.made.append(
            Sound(
                id=f"{self.source}/{round_}",
                kind=self.kind,
                source=self.source,
                label=label,
                round=round_,
                at_ns=self.at_ns + round(1e9 * after_s),
                position_m=self.position_m + (np.zeros(3) if offset_m is None else offset_m),
                signal=signal,
            )
        )


Recipe = Callable[[Stage, Chosen], None]


@dataclass(frozen=True, slots=True)
class Lookalike:
    """One kind.

    word : as scenarios and the truth name it.
    label : for people.
    options : what one may choose.
    recipe : puts its sounds on a stage.
    """

    word: str
    label: str
    options: tuple[Option, ...]
    recipe: Recipe

    def checked(self, options: Mapping[str, object], where: object | None = None) -> dict[str, Value]:
        """All options with their values.

        where : the file and place that the options are from, for the error.

        Raises
        ------
        ConfigurationError : for an unknown option, or a value out of its bounds or of another type.
        """
        place = f"look-alike {self.word}" if where is None else where
        known = {option.name: option for option in self.options}
        for name in options:
            if name not in known:
                raise ConfigurationError(
                    place, f"unknown option {name!r}", expected="one of " + ", ".join(sorted(known))
                )
        return {
            name: option.checked(options[name], place) if name in options else option.default
            for name, option in known.items()
        }

    def sounds(
        self,
        *,
        source: str,
        at_ns: int,
        position_m: NDArray[np.float64],
        generator: np.random.Generator,
        **options: object,
    ) -> tuple[Sound, ...]:
        """What it sends when it goes off once, sorted by time.

        Parameters
        ----------
        source, at_ns : as of ``Sound``; ids are ``source/round``, rounds from 1: a source goes off once.
        position_m : (3,) float64, metres, site frame, up above the ground.
        generator : all its randomness.
        options : see ``options``; what is left out has its default.

        Raises
        ------
        ConfigurationError : as ``checked``.
        """
        stage = Stage(self.word, source, at_ns, np.array(position_m, dtype=np.float64), generator)
        self.recipe(stage, Chosen(self.checked(options)))
        return tuple(sorted(stage.made, key=lambda sound: (sound.at_ns, sound.round)))
