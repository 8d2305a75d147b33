"""All look-alikes by the word that scenarios and the truth use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.sources.fireworks import FIRECRACKER, FIREWORK
from sim.sources.lookalike import Lookalike
from sim.sources.street import BACKFIRE, BAG_POP, DUMPSTER, HELICOPTER
from sim.sources.thunder import THUNDER
from sim.sources.tools import HAMMER, JACKHAMMER, NAIL_GUN

LOOKALIKES: Mapping[str, Lookalike] = MappingProxyType(
    {
        lookalike.word: lookalike
        for lookalike in (
            FIRECRACKER,
            FIREWORK,
            BACKFIRE,
            NAIL_GUN,
            HAMMER,
            JACKHAMMER,
            THUNDER,
            DUMPSTER,
            BAG_POP,
            HELICOPTER,
        )
    }
)
"""Word to look-alike."""
