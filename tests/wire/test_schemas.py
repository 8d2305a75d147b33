"""The published JSON Schemas: up to date, valid, and of one mind with the decoder."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from errors import MessageError
from tests.conftest import ROOT
from tests.strategies import mutations
from tests.wire.examples import messages
from wire import schemas
from wire.codec import decode, encode
from wire.messages import Clip, Heartbeat, Pulse, Receipt

FOLDER = ROOT / "docs" / "schemas"
VALIDATORS: dict[type[Any], Draft202012Validator] = {
    kind: Draft202012Validator(schemas.schema(kind)) for kind in schemas.MESSAGES.values()
}


@pytest.mark.parametrize("name", schemas.MESSAGES)
def test_published_schema_is_up_to_date(name: str) -> None:
    published = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert published == schemas.text(name), "run: python -m wire.schemas docs/schemas"
    Draft202012Validator.check_schema(json.loads(published))


def test_nothing_else_is_published() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(schemas.MESSAGES)


@given(messages())
def test_messages_are_valid(message: Pulse | Clip | Heartbeat | Receipt) -> None:
    VALIDATORS[type(message)].validate(json.loads(encode(message)))


@given(st.data(), messages())
def test_what_the_decoder_takes_is_valid(data: st.DataObject, message: Pulse | Clip | Heartbeat | Receipt) -> None:
    changed = data.draw(mutations(json.loads(encode(message))))
    try:
        kind: type[Any] = type(message)
        found = decode(json.dumps(changed).encode(), kind)
    except MessageError:
        return
    VALIDATORS[type(message)].validate(json.loads(encode(found)))


@pytest.mark.parametrize("name", schemas.MESSAGES)
def test_every_field_is_described_and_the_introduction_is_free_of_them(name: str) -> None:
    for definition in schemas.schema(schemas.MESSAGES[name])["$defs"].values():
        assert " : " not in definition["description"]
        for field in definition["properties"].values():
            assert len(field["description"]) > 8
            assert " : " not in field["description"]


def test_descriptions_are_those_of_the_docstrings() -> None:
    fields = schemas.schema(Pulse)["$defs"]["Pulse"]["properties"]
    assert fields["snr_db"]["description"] == "peak envelope over the noise floor before the onset, dB."
    assert fields["boot"]["description"] == fields["sequence"]["description"]
    assert "longer than" not in fields["flags"]["description"]
    assert fields["flags"]["description"].endswith("may be off by as many.")


def test_a_field_that_the_docstring_leaves_out_is_an_error() -> None:
    class Silent(msgspec.Struct):
        """Says nothing."""

        number: int

    with pytest.raises(ValueError, match="Silent: its docstring says nothing of number"):
        schemas.schema(Silent)
