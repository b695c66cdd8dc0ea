"""A coordinator that lies to one door: rounds side by side, old rounds taken up again, chosen cohorts."""

from dataclasses import replace

import pytest

from participant.door import sealing
from participant.errors import SecretsErased
from participant.store.outbox import Outbox
from participant.store.sealed_answers import SealedAnswer, SealedAnswers
from protocols.errors import DifferencingRefused, IllegalMove, ReplayedRound, Stopped, ThresholdTooLow
from protocols.limits import CLOCK_SKEW_S
from protocols.merkle import consistency_proof
from protocols.messages import Phase
from protocols.policy import threshold
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading, transaction
from tests.participant import asked
from tests.participant.door_play import POLICY, Play

STRICT = replace(POLICY, accept_company_differencing=False)


def confirm(play, attempt, without=frozenset()):
    """Everything up to the unmasking, with the peers in ``without`` silent from the masked input on."""
    for _ in range(2):
        play.peers_act(attempt)
        play.door_acts(attempt)
    for phase in (Phase.MASK, Phase.CHECK):
        play.peers_act(attempt, without=without)
        play.door_acts(attempt)
        if attempt.phase is phase:
            play.coordinator.close(attempt)


def test_rounds_side_by_side_never_both_come_to_their_sum(tmp_path):
    """Two sets that differ by one company, both confirmed before either is unmasked: none is "earlier"."""
    play = Play(tmp_path / "home", policy=STRICT)
    first, second = play.ask(), play.ask(epoch="e2")
    confirm(play, first)
    confirm(play, second, without=frozenset({2}))
    with pytest.raises(SecretsErased):
        play.door_acts(first)
    play.door_acts(second)


def test_a_sum_unmasked_since_the_confirmation_counts_as_an_earlier_one(tmp_path):
    play = Play(tmp_path / "home", policy=STRICT)
    attempt = play.ask()
    confirm(play, attempt)
    meanwhile = SealedAnswer(
        answer_id=bytes(32),
        questions=("taste",),
        file="",
        sha256=bytes(32),
        vector_bytes=0,
        sealed_at=0,
        voided=False,
        bound_to=(),
    )
    with transaction(play.door._db) as connection:
        SealedAnswers(connection).add(meanwhile)
        SealedAnswers(connection).bind(bytes(32), attempt.config.cohort[1:], at=0)
    with pytest.raises(DifferencingRefused):
        play.door_acts(attempt)


def test_a_newer_round_closes_the_older_ones_for_ever(tmp_path):
    play = Play(tmp_path / "home")
    first = play.ask()
    play.door_acts(first)
    second = play.ask(epoch="e2")
    play.door_acts(second)
    assert [key.name for key in (play.root / "secrets").iterdir()] == ["2-1.key"]
    play.peers_act(first)
    with pytest.raises(SecretsErased):
        play.door_acts(first)
    retried = play.coordinator.retry(first)
    proof = consistency_proof(play.coordinator.log[: second.config.audit_size], first.config.audit_size)
    with pytest.raises(ReplayedRound):
        play.door.advertise(retried.signed, vocabulary=asked.WORDS, proof=proof, customers=9)
    play.peers_act(second)
    play.finish(second)
    assert second.phase is Phase.RELEASED


def test_nothing_is_unmasked_long_after_the_last_deadline(tmp_path):
    play = Play(tmp_path / "home")
    attempt = play.ask()
    confirm(play, attempt)
    late = attempt.config.deadlines[-1] + CLOCK_SKEW_S + 1
    play.door._clock = ManualClock(late)
    with pytest.raises(IllegalMove, match="last deadline"):
        play.door_acts(attempt)
    play.door._clock = ManualClock(late - 1)
    play.door_acts(attempt)


def test_a_small_cohort_of_a_large_roster_is_refused(tmp_path):
    """Ten members tolerate three colluders: the coordinator could ask those three and their victim."""
    play = Play(tmp_path / "home", members=10)
    chosen = {play.me.id, *(peer.company.id for peer in play.peers[:3])}
    cohort = tuple(member for member in play.coordinator.roster.partners if member in chosen)
    with pytest.raises(ThresholdTooLow):
        play.door_acts(play.coordinator.ask(asked.taste(4), cohort=cohort, threshold=threshold(4), minimum=4))


def test_stop_while_a_vector_is_being_masked_commits_nothing(tmp_path, monkeypatch):
    play = Play(tmp_path / "home")
    attempt = play.ask()
    for _ in range(2):
        play.peers_act(attempt)
        play.door_acts(attempt)
    play.peers_act(attempt)
    write = sealing.write_masked

    def stopped_meanwhile(*arguments):
        play.door.switch.stop()
        return write(*arguments)

    monkeypatch.setattr(sealing, "write_masked", stopped_meanwhile)
    with pytest.raises(Stopped):
        play.door_acts(attempt)
    assert (Phase.MASK, play.me.id) not in attempt.messages
    with reading(play.door._db) as connection:
        assert Outbox(connection).find(1, 1, Phase.MASK.value) is None
    monkeypatch.setattr(sealing, "write_masked", write)
    play.door.switch.release()
    play.finish(attempt)
    assert attempt.phase is Phase.RELEASED
