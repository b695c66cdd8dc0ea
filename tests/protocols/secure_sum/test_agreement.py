import pytest

from protocols.errors import AltroveError
from protocols.secure_sum.agreement import exchange_public, mask_key, seal_key, self_commitment, self_key
from tests.protocols.vector_files import is_bad, load


def derive(operation):
    get = {name: bytes.fromhex(operation[name]) for name in operation if name not in {"name", "op", "error"}}
    bound = {"transcript": get["transcript"], "config": get["config"]}
    match operation["op"]:
        case "mask":
            return mask_key(get["secret"], get["public"], low=get["low"], high=get["high"], **bound)
        case "seal":
            return seal_key(get["secret"], get["public"], sender=get["low"], recipient=get["high"], **bound)
        case "self":
            return self_key(get["secret"], member=get["low"], **bound)
        case other:
            raise ValueError(other)


@pytest.mark.parametrize("operation", load("key_agreement")["operations"], ids=lambda o: o["name"])
def test_the_vectors_hold(operation):
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            derive(operation)
        assert caught.value.code == operation["error"]
    else:
        assert derive(operation).hex() == operation["key"]


def test_keys_differ_by_transcript_configuration_pair_direction_and_purpose():
    secret, peer = bytes(range(32)), exchange_public(bytes(range(1, 33)))
    a, b = bytes([1]) * 16, bytes([2]) * 16
    keys = {
        mask_key(secret, peer, transcript=b"t", config=b"c", low=a, high=b),
        mask_key(secret, peer, transcript=b"u", config=b"c", low=a, high=b),
        mask_key(secret, peer, transcript=b"t", config=b"d", low=a, high=b),
        mask_key(secret, peer, transcript=b"t", config=b"c", low=b, high=a),
        seal_key(secret, peer, transcript=b"t", config=b"c", sender=a, recipient=b),
        seal_key(secret, peer, transcript=b"t", config=b"c", sender=b, recipient=a),
        self_key(secret, transcript=b"t", config=b"c", member=a),
        self_key(secret, transcript=b"t", config=b"c", member=b),
    }
    assert len(keys) == 8


def test_a_commitment_belongs_to_one_member_of_one_attempt():
    a, b = bytes([1]) * 16, bytes([2]) * 16
    hashes = {self_commitment(c, m, s) for c in (b"c", b"d") for m in (a, b) for s in (bytes(32), a + b)}
    assert len(hashes) == 8
