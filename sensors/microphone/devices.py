"""The microphones of this machine, as PortAudio knows them.

PortAudio is loaded here and only when it is asked for: with sounddevice it takes 20 MB that a node which listens to a
file or to standard input need not spend.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from errors import CaptureError

RATES_HZ = (16_000, 32_000, 44_100, 48_000, 96_000)
"""Sampling rates that are tried."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone.

    number : PortAudio's; it changes when devices come and go.
    name, host_api : as PortAudio gives them.
    inputs : channels.
    rate_hz : its default rate.
    rates_hz : those of ``RATES_HZ`` that it takes; empty when it is busy, or was not asked.
    default : whether it is the one that is used when none is named.
    """

    number: int
    name: str
    host_api: str
    inputs: int
    rate_hz: float
    rates_hz: tuple[int, ...] = ()
    default: bool = False

    def __str__(self) -> str:
        return f"[{self.number}] {self.name} ({self.host_api})"


def portaudio() -> Any:
    """The module ``sounddevice``, with PortAudio looking at the machine's devices as they are now.

    Closes every stream of this process, so it is for a time when none is open.

    Raises CaptureError when the library is not installed or does not start.
    """
    try:
        import sounddevice  # noqa: PLC0415

        # PortAudio lists devices when it is initialised: one that was plugged in since is not seen before the next.
        while sounddevice._initialized:
            sounddevice._terminate()
        sounddevice._initialize()
    except OSError as error:
        raise CaptureError(
            "microphone", f"the PortAudio library is missing ({error}): install it (`apt install libportaudio2`)"
        ) from error
    except sounddevice.PortAudioError as error:
        raise CaptureError("microphone", f"PortAudio does not start: {error}") from error
    return sounddevice


def set_periods(sounddevice: Any, periods: int) -> None:
    """Have ALSA's buffer divided into so many periods from the next stream on; elsewhere nothing happens.

    PortAudio divides it by four, so that a buffer long enough to bridge a busy moment would hand sound over late.
    """
    try:
        library = ctypes.CDLL(sounddevice._libname)
        library.PaAlsa_SetNumPeriods(ctypes.c_int(periods))
    except (OSError, AttributeError):  # built without ALSA
        return


def list_devices() -> list[Device]:
    """Every microphone, with the rates that it takes; not while this process listens.

    Raises CaptureError when PortAudio is missing or does not start.
    """
    sounddevice = portaudio()
    return [
        Device(d.number, d.name, d.host_api, d.inputs, d.rate_hz, rates_of(sounddevice, d.number), d.default)
        for d in known_devices(sounddevice)
    ]


def known_devices(sounddevice: Any) -> list[Device]:
    """Every microphone, without asking any of them."""
    hosts = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    if default < 0:
        default = next((host["default_input_device"] for host in hosts if host["default_input_device"] >= 0), -1)
    return [
        Device(
            number=number,
            name=entry["name"],
            host_api=hosts[entry["hostapi"]]["name"],
            inputs=entry["max_input_channels"],
            rate_hz=entry["default_samplerate"],
            default=number == default,
        )
        for number, entry in enumerate(sounddevice.query_devices())
        if entry["max_input_channels"] > 0
    ]


def rates_of(sounddevice: Any, number: int, channels: int = 1) -> tuple[int, ...]:
    """Which of ``RATES_HZ`` a device takes with so many channels."""
    taken = []
    for rate_hz in RATES_HZ:
        try:
            sounddevice.check_input_settings(device=number, channels=channels, dtype="float32", samplerate=rate_hz)
        except sounddevice.PortAudioError:
            continue
        taken.append(rate_hz)
    return tuple(taken)


def choose(devices: Sequence[Device], wanted: str | int | None) -> Device:
    """The microphone that a configuration means: by number, by its whole name, or by a part of it in any case.

    Raises CaptureError, which lists what there is, when none or several are meant.
    """
    if not devices:
        raise CaptureError("microphone", "this machine has none that PortAudio can see")
    listed = ", ".join(map(str, devices))
    if wanted is None:
        found = [d for d in devices if d.default]
        if not found:
            raise CaptureError("microphone", f"no default one; name one of: {listed}")
        return found[0]
    if isinstance(wanted, int):
        found = [d for d in devices if d.number == wanted]
    else:
        found = [d for d in devices if wanted in (d.name, f"{d.name}, {d.host_api}")]
        if not found:
            found = [d for d in devices if wanted.casefold() in d.name.casefold()]
    if not found:
        raise CaptureError(f"microphone {wanted!r}", f"not found; there is: {listed}")
    if len(found) > 1:
        raise CaptureError(f"microphone {wanted!r}", f"the name fits several: {', '.join(map(str, found))}")
    return found[0]
