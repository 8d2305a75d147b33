"""Does sound come, all of it, at a level that can be used?"""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from errors import CaptureError
from sensors.microphone.opening import open_source
from sensors.microphone.source import Block, EndOfSound, LiveSource
from sensors.node.check import Check
from sensors.node.config import Capture

LISTEN_S = 2.0
FIRST_S = 4.0
"""Longest wait for the first sample."""

READ_S = 0.2

RATE_WRONG = 0.01
"""Crystals are right to 1e-4; anything beyond this is another rate, or sound that is lost unseen."""

QUIET_DBFS = -85.0
"""Any microphone in any street is louder; 16 bit end at -98."""

FULL_SCALE = 0.999
CLIPPED_SHARE = 1e-3
"""Of the samples: a shot clips a few, a gain that is too high clips many."""

OFFSET = 0.1
"""Of full scale: so much of the range is lost to it."""

_MIXER = "raise the capture gain and unmute the input: alsamixer, then F4"


def check_sound(config: Capture) -> list[Check]:
    """Listen for two seconds: ``microphone`` tells whether samples come, ``level`` what they hold.

    Raises CaptureError, RecordingError, ConfigurationError when there is nothing to listen to.
    """
    source = open_source(config)
    try:
        source.open()
        blocks, waited_s = _listen(source)
    except CaptureError as error:
        advice = "tocsin node devices lists microphones; a running node has its own: systemctl stop tocsin-node"
        return [Check("microphone", False, str(error), advice)]
    finally:
        source.close()
    if not blocks:
        advice = "plug it in again; dmesg tells what the machine thinks of it"
        return [Check("microphone", False, f"{source.name}: no sample in {waited_s:.1f} s", advice)]
    return [check_samples(source, blocks), check_level(np.concatenate([block.samples for block in blocks]))]


def _listen(source: LiveSource) -> tuple[list[Block], float]:
    """Two seconds of sound, or what came of them; and how long that took."""
    began_s = time.monotonic()
    blocks: list[Block] = []
    frames = 0
    try:
        while frames < LISTEN_S * source.rate_hz:
            waited_s = time.monotonic() - began_s
            if waited_s > (FIRST_S if not blocks else FIRST_S + LISTEN_S):
                break
            block = source.read(READ_S)
            if block is not None and len(block.samples):
                blocks.append(block)
                frames += len(block.samples)
    except EndOfSound:
        pass
    return blocks, time.monotonic() - began_s


def check_samples(source: LiveSource, blocks: list[Block]) -> Check:
    """Whether samples come as fast as they should, and all of them."""
    frames = sum(len(block.samples) for block in blocks)
    said = f"{source.name}: {frames / source.rate_hz:.1f} s of sound, {source.rate_hz:,.0f} samples a second"
    if source.recorded is None and frames < LISTEN_S * source.rate_hz:
        advice = "another cable, port or hub; dmesg tells whether the machine loses it"
        return Check("microphone", False, f"{said}, then no more", advice)
    lost = sum(stop - first for first, stop in {stretch for block in blocks for stretch in block.lost})
    if lost or any(before.stop != after.first for before, after in pairwise(blocks)):
        advice = "a hub or cable less; vcgencmd get_throttled tells whether the power supply is too weak"
        return Check("microphone", False, f"{said}, {lost} of them lost", advice)
    rate_hz = _measured_rate_hz(blocks)
    if source.recorded is None and rate_hz is not None and abs(rate_hz / source.rate_hz - 1.0) > RATE_WRONG:
        advice = "set capture.rate_hz to a rate that the microphone has"
        return Check("microphone", False, f"{said}, but {rate_hz:,.0f} came", advice)
    return Check("microphone", True, f"{said}, none lost")


def _measured_rate_hz(blocks: list[Block]) -> float | None:
    anchors = [anchor for block in blocks for anchor in block.anchors]
    if len(anchors) < 2 or anchors[-1].monotonic_ns - anchors[0].monotonic_ns < 1e9:
        return None
    return (anchors[-1].frame - anchors[0].frame) * 1e9 / (anchors[-1].monotonic_ns - anchors[0].monotonic_ns)


def check_level(samples: NDArray[np.float32]) -> Check:
    """Whether shots can be heard in it: (n, channels) float32, full scale is -1..1."""
    sound = samples.astype(np.float64)
    offset = sound.mean(axis=0)
    level = np.sqrt(((sound - offset) ** 2).mean(axis=0))
    peak = np.abs(sound).max(axis=0)
    clipped = (np.abs(sound) >= FULL_SCALE).mean(axis=0)
    problems = []
    for channel in range(sound.shape[1]):
        which = f"channel {channel}: " if sound.shape[1] > 1 else ""
        if peak[channel] == 0.0:
            problems.append((f"{which}silent, every sample is zero", f"{_MIXER}; or it is the wrong input"))
        elif level[channel] < 10.0 ** (QUIET_DBFS / 20.0):
            problems.append((f"{which}too quiet, {_dbfs(level[channel])}", f"{_MIXER}; or no microphone is plugged in"))
        elif clipped[channel] > CLIPPED_SHARE:
            share = f"{100.0 * clipped[channel]:.1f} % of the samples are at full scale"
            problems.append((f"{which}clipping, {share}", "lower the capture gain: alsamixer, then F4"))
        elif abs(offset[channel]) > OFFSET:
            share = f"an offset of {100.0 * offset[channel]:+.0f} % of full scale"
            problems.append((f"{which}{share}", "another input or adapter: this one feeds the microphone's supply in"))
    if problems:
        return Check("level", False, "; ".join(said for said, _ in problems), problems[0][1])
    return Check("level", True, f"level {_dbfs(level.min())}, peak {_dbfs(peak.max())}")


def _dbfs(amplitude: float) -> str:
    return f"{20.0 * np.log10(max(amplitude, 1e-9)):.0f} dBFS"
