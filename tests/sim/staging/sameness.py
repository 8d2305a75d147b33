"""Where two values differ, whatever they are made of: the oracle of "equal worlds"."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely


def differences(a: Any, b: Any, name: str = "world") -> list[str]:
    """The names of all parts that differ, to the last bit; none for equal values."""
    if a is b:
        return []
    if type(a) is not type(b):
        return [name]
    if isinstance(a, np.ndarray):
        if a.dtype == object and a.shape == b.shape:
            pairs = zip(a.ravel(), b.ravel(), strict=True)
            return [part for k, (x, y) in enumerate(pairs) for part in differences(x, y, f"{name}[{k}]")]
        return [] if a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() else [name]
    if isinstance(a, shapely.Geometry):
        return [] if shapely.to_wkb(a) == shapely.to_wkb(b) else [name]
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        return [part for n in names for part in differences(getattr(a, n), getattr(b, n), f"{name}.{n}")]
    if isinstance(a, Mapping):
        if list(a) != list(b):
            return [name]
        return [part for key in a for part in differences(a[key], b[key], f"{name}.{key}")]
    if isinstance(a, tuple | list):
        if len(a) != len(b):
            return [f"{name} (length)"]
        pairs = zip(a, b, strict=True)
        return [part for k, (x, y) in enumerate(pairs) for part in differences(x, y, f"{name}[{k}]")]
    if isinstance(a, float):
        return [] if a == b or (math.isnan(a) and math.isnan(b)) else [name]
    compares = any("__eq__" in vars(kind) for kind in type(a).__mro__[:-1])
    assert compares, f"{name}: {type(a)} can only be compared by identity"
    return [] if a == b else [name]
