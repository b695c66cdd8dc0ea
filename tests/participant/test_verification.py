"""Nodes that recompute what a lying coordinator releases: a wrong sum, another release, and nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from participant.console.view import NodeStatus
from participant.node import Node
from participant.overview import Overview
from participant.release_desk import ASK_AGAIN_S
from participant.serving import Recommender
from participant.verdicts import Outcome
from participant.verification import SILENT_S
from protocols.codec import decode
from protocols.errors import BadRelease
from protocols.identity import COORDINATOR
from protocols.messages import Phase
from protocols.release import ReleaseManifest, Vote, release_id
from protocols.secure_sum.recomputation import Proof
from protocols.vote_reasons import NOT_THE_SUM, RECOMPUTED, SIGNED_ONLY
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import FakeCoordinator
from tests.participant.nodes import Four


@pytest.fixture
def four(start_four: Callable[..., Four]) -> Four:
    return start_four()


def play(four: Four, turns: int = 7, epoch: str = "2023-q3") -> None:
    coordinator, made, _ = four
    coordinator.ask(asked.taste(4, epoch=epoch))
    for _ in range(turns):
        for node in made:
            node.exchange.turn()


def votes(coordinator: FakeCoordinator) -> list[tuple[bool, str]]:
    return [(said.accept, said.reason) for said in (decode(Vote, each.body) for each in coordinator.votes)]


def status(node: Node) -> NodeStatus:
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return Overview(node, recommender).status()


def verdict(node: Node) -> Outcome:
    (found,) = node.verification.verdicts.all()
    return found.outcome


def test_an_honest_sum_is_recomputed_unasked_before_it_is_voted_on(four: Four) -> None:
    coordinator, made, _ = four
    play(four)
    assert [verdict(node) for node in made] == [Outcome.VERIFIED] * 4
    assert votes(coordinator) == [(True, RECOMPUTED)] * 4


def test_a_wrong_sum_is_proved_voted_against_and_never_used(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.adds_to_the_sum = 1
    play(four)
    assert votes(coordinator) == [(False, NOT_THE_SUM)] * 4
    for node in made:
        (found,) = node.verification.verdicts.all()
        assert found.outcome is Outcome.WRONG
        assert "cell 9" in found.reason
        proof = decode(Proof, node.verification.verdicts.evidence(found).read_bytes())
        (release,) = coordinator.releases.values()
        assert proof.release == release[0]
        with pytest.raises(BadRelease, match="a release that this node holds"):
            node.releases.readings(bytes.fromhex(found.release))


def test_a_sum_once_proved_wrong_stays_refused_after_a_restart(four: Four) -> None:
    coordinator, made, clock = four
    coordinator.adds_to_the_sum = 1
    play(four)
    made[0].db.dispose()
    made[0] = nodes.start(made[0].home.root, coordinator.members[0], coordinator, clock)
    coordinator.keeps_evidence_back = True
    assert made[0].releases.catch_up() == 0
    assert verdict(made[0]) is Outcome.WRONG
    assert made[0].releases.verify(1).outcome is Outcome.WRONG


def test_a_sum_that_nobody_can_recompute_is_neither_used_nor_voted_on_until_it_can_be(four: Four) -> None:
    coordinator, made, clock = four
    coordinator.keeps_evidence_back = True
    play(four)
    assert [verdict(node) for node in made] == [Outcome.UNVERIFIED] * 4
    assert votes(coordinator) == []
    (release,) = coordinator.releases
    with pytest.raises(BadRelease, match="a release that this node holds"):
        made[0].releases.readings(release)
    (waiting,) = status(made[0]).waiting
    assert waiting.startswith("Round 1.1: its sum is neither used nor voted on")
    coordinator.keeps_evidence_back = False
    assert [node.releases.catch_up() for node in made] == [0] * 4, "it was asked a moment ago"
    clock.advance(ASK_AGAIN_S)
    assert [node.releases.catch_up() for node in made] == [1] * 4
    assert votes(coordinator) == [(True, RECOMPUTED)] * 4
    assert status(made[0]).waiting == ()


def test_a_sum_that_waited_is_used_although_a_later_one_came_first(four: Four) -> None:
    coordinator, made, clock = four
    coordinator.keeps_evidence_back = True
    play(four)
    (first,) = coordinator.releases
    coordinator.keeps_evidence_back = False
    play(four, epoch="e2")
    assert len(coordinator.votes) == 4
    clock.advance(ASK_AGAIN_S)
    assert [node.releases.catch_up() for node in made] == [1] * 4
    assert made[0].releases.readings(first)


def test_a_wrong_sum_whose_evidence_was_kept_back_is_never_used(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.keeps_evidence_back = True
    coordinator.adds_to_the_sum = 1
    play(four)
    assert votes(coordinator) == []
    coordinator.keeps_evidence_back = False
    assert made[0].releases.verify(1).outcome is Outcome.WRONG  # the lie comes out when it is asked again
    assert made[0].releases.catch_up() == 0


def test_an_officer_may_accept_by_name_what_cannot_be_recomputed(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.keeps_evidence_back = True
    for node in made:
        object.__setattr__(node.verification._policy, "accept_unrecomputed", True)
    play(four)
    assert [verdict(node) for node in made] == [Outcome.UNVERIFIED] * 4
    assert votes(coordinator) == [(True, SIGNED_ONLY)] * 4


def test_vectors_that_nobody_signed_prove_nothing_and_verify_nothing(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.keeps_evidence_back = True
    play(four)
    coordinator.keeps_evidence_back = False
    (attempt,) = coordinator.attempts
    member = attempt.config.cohort[0]
    attempt.vectors[member] = bytes(len(attempt.vectors[member]))
    assert made[0].releases.verify(1).outcome is Outcome.UNVERIFIED


def test_headers_other_than_those_that_this_company_confirmed_verify_nothing(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.keeps_evidence_back = True
    play(four)
    coordinator.keeps_evidence_back = False
    (attempt,) = coordinator.attempts
    attempt.headers = attempt.headers[:3]  # three survivors would do, but four were confirmed
    found = made[0].releases.verify(1)
    assert found.outcome is Outcome.UNVERIFIED
    assert "survivors that this company confirmed" in found.reason


def test_a_release_that_leaves_a_company_out_is_voted_against_by_all(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.publishes_nothing = True
    play(four)
    coordinator.publishes_nothing = False
    coordinator._release(coordinator.attempts[0])
    ((signed, payload),) = coordinator.releases.values()
    manifest = decode(ReleaseManifest, signed.body)
    other = replace(manifest, survivors=manifest.survivors[:3])
    coordinator.releases = {release_id(other): (coordinator.key.sign(COORDINATOR, other), payload)}
    for node in made:
        with pytest.raises(BadRelease, match="another survivors"):
            node.releases.receive(release_id(other))
    assert [accept for accept, _ in votes(coordinator)] == [False] * 4


def test_a_coordinator_that_publishes_nothing_is_named_on_the_page(four: Four) -> None:
    coordinator, made, clock = four
    coordinator.publishes_nothing = True
    play(four)
    assert made[0].verification.unreleased() == ()
    clock.advance(SILENT_S + 1)
    assert made[0].verification.unreleased() == ((1, 1),)


def test_bundles_are_asked_for_only_when_a_secret_is_wrong(four: Four) -> None:
    coordinator, made, _ = four
    coordinator.keeps_evidence_back = True
    play(four)
    coordinator.keeps_evidence_back = False
    (attempt,) = coordinator.attempts
    for key in [key for key in attempt.messages if key[0] is Phase.SHARE]:
        del attempt.messages[key]
    assert made[0].releases.verify(1).outcome is Outcome.VERIFIED
