"""A restart goes on at once; a restored database locks the node until its peers have said what they saw."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from participant.node import Node
from participant.peer_counters import PeerCounters
from participant.store.checks import Checks, StoredCheck
from participant.store.outbox import Outbox
from participant.store.sealed_answers import SealedAnswers
from protocols.codec import decode
from protocols.errors import (
    BehindRoster,
    MustAbandon,
    Restored,
    TooFewAttestations,
    UnknownSigner,
    WrongTranscript,
)
from protocols.identity import COORDINATOR, PartnerId, Signed
from protocols.messages import Phase
from protocols.restoring import Attestation
from protocols.service.unit_of_work import reading, transaction
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import Attempt
from tests.participant.nodes import Four


@pytest.fixture
def four(start_four: Callable[..., Four]) -> Four:
    started = start_four()
    for node in started[1]:
        assert node.restoring.begin()
    return started


def play(four: Four, epoch: str, turns: int = 7) -> Attempt:
    coordinator, made, _ = four
    attempt = coordinator.ask(asked.taste(4, epoch=epoch))
    for _ in range(turns):
        for node in made:
            node.exchange.turn()
    return attempt


def again(four: Four, backup: Path | None = None, *, begins: bool) -> Node:
    """Stop node 0, put ``backup`` in its database's place, and start it."""
    coordinator, made, clock = four
    home = made[0].home
    made[0].db.dispose()
    if backup is not None:
        for name in ("node.db", "node.db-wal", "node.db-shm"):
            (home.root / name).unlink(missing_ok=True)
        shutil.copy(backup, home.root / "node.db")
    made[0] = nodes.start(home.root, coordinator.members[0], coordinator, clock)
    assert made[0].restoring.begin() is begins
    return made[0]


def saved(node: Node, to: Path) -> Path:
    """A backup of the database as SQLite makes it."""
    raw = node.db.raw_connection()
    raw.driver_connection.execute("VACUUM INTO ?", (str(to),))  # type: ignore[union-attr]
    raw.close()
    return to


def lines(made: list[Node], subject: Node, challenge: bytes, height: int = 0) -> list[Signed]:
    return [
        node.restoring.peers.attest(
            node.member.partner,
            node.home.identity_key(),
            consortium=node.member.consortium,
            subject=subject.member.partner,
            challenge=challenge,
            height=height,
        )
        for node in made
        if node is not subject
    ]


def test_a_restart_goes_on_at_once_in_every_phase(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.ask(asked.taste(4, epoch="e1"))
    for _ in range(7):
        for node in made:
            node.exchange.turn()
        made[0] = again(four, begins=True)
    assert len(coordinator.releases) == 1


def test_a_database_from_a_backup_locks_the_node_and_stays_locked(four: Four, tmp_path: Path) -> None:
    backup = saved(four[1][0], tmp_path / "backup.db")
    attempt = play(four, "e1")
    node = again(four, backup, begins=False)
    with pytest.raises(Restored, match="altrove-node restored"):
        node.door.advertise(attempt.signed, vocabulary=asked.WORDS, proof=(), customers=9)
    assert not node.door.switch.is_open()
    again(four, begins=False)


def test_a_linear_check_that_the_backup_holds_open_ends_with_the_restore(four: Four, tmp_path: Path) -> None:
    """What was said in it since is forgotten: nothing more is."""
    _, made, _ = four
    armed = StoredCheck(round=9, attempt=1, state="Armed", sealed=b"ciphertext", until=2**40)
    with transaction(made[0].db) as connection:
        Checks(connection).add(armed)
    backup = saved(made[0], tmp_path / "backup.db")
    play(four, "e1")
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    with pytest.raises(Restored):
        node.door.linear.open(armed.key, bytes(32))
    node.restoring.settle(lines(made, node, lock.challenge), abandon=True)
    with reading(node.db) as connection:
        assert Checks(connection).all() == ()


def test_a_backup_of_one_payload_less_is_a_restore_too(four: Four, tmp_path: Path) -> None:
    coordinator, made, _ = four
    coordinator.ask(asked.taste(4, epoch="e1"))
    for _ in range(4):
        for node in made:
            node.exchange.turn()
    with reading(made[0].db) as connection:
        before = len(Outbox(connection).recent(99))
    backup = saved(made[0], tmp_path / "backup.db")
    for _ in range(20):
        made[0].exchange.turn()
        with reading(made[0].db) as connection:
            if len(Outbox(connection).recent(99)) > before:
                break
        for node in made[1:]:
            node.exchange.turn()
    again(four, backup, begins=False)


def test_a_home_without_the_mark_is_a_restored_home(four: Four) -> None:
    play(four, "e1")
    four[1][0].home.mark.unlink()
    again(four, begins=False)


def test_peers_that_saw_no_more_let_the_node_go_on_with_open_answers_closed(
    four: Four, tmp_path: Path
) -> None:
    made = four[1]
    play(four, "e1", turns=4)
    backup = saved(made[0], tmp_path / "backup.db")
    for _ in range(4):
        for node in made:
            node.exchange.turn()
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    assert lock.needed == 3
    said = lines(made, node, lock.challenge)
    with pytest.raises(TooFewAttestations):
        node.restoring.settle(said[:2], abandon=False)
    with pytest.raises(TooFewAttestations):
        node.restoring.settle([*said[:2], said[0]], abandon=False)
    assert node.restoring.settle(said, abandon=False).forgotten == ()
    assert node.restoring.lock() is None
    with reading(node.db) as connection:
        assert SealedAnswers(connection).unsent() == ()
    play(four, "e2")
    with reading(node.db) as connection:
        assert len(SealedAnswers(connection).unmasked_sets(("taste",))) >= 1


def test_what_peers_know_and_the_database_does_not_is_given_up_by_word(four: Four, tmp_path: Path) -> None:
    made = four[1]
    backup = saved(made[0], tmp_path / "backup.db")
    attempt = play(four, "e1")
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    said = lines(made, node, lock.challenge)
    with pytest.raises(MustAbandon, match="1 answers"):
        node.restoring.settle(said, abandon=False)
    assert not node.door.switch.is_open()
    done = node.restoring.settle(said, abandon=True)
    assert done.forgotten == (attempt.config.answer_id,)
    with reading(node.db) as connection:
        found = SealedAnswers(connection).find(attempt.config.answer_id)
    assert found is not None
    assert found.voided
    assert node.door.switch.is_open()


def test_a_member_that_knows_a_later_roster_keeps_the_door_locked_until_it_is_fetched(
    four: Four, tmp_path: Path
) -> None:
    made = four[1]
    backup = saved(made[0], tmp_path / "backup.db")
    play(four, "e1")
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    said = [*lines(made, node, lock.challenge)[:2], *lines(made, node, lock.challenge, height=1)[2:]]
    with pytest.raises(BehindRoster, match="height 1"):
        node.restoring.settle(said, abandon=True)
    assert node.restoring.lock() is not None


def test_attestations_of_another_restore_of_oneself_or_of_strangers_do_not_count(
    four: Four, tmp_path: Path
) -> None:
    made = four[1]
    backup = saved(made[0], tmp_path / "backup.db")
    play(four, "e1")
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    said = lines(made, node, lock.challenge)
    with pytest.raises(WrongTranscript):
        node.restoring.settle([*said[:1], *lines(made, node, bytes(16))[1:]], abandon=True)
    own = node.restoring.peers.attest(
        node.member.partner,
        node.home.identity_key(),
        consortium=node.member.consortium,
        subject=node.member.partner,
        challenge=lock.challenge,
        height=0,
    )
    with pytest.raises(UnknownSigner):
        node.restoring.settle([said[0], own], abandon=True)


def test_the_coordinator_is_no_member_that_attests(four: Four, tmp_path: Path) -> None:
    coordinator, made, _ = four
    backup = saved(made[0], tmp_path / "backup.db")
    play(four, "e1")
    node = again(four, backup, begins=False)
    lock = node.restoring.lock()
    assert lock is not None
    forged = made[1].restoring.peers.attest(
        COORDINATOR,
        coordinator.key,
        consortium=node.member.consortium,
        subject=node.member.partner,
        challenge=lock.challenge,
        height=0,
    )
    with pytest.raises(UnknownSigner):
        node.restoring.settle([*lines(made, node, lock.challenge)[:1], forged], abandon=True)


def test_a_locked_node_attests_for_others(four: Four, tmp_path: Path) -> None:
    made = four[1]
    backup = saved(made[0], tmp_path / "backup.db")
    play(four, "e1")
    node = again(four, backup, begins=False)
    (said,) = lines([node], made[1], bytes(16))
    assert said.signer == node.member.partner


def test_the_memory_of_peers_keeps_the_newest_and_forgets_no_counter(tmp_path: Path, four: Four) -> None:
    coordinator = four[0]
    attempt = play(four, "e1")
    counters = PeerCounters(tmp_path / "peers.json")
    ads = attempt.items(Phase.ADVERTISE)
    counters.note(ads, attempt.config.answer_id)
    first = (tmp_path / "peers.json").read_bytes()
    counters.note(ads, attempt.config.answer_id)
    assert (tmp_path / "peers.json").read_bytes() == first
    assert {PartnerId(bytes.fromhex(each)) for each in json.loads(first)} == {
        member.id for member in coordinator.members
    }


def test_a_memory_without_signed_advertisements_names_answers_and_proves_no_counter(
    tmp_path: Path, four: Four
) -> None:
    subject, node = four[1][0].member.partner, four[1][1]
    (tmp_path / "peers.json").write_text(json.dumps({subject.hex(): [[7, "ab" * 32]]}))
    signed = PeerCounters(tmp_path / "peers.json").attest(
        node.member.partner,
        node.home.identity_key(),
        consortium=node.member.consortium,
        subject=subject,
        challenge=bytes(16),
        height=0,
    )
    said = decode(Attestation, signed.body)
    assert (said.counter, said.answers) == (0, (bytes.fromhex("ab" * 32),))
