"""What the coordinator's repositories promise, on SQLite and on PostgreSQL."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from coordinator.home import MIGRATIONS
from coordinator.store import member_tables, round_tables
from coordinator.store.audit_log import AuditLog, Line
from coordinator.store.checks import Checks, Said
from coordinator.store.consortia import Consortia, Consortium
from coordinator.store.leases import Leases
from coordinator.store.members import Invite, Invites, Member, Members
from coordinator.store.metadata import metadata
from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.rounds import OPEN, Attempt, Round, Rounds
from coordinator.store.submissions import Stored, Submissions, Vector
from coordinator.store.tokens import Tokens
from coordinator.store.vocabularies import Vocabularies
from protocols.audit import AuditEntry
from protocols.codec import digest
from protocols.identity import COORDINATOR, IdentityKey, PartnerId
from protocols.messages import AnswerSpec, Block, Confirmation, Phase, RoundConfig
from protocols.release import ReleaseManifest
from protocols.service.migrations import upgrade
from protocols.service.tokens import TokenRecord, mint
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary

KEY = IdentityKey(bytes(32))
COHORT = tuple(PartnerId(bytes([i]) * 16) for i in (3, 1, 2))


@pytest.fixture
def db(database):
    upgrade(database, MIGRATIONS)
    return database


def config(attempt=1):
    block = Block(question="q", parameters=b"", length=2, bound=9, scale_bits=3, noise_sigma=0, noise_tail=0)
    answer = AnswerSpec(blocks=(block,), vocabulary=bytes(32), model=bytes(32), epoch="1", ring_bits=32)
    return RoundConfig(
        consortium=bytes(16),
        round=1,
        attempt=attempt,
        answer=answer,
        cohort=COHORT,
        threshold=3,
        minimum_cohort=3,
        suite=1,
        roster_hash=bytes(32),
        roster_height=0,
        audit_head=bytes(32),
        audit_size=0,
        deadlines=(1, 2, 3, 4, 5),
    )


def begun(connection, attempt=1):
    rounds, asked = Rounds(connection), config(attempt)
    made = Attempt(
        signed=KEY.sign(COORDINATOR, asked),
        config=asked,
        config_hash=digest(asked),
        phase=Phase.ADVERTISE,
        expected=COHORT,
    )
    if attempt == 1:
        rounds.add(
            Round(
                round=1,
                question="q",
                description="d",
                retries_left=2,
                phase_seconds=(1, 2, 3, 4, 5),
                state=OPEN,
                asked_at=7,
                ended_at=0,
            )
        )
    rounds.add_attempt(made)
    rounds.move(made, 7000, COHORT)
    return made


def stored(partner=COHORT[0], phase=Phase.ADVERTISE, body=b"one", at=1):
    return Stored(
        partner=partner, phase=phase, sha256=digest(Confirmation.example())[:31] + body[:1], body=body, at=at
    )


def member(index=1, **changes):
    values = {
        "partner": PartnerId(bytes([index]) * 16),
        "name": f"member {index}",
        "identity_key": IdentityKey(bytes([index]) * 32).public,
        "courier_key": bytes([index]),
        "certificate": "PEM",
        "certificate_hash": bytes(32),
        "request_hash": bytes(32),
        "flower_node": "",
        "joined_at": 5,
        "removed_at": 0,
    }
    return Member(**(values | changes))


def test_the_migration_makes_exactly_the_tables_of_the_program(db):
    with reading(db) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
        names = set(inspect(connection).get_table_names())
    assert differences == []
    assert names == set(metadata.tables) | {"alembic_version"}
    assert member_tables.members.metadata is round_tables.rounds.metadata


def test_a_second_migration_changes_nothing(db):
    assert upgrade(db, MIGRATIONS) == "0002"


def test_a_phase_is_entered_once(db):
    with transaction(db) as connection:
        made = begun(connection)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Rounds(connection).move(made, 8000, COHORT)
    with reading(db) as connection:
        (change,) = Rounds(connection).changes(1)
    assert (change.phase, change.recipients, change.at_ms) == (Phase.ADVERTISE, COHORT, 7000)


def test_sequences_grow_and_only_the_newest_change_of_a_round_is_delivered(db):
    with transaction(db) as connection:
        first = begun(connection)
        begun(connection, 2)
        (newest,) = Rounds(connection).newest_changes(0)
        changes = Rounds(connection).changes(1)
        assert Rounds(connection).newest_changes(newest.sequence) == ()
    assert [change.attempt for change in changes] == [1, 2]
    assert changes[0].sequence < changes[1].sequence == newest.sequence
    assert first.config.attempt == 1


def test_a_member_has_one_submission_a_phase_and_attempt(db):
    with transaction(db) as connection:
        begun(connection)
        sent = Submissions(connection, 1, 1)
        sent.add(stored())
        sent.add(stored(partner=COHORT[1]))
        sent.add(stored(phase=Phase.SHARE))
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Submissions(connection, 1, 1).add(stored(body=b"two"))
    with reading(db) as connection:
        sent = Submissions(connection, 1, 1)
        assert sent.senders(Phase.ADVERTISE) == {COHORT[0], COHORT[1]}
        assert [each.partner for each in sent.of_phase(Phase.ADVERTISE)] == [COHORT[1], COHORT[0]]
        assert tuple(sent.one_by_one(Phase.ADVERTISE)) == sent.of_phase(Phase.ADVERTISE)
        assert sent.find(COHORT[0], Phase.ADVERTISE).body == b"one"


def test_a_rolled_back_block_leaves_nothing(db):
    def fails():
        with transaction(db) as connection:
            begun(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with reading(db) as connection:
        assert Rounds(connection).all() == ()
        assert Rounds(connection).next_number() == 1


def test_an_equivocation_is_kept_once_with_both_messages(db):
    with transaction(db) as connection:
        begun(connection)
        sent = Submissions(connection, 1, 1)
        sent.add(stored())
        assert sent.add_double(stored(), stored(body=b"two"))
        assert not sent.add_double(stored(), stored(body=b"two"))
        assert not sent.add_double(stored(), stored(body=b"three")), "one pair proves it"
        (double,) = sent.doubles()
    assert (double.first, double.second) == (b"one", b"two")


def test_a_vector_counts_once(db):
    vector = Vector(partner=COHORT[0], route="dock", size_bytes=2**33, at=1)
    with transaction(db) as connection:
        begun(connection)
        Submissions(connection, 1, 1).add_vector(vector)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Submissions(connection, 1, 1).add_vector(vector)
    with reading(db) as connection:
        assert Submissions(connection, 1, 1).vectors() == {COHORT[0]: vector}


def test_a_survivor_says_each_thing_of_a_release_once(db):
    manifest = ReleaseManifest(
        consortium=bytes(16),
        round=1,
        attempt=1,
        config=digest(config()),
        answer=config().answer,
        transcript=bytes(32),
        survivors=COHORT,
        sum_sha256=bytes(32),
        previous=bytes(32),
    )
    release, said = bytes([9]) * 32, [KEY.sign(partner, Confirmation.example()) for partner in COHORT]
    with transaction(db) as connection:
        begun(connection)
        signed = KEY.sign(COORDINATOR, manifest)
        Releases(connection).add(StoredRelease(release=release, manifest=manifest, signed=signed, at=5))
        checks = Checks(connection)
        for each in said:
            checks.add(release, Said.OPENING, each, 2**40)
        checks.add(release, Said.ANSWER, said[0], 2**40)
    with reading(db) as connection:
        found = Checks(connection)
        assert found.all(release, Said.OPENING) == tuple(sorted(said, key=lambda each: each.signer))
        assert (found.count(release, Said.OPENING), found.count(release, Said.ANSWER)) == (3, 1)
        assert found.find(release, Said.ANSWER, COHORT[0]) == said[0]
        assert found.find(release, Said.ANSWER, COHORT[1]) is None
        assert found.senders(release, Said.ANSWER) == {COHORT[0]}
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Checks(connection).add(release, Said.OPENING, said[0], 6)


def test_a_lease_is_free_until_one_run_has_finished_it(db):
    with transaction(db) as connection:
        leases = Leases(connection)
        leases.take("a", 1, 1, "run-1", 5)
        assert not leases.is_free(1, 1, "run-1")
        assert leases.is_free(1, 1, "run-2")
        assert not leases.finish("a", "run-2")
        assert leases.finish("a", "run-1")
        assert not leases.is_free(1, 1, "run-2")


def test_the_log_takes_no_second_entry_at_a_place(db):
    entry = AuditEntry(sequence=0, at=1, kind="vote", body_hash=bytes(32))
    line = Line(entry=entry, body=b"b", head=KEY.sign(COORDINATOR, Confirmation.example()))
    with transaction(db) as connection:
        AuditLog(connection).append(line)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        AuditLog(connection).append(line)
    with reading(db) as connection:
        assert AuditLog(connection).lines() == (line,)
        assert AuditLog(connection).size() == 1


def test_members_have_distinct_names_and_keys(db):
    with transaction(db) as connection:
        Members(connection).add(member(1))
    for twin in (member(2, name="member 1"), member(2, courier_key=bytes([1]))):
        with pytest.raises(IntegrityError), transaction(db) as connection:
            Members(connection).add(twin)
    with transaction(db) as connection:
        Members(connection).set_flower_node(member(1).partner, "18446744073709551615")
        assert Members(connection).by_flower_node("18446744073709551615").name == "member 1"
        Members(connection).remove(member(1).partner, 9)
        assert Members(connection).active() == ()
        assert Members(connection).all()[0].removed_at == 9


def test_an_invitation_is_open_until_used_or_run_out(db):
    invite = Invite(secret_hash=bytes(32), name="n", created_at=1, expires_at=10)
    with transaction(db) as connection:
        invites = Invites(connection)
        invites.add(invite)
        assert invites.open(9) == (invite,)
        assert invites.open(10) == ()
        invites.use(bytes(32), COHORT[0], 5)
        assert invites.open(9) == ()
        assert invites.find(bytes(32)).used_by == COHORT[0]


def test_a_consortium_is_created_once(db):
    value = Consortium(consortium=bytes(16), name="n", coordinator_key=KEY.public, created_at=1)
    with transaction(db) as connection:
        Consortia(connection).create(value)
    with pytest.raises(IntegrityError), transaction(db) as connection:
        Consortia(connection).create(value)
    with reading(db) as connection:
        assert Consortia(connection).get() == value


def test_vocabularies_and_tokens_come_back_as_they_were(db):
    words, token = Vocabulary.of("n", ["a", "b"]), mint("admin", bytes(32))
    record = TokenRecord(token_id="t", label="l", scope="admin", expires_at=0, revoked=False)
    with transaction(db) as connection:
        Vocabularies(connection).add(words, 1)
        Tokens(connection).add(token, record, 1)
        assert Vocabularies(connection).latest() == Vocabularies(connection).find(words.digest) == words
        assert Tokens(connection).find(token.sha256) == record
        assert Tokens(connection).revoke("t")
        assert Tokens(connection).find(token.sha256).revoked
        assert not Tokens(connection).revoke("unknown")
