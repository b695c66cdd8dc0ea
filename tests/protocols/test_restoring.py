"""Who may attest what of a restored node, and how many of them it takes."""

from dataclasses import replace

import pytest

from protocols.codec import decode, encode
from protocols.errors import BadSignature, MalformedMessage, TooFewAttestations, UnknownSigner
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Advertisement
from protocols.policy import threshold
from protocols.restoring import ANSWERS_MAX, Attestation, needed, open_attestation, remembered

KEY = IdentityKey(bytes(32))
SUBJECT = PartnerId(bytes([9]) * 16)


def an_ad(counter: int, key: IdentityKey = KEY) -> Signed:
    """An advertisement of the member that was restored."""
    zero = bytes(32)
    ad = Advertisement(
        config=zero, sender=SUBJECT, seal_key=zero, mask_key=zero, self_commitment=zero, counter=counter
    )
    return key.sign(SUBJECT, ad)


def said(
    sender: int, counter: int = 0, answers: tuple[bytes, ...] = (), key: IdentityKey = KEY, height: int = 0
) -> Attestation:
    return Attestation(
        consortium=bytes(16),
        sender=PartnerId(bytes([sender]) * 16),
        subject=SUBJECT,
        challenge=bytes(16),
        height=height,
        newest=(an_ad(counter, key),) if counter else (),
        answers=answers,
    )


@pytest.mark.parametrize("n", range(3, 200))
def test_an_honest_member_of_every_forgotten_sum_is_among_those_who_attest(n: int) -> None:
    t = threshold(n)
    for colluders in range(min(2 * t - n, n - 2)):  # what a policy may tolerate, and two honest ones
        enough = needed(n, colluders=colluders)
        shared = enough + (t - 1) - (n - 1)  # with the t - 1 others of the smallest sum, at least
        assert colluders < shared
        assert enough <= n - 1


def test_the_threshold_less_one_would_let_a_colluder_hide_a_sum_of_four() -> None:
    n, colluders = 4, 1
    shared = (threshold(n) - 1) + (threshold(n) - 1) - (n - 1)
    assert shared <= colluders


def test_the_highest_counter_counts_and_every_answer_that_anybody_names() -> None:
    one, two = bytes([1]) * 32, bytes([2]) * 32
    together = remembered([said(1, 4, (one,)), said(2, 7, (one, two)), said(3)], 3, 0)
    assert (together.counter, together.answers) == (7, (one, two))


def test_one_member_that_attests_twice_is_one() -> None:
    with pytest.raises(TooFewAttestations):
        remembered([said(1), said(1)], 2, 0)


def test_a_counter_counts_only_under_the_signature_of_whom_it_is_about() -> None:
    member = IdentityKey(bytes([1]) * 32)
    keys = {PartnerId(bytes([1]) * 16): member.public}

    def opened(attestation: Attestation, own: tuple[IdentityKey, ...] = (KEY,)) -> Attestation:
        return open_attestation(
            member.sign(attestation.sender, attestation),
            keys,
            consortium=bytes(16),
            subject=SUBJECT,
            keys=[each.public for each in own],
            challenge=bytes(16),
        )

    assert opened(said(1, 7)).counter == 7
    invented = said(1, 2**60, key=member)
    with pytest.raises(BadSignature):
        opened(invented)
    old = IdentityKey(bytes([7]) * 32)  # the key before a new one
    assert opened(said(1, 7, key=old), (KEY, old)).counter == 7
    with pytest.raises(UnknownSigner):
        opened(replace(said(1), newest=(replace(an_ad(7), signer=PartnerId(bytes([1]) * 16)),)))


@pytest.mark.parametrize(
    "wrong", [{"challenge": bytes(15)}, {"answers": (bytes(31),)}, {"newest": (an_ad(1), an_ad(2))}]
)
def test_an_attestation_has_the_one_form(wrong: dict[str, object]) -> None:
    fields = {name: getattr(said(1), name) for name in Attestation.__slots__} | wrong
    with pytest.raises(MalformedMessage):
        Attestation(**fields)
    assert decode(Attestation, encode(said(1))) == said(1)


def test_a_longer_list_of_answers_than_the_limit_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        said(1, answers=(bytes(32),) * (ANSWERS_MAX + 1))
