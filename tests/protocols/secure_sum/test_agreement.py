import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from protocols.errors import AltroveError, WeakKey
from protocols.secure_sum.agreement import (
    check_exchange_key,
    exchange_key,
    mask_key,
    seal_key,
    self_commitment,
    self_key,
)
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


LOW_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
"""As listed at https://cr.yp.to/ecdh.html#validate, up to the field's size and one: the last two are not canonical."""


@pytest.mark.parametrize("public", LOW_ORDER)
def test_every_key_that_makes_all_secrets_zero_is_refused_before_it_is_used(public):
    with pytest.raises(ValueError, match="shared"):
        exchange_key(bytes(range(32))).exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    with pytest.raises(WeakKey, match="of full order"):
        check_exchange_key(bytes.fromhex(public))


def test_keys_differ_by_transcript_configuration_pair_direction_and_purpose():
    secret, peer = bytes(range(32)), exchange_key(bytes(range(1, 33))).public_key().public_bytes_raw()
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
