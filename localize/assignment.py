"""Which pulse belongs to which shot, from a table to columns: learn the site, associate, lend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localize.associate import associate
from localize.evidence import lend
from localize.learning import learn
from localize.network import Network
from localize.pulses import PulseTable
from localize.scene import Model, Scene, model_of, retuned, scene_of
from localize.tuning import DEFAULT_TUNING, Tuning

__all__ = ["Associated", "associate_pulses"]


@dataclass(frozen=True, slots=True)
class Associated:
    """Pulses shared out among shots, with rough positions: what ``locate`` gives posteriors to.

    where : (s, 6) float64: x, y (m), discharge (s since ``epoch_ns``), score, odds, odds of the family (nats).
    taken : (s, m) int64, row of the table at each sensor, -1 for none; ``family`` (s,) int64, the same in a burst.
    t, sigma : (s, m) float64, arrivals with those lent by other rounds, and their timing sigma, seconds; NaN for none.
    """

    scene: Scene
    model: Model
    learnt: Tuning
    epoch_ns: int
    where: NDArray[np.float64]
    taken: NDArray[np.int64]
    family: NDArray[np.int64]
    t: NDArray[np.float64]
    sigma: NDArray[np.float64]


def associate_pulses(table: PulseTable, network: Network, tuning: Tuning = DEFAULT_TUNING) -> Associated:
    """Learn the site and share the pulses of a table (one at least) out among shots; by discharge time."""
    epoch_ns = int(table.arrival_ns[0])
    scene = scene_of(table, network, tuning, epoch_ns)
    learnt = learn(scene, network, tuning)
    scene = retuned(scene, learnt)
    model = model_of(scene, network, learnt)
    where, taken, family, _ = associate(scene, model)
    order = np.lexsort((where[:, 1], where[:, 0], where[:, 2]))
    where, taken, family = where[order], taken[order], family[order]
    t, sigma = lend(scene, model, where, taken, family)
    return Associated(scene, model, learnt, epoch_ns, where, taken, family, t, sigma)
