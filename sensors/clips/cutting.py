"""From a stretch of sound to the message that leaves the node: filter, FLAC, digest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from errors import MessageError
from sensors.clips.privacy import filtered
from sensors.clips.stretches import Stretch
from wire.codec import LONGEST_BYTES
from wire.messages import Clip, Pulse

FLAC_CHANNELS = 8
"""FLAC has no more.  Sound of more channels is written as one, each channel after the one before."""

FLAC_LONGEST = LONGEST_BYTES // 4 * 3 - 65_536
"""Bytes of FLAC in the longest message: base64 makes four of three, and the rest of the message needs room."""

MOST_SAMPLES = 2**25
"""Of all channels together, in any clip: 15 s of 16 channels at 96 kHz and more.  Silence packs so well that the length
of the stream alone would bound nothing."""


def make_clip(
    pulse: Pulse,
    sound: NDArray[np.float32],
    *,
    first: int,
    onset: float,
    impulses: Sequence[float],
    start_ns: int,
    rate_hz: float,
    measured_rate_hz: float,
    full_scale_db_spl: float | None,
    privacy_filter: bool,
) -> Clip:
    """The clip of a pulse.  The same pulse and sound give the same bytes, by the same version of libsndfile and numpy.

    Samples are written with 16 bits when all of them are whole steps of 16 bits, else with 24 bits, rounded: many
    microphones on I2S have 24, and what a shot leaves after a kilometre lies in the lower ones.  What is over full
    scale is cut off there.

    Parameters
    ----------
    pulse : that the clip is of.
    sound : (n, channels) float32, full scale is -1..1, n >= 1.
    first : number of its first frame in the segment.
    onset : frame (a fraction) of the segment where the pulse begins.
    impulses : the same of every impulse that was detected in the stretch; others do not harm.
    start_ns : UTC nanoseconds of ``first``.
    rate_hz, measured_rate_hz : samples a second, nominal and by the disciplined clock.
    full_scale_db_spl : level of a sample of 1, dB re 20 uPa; None when not calibrated.
    privacy_filter : whether to filter; the clip says so.

    Raises
    ------
    MessageError
        The sound does not fit into a message, or is not made of finite numbers: there is no clip of it.  The sentence
        names the pulse.
    ValueError
        Sound of another shape.
    """
    if sound.ndim != 2 or 0 in sound.shape:
        raise ValueError(f"sound: expected shape (n, channels), n and channels at least 1, got {sound.shape}")
    where = f"clip {pulse.identity}"
    if sound.size > MOST_SAMPLES:
        raise MessageError(where, "length", expected=f"at most {MOST_SAMPLES} samples", seen=sound.size)
    if not np.isfinite(np.sum(sound, dtype=np.float64)):
        frame, channel = (int(i) for i in np.argwhere(~np.isfinite(sound))[0])
        seen = float(sound[frame, channel])
        raise MessageError(where, f"frame {frame} of channel {channel}", expected="a finite number", seen=seen)
    bits = 16 if _whole(sound, 16) else 24
    kept: tuple[Stretch, ...] = ((0, len(sound)),)
    if privacy_filter:
        near = [frame - first for frame in impulses]
        sound, kept = filtered(sound, rate_hz, onset - first, near, pulse.identity)
    flac = _flac(sound, round(rate_hz), bits)
    if len(flac) > FLAC_LONGEST:
        fix = f"at most {FLAC_LONGEST} bytes of FLAC (fewer seconds or channels)"
        raise MessageError(where, "length", expected=fix, seen=len(flac))
    return Clip(
        sensor=pulse.sensor,
        boot=pulse.boot,
        sequence=pulse.sequence,
        start_ns=start_ns,
        rate_hz=measured_rate_hz,
        frames=sound.shape[0],
        channels=sound.shape[1],
        onset_frame=onset - first,
        privacy="filtered" if privacy_filter else "off",
        kept=kept,
        flac=flac,
        sha256=hashlib.sha256(flac).hexdigest(),
        full_scale_db_spl=full_scale_db_spl,
    )


def _whole(sound: NDArray[np.float32], bits: int) -> bool:
    """Whether all samples are whole steps of so many bits."""
    steps = sound * np.float32(2 ** (bits - 1))  # exact: a power of two
    return bool(np.array_equal(steps, np.rint(steps)))


def _flac(sound: NDArray[np.float32], rate_hz: int, bits: int) -> bytes:
    full = 2 ** (bits - 1)
    # In float64: 24 bits and their half steps do not fit into the 24 of a float32.
    steps = np.clip(np.rint(sound * np.float64(full)), -full, full - 1).astype(np.int32)
    rows = steps if sound.shape[1] <= FLAC_CHANNELS else np.ascontiguousarray(steps.T).reshape(-1, 1)
    stream = io.BytesIO()
    # libsndfile takes the upper bits of 32.
    soundfile.write(stream, rows << (32 - bits), rate_hz, format="FLAC", subtype=f"PCM_{bits}")
    return stream.getvalue()
