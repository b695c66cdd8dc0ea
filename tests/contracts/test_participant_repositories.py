"""What the node's repositories of the exchange promise, on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from participant.errors import NotJoined
from participant.store import exchange_tables, record_tables
from participant.store.attempts import Attempts, StoredAttempt
from participant.store.checks import Checks, StoredCheck
from participant.store.membership import Member, Membership
from participant.store.metadata import metadata
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY, Outbox, OutboxRecord
from participant.store.releases import Deployment, Releases, StoredRelease
from participant.store.rosters import Rosters
from participant.store.schema import MIGRATIONS
from participant.store.sealed_answers import SealedAnswer, SealedAnswers
from participant.store.tokens import Tokens
from protocols.errors import BadInput
from protocols.identity import PartnerId
from protocols.ledger import Quote
from protocols.merkle import Frontier
from protocols.privacy import Price
from protocols.service.migrations import upgrade
from protocols.service.tokens import mint
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary

A, B = PartnerId(b"a" * 16), PartnerId(b"b" * 16)
ANSWER, OTHER = b"\x01" * 32, b"\x02" * 32
FAR = 2**40
"""A time and a size beyond 32 bits: a narrower column would lose them."""


@pytest.fixture
def db(database):
    upgrade(database, MIGRATIONS)
    return database


def attempt(round_number=1, number=1, **changes):
    values = {
        "round": round_number,
        "attempt": number,
        "answer_id": ANSWER,
        "config": b"config",
        "config_hash": bytes(32),
        "state": "Advertised",
        "sealed_state": b"ciphertext",
        "transcript": b"",
        "survivors": (),
        "reason": "",
        "opened_at": FAR,
        "concepts": FAR,
        "quote": Quote(price=Price(loss=FAR, customers=FAR), since=5, until=FAR),
    }
    return StoredAttempt(**(values | changes))


def answer(answer_id=ANSWER, questions=("taste",)):
    return SealedAnswer(
        answer_id=answer_id,
        questions=questions,
        file="f",
        sha256=bytes(32),
        vector_bytes=FAR,
        sealed_at=5,
        voided=False,
        bound_to=(),
    )


def payload(kind="share-keys", **changes):
    values = {
        "round": 1,
        "attempt": 1,
        "kind": kind,
        "input_hash": bytes(32),
        "body": b"\x00body",
        "file": "",
        "sha256": bytes(32),
        "size_bytes": FAR,
        "questions": "taste",
        "shape": "protocol message",
        "recipients": "the coordinator",
        "sentence": "A sentence.",
        "privacy": NO_DIFFERENTIAL_PRIVACY,
        "committed_at": 7,
        "handed_at": None,
    }
    return OutboxRecord(**(values | changes))


def release(number=1, questions=("taste",), **changes):
    values = {
        "release": bytes([number]) * 32,
        "round": number,
        "attempt": 1,
        "questions": questions,
        "manifest": b"signed",
        "file": "f",
        "witnessed": True,
        "received_at": FAR,
    }
    return StoredRelease(**(values | changes))


def test_the_migration_makes_exactly_the_tables_of_the_program(db):
    with reading(db) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
        names = set(inspect(connection).get_table_names())
    assert differences == []
    assert names == set(metadata.tables) | {"alembic_version"}
    assert record_tables.customers.metadata is exchange_tables.attempts.metadata


def test_a_membership_is_single_and_absent_before_joining(db):
    joined = Member(partner=A, name="Ä", consortium=bytes(16), coordinator_url="https://x", joined_at=FAR)
    with transaction(db) as connection:
        assert Membership(connection).find() is None
        with pytest.raises(NotJoined, match="altrove-node join"):
            Membership(connection).get()
        Membership(connection).join(joined)
        Membership(connection).join(joined)
    with reading(db) as connection:
        assert Membership(connection).get() == joined


def test_one_vocabulary_is_in_use_and_the_others_are_kept(db):
    first, second = Vocabulary.of("w", ["a"]), Vocabulary.of("w", ["a", "b"], version=2)
    with transaction(db) as connection:
        members = Membership(connection)
        assert (members.vocabulary(), members.vocabulary_digest()) == (None, b"")
        for words in (first, second, first, second):
            members.use_vocabulary(words)
            assert members.vocabulary() == words
            assert members.vocabulary_digest() == words.digest
        assert members.vocabulary_named(first.digest) == first
        assert members.vocabulary_named(bytes(32)) is None


def test_an_attempt_moves_forward_and_ends_without_its_secrets(db):
    with transaction(db) as connection:
        kept = Attempts(connection)
        assert kept.highest_round() == 0
        for made in (attempt(1, 1), attempt(1, 2), attempt(4, 1, answer_id=OTHER)):
            kept.open(made)
        kept.move(1, 2, state="Masked", sealed_state=b"next", transcript=b"t" * 32, survivors=(B, A))
        assert kept.find(1, 2) == attempt(
            1, 2, state="Masked", sealed_state=b"next", transcript=b"t" * 32, survivors=(B, A)
        )
        kept.finish(1, 1, state="Closed", reason="over", at=9)
    with reading(db) as connection:
        kept = Attempts(connection)
        ended = kept.find(1, 1)
        assert (ended.state, ended.reason, ended.sealed_state) == ("Closed", "over", b"")
        assert [each.attempt for each in kept.of_round(1)] == [1, 2]
        assert set(kept.open_keys()) == {(1, 2), (4, 1)}
        assert [each.round for each in kept.of_answer(ANSWER)] == [1, 1]
        assert [each.round for each in kept.recent(2)] == [4, 1]
        assert (kept.highest_round(), kept.find(9, 9)) == (4, None)


def test_a_check_holds_its_release_and_is_gone_when_it_ends(db):
    armed = StoredCheck(round=3, attempt=2, state="Armed", sealed=b"ciphertext", until=FAR)
    with transaction(db) as connection:
        checks = Checks(connection)
        checks.add(armed)
        checks.add(replace(armed, round=2))
        checks.move(armed.key, state="Opened", sealed=b"other")
        checks.hold(armed.key, release=ANSWER, manifest=b"manifest")
    with reading(db) as connection:
        found = Checks(connection)
        opened = replace(armed, state="Opened", sealed=b"other", release=ANSWER, manifest=b"manifest")
        assert found.find(armed.key) == opened
        assert found.all() == (replace(armed, round=2), opened)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Checks(connection).add(armed)
    with transaction(db) as connection:
        Checks(connection).end(armed.key)
        assert Checks(connection).find(armed.key) is None


def test_a_second_attempt_or_payload_of_the_same_number_is_refused_and_leaves_nothing(db):
    with transaction(db) as connection:
        Attempts(connection).open(attempt())
        Outbox(connection).add(payload())

    def both():
        with transaction(db) as connection:
            Outbox(connection).add(payload("vote"))
            Outbox(connection).add(payload())

    with pytest.raises(IntegrityError):
        both()
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Attempts(connection).open(attempt())
    with reading(db) as connection:
        assert Outbox(connection).find(1, 1, "vote") is None


def test_an_answer_is_bound_once(db):
    with transaction(db) as connection:
        kept = SealedAnswers(connection)
        kept.add(answer())
        kept.add(answer(OTHER, ("evaluation", "taste")))
        assert {each.answer_id for each in kept.unsent()} == {ANSWER, OTHER}
        kept.bind(ANSWER, (A, B), at=1)
        kept.bind(ANSWER, (B,), at=2)
    with reading(db) as connection:
        kept = SealedAnswers(connection)
        assert kept.find(ANSWER).bound_to == (A, B)
        assert kept.unsent() == (answer(OTHER, ("evaluation", "taste")),)
        assert [each.answer_id for each in kept.unmasked()] == [ANSWER]
        assert kept.unmasked_sets(("taste",)) == (frozenset({A, B}),)
        assert kept.unmasked_sets(("evaluation",)) == ()
    with transaction(db) as connection:
        kept = SealedAnswers(connection)
        kept.void(ANSWER, ("taste",), at=3)
        assert kept.unmasked() == ()
        assert kept.unmasked_sets(("taste",)) == (frozenset({A, B}),)


def test_an_answer_can_be_closed_whether_it_was_sealed_or_not(db):
    with transaction(db) as connection:
        kept = SealedAnswers(connection)
        kept.add(answer())
        for closed in (ANSWER, OTHER):
            kept.void(closed, ("taste",), at=3)
            assert kept.find(closed).voided
        assert kept.unsent() == ()
        assert kept.find(ANSWER).file == "f"


def test_payloads_come_back_as_they_were_and_are_handed_over_once(db):
    with transaction(db) as connection:
        outbox = Outbox(connection)
        outbox.add(payload())
        outbox.add(payload("vote", committed_at=9))
        assert outbox.find(1, 1, "share-keys") == payload()
        assert outbox.having("share-keys") == ((1, 1),)
        assert outbox.having("mask") == ()
        outbox.handed(1, 1, "share-keys", at=11)
        outbox.handed(1, 1, "share-keys", at=12)
    with reading(db) as connection:
        outbox = Outbox(connection)
        assert outbox.find(1, 1, "share-keys").handed_at == 11
        assert [each.kind for each in outbox.recent(10)] == ["vote", "share-keys"]
        assert [each.kind for each in outbox.recent(10, since=8)] == ["vote"]
        assert [each.kind for each in outbox.recent(1)] == ["vote"]


def test_rosters_and_the_audit_log_only_move_forwards(db):
    with transaction(db) as connection:
        kept = Rosters(connection)
        assert kept.in_force() is None
        assert kept.seen().head == Frontier().root
        kept.approve(height=0, roster_hash=b"h" * 32, body=b"alone", at=1)
        assert kept.in_force() is None
        kept.put_in_force(height=0, roster_hash=b"h" * 32, body=b"signed", at=2)
        kept.put_in_force(height=1, roster_hash=b"i" * 32, body=b"next", at=3)
        assert [kept.advance(size=size, head=bytes([size]) * 32) for size in (3, 5)] == [1, 2]
    with reading(db) as connection:
        kept = Rosters(connection)
        assert (kept.at(0).body, kept.at(0).approved, kept.at(0).in_force) == (b"signed", True, True)
        assert (kept.in_force().height, kept.in_force().approved) == (1, False)
        assert (kept.seen().size, kept.seen().head, kept.seen().counter) == (5, b"\x05" * 32, 2)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Rosters(connection).approve(height=1, roster_hash=b"j" * 32, body=b"other", at=4)


def test_releases_wait_for_training_and_the_newest_deployment_is_in_use(db):
    with transaction(db) as connection:
        kept = Releases(connection)
        assert (kept.untrained(), kept.in_use(), kept.newest("taste")) == (False, None, None)
        for number in (1, 3, 2):
            kept.add(release(number, ("evaluation",) if number == 3 else ("taste",)))
        assert [found.round for found in kept.all()] == [3, 2, 1]
        assert kept.newest("taste") == release(2)
        assert kept.untrained()
        for number in (1, 2, 3):
            kept.trained(release(number).release, at=1)
        assert not kept.untrained()
        for version, of in (("old", b""), ("new", release(2).release)):
            kept.deploy(
                Deployment(release=of, folder=version, model_version=version, report="{}", deployed_at=FAR)
            )
    with reading(db) as connection:
        assert Releases(connection).in_use().model_version == "new"
        assert Releases(connection).find(release(2).release) == release(2)
        assert Releases(connection).find(bytes(32)) is None


def test_tokens_are_kept_as_digests_and_revoked_by_id(db):
    made, kept = mint("recommend", bytes(32)), Tokens(db)
    token_id = kept.add(made, label="shop", at=1, expires_at=FAR)
    found = kept.find(made.sha256)
    assert (found.token_id, found.label, found.scope, found.expires_at) == (
        token_id,
        "shop",
        "recommend",
        FAR,
    )
    assert not found.revoked
    assert kept.find(bytes(32)) is None
    kept.revoke(token_id, at=2)
    assert [each.revoked for each in kept.all()] == [True]
    with pytest.raises(BadInput, match="token list"):
        kept.revoke("unknown", at=3)


def test_a_block_that_raises_leaves_nothing_of_it(db):
    def fails():
        with transaction(db) as connection:
            Attempts(connection).open(attempt())
            SealedAnswers(connection).add(answer())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with reading(db) as connection:
        assert Attempts(connection).highest_round() == 0
        assert SealedAnswers(connection).find(ANSWER) is None
