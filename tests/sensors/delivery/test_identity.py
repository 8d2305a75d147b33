"""Keys of nodes, and the bus's configuration made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import ConfigurationError
from sensors.delivery.identity import is_public_key, make_seed, public_key
from sensors.delivery.permissions import server_config


def test_a_seed_is_made_once_for_one_reader(tmp_path: Path) -> None:
    file = tmp_path / "node.seed"
    key = make_seed(file)
    assert is_public_key(key)
    assert public_key(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match="there is a key already"):
        make_seed(file)
    assert file.read_bytes() == before
    assert make_seed(tmp_path / "other.seed") != key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_seed_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "node.seed"
    make_seed(file)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"others may read the key.*found '0o{mode:o}'"):
        public_key(file)


def test_errors_tell_nothing_of_the_seed(tmp_path: Path) -> None:
    file = tmp_path / "node.seed"
    make_seed(file)
    seed = file.read_text().strip()
    swapped = "B" if seed[20] == "A" else "A"
    for wrong in (
        "",
        "hello",
        seed[:-1],
        seed[:20] + swapped + seed[21:],
        f"{seed}\n{seed}",
        f"SO{seed[2:]}",
        seed * 50,
    ):
        file.write_text(wrong)
        with pytest.raises(ConfigurationError, match="is not the key of a node") as caught:
            public_key(file)
        assert seed[:10] not in str(caught.value)
        assert seed[-10:] not in repr(caught.value.__context__)
    with pytest.raises(ConfigurationError, match="no such file"):
        public_key(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        make_seed(tmp_path / "none" / "seed")


def test_configuration_names_each_once(tmp_path: Path) -> None:
    key, other = make_seed(tmp_path / "a"), make_seed(tmp_path / "b")
    text = server_config({"n1": key}, [other], store=tmp_path)
    assert '"pulse.*.n1", "clip.*.n1", "heartbeat.*.n1"' in text
    assert "$JS" not in text.replace("# ", "")
    cases: list[tuple[dict[str, str], list[str], str]] = [
        ({"n.1": key}, [], "nodes: id"),
        ({'n"1': key}, [], "nodes: id"),
        ({"n1": key[:-1] + ("A" if key[-1] != "A" else "B")}, [], "n1: public key"),
        ({"n1": "SUA" + key[3:]}, [], "n1: public key"),
        ({"n1": key, "n2": key}, [], "n2: its public key is also that of n1"),
        ({"n1": key}, [key], "centre 1: its public key is also that of n1"),
    ]
    for nodes, centres, expected in cases:
        with pytest.raises(ConfigurationError, match=expected):
            server_config(nodes, centres, store=tmp_path)
    with pytest.raises(ConfigurationError, match="both or none"):
        server_config({}, [], store=tmp_path, certificate="x")
