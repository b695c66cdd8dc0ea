"""The loop against a coordinator in one object: whole rounds, dropouts, restarts, refusals."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from participant.answers import AnswerContext
from participant.node import Node
from participant.preparation import fill_all
from participant.settings import PolicySettings
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY, Outbox
from protocols.codec import decode
from protocols.messages import Phase
from protocols.questions import ask
from protocols.release import ReleaseManifest, unpack
from protocols.ring import encode_vector, lift
from protocols.service.clock import ManualClock
from protocols.service.problems import Refused
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import Attempt, FakeCoordinator, problem

Five = tuple[FakeCoordinator, list[Node], ManualClock]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five homes that have joined and imported their sales, made once."""
    return nodes.template(tmp_path_factory.mktemp("homes"), 5)


@pytest.fixture
def five(homes: Path, tmp_path: Path) -> Iterator[Five]:
    coordinator, members, clock = asked.consortium(5)
    shutil.copytree(homes, tmp_path / "homes")
    made = [nodes.start(tmp_path / "homes" / m.name, m, coordinator, clock) for m in members]
    yield coordinator, made, clock
    for node in made:
        node.db.dispose()


def turn_all(made: list[Node], turns: int = 8) -> None:
    for _ in range(turns):
        for node in made:
            node.exchange.turn()


def restarted(five: Five, node: Node) -> Node:
    """The same home in a new process's eyes: nothing in memory is left."""
    coordinator, made, clock = five
    company = next(m for m in coordinator.members if m.id == node.member.partner)
    node.exchange._preparation._pool.shutdown(wait=True)  # no thread outlives its process
    node.db.dispose()
    again = nodes.start(node.home.root, company, coordinator, clock)
    made[made.index(node)] = again
    return again


def released_sum(coordinator: FakeCoordinator) -> np.ndarray:
    signed, payload = next(reversed(coordinator.releases.values()))
    return unpack(payload, decode(ReleaseManifest, signed.body))


def plain_sum(attempt: Attempt, made: list[Node]) -> np.ndarray:
    spec = attempt.config.answer
    rows = []
    for node in made:
        context = AnswerContext(
            records=node.records, vocabulary=asked.WORDS, released=node.releases.read_as_sum
        )
        rows.append(lift(encode_vector(fill_all(spec, context), spec), spec.ring_bits))
    return np.sum(rows, axis=0)


def test_five_nodes_answer_and_the_sum_is_the_plain_one(five):
    coordinator, made, _ = five
    attempt = coordinator.ask(asked.taste(5))
    turn_all(made)
    assert attempt.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(attempt, made))
    assert len(coordinator.votes) == 5
    assert [node.releases.catch_up() for node in made] == [0] * 5


def test_every_payload_has_a_record_that_says_there_is_no_differential_privacy(five):
    coordinator, made, _ = five
    coordinator.ask(asked.taste(5))
    turn_all(made)
    with reading(made[0].db) as connection:
        records = Outbox(connection).recent(20)
    assert {r.kind for r in records} == {p.value for p in list(Phase)[:5]} | {
        "sealed-vector",
        "masked-vector",
        "vote",
    }
    assert {r.privacy for r in records} == {NO_DIFFERENTIAL_PRIVACY}


@pytest.mark.parametrize("lost_in", [Phase.ADVERTISE, Phase.SHARE, Phase.MASK, Phase.CHECK, Phase.UNMASK])
def test_a_node_lost_in_any_phase_leaves_the_sum_of_the_others_exact(five, lost_in):
    coordinator, made, _ = five
    attempt = coordinator.ask(asked.taste(5))
    alive = list(made)
    for _ in range(12):
        if attempt.phase is lost_in and len(alive) == 5:
            alive.pop(2)
        for node in alive:
            node.exchange.turn()
        missed = {lost_in, Phase.UNMASK} if lost_in is Phase.CHECK else {lost_in}
        if len(alive) == 4 and attempt.phase in missed:
            coordinator.close(attempt)
    assert attempt.phase is Phase.RELEASED
    in_the_sum = made if lost_in in (Phase.CHECK, Phase.UNMASK) else alive
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(attempt, in_the_sum))


def test_a_silent_coordinator_is_asked_again_and_gets_the_same_bytes(five):
    coordinator, made, _ = five
    attempt = coordinator.ask(asked.taste(5))
    submit = coordinator.submit

    def lost_reply(sender, submission):
        coordinator.submit = submit
        submit(sender, submission)
        raise Refused(problem("http-502", 502))

    coordinator.submit = lost_reply
    assert not made[0].exchange.turn()
    assert made[0].exchange.turn()
    sent = [body for sender, body in coordinator.received if sender == made[0].member.partner]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    turn_all(made)
    assert attempt.phase is Phase.RELEASED


def test_every_node_restarted_after_every_turn_still_finishes_the_round(five):
    coordinator, made, _ = five
    attempt = coordinator.ask(asked.taste(5))
    for _ in range(8):
        for node in list(made):
            node.exchange.turn()
            restarted(five, node)
    assert attempt.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), plain_sum(attempt, made))


def test_a_retry_masks_the_same_sealed_vector_and_never_fills_it_in_again(five, tmp_path):
    coordinator, made, _ = five
    first = coordinator.ask(asked.taste(5))
    turn_all(made, 3)
    assert first.phase is Phase.CHECK
    before = plain_sum(first, made)
    for number, node in enumerate(made):  # new purchases would change the answer
        nodes.sell(node, tmp_path / f"more-{number}", nodes.shop(100 + number, customers=30))
    second = coordinator.retry(first)
    turn_all(made)
    assert second.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), before)
    assert not np.array_equal(plain_sum(first, made), before)
    assert first.vectors[made[0].member.partner] != second.vectors[made[0].member.partner]


@pytest.mark.timeout(300)
def test_an_answer_that_failed_in_an_attempt_that_ended_is_filled_in_anew_at_the_next(five, monkeypatch):
    coordinator, made, _ = five
    node, first = made[0], coordinator.ask(asked.taste(5))
    with monkeypatch.context() as patched:
        patched.setattr("participant.preparation.fill_all", lambda *_: 1 // 0)
        turn_all(made, 1)
        failed = node.exchange._preparation._running[first.config.answer_id]
        assert isinstance(failed.exception(timeout=60), ZeroDivisionError)
    coordinator.abort(first, "enough")
    turn_all(made, 1)
    second = coordinator.retry(first)
    turn_all(made)
    assert second.phase is Phase.RELEASED
    assert len(second.messages) == 25, "all five took part in all five phases"


def test_stop_keeps_everything_here_and_release_lets_the_round_go_on(five):
    coordinator, made, _ = five
    attempt = coordinator.ask(asked.taste(5))
    turn_all(made, 1)
    made[0].door.switch.stop()
    before = len(coordinator.received)
    assert not made[0].exchange.turn()
    assert "STOP" in made[0].exchange.trouble
    assert [s for s, _ in coordinator.received[before:]] == []
    made[0].door.switch.release()
    turn_all(made)
    assert attempt.phase is Phase.RELEASED


def test_a_company_below_its_policys_floor_refuses_in_words_and_the_others_go_on(five):
    coordinator, made, clock = five
    company = next(m for m in coordinator.members if m.id == made[0].member.partner)
    made[0].db.dispose()
    policy = nodes.PERMISSIVE.model_copy(update={"customers_floor": 100})
    made[0] = nodes.start(made[0].home.root, company, coordinator, clock, policy=policy)
    attempt = coordinator.ask(asked.taste(5))
    turn_all(made, 1)
    coordinator.close(attempt)
    turn_all(made)
    assert attempt.phase is Phase.RELEASED
    (refusal,) = made[0].exchange.refusals()
    assert refusal.code == "too-few-customers"
    assert "customers_floor" in refusal.reason
    assert not [s for s, _ in coordinator.received if s == company.id and s]


def test_a_vocabulary_of_another_version_is_refused_with_what_to_do(five):
    coordinator, made, _ = five
    other = Vocabulary.of("test words", [*asked.WORDS.concepts, "WINE"], version=2)
    spec = ask([("taste", {"until": asked.AUTUMN})], other, members=5, epoch="x")
    coordinator.vocabulary = other
    coordinator.ask(spec)
    made[0].exchange.turn()
    (refusal,) = made[0].exchange.refusals()
    assert refusal.code == "wrong-vocabulary"
    for words in ("'test words' version 1", "'test words' version 2", "altrove-node connect"):
        assert words in refusal.reason
    assert coordinator.received == []
    made[1].standing.renew_vocabulary()  # what `connect` does
    made[1].exchange.turn()
    assert len(coordinator.received) == 1


def test_a_question_that_the_policy_does_not_list_is_refused(five):
    coordinator, made, clock = five
    company = next(m for m in coordinator.members if m.id == made[0].member.partner)
    policy = PolicySettings(**(nodes.PERMISSIVE.model_dump() | {"questions": ("evaluation",)}))
    node = nodes.start(made[0].home.root, company, coordinator, clock, policy=policy)
    coordinator.ask(asked.taste(5))
    node.exchange.turn()
    assert [r.code for r in node.exchange.refusals()] == ["question-not-allowed"]
