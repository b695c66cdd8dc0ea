"""Releases that the coordinator signed and that are not of the round which this node knows."""

from dataclasses import replace

import numpy as np
import pytest

from participant.consortium import Consortium
from protocols.codec import digest
from protocols.errors import BadRelease, MalformedMessage
from protocols.identity import COORDINATOR
from protocols.release import NO_RELEASE, ReleaseManifest, pack, release_id, sum_sha256
from protocols.vote_reasons import SIGNED_ONLY
from tests.participant import asked, nodes
from tests.participant.door_play import Play


@pytest.fixture
def play(tmp_path):
    return Play(tmp_path / "peers")


@pytest.fixture
def node(tmp_path, play):
    made = nodes.start(tmp_path / "home", play.me, play.coordinator, asked.ManualClock(asked.NOW))
    # There are no vectors behind these releases: it is about what is refused besides.
    object.__setattr__(made.verification._policy, "accept_unrecomputed", True)
    yield made
    made.db.dispose()


def publish(play, attempt, survivors, **changes):
    """A release of ``attempt`` as its coordinator may sign it at any time."""
    total = np.zeros(attempt.config.answer.elements, dtype=np.int64)
    manifest = ReleaseManifest(
        consortium=attempt.config.consortium,
        round=attempt.config.round,
        attempt=attempt.config.attempt,
        config=digest(attempt.config),
        answer=attempt.config.answer,
        transcript=bytes(32),
        survivors=survivors,
        sum_sha256=sum_sha256([total]),
        previous=NO_RELEASE,
    )
    manifest = replace(manifest, **changes)
    signed = play.coordinator.key.sign(COORDINATOR, manifest)
    play.coordinator.releases[release_id(manifest)] = (signed, pack(total))
    return release_id(manifest)


def advertise(node, attempt):
    proof = node.standing.audit_proof(attempt.config)
    node.door.advertise(attempt.signed, vocabulary=asked.WORDS, proof=proof, customers=9)


def test_a_release_of_a_round_without_this_company_is_kept_and_not_voted_on(play, node):
    attempt = play.ask()
    others = tuple(member for member in attempt.config.cohort if member != play.me.id)
    assert not node.releases.receive(publish(play, attempt, others)).witnessed
    assert play.coordinator.votes == []


def test_a_release_that_names_this_company_in_a_round_it_never_saw_is_refused(play, node):
    attempt = play.ask()
    release = publish(play, attempt, attempt.config.cohort)
    with pytest.raises(BadRelease, match="names it as a survivor"):
        node.releases.receive(release)
    assert node.releases.catch_up() == 0


def test_a_release_that_names_this_company_before_it_sent_a_vector_is_voted_against(play, node):
    attempt = play.ask()
    advertise(node, attempt)
    with pytest.raises(BadRelease, match="names it as a survivor"):
        node.releases.receive(publish(play, attempt, attempt.config.cohort))
    assert len(play.coordinator.votes) == 1


def test_a_second_release_of_a_round_is_refused_and_holds_up_no_other(play, node):
    attempt = play.ask()
    advertise(node, attempt)
    others = tuple(member for member in attempt.config.cohort if member != play.me.id)
    publish(play, attempt, attempt.config.cohort)
    publish(play, attempt, others, config=bytes(32))
    publish(play, play.ask(epoch="e2"), others)
    assert node.releases.catch_up() == 1
    assert node.releases.catch_up() == 0
    assert len(play.coordinator.votes) == 1


def test_a_vote_does_not_claim_that_the_numbers_were_recomputed():
    assert "numbers were not recomputed" in SIGNED_ONLY


@pytest.mark.parametrize("release", ["zz", "../../etc", "AB" * 32, "ab" * 31])
def test_a_list_of_releases_with_anything_but_ids_is_malformed(release):
    class Caller:
        def request(self, *_arguments, **_options):
            return type(
                "Response", (), {"content": f'[{{"release":"{release}","round":1,"attempt":1}}]'.encode()}
            )()

    with pytest.raises(MalformedMessage):
        Consortium(Caller()).releases()
