"""Which release keys a company trusts, and how it says so."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from participant.courier import trust, trusted
from participant.errors import BadSettings
from protocols.bundle import ReleaseKey

KEYS = tuple(ReleaseKey.of(Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32)) for i in range(2))


def test_without_a_file_nobody_is_trusted(tmp_path):
    assert trusted(tmp_path / "trusted.json") == ()


def test_exactly_the_given_keys_are_trusted(tmp_path):
    path = tmp_path / "trusted.json"
    trust(path, KEYS)
    assert trusted(path) == KEYS
    trust(path, KEYS[1:])
    assert trusted(path) == KEYS[1:]


def test_the_file_is_what_flower_reads(tmp_path):
    from flwr.supernode.cli.flower_supernode import (
        _try_obtain_trusted_entities,
        _validate_public_keys_ed25519,
    )

    trust(tmp_path / "trusted.json", KEYS)
    entities = _try_obtain_trusted_entities(tmp_path / "trusted.json")
    _validate_public_keys_ed25519(entities)
    assert entities == {key.fingerprint: key.line for key in KEYS}


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"a": "ssh-rsa AAAA"}), "{"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "trusted.json"
    path.write_text(content)
    with pytest.raises(BadSettings, match="altrove-node trust"):
        trusted(path)
