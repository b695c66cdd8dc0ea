"""Whose signature counts: RFC 8032 vectors, weak keys, wrong signers, and the binding of signer and body."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import enc, encode
from protocols.errors import BadSignature, MalformedMessage, UnknownSigner, UnknownVersion, WeakKey
from protocols.identity import (
    _LOW_ORDER_Y,
    COORDINATOR,
    IdentityKey,
    PartnerId,
    Signed,
    check_identity_public,
    open_signed,
    partner_id,
)
from protocols.messages import Confirmation, OpenedShare

ALICE, BOB = IdentityKey(b"a" * 32), IdentityKey(b"b" * 32)
ALICE_ID, BOB_ID = partner_id(ALICE.public), partner_id(BOB.public)
ROLL = {ALICE_ID: ALICE.public, BOB_ID: BOB.public}
MESSAGE = Confirmation.example()

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NOT_CANONICAL = [
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # p, which is 0
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # p + 1, which is 1
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]
NO_POINT = ["0200000000000000000000000000000000000000000000000000000000000000"]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_vectors_hold_for_the_keys_we_make(seed, public, message, signature):
    assert IdentityKey(bytes.fromhex(seed)).public.hex() == public
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    assert key.sign(bytes.fromhex(message)).hex() == signature


@given(st.binary(min_size=32, max_size=32))
def test_every_key_we_make_is_accepted_and_signs(seed):
    key = IdentityKey(seed)
    assert check_identity_public(key.public) == key.public
    who = partner_id(key.public)
    assert who != COORDINATOR
    assert open_signed(key.sign(who, MESSAGE), Confirmation, {who: key.public}) == MESSAGE


@pytest.mark.parametrize("encoded", [*SMALL_ORDER, *NOT_CANONICAL, *NO_POINT])
def test_low_order_non_canonical_and_impossible_keys_are_refused(encoded):
    with pytest.raises(WeakKey):
        check_identity_public(bytes.fromhex(encoded))


def test_small_order_comes_in_opposite_pairs_so_no_constant_is_mistyped():
    p = 2**255 - 19
    ys = {int.from_bytes(bytes.fromhex(key), "little") % 2**255 for key in SMALL_ORDER}
    assert {-y % p for y in ys if y} == {y for y in ys if y}
    assert ys == _LOW_ORDER_Y


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size):
    with pytest.raises(WeakKey):
        check_identity_public(bytes([9]) * size)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_private_key_needs_32_bytes_of_randomness(size):
    with pytest.raises(ValueError, match="32 bytes"):
        IdentityKey(bytes(size))


def test_a_key_never_shows_its_secret():
    assert repr(ALICE) == f"IdentityKey(public={ALICE.public.hex()})"
    assert (b"a" * 32).hex() not in repr(ALICE)


def test_a_signer_who_is_not_in_the_roll_is_unknown():
    with pytest.raises(UnknownSigner):
        open_signed(ALICE.sign(ALICE_ID, MESSAGE), Confirmation, {BOB_ID: BOB.public})


def test_nobody_signs_in_anothers_name():
    with pytest.raises(BadSignature):
        open_signed(ALICE.sign(BOB_ID, MESSAGE), Confirmation, ROLL)


def test_a_signature_cannot_be_moved_to_another_signer_even_with_the_same_key():
    signed = ALICE.sign(ALICE_ID, MESSAGE)
    twin = {ALICE_ID: ALICE.public, BOB_ID: ALICE.public}
    with pytest.raises(BadSignature):
        open_signed(replace(signed, signer=BOB_ID), Confirmation, twin)


@given(st.integers(0, 63), st.integers(0, 7))
def test_a_flipped_bit_in_the_signature_is_refused(at, bit):
    signed = ALICE.sign(ALICE_ID, MESSAGE)
    flipped = bytearray(signed.signature)
    flipped[at] ^= 1 << bit
    with pytest.raises(BadSignature):
        open_signed(replace(signed, signature=bytes(flipped)), Confirmation, ROLL)


def test_a_signature_whose_scalar_is_not_reduced_is_refused():
    order = 2**252 + 27742317777372353535851937790883648493
    signed = ALICE.sign(ALICE_ID, MESSAGE)
    scalar = int.from_bytes(signed.signature[32:], "little") + order
    twisted = signed.signature[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(BadSignature):
        open_signed(replace(signed, signature=twisted), Confirmation, ROLL)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_a_signature_of_another_length_or_of_zeros_is_refused(signature):
    with pytest.raises(BadSignature):
        open_signed(Signed(signer=ALICE_ID, body=encode(MESSAGE), signature=signature), Confirmation, ROLL)


def test_a_changed_body_is_refused_before_it_is_decoded():
    signed = ALICE.sign(ALICE_ID, MESSAGE)
    with pytest.raises(BadSignature):
        open_signed(replace(signed, body=signed.body + b"!"), Confirmation, ROLL)


def test_a_signed_message_of_another_kind_does_not_pass():
    share = OpenedShare(owner=ALICE_ID, share=bytes(32))
    with pytest.raises(UnknownVersion):
        open_signed(ALICE.sign(ALICE_ID, share), Confirmation, ROLL)


def test_signed_bytes_that_are_no_message_are_malformed():
    body = encode(MESSAGE)[:-1]
    key = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
    signature = key.sign(enc("signature", ALICE_ID, body))
    with pytest.raises(MalformedMessage):
        open_signed(Signed(signer=ALICE_ID, body=body, signature=signature), Confirmation, ROLL)


def test_a_request_signature_never_passes_for_a_message_signature():
    body = encode(MESSAGE)
    with pytest.raises(ValueError, match="signature base"):
        ALICE.sign_request(enc("signature", ALICE_ID, body))
    assert len(ALICE.sign_request(b'"@method": POST')) == 64


def test_an_id_is_16_bytes_of_the_first_key_and_differs_between_keys():
    assert len(ALICE_ID) == 16
    assert partner_id(ALICE.public) == ALICE_ID != BOB_ID
    assert PartnerId(ALICE.public[:16]) != ALICE_ID
