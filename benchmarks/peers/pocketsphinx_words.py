"""Words that PocketSphinx hears (US English, its own language model): runs inside its own environment.

Arrays: any number of utterances by name, (n,) float32 at 16 kHz.
Answer: ``seconds``; ``words``, name to the words heard, in order.
"""

from __future__ import annotations

import numpy as np
from pocketsphinx import Decoder  # type: ignore[import-not-found]

from benchmarks.peers.exchange import Arrays, Job, serve, timed

RMS = 0.1


def heard(decoder: Decoder, samples: np.ndarray) -> list[str]:
    """The words of one utterance, brought to one loudness first."""
    loud = samples * (RMS / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-9))
    decoder.start_utt()
    decoder.process_raw((np.clip(loud, -1.0, 1.0) * 32767.0).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return best.hypstr.split() if best else []


def solve(_: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    decoder = Decoder(samprate=16_000, loglevel="FATAL")
    words, seconds = timed(lambda: {name: heard(decoder, samples) for name, samples in arrays.items()})
    return {"seconds": seconds, "words": words}, {}


if __name__ == "__main__":
    serve(solve)
