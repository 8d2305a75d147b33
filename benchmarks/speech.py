"""Speech whose words are known: sentences spoken by espeak-ng, in several languages and voices."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from errors import NotEnoughEvidence

RATE_HZ = 48_000
RMS = 0.03
HISS_RMS = 3e-5

SENTENCES = {
    "en-us": (
        "Call the police and tell them to come back at ten.",
        "Take the packet to Peter at the station tonight.",
        "Do not talk to anybody about the money.",
        "She told me that the doctor cannot come today.",
        "Put the black bag into the car and wait for me.",
    ),
    "de": ("Der Kapitän packt die Taschen und tritt an die Tür.", "Bitte kaufen Sie zehn Pakete, kommt Peter heute?"),
    "es": ("Pásame el paquete que está en la mesa.", "Te espero a las diez en punto en la plaza."),
    "fr-fr": ("Tu peux prendre le paquet à côté de la porte.", "Le petit chat dort sur le tapis, ne bouge pas."),
    "ru": ("Капитан поставил пакет на стол.", "Кто там так поздно стучит в дверь?"),
    "hi": ("कृपया पैकेट मेज पर रख दो।", "कल सुबह दस बजे मिलते हैं।"),
    "cmn": ("请把那个大的包放在桌子上。", "我们明天上午十点在车站见面。"),
}
VOICES = ("m3", "f2", "m7")
WORDS_PER_MINUTE = 150
SHORTEST_S = 2.6


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, and how it sounds: ``samples`` (n,) float32 at ``RATE_HZ``."""

    language: str
    voice: str
    text: str
    samples: NDArray[np.float32]


def spoken(language: str, voice: str, text: str) -> NDArray[np.float32]:
    """A sentence, root mean square ``RMS``, over a little hiss; at least ``SHORTEST_S`` long.

    Raises
    ------
    NotEnoughEvidence
        When espeak-ng is not installed.
    """
    if shutil.which("espeak-ng") is None:
        raise NotEnoughEvidence("espeak-ng is not installed: there is no speech to measure on")
    command = ["espeak-ng", "-v", f"{language}+{voice}", "-s", str(WORDS_PER_MINUTE), "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float64")
    divisor = np.gcd(RATE_HZ, rate)
    samples = resample_poly(samples, RATE_HZ // divisor, rate // divisor)
    samples *= RMS / np.sqrt(np.mean(np.square(samples)))
    samples = np.pad(samples, (0, max(0, round(SHORTEST_S * RATE_HZ) - len(samples))))
    return (samples + HISS_RMS * np.random.default_rng(len(samples)).standard_normal(len(samples))).astype(np.float32)


def utterances() -> Iterator[Utterance]:
    """Every sentence in every voice."""
    for language, sentences in SENTENCES.items():
        for voice in VOICES:
            for text in sentences:
                yield Utterance(language, voice, text, spoken(language, voice, text))
