"""What a member's own signature proves of its part in an attempt, and what it does not let anybody invent."""

from dataclasses import replace

import pytest

from protocols.codec import decode, digest, encode
from protocols.errors import BadSignature, MalformedMessage, UnknownSigner, WrongTranscript
from protocols.identity import IdentityKey, PartnerId, Signed
from protocols.messages import Advertisement, RoundConfig
from protocols.participation import Participation, Participations, Took, open_participation
from tests.protocols.message_values import ZERO, config, header, member

ME, KEY, OTHER = member(1), IdentityKey(bytes([1]) * 32), IdentityKey(bytes([2]) * 32)


def ad(of: RoundConfig, counter: int = 5, key: IdentityKey = KEY) -> Signed:
    said = Advertisement(
        config=digest(of), sender=ME, seal_key=ZERO, mask_key=ZERO, self_commitment=ZERO, counter=counter
    )
    return key.sign(ME, said)


def masked(of: RoundConfig, key: IdentityKey = KEY, sender: PartnerId = ME) -> Signed:
    return key.sign(ME, header(config=digest(of), sender=sender))


def opened(said: Participation, keys: tuple[IdentityKey, ...] = (KEY,)) -> Took:
    return open_participation(said, me=ME, keys=[key.public for key in keys], consortium=bytes(16))


def test_an_advertisement_proves_a_part_and_a_header_that_something_was_masked() -> None:
    asked = config()
    begun = Participation(config=asked, messages=(ad(asked),))
    assert opened(begun) == Took(config=asked, counter=5, masked=False)
    whole = Participation(config=asked, messages=(ad(asked), masked(asked)))
    assert opened(whole) == Took(config=asked, counter=5, masked=True)
    page = Participations(attempts=(begun, whole))
    assert decode(Participations, encode(page)) == page


def test_a_configuration_that_was_not_advertised_for_cannot_be_put_in_its_place() -> None:
    asked, dearer = config(), config(round=8)
    with pytest.raises(WrongTranscript):
        opened(Participation(config=dearer, messages=(ad(asked),)))
    with pytest.raises(WrongTranscript):
        opened(Participation(config=asked, messages=(ad(asked), masked(dearer))))
    with pytest.raises(WrongTranscript):
        opened(Participation(config=asked, messages=(ad(asked), masked(asked, sender=member(2)))))


def test_what_another_signed_proves_nothing() -> None:
    asked = config()
    with pytest.raises(BadSignature):
        opened(Participation(config=asked, messages=(ad(asked, key=OTHER),)))
    with pytest.raises(BadSignature):
        opened(Participation(config=asked, messages=(ad(asked), masked(asked, key=OTHER))))
    with pytest.raises(UnknownSigner):
        opened(Participation(config=asked, messages=(replace(ad(asked), signer=member(2)),)))


def test_a_key_that_was_replaced_still_proves_what_it_signed() -> None:
    asked = config()
    said = Participation(config=asked, messages=(ad(asked, key=OTHER), masked(asked)))
    assert opened(said, (KEY, OTHER)).masked


def test_a_round_of_another_consortium_is_none_of_this_one() -> None:
    asked = config(consortium=bytes([1]) * 16)
    with pytest.raises(WrongTranscript, match="this consortium"):
        opened(Participation(config=asked, messages=(ad(asked),)))


@pytest.mark.parametrize("count", [0, 3])
def test_a_part_is_one_advertisement_and_at_most_one_header(count: int) -> None:
    asked = config()
    with pytest.raises(MalformedMessage):
        Participation(config=asked, messages=(ad(asked),) * count)
