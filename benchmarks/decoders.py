"""Everything of a node that makes sense of bytes from outside, with the errors that it may answer with.

Each decoder is imported when it is asked for: a run needs no more of the house than it tests.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Decode = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One decoder.

    load : imports it; gives a function of bytes.
    allowed : names of the exceptions that say that the bytes are no good; any other is a finding.
    seeds : bytes to begin with, right ones and such as once broke something.
    """

    load: Callable[[], Decode]
    allowed: tuple[str, ...]
    seeds: tuple[bytes, ...]


def _message(name: str) -> Callable[[], Decode]:
    def load() -> Decode:
        from wire import codec, messages  # noqa: PLC0415

        kind: type[Any] = getattr(messages, name)

        def decode(document: bytes) -> object:
            message = codec.decode(document, kind, "bus")
            assert codec.decode(codec.encode(message), kind) == message
            return message

        return decode

    return load


def _subject() -> Decode:
    from wire import subjects  # noqa: PLC0415

    return lambda data: subjects.parse_node_subject(data.decode("utf-8", "replace"))


def _chrony() -> Decode:
    from sensors.clock.chrony import parse_tracking  # noqa: PLC0415

    return lambda data: parse_tracking(data.decode("utf-8", "replace"))


def _gpsd() -> Decode:
    from sensors.clock.gps import GpsWatch  # noqa: PLC0415
    from sensors.node.config import Clock  # noqa: PLC0415

    def decode(data: bytes) -> object:
        watch = GpsWatch(Clock(gpsd=True), None)
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines()):
            watch.take(line, float(number))
        return watch.health(100.0), watch.note()

    return decode


def _node_toml() -> Decode:
    from sensors.node.reading import digest, parse_node_config  # noqa: PLC0415
    from wire.subjects import node_subject  # noqa: PLC0415

    def decode(data: bytes) -> object:
        read = parse_node_config(data.decode("utf-8", "replace"), "node.toml")
        # What is accepted must do: the sensor's id has to stand in a subject.
        return digest(read), node_subject("pulse", "nowhere", read.value.sensor)

    return decode


def _pcm() -> Decode:
    from sensors.microphone.pcm import FORMATS, PcmSource  # noqa: PLC0415

    formats = tuple(FORMATS)

    def decode(data: bytes) -> object:
        head = data[0] if data else 0
        source = PcmSource(io.BytesIO(data[1:]), 48_000.0, 1 + head // 4 % 4, formats[head % 4])
        source.open()
        while True:
            source.read(0.0)

    return decode


def _clip_sound() -> Decode:
    import msgspec  # noqa: PLC0415

    from sensors.clips.reading import clip_sound  # noqa: PLC0415
    from wire.messages import Clip  # noqa: PLC0415

    clip = Clip(
        sensor="s", boot="1", sequence=1, start_ns=0, rate_hz=16_000.0, frames=400, channels=1, onset_frame=100.0,
        privacy="filtered", kept=((50, 200),), flac=b"", sha256="0" * 64,
    )  # fmt: skip

    def decode(data: bytes) -> object:
        sound = clip_sound(msgspec.structs.replace(clip, flac=data, sha256=hashlib.sha256(data).hexdigest()))
        assert sound.samples.shape == (clip.frames, clip.channels)
        return sound

    return decode


def _spooled() -> Decode:
    from sensors.delivery.parcels import parcel_from_row  # noqa: PLC0415

    def decode(data: bytes) -> object:
        return parcel_from_row("pulse", (1, "s/1/1", 0, 0, data)), parcel_from_row("clip", (1, "s/1/1", 0, 0, data))

    return decode


def _status() -> Decode:
    import tempfile  # noqa: PLC0415

    from sensors.node.status import read_status, status_text  # noqa: PLC0415

    path = Path(tempfile.mkdtemp(prefix="status-")) / "status.json"

    def decode(data: bytes) -> object:
        path.write_bytes(data)
        return status_text(read_status(path), 1_800_000_000_000_000_000)

    return decode


def _flac() -> bytes:
    import numpy as np  # noqa: PLC0415
    import soundfile  # noqa: PLC0415

    stream = io.BytesIO()
    samples = (3000.0 * np.random.default_rng(1).standard_normal(400)).astype(np.int16)
    soundfile.write(stream, samples, 16_000, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


_PULSE = (
    b'{"sensor":"s","arrival_ns":1700000000000000000,"sigma_s":0.0001,"boot":"1","sequence":1,"clock":"pps",'
    b'"clock_sigma_s":1e-6,"snr_db":20.5,"peak_db_spl":null,"flags":["clipped"],"features":{"rise_s":0.001},"schema":2}'
)
_CLIP = (
    b'{"sensor":"s","boot":"1","sequence":1,"start_ns":0,"rate_hz":48000.1,"frames":4,"channels":1,"onset_frame":1.5,'
    b'"privacy":"filtered","kept":[[0,2]],"flac":"ZkxhQw==","sha256":"' + b"0" * 64 + b'"}'
)
_HEARTBEAT = (
    b'{"sensor":"s","at_ns":1700000000000000000,"boot":"1","started_ns":1700000000000000000,"version":"1",'
    b'"config_sha256":"' + b"0" * 64 + b'","clock":{"state":"ntp","sigma_s":null,"source":"192.0.2.1","stratum":3},'
    b'"sound":{"rate_hz":48000,"frames":480000,"floor_dbfs":[-80.0],"bands_hz":[[150.0,400.0]]},"spool":{},'
    b'"machine":{"throttled":["under_voltage"]},"place":{"longitude":8.5,"latitude":47.4,"height_m":400},"notes":["n"]}'
)
_TPV = (
    b'{"class":"TPV","device":"/dev/ttyAMA0","mode":3,"status":1,"time":"2025-01-01T00:00:00.000Z","lat":47.4,"lon":8.5,'
    b'"altHAE":400.1,"eph":3.2}'
)
_TPV_HOSTILE = (
    b'{"class":"TPV","mode":[3],"status":{},"lat":[],"lon":{},"altHAE":"1"}',
    b'{"class":"TPV","mode":3,"status":[1],"lat":47.4,"lon":8.5,"altHAE":1e400}',
    b'{"class":"TPV","mode":3,"status":1,"lat":47.4,"lon":' + b"9" * 400 + b"}",
    b'{"class":"TPV","x":' + b"[" * 2500 + b"]" * 1000,
)
_TRACKING = (
    b"50505300,PPS,1,1700000000.123456789,0.000000012,-0.000000034,0.000000100,-11.120,0.001,0.012,0.000000001,"
    b"0.000012000,16.0,Normal"
)
_TOML = b"""sensor = "roof-3"
[place]
longitude = 8.5
latitude = 47.4
[capture]
device = "USB"
rate_hz = 48000
[uplink]
servers = ["tls://bus.example.org:4222"]
"""

DECODERS: dict[str, Decoder] = {
    "pulse": Decoder(_message("Pulse"), ("MessageError",), (_PULSE,)),
    "clip": Decoder(_message("Clip"), ("MessageError",), (_CLIP,)),
    "heartbeat": Decoder(_message("Heartbeat"), ("MessageError",), (_HEARTBEAT,)),
    "receipt": Decoder(
        _message("Receipt"), ("MessageError",), (b'{"sensor":"s","kind":"pulse","identities":["s/1/1"]}',)
    ),
    "subject": Decoder(_subject, ("MessageError",), (b"pulse.u0w7x.roof-3",)),
    "clip-sound": Decoder(_clip_sound, ("MessageError",), ()),
    "chrony": Decoder(_chrony, ("ClockError",), (_TRACKING,)),
    "gpsd": Decoder(_gpsd, (), (_TPV, _TPV + b"\n" + _TPV, *_TPV_HOSTILE)),
    "node-toml": Decoder(_node_toml, ("ConfigurationError",), (_TOML, b'sensor = "roof\\n"')),
    "pcm": Decoder(
        _pcm, ("EndOfSound", "RecordingError", "CaptureError"), tuple(bytes([n]) + bytes(24) for n in range(8))
    ),
    "spooled": Decoder(_spooled, ("MessageError",), (_PULSE, _CLIP)),
    "status": Decoder(_status, ("MessageError", "BadInput", "ConfigurationError", "Mishap"), (_HEARTBEAT,)),
}
"""By name, in the order in which they are run."""


def seeds(name: str) -> tuple[bytes, ...]:
    """Bytes to begin with."""
    return (_flac(),) if name == "clip-sound" else DECODERS[name].seeds
