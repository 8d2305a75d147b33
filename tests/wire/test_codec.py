"""Messages as bytes: what is written is read, and nothing else comes out of the reader than a message or its error."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MessageError
from tests.strategies import json_values, mutations
from tests.wire.examples import messages, pulses
from wire.codec import LONGEST_BYTES, NEWEST, decode, encode
from wire.messages import Clip, Heartbeat, Pulse, Receipt, SpoolHealth

Message = Pulse | Clip | Heartbeat | Receipt
KINDS: tuple[type[Any], ...] = (Pulse, Clip, Heartbeat, Receipt)
PULSE = Pulse(sensor="s", arrival_ns=1, sigma_s=0.001)
LEAST = '{"sensor":"s","arrival_ns":1,"sigma_s":1'


def read(document: bytes, like: Message) -> Message:
    """A message of the kind of another."""
    kind: type[Any] = type(like)
    found: Message = decode(document, kind)
    return found


@given(messages())
def test_what_is_written_is_read(message: Message) -> None:
    document = encode(message)
    assert read(document, message) == message
    assert encode(message) == document


@given(pulses())
def test_a_pulse_of_the_first_schema_is_read(pulse: Pulse) -> None:
    """Recorded before clocks were told: the fields are missing, not null."""
    old = json.loads(encode(pulse))
    del old["clock"], old["clock_sigma_s"]
    old["schema"] = 1
    found = decode(json.dumps(old).encode(), Pulse)
    assert (found.clock, found.clock_sigma_s, found.identity) == (None, None, pulse.identity)


@pytest.mark.parametrize("kind", KINDS)
@given(document=st.binary(max_size=80) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_with_a_sentence(kind: type[Any], document: bytes) -> None:
    with pytest.raises(MessageError, match=r"^bus: "):
        decode(document, kind, "bus")


@pytest.mark.parametrize("kind", KINDS)
@given(value=json_values())
def test_any_json_is_refused_with_a_sentence(kind: type[Any], value: object) -> None:
    with pytest.raises(MessageError):
        decode(json.dumps(value).encode(), kind)


@given(st.data(), messages())
def test_a_changed_message_is_read_or_refused(data: st.DataObject, message: Message) -> None:
    changed = data.draw(mutations(json.loads(encode(message))))
    try:
        found = read(json.dumps(changed).encode(), message)
    except MessageError:
        return
    assert read(encode(found), message) == found


@given(st.data(), messages())
def test_a_damaged_message_is_read_or_refused(data: st.DataObject, message: Message) -> None:
    document = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(document[: data.draw(st.integers(0, len(document)))])
    for damaged in (bytes(document), cut):
        try:
            read(damaged, message)
        except MessageError:
            continue


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        LEAST + ',"features":' + '{"a":' * 200_000,
        LEAST + ',"flags":' + "[" * 200_000,
        LEAST + ',"unknown":' + "[" * 200_000 + "]" * 200_000 + "}",
        '{"sensor":"s","arrival_ns":' + "9" * 100_000 + ',"sigma_s":1}',
        '{"sensor":"s","arrival_ns":1,"sigma_s":1e400}',
        '{"sensor":"s","arrival_ns":1.5,"sigma_s":1}',
        '{"sensor":"s","arrival_ns":1,"sigma_s":NaN}',
        '{"sensor":"s","arrival_ns":1,"sigma_s":Infinity}',
        '{"sensor":"s","arrival_ns":1,"sigma_s":null}',
        '{"sensor":"s","arrival_ns":true,"sigma_s":1}',
        '{"sensor":"","arrival_ns":1,"sigma_s":1}',
        '{"sensor":"' + "s" * 101 + '","arrival_ns":1,"sigma_s":1}',
        '{"sensor":"\\ud800","arrival_ns":1,"sigma_s":1}',
        LEAST + ',"schema":0}',
        LEAST + ',"schema":-1}',
        LEAST + f',"schema":{NEWEST[Pulse] + 1}}}',
        LEAST + ',"schema":' + "9" * 30 + "}",
        LEAST + ',"clock":"sundial"}',
        LEAST + "}x",
        "",
        "null",
    ],
)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        decode(text.encode(), Pulse)


@pytest.mark.parametrize("document", [b'{"sensor":"\xff"}', b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"\x00"])
def test_what_is_not_unicode_is_refused(document: bytes) -> None:
    with pytest.raises(MessageError):
        decode(document, Pulse)


def test_a_sentence_names_place_field_and_finding() -> None:
    with pytest.raises(MessageError) as caught:
        decode(LEAST.encode() + b',"schema":9}', Pulse, "pulse.u0w7x.s")
    assert str(caught.value) == "pulse.u0w7x.s: Pulse.schema: expected 1 .. 2, found 9"
    with pytest.raises(MessageError, match=r"^bus: Pulse: Expected `int`, got `str` - at `\$\.sequence`$"):
        decode(LEAST.encode() + b',"sequence":"1"}', Pulse, "bus")


def test_a_message_longer_than_the_bus_takes_is_refused_both_ways() -> None:
    with pytest.raises(MessageError, match="length: expected at most 8388608 bytes"):
        decode(b" " * (LONGEST_BYTES + 1), Pulse)
    with pytest.raises(MessageError, match="length"):
        encode(msgspec.structs.replace(PULSE, flags=("x" * LONGEST_BYTES,)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sigma_s": math.inf},
        {"sigma_s": math.nan},
        {"features": {"decay_s": math.nan}},
        {"sensor": ""},
        {"sensor": "\ud800"},
        {"schema": 3},
    ],
)
def test_what_no_reader_takes_is_not_written(wrong: dict[str, Any]) -> None:
    """msgspec writes infinity as null and checks no bounds: such a pulse waited in the spool for ever."""
    with pytest.raises(MessageError, match="Pulse"):
        encode(msgspec.structs.replace(PULSE, **wrong))


def test_counts_reach_as_far_as_int64_and_no_farther() -> None:
    """Bounds beyond int64 make msgspec fail on every message of the type, with ValueError."""
    most = 2**63 - 1
    document = msgspec.json.encode(SpoolHealth(bytes=most))
    assert msgspec.json.decode(document, type=SpoolHealth).bytes == most
    receipt = Receipt(sensor="s", kind="pulse", identities=("s/b/1",))
    assert decode(encode(receipt), Receipt) == receipt
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(document.replace(str(most).encode(), str(most + 1).encode()), type=SpoolHealth)


@pytest.mark.parametrize("digest", ["a" * 63, "a" * 64 + "\n", "A" * 64, "g" * 64, ""])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    """A pattern that ends with "$" lets a newline pass."""
    clip = {
        "sensor": "s", "boot": "b", "sequence": 0, "start_ns": 0, "rate_hz": 48000, "frames": 1, "channels": 1,
        "onset_frame": 0, "privacy": "off", "kept": [[0, 1]], "flac": "",
    }  # fmt: skip
    assert decode(json.dumps({**clip, "sha256": "a" * 64}).encode(), Clip).sha256 == "a" * 64
    with pytest.raises(MessageError, match="sha256"):
        decode(json.dumps({**clip, "sha256": digest}).encode(), Clip)
