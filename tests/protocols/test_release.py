"""A release: what the bytes must be, who must have signed, and what a member compares it with."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from protocols.codec import digest
from protocols.errors import (
    BadRelease,
    BadSignature,
    MalformedMessage,
    StaleRelease,
    TooLarge,
    UnknownSigner,
    UnknownVersion,
)
from protocols.identity import COORDINATOR, IdentityKey
from protocols.release import (
    NO_RELEASE,
    ReleaseManifest,
    Vote,
    check_manifest,
    check_newer,
    open_manifest,
    open_release,
    open_vote,
    pack,
    release_id,
    sum_sha256,
    unpack,
)
from tests.protocols.message_values import ZERO, answer, block, config, member

COORDINATOR_KEY, ALICE = IdentityKey(b"c" * 32), IdentityKey(b"a" * 32)
ROLL = {COORDINATOR: COORDINATOR_KEY.public, member(1): ALICE.public}
CONFIG = config(answer=answer(blocks=(block(length=3, bound=100, scale_bits=2), block(length=2))))
SURVIVORS = CONFIG.cohort[:4]
MOST = 4 * (100 * 4 + 1)
TOTAL = np.array([1, -2, MOST, 0, 5], dtype=np.int64)


def manifest(total=TOTAL, **change):
    fields = {
        "consortium": CONFIG.consortium,
        "round": CONFIG.round,
        "attempt": CONFIG.attempt,
        "config": digest(CONFIG),
        "answer": CONFIG.answer,
        "transcript": ZERO,
        "survivors": SURVIVORS,
        "sum_sha256": sum_sha256([total]),
        "previous": NO_RELEASE,
    }
    return ReleaseManifest(**fields | change)


def by_coordinator(value):
    return COORDINATOR_KEY.sign(COORDINATOR, value)


def test_a_release_is_opened_from_the_signed_manifest_and_the_payload():
    release = open_release(by_coordinator(manifest()), pack(TOTAL), ROLL)
    assert release.manifest == manifest()
    assert release.total.dtype == np.int64
    assert release.total.tolist() == TOTAL.tolist()
    assert release.release_id == release_id(manifest())


@given(
    st.lists(st.integers(-MOST, MOST), min_size=3, max_size=3),
    st.lists(st.integers(-100, 100), min_size=2, max_size=2),
)
def test_every_sum_within_its_bounds_comes_back(first, second):
    total = np.array([*first, *second], dtype=np.int64)
    assert unpack(pack(total), manifest(total)).tolist() == total.tolist()


@given(st.integers(0, 4), st.integers(1, 1000))
def test_a_changed_number_is_refused(at, by):
    other = TOTAL.copy()
    other[at] += by
    with pytest.raises(BadRelease, match="SHA-256"):
        unpack(pack(other), manifest())


@pytest.mark.parametrize("value", [MOST + 1, -MOST - 1])
def test_a_number_beyond_what_the_survivors_can_add_up_to_is_refused_even_if_it_was_signed(value):
    total = np.array([value, 0, 0, 0, 0], dtype=np.int64)
    with pytest.raises(BadRelease, match="larger number"):
        unpack(pack(total), manifest(total))


@pytest.mark.parametrize("payload", [
    b"", b"no safetensors", pack(TOTAL)[:-1], pack(TOTAL)[9:], pack(TOTAL) + b"!",
    save({"total": TOTAL}), save({"sum": TOTAL, "more": TOTAL}), save({"sum": TOTAL[:4]}), save({}),
    save({"sum": TOTAL.reshape(1, 5)}), save({"sum": TOTAL.astype(np.float64)}), save({"sum": TOTAL.astype(np.int32)}),
], ids=["empty", "text", "cut", "headless", "trailing", "another name", "two tensors", "short", "no tensor", "a matrix",
        "floats", "int32"])  # fmt: skip
def test_a_payload_of_another_form_is_refused(payload):
    with pytest.raises(BadRelease):
        unpack(payload, manifest())


def test_a_payload_larger_than_its_numbers_is_refused_before_it_is_read():
    with pytest.raises(TooLarge):
        unpack(bytes(8 * 5 + 64 * 1024 + 1), manifest())


def test_only_the_coordinator_of_the_roster_releases():
    with pytest.raises(UnknownSigner):
        open_manifest(ALICE.sign(member(1), manifest()), ROLL)
    with pytest.raises(BadSignature):
        open_manifest(ALICE.sign(COORDINATOR, manifest()), ROLL)
    with pytest.raises(UnknownVersion):
        open_manifest(by_coordinator(CONFIG), ROLL)


@pytest.mark.parametrize(("part", "change"), [
    ("consortium", {"consortium": bytes([1]) * 16}), ("round", {"round": 8}), ("round", {"attempt": 2}),
    ("configuration", {"config": bytes([1]) * 32}), ("question", {"answer": answer()}),
    ("transcript", {"transcript": bytes([1]) * 32}), ("survivors", {"survivors": CONFIG.cohort}),
    ("survivors", {"survivors": tuple(reversed(SURVIVORS))}),
])  # fmt: skip
def test_a_member_refuses_a_release_of_anything_but_what_it_signed(part, change):
    check_manifest(manifest(), CONFIG, ZERO, set(SURVIVORS))
    with pytest.raises(BadRelease, match=part):
        check_manifest(manifest(**change), CONFIG, ZERO, SURVIVORS)


@pytest.mark.parametrize(
    "name", ["round", "attempt", "config", "transcript", "survivors", "sum_sha256", "previous"]
)
def test_the_id_of_a_release_binds_every_part(name):
    other = {"round": 8, "attempt": 2, "survivors": SURVIVORS[:3]}.get(name, bytes([1]) * 32)
    assert release_id(manifest(**{name: other})) != release_id(manifest())


@pytest.mark.parametrize("change", [
    {"consortium": b""}, {"config": b""}, {"transcript": b""}, {"sum_sha256": b""}, {"previous": b""},
    {"survivors": SURVIVORS[:2]}, {"survivors": (*SURVIVORS, SURVIVORS[0])},
])  # fmt: skip
def test_a_manifest_with_a_missing_part_or_two_survivors_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        manifest(**change)


def test_an_older_release_never_replaces_a_newer_one():
    check_newer(manifest(round=8), manifest())
    for older in (manifest(), manifest(round=6, attempt=9)):
        with pytest.raises(StaleRelease):
            check_newer(older, manifest())


def test_a_vote_counts_for_the_member_who_signed_it():
    vote = Vote(release=release_id(manifest()), voter=member(1), accept=False, reason="below our own model")
    assert open_vote(ALICE.sign(member(1), vote), ROLL) == vote
    with pytest.raises(UnknownSigner):
        open_vote(ALICE.sign(member(1), replace(vote, voter=member(2))), ROLL)
    with pytest.raises(UnknownSigner):
        open_vote(by_coordinator(replace(vote, voter=COORDINATOR)), ROLL)
    with pytest.raises(UnknownSigner):
        open_vote(ALICE.sign(member(2), replace(vote, voter=member(2))), ROLL)


@pytest.mark.parametrize("change", [{"release": b""}, {"reason": "r" * 501}])
def test_a_vote_without_a_release_or_with_an_essay_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        Vote(**{"release": ZERO, "voter": member(1), "accept": True, "reason": ""} | change)


def test_the_same_numbers_have_the_same_hash_whatever_their_byte_order_or_stride():
    assert sum_sha256([TOTAL]) == sum_sha256([TOTAL.astype(">i8")]) == sum_sha256([np.repeat(TOTAL, 2)[::2]])
    assert pack(TOTAL) == pack(TOTAL.astype(">i8"))
