from dataclasses import replace

import pytest

from protocols.errors import BadShare
from protocols.secret_sharing import PRIME
from protocols.secure_sum.sealing import SEALED_BYTES, HeldShares, beside, seal, unseal

KEY = bytes(range(32))
OWNER, OTHER, THIRD = (bytes([i]) * 16 for i in (1, 2, 3))
SHARES = HeldShares(owner=OWNER, self_share=bytes([5]) * 32, key_share=bytes([6]) * 32)


def sealed(shares=SHARES):
    return seal(KEY, shares, config=bytes(32), transcript=bytes([1]) * 32, recipient=OTHER)


def test_a_bundle_opens_for_its_key_alone():
    assert unseal(KEY, sealed()) == SHARES
    with pytest.raises(BadShare, match=OWNER.hex()):
        unseal(bytes(32), sealed())


@pytest.mark.parametrize(
    "change",
    [
        {"config": bytes([9]) * 32},
        {"transcript": bytes([9]) * 32},
        {"recipient": THIRD},
        {"sender": THIRD},
    ],
)
def test_a_bundle_moved_to_another_context_does_not_open(change):
    with pytest.raises(BadShare):
        unseal(KEY, replace(sealed(), **change))


@pytest.mark.parametrize("place", range(0, SEALED_BYTES, 9))
def test_every_changed_byte_is_noticed(place):
    data = bytearray(sealed().sealed)
    data[place] ^= 128
    with pytest.raises(BadShare):
        unseal(KEY, replace(sealed(), sealed=bytes(data)))


@pytest.mark.parametrize("data", [b"", bytes(SEALED_BYTES - 1), bytes(SEALED_BYTES + 1)])
def test_a_bundle_of_another_length_is_refused(data):
    with pytest.raises(BadShare):
        unseal(KEY, replace(sealed(), sealed=data))


@pytest.mark.parametrize("length", [0, 3, 5])
def test_what_stands_beside_has_its_length(length):
    message = replace(sealed(), sealed=sealed().sealed + b"1234")
    assert beside(message, 4) == b"1234"
    with pytest.raises(BadShare):
        beside(message, length)


def test_a_share_outside_the_field_is_refused_even_when_it_opens():
    outside = replace(SHARES, key_share=PRIME.to_bytes(32, "big"))
    with pytest.raises(BadShare, match=f"canonical field element from {OWNER.hex()}"):
        unseal(KEY, sealed(outside))


def test_shares_are_not_shown():
    assert "05" not in repr(SHARES)
    assert "share=" not in repr(SHARES)
