"""The keys and capsules of suite 2."""

from dataclasses import replace

import pytest

from protocols.errors import AltroveError, BadShare, WeakKey
from protocols.secure_sum.agreement import exchange_key, mask_key, pair_seeds, seal_key
from protocols.secure_sum.encapsulation import Encapsulated
from protocols.secure_sum.hybrid import (
    CAPSULE_BYTES,
    Pair,
    beside_bytes,
    check_committed,
    check_public_key,
    close,
    pair_secret,
    private_key,
    split_public,
    unclose,
)
from tests.protocols import ml_kem
from tests.protocols.vector_files import is_bad, load

LOW, HIGH, THIRD = (bytes([i]) * 16 for i in (1, 2, 3))
PAIR = Pair(config=bytes(32), transcript=bytes([1]) * 32, low=LOW, high=HIGH)
KEY = private_key(2, bytes(range(32)), PAIR.config)
SECRET = pair_secret(bytes(32), PAIR)


def drawn(public):
    secret, ciphertext = ml_kem.encapsulate(public, bytes(32))
    return Encapsulated(ciphertext=ciphertext, secret=secret)


CAPSULE = close(SECRET, KEY.public, PAIR, drawn)


def derive(operation):
    get = {name: bytes.fromhex(operation[name]) for name in operation if name not in {"name", "op", "error"}}
    if operation["op"] == "keys":
        made = private_key(2, get["secret"], get["config"])
        assert made.mlkem.private_bytes_raw() == get["seed"]
        assert made.x25519.private_bytes_raw() == get["scalar"]
        return None
    bound = {"transcript": get["transcript"], "config": get["config"]}
    pair = Pair(low=get["low"], high=get["high"], **bound)
    match operation["op"]:
        case "pair":
            return pair_secret(get["secret"], pair)
        case "open":
            return unclose(get["capsule"], private_key(2, get["secret"], pair.config), pair)
        case "seal":
            kem = Encapsulated(ciphertext=get["ciphertext"], secret=get["kem"])
            ends = {"sender": get["low"], "recipient": get["high"]}
            return seal_key(get["secret"], get["public"], kem=kem, **ends, **bound)
    bound |= {"pair": get["pair"], "low": get["low"], "high": get["high"]}
    mask, check = pair_seeds(get["secret"], get["public"], **bound)
    assert mask == mask_key(get["secret"], get["public"], **bound)
    return {"mask": mask, "check": check}[operation["op"]]


@pytest.mark.parametrize("operation", load("hybrid")["operations"], ids=lambda o: o["name"])
def test_the_vectors_hold(operation):
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            derive(operation)
        assert caught.value.code == operation["error"]
        assert operation["low"] in str(caught.value)
    else:
        made = derive(operation)
        assert made is None or made.hex() == operation["key"]


def test_a_capsule_opens_for_the_later_member_alone():
    assert unclose(CAPSULE, KEY, PAIR) == SECRET
    assert len(CAPSULE) == CAPSULE_BYTES
    with pytest.raises(BadShare, match=LOW.hex()):
        unclose(CAPSULE, private_key(2, bytes(32), PAIR.config), PAIR)


@pytest.mark.parametrize("change", ["config", "transcript", "low", "high"])
def test_a_capsule_moved_to_another_attempt_or_pair_does_not_open(change):
    with pytest.raises(BadShare):
        unclose(CAPSULE, KEY, replace(PAIR, **{change: bytes([9]) * len(getattr(PAIR, change))}))


@pytest.mark.parametrize("place", [*range(0, CAPSULE_BYTES, 31), CAPSULE_BYTES - 1])
def test_every_changed_byte_is_noticed_and_the_earlier_member_named(place):
    changed = bytearray(CAPSULE)
    changed[place] ^= 16
    with pytest.raises(BadShare, match=LOW.hex()):
        unclose(bytes(changed), KEY, PAIR)


def test_a_secret_that_was_not_committed_to_is_refused():
    assert check_committed(SECRET, CAPSULE, PAIR) == SECRET
    for other in (bytes(32), SECRET[:31], b""):
        with pytest.raises(BadShare, match=LOW.hex()):
            check_committed(other, CAPSULE, PAIR)


def test_the_scalar_that_is_advertised_is_not_the_secret_that_is_shared():
    """A quantum computer reads the scalar off the public key; the seed of ML-KEM must not follow from it."""
    secret = bytes(range(32))
    assert exchange_key(secret).public_key().public_bytes_raw() != split_public(KEY.public)[0]
    scalar = KEY.x25519.private_bytes_raw()
    assert private_key(2, scalar, PAIR.config).public != KEY.public
    assert split_public(private_key(2, secret, bytes([1]) * 32).public)[0] != split_public(KEY.public)[0]


def test_keys_of_another_suite_or_with_an_unsound_half_are_refused():
    exchange, encapsulation = split_public(KEY.public)
    assert check_public_key(KEY.public, 2) == KEY.public
    assert check_public_key(exchange, 1) == exchange
    bad = [
        (KEY.public, 1),
        (exchange, 2),
        (bytes(32) + encapsulation, 2),
        (exchange + bytes([255]) * len(encapsulation), 2),
        (KEY.public + b"\0", 2),
    ]
    for key, suite in bad:
        with pytest.raises(WeakKey):
            check_public_key(key, suite)


def test_a_key_of_suite_1_opens_no_ciphertext_and_has_nothing_beside_a_bundle():
    plain = private_key(1, bytes(range(32)), PAIR.config)
    assert plain.public == exchange_key(bytes(range(32))).public_key().public_bytes_raw()
    with pytest.raises(ValueError, match="suite 1"):
        plain.decapsulate(bytes(1088))
    assert [beside_bytes(suite, later=later) for suite in (1, 2) for later in (False, True)] == [
        0,
        0,
        1088,
        1088 + CAPSULE_BYTES,
    ]


def test_a_pair_has_a_secret_of_its_own_in_every_attempt():
    made = {
        pair_secret(secret, replace(PAIR, **change))
        for secret in (bytes(32), bytes(range(32)))
        for change in ({}, {"high": THIRD}, {"low": THIRD}, {"transcript": bytes(32)}, {"config": THIRD * 2})
    }
    assert len(made) == 10
