"""A message that exists is valid: what the constructors refuse, and what a configuration's hash binds."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, digest, encode
from protocols.errors import MalformedMessage
from protocols.identity import Signed
from protocols.limits import (
    CHUNK_BYTES,
    COHORT_MAX,
    DELIVERY_BYTES,
    EVIDENCE_BYTES,
    MESSAGE_BYTES,
    VECTOR_BYTES,
)
from protocols.messages import (
    PHASES,
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    Phase,
    PhaseInput,
    RoundConfig,
    SealedShare,
    Submission,
    UnmaskAnswer,
)
from protocols.secure_sum.sealing import SEALED_BYTES
from protocols.together import text_and_tails
from tests.protocols.message_values import ZERO, answer, block, config, header, member


@pytest.mark.parametrize(
    "change",
    [
        {"length": 0},
        {"length": VECTOR_BYTES + 1},
        {"bound": 0},
        {"scale_bits": 25},
    ],
)
def test_a_block_without_cells_or_bound_or_with_too_fine_a_scale_is_refused(change):
    with pytest.raises(MalformedMessage):
        block(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"blocks": ()},
        {"ring_bits": 16},
        {"vocabulary": b"short"},
        {"model": b""},
        {"blocks": (block(length=VECTOR_BYTES // 4), block(length=1))},
    ],
)
def test_an_answer_without_blocks_hashes_or_a_known_ring_or_with_too_many_bytes_is_refused(change):
    with pytest.raises(MalformedMessage):
        answer(**change)


def test_an_answer_counts_the_cells_and_bytes_of_all_its_blocks():
    both = answer(blocks=(block(length=3), block(length=4)), ring_bits=64)
    assert (both.elements, both.vector_bytes) == (7, 56)


@pytest.mark.parametrize(
    "change",
    [
        {"consortium": b""},
        {"roster_hash": b"short"},
        {"audit_head": b"short"},
        {"cohort": tuple(member(n) for n in (1, 2))},
        {"cohort": tuple(member(n) for n in (1, 2, 3, 4, 4))},
        {"cohort": (*(member(n) for n in (1, 2, 3, 4)), b"short")},
        {"cohort": tuple(member(n) for n in range(COHORT_MAX + 1))},
        {"threshold": 1},
        {"threshold": 6},
        {"minimum_cohort": 2},
        {"minimum_cohort": 6},
        {"suite": 0},
        {"suite": 3},
        {"attempt": 0},
        {"deadlines": (10, 20, 30, 40)},
        {"deadlines": (10, 30, 20, 40, 50)},
        {"deadlines": (10, 20, 30, 40, 2**63)},
        {"round": 2**63},
        {"attempt": 2**63},
        {"roster_height": 2**63},
        {"audit_size": 2**63},
    ],
)
def test_a_configuration_that_makes_no_sense_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        config(**change)


@pytest.mark.parametrize("change", [{"round": 2**63}, {"attempt": 2**63}])
def test_a_delivery_whose_number_no_database_holds_does_not_exist(change):
    given = PhaseInput(round=1, attempt=1, phase="aborted", items=(), reason="")
    with pytest.raises(MalformedMessage):
        replace(given, **change)


CHANGES = {
    "consortium": bytes([1]) * 16,
    "round": 8,
    "attempt": 2,
    "answer": answer(epoch="2018"),
    "cohort": tuple(member(n) for n in (2, 1, 3, 4, 5)),
    "threshold": 5,
    "minimum_cohort": 3,
    "suite": 2,
    "roster_hash": bytes([1]) * 32,
    "roster_height": 4,
    "audit_head": bytes([1]) * 32,
    "audit_size": 13,
    "deadlines": (10, 20, 30, 40, 51),
}


@pytest.mark.parametrize("name", [field.name for field in fields(RoundConfig)])
def test_the_hash_of_a_configuration_binds_every_field(name):
    assert digest(replace(config(), **{name: CHANGES[name]})) != digest(config())


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"answer"}))
def test_the_answer_id_is_the_same_whatever_the_round_is_called(name):
    assert replace(config(), **{name: CHANGES[name]}).answer_id == config().answer_id


@pytest.mark.parametrize(
    "other",
    [
        answer(epoch="2018"),
        answer(vocabulary=bytes([1]) * 32),
        answer(model=bytes([1]) * 32),
        answer(ring_bits=64),
        answer(blocks=(block(parameters=b"others"),)),
        answer(blocks=(block(scale_bits=11),)),
        answer(blocks=(block(bound=101),)),
        answer(blocks=(block(noise_sigma=1),)),
        answer(blocks=(block(noise_tail=1),)),
        answer(blocks=(block(), block())),
    ],
)
def test_any_other_question_bound_scale_noise_or_epoch_is_another_answer(other):
    assert config(answer=other).answer_id != config().answer_id


def test_a_position_counts_from_one_in_cohort_order():
    swapped = config(cohort=tuple(member(n) for n in (5, 3, 1, 2, 4)))
    assert [swapped.position(member(n)) for n in (5, 3, 1, 2, 4)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_bytes": 4096},
        {"ring_bits": 8},
        {"elements": 0, "chunk_hashes": ()},
        {"elements": VECTOR_BYTES},
        {"chunk_hashes": (bytes(32),)},
        {"chunk_hashes": (bytes(32), bytes(31))},
        {"chunk_hashes": (bytes(32), bytes(32), bytes(32))},
    ],
)
def test_a_header_with_other_chunks_than_its_vector_has_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        header(**change)


def test_the_root_of_a_header_depends_on_every_chunk_and_their_order():
    one, two = header().chunk_hashes
    assert header(chunk_hashes=(two, one)).root != header().root
    assert header(chunk_hashes=(one, bytes([2]) * 32)).root != header().root


@pytest.mark.parametrize("name", ["seal_key", "mask_key", "self_commitment"])
def test_an_advertisement_needs_two_keys_and_a_commitment(name):
    whole = {"config": ZERO, "sender": member(1), "seal_key": ZERO, "mask_key": ZERO, "self_commitment": ZERO}
    Advertisement(**whole, counter=0)
    with pytest.raises(MalformedMessage):
        Advertisement(**whole | {name: b"short"}, counter=0)


def test_both_keys_of_an_advertisement_are_of_one_suite():
    whole = {"config": ZERO, "sender": member(1), "self_commitment": ZERO, "counter": 0}
    Advertisement(**whole, seal_key=bytes(1216), mask_key=bytes(1216))
    for sizes in ((1216, 32), (32, 1216), (1184, 1184)):
        with pytest.raises(MalformedMessage, match="of a suite"):
            Advertisement(**whole, seal_key=bytes(sizes[0]), mask_key=bytes(sizes[1]))


@given(st.sampled_from(PHASES), st.integers(1, 2**32), st.text(max_size=20).filter(str.isprintable))
def test_envelopes_have_one_encoding(phase, number, reason):
    for message in (
        PhaseInput(round=number, attempt=1, phase=phase, items=(), reason=reason),
        Submission(round=number, attempt=1, phase=phase, items=()),
    ):
        back = decode(type(message), encode(message))
        assert back == message
        assert Phase(back.phase) is phase


@pytest.mark.parametrize("message", [config(), header(), Confirmation.example()])
def test_every_message_comes_back_from_its_bytes(message):
    assert decode(type(message), encode(message)) == message


def test_bytes_of_an_impossible_header_are_refused_when_decoded():
    good = encode(header())
    bad = good.replace((32).to_bytes(8, "big"), (33).to_bytes(8, "big"), 1)
    assert bad != good
    with pytest.raises(MalformedMessage):
        decode(InputHeader, bad)


def handed(count, body, signature=64):
    """Bytes of what a member is handed: ``count`` signed messages, of which one is like another."""
    signed = Signed(signer=member(1), body=encode(body), signature=bytes(signature))
    return len(
        encode(PhaseInput(round=1, attempt=1, phase=Phase.CHECK.value, items=(signed,) * count, reason=""))
    )


def test_what_a_thousand_members_send_for_a_member_to_act_on_is_within_the_limits():
    keys = {"seal_key": ZERO, "mask_key": ZERO, "self_commitment": ZERO}
    ad = Advertisement(config=ZERO, sender=member(1), **keys, counter=0)
    bundle = SealedShare(
        config=ZERO, transcript=ZERO, sender=member(1), recipient=member(2), sealed=bytes(SEALED_BYTES)
    )
    tail = len(text_and_tails(member(1), [b""] * COHORT_MAX)[1][0])
    for bytes_ in (
        handed(COHORT_MAX, ad),
        handed(COHORT_MAX, bundle, signature=64 + tail),
        handed(COHORT_MAX, Confirmation.example()),
    ):
        assert bytes_ < MESSAGE_BYTES / 8
    chunks = VECTOR_BYTES // CHUNK_BYTES
    longest = header(elements=VECTOR_BYTES // 4, chunk_hashes=(ZERO,) * chunks)
    assert MESSAGE_BYTES < handed(COHORT_MAX, longest) <= DELIVERY_BYTES


def test_the_evidence_behind_the_longest_sum_of_a_thousand_members_is_within_its_limit():
    shares = tuple(OpenedShare(owner=member(1), share=ZERO) for _ in range(COHORT_MAX))
    unmasked = UnmaskAnswer(
        config=ZERO, transcript=ZERO, survivors=ZERO, sender=member(1), self_shares=shares, key_shares=()
    )
    longest = header(elements=VECTOR_BYTES // 4, chunk_hashes=(ZERO,) * (VECTOR_BYTES // CHUNK_BYTES))
    advertised = MESSAGE_BYTES / 8
    assert handed(COHORT_MAX, unmasked) + handed(COHORT_MAX, longest) + advertised < EVIDENCE_BYTES
