"""Lower the rate of a stream by a whole factor, so that the detector costs the same at 12 and at 96 kHz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.filter_design import kaiser_low_pass
from acoustic.kernels import KERNELS

Array = NDArray[np.float64]

_TAPS_PER_PHASE = 12  # 60 dB against aliases from 1.4 x the new Nyquist frequency on; the top octave is not used


@dataclass(frozen=True, slots=True)
class DecimatorState:
    """tail : (taps - 1 or more, channels) float64, the last inputs; skip : inputs to pass before the next output."""

    tail: Array
    skip: int


class Decimator:
    """Linear-phase low-pass filter and down-sampling in one (polyphase) step.

    Output ``m`` belongs to input ``m * factor - delay``; ``delay`` is in input samples, whole.  Any partition into
    blocks gives bit-identical output, because each output is one dot product over the same inputs.
    """

    def __init__(self, factor: int) -> None:
        if factor < 1:
            raise ValueError(f"factor: expected at least 1, got {factor}")
        self.factor = factor
        taps = 1 if factor == 1 else _TAPS_PER_PHASE * factor + 1
        self.taps: Array = np.ones(1) if factor == 1 else kaiser_low_pass(taps, 0.92 / factor, beta=6.0)
        self.delay = (taps - 1) // 2
        self._polyphase = KERNELS.polyphase(self.taps, 1, factor)

    def initial(self, channels: int = 1) -> DecimatorState:
        """State before the first sample: silence."""
        return DecimatorState(np.zeros((len(self.taps) - 1, channels)), 0)

    def step(self, state: DecimatorState, block: NDArray[np.floating]) -> tuple[DecimatorState, Array]:
        """Decimate one block, (n, channels); out : (ceil((n - skip) / factor), channels) float64."""
        n = block.shape[0]
        if self.factor == 1:
            return state, np.asarray(block, dtype=np.float64)
        joined = np.concatenate([state.tail, block])
        count = max(0, -(-(n - state.skip) // self.factor))
        memory = len(self.taps) - 1
        if count:
            # upfirdn's output i ends at input i * factor; starting the input so that the first wanted output is a whole
            # number of steps in makes every wanted output a full dot product.
            steps = -(-memory // self.factor)
            lead = state.skip + memory - steps * self.factor
            padded = joined[lead:] if lead >= 0 else np.concatenate([np.zeros((-lead, joined.shape[1])), joined])
            full = self._polyphase(padded.T)
            out = np.ascontiguousarray(full[:, steps : steps + count].T)
        else:
            out = np.zeros((0, joined.shape[1]))
        skip = state.skip + count * self.factor - n
        return DecimatorState(joined[joined.shape[0] - memory :], skip), out
