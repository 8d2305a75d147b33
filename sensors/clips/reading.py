"""The sound of a clip that came over the bus: nothing in it is believed before it is checked."""

from __future__ import annotations

import hashlib
import io
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from errors import MessageError
from sensors.clips.cutting import FLAC_CHANNELS, MOST_SAMPLES
from wire.messages import Clip

_STEPS = {"PCM_S8": 2.0**-7, "PCM_16": 2.0**-15, "PCM_24": 2.0**-23}


class ClipSound(NamedTuple):
    """The sound of a clip.

    samples : (frames, channels) float32, full scale is -1..1, exact.
    rate_hz : nominal samples a second, as the stream says; ``Clip.rate_hz`` is the measured one.
    step : size of one step of the samples.
    """

    samples: NDArray[np.float32]
    rate_hz: int
    step: float


def clip_sound(clip: Clip) -> ClipSound:
    """The sound of a clip.

    Raises
    ------
    MessageError
        The stream is not what its digest says, is not FLAC, is damaged, or holds other frames, channels or kept
        stretches than the clip says.  No more memory is taken than the sound that the clip claims needs, and no more
        than ``MOST_SAMPLES``.
    """
    where = f"clip {clip.identity}"
    digest = hashlib.sha256(clip.flac).hexdigest()
    if digest != clip.sha256:
        raise MessageError(where, "Clip.sha256", expected=f"that of the sound, {digest}", seen=clip.sha256)
    if not 1 <= clip.frames * clip.channels <= MOST_SAMPLES:
        expected = f"1 .. {MOST_SAMPLES} samples of all channels"
        raise MessageError(where, "Clip.frames", expected=expected, seen=clip.frames * clip.channels)
    end = 0
    for stretch in clip.kept:
        if not end <= stretch[0] < stretch[1] <= clip.frames:
            expected = f"stretches in order within 0 .. {clip.frames}"
            raise MessageError(where, "Clip.kept", expected=expected, seen=stretch)
        end = stretch[1]
    one_after_the_other = clip.channels > FLAC_CHANNELS
    shape = (clip.frames * clip.channels, 1) if one_after_the_other else (clip.frames, clip.channels)
    try:
        with soundfile.SoundFile(io.BytesIO(clip.flac)) as stream:
            if stream.format != "FLAC" or stream.subtype not in _STEPS:
                found = f"{stream.format} of {stream.subtype}"
                raise MessageError(where, "Clip.flac", expected="FLAC of at most 24 bits", seen=found)
            if (stream.frames, stream.channels) != shape:
                expected = f"{shape[0]} frames of {shape[1]} channels"
                found = f"{stream.frames} of {stream.channels}"
                raise MessageError(where, "Clip.flac", expected=expected, seen=found)
            samples = stream.read(shape[0], dtype="float32", always_2d=True)
            rate_hz, step = stream.samplerate, _STEPS[stream.subtype]
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
        raise MessageError(where, f"Clip.flac cannot be read as FLAC, wrong or cut short ({reason})") from error
    if samples.shape != shape:
        raise MessageError(where, "Clip.flac is cut short", expected=f"{shape[0]} frames", seen=len(samples))
    if one_after_the_other:
        samples = np.ascontiguousarray(samples.reshape(clip.channels, clip.frames).T)
    return ClipSound(samples, rate_hz, step)
