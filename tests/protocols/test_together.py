from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import identity
from protocols.errors import BadProof, BadSignature, UnknownSigner
from protocols.identity import SIGNATURE_BYTES, IdentityKey, Signed, open_signed, open_together, partner_id
from protocols.messages import OpenedShare
from protocols.together import text_and_tails, text_behind

KEY, OTHER = IdentityKey(bytes(32)), IdentityKey(b"\1" * 32)
ME, ELSE = partner_id(KEY.public), partner_id(OTHER.public)
ROLL = {ME: KEY.public, ELSE: OTHER.public}


def messages(count):
    return [OpenedShare(owner=ME, share=bytes([index])) for index in range(count)]


def opened(signed):
    return open_signed(signed, OpenedShare, ROLL)


@given(st.integers(1, 40))
def test_each_of_many_that_were_signed_at_once_opens_by_itself(count):
    said = messages(count)
    many = KEY.sign_many(ME, said)
    assert [opened(signed) for signed in many] == said
    assert len({signed.signature[:SIGNATURE_BYTES] for signed in many}) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_a_message_that_was_not_among_them_opens_with_none_of_their_signatures(count):
    many = KEY.sign_many(ME, messages(count))
    stranger = messages(count + 1)[-1]
    body = OTHER.sign(ELSE, stranger).body
    for signed in many:
        with pytest.raises(BadSignature):
            opened(replace(signed, body=body))


@given(st.integers(2, 20), st.data())
def test_a_signature_with_any_byte_changed_is_refused(count, data):
    signed = data.draw(st.sampled_from(KEY.sign_many(ME, messages(count))))
    at = data.draw(st.integers(0, len(signed.signature) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = bytearray(signed.signature)
    changed[at] ^= bit
    with pytest.raises(BadSignature):
        opened(replace(signed, signature=bytes(changed)))


@pytest.mark.parametrize("length", [0, 63, SIGNATURE_BYTES, 65, 71, 72, 80, 103, 135, 137])
def test_a_signature_of_another_length_is_refused(length):
    signed = KEY.sign_many(ME, messages(4))[1]
    assert len(signed.signature) == 136
    with pytest.raises(BadSignature):
        opened(replace(signed, signature=(signed.signature + bytes(64))[:length]))


def test_the_signature_of_another_place_another_set_and_another_signer_is_refused():
    many, fewer, theirs = (
        KEY.sign_many(ME, messages(4)),
        KEY.sign_many(ME, messages(5)[1:]),
        OTHER.sign_many(ELSE, messages(4)),
    )
    for taken in (many[1], fewer[0], theirs[0]):
        with pytest.raises(BadSignature):
            opened(replace(many[0], signature=taken.signature))


def test_a_signature_over_one_message_is_none_over_many_nor_the_other_way_round():
    (message,) = messages(1)
    alone, (among,) = KEY.sign(ME, message), KEY.sign_many(ME, [message])
    tail = among.signature[SIGNATURE_BYTES:]
    for signature in (alone.signature + tail, among.signature[:SIGNATURE_BYTES]):
        with pytest.raises(BadSignature):
            opened(replace(alone, signature=signature))


def counting(monkeypatch):
    seen = []
    verify = identity._verify
    monkeypatch.setattr(identity, "_verify", lambda *given: (seen.append(1), verify(*given)))
    return seen


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_who_has_the_whole_set_verifies_once(count, monkeypatch):
    many, seen = KEY.sign_many(ME, messages(count)), counting(monkeypatch)
    assert list(open_together(many, OpenedShare, ROLL)) == messages(count)
    assert len(seen) == 1


def test_parts_mixtures_and_messages_signed_alone_are_verified_one_by_one(monkeypatch):
    many, seen = KEY.sign_many(ME, messages(4)), counting(monkeypatch)
    theirs = OTHER.sign_many(ELSE, messages(4))
    alone = [KEY.sign(ME, message) for message in messages(2)]
    for items in (many[1:], many[::-1], (many[0], theirs[1]), tuple(alone)):
        seen.clear()
        assert len(open_together(items, OpenedShare, ROLL)) == len(seen) == len(items)
    assert open_together((), OpenedShare, ROLL) == ()


@pytest.mark.parametrize("at", range(4))
def test_one_wrong_signature_or_body_in_a_whole_set_is_refused(at):
    many = list(KEY.sign_many(ME, messages(4)))
    other = KEY.sign_many(ME, messages(5)[1:])[at]
    flipped = bytearray(many[at].signature)
    flipped[at] ^= 1
    wrong: list[Signed] = [
        replace(many[at], body=other.body),
        replace(many[at], signature=other.signature),
        replace(many[at], signature=bytes(flipped)),
        replace(many[at], signature=many[at].signature + bytes(32)),
    ]
    for each in wrong:
        with pytest.raises(BadSignature):
            open_together([*many[:at], each, *many[at + 1 :]], OpenedShare, ROLL)


def test_a_signer_that_the_roll_does_not_know_is_refused():
    with pytest.raises(UnknownSigner):
        open_together(KEY.sign_many(ME, messages(3)), OpenedShare, {ELSE: OTHER.public})


def test_a_tail_without_a_place_is_refused():
    _, tails = text_and_tails(ME, [b"a", b"b"])
    for tail in (b"", tails[0][:7], tails[0][:8], tails[0] + bytes(1), (9).to_bytes(4, "big") + tails[0][4:]):
        with pytest.raises(BadProof):
            text_behind(ME, b"a", tail)
