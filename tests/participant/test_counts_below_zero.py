"""A sum without noise in which a count is below zero is voted against and never trained on, though all recompute it."""

import pytest
from structlog.testing import capture_logs

from participant import preparation
from participant.overview import Overview
from participant.serving import Recommender
from participant.store.releases import Releases
from protocols.messages import Phase
from protocols.questions import ask
from protocols.service.unit_of_work import reading
from protocols.vote_reasons import BELOW_ZERO, RECOMPUTED
from tests.participant import asked, nodes
from tests.participant.test_exchange import turn_all
from tests.participant.test_verification import votes

ASKED = {
    "taste": {"until": asked.AUTUMN, "customers_cap": 1000, "row_scheme": "unit"},
    "landmarks": {"until": asked.AUTUMN, "customers_cap": 1000, "landmarks": "0,2"},
    "rhythm": {"until": asked.AUTUMN, "customers_cap": 1000, "facets": "season"},
}
TEA = {"taste": 9, "landmarks": 3, "rhythm": 3}
"""The cell of TEA with itself, or in winter."""
ALLOWED = nodes.PERMISSIVE.model_copy(update={"questions": tuple(ASKED)})


def asked_with_a_lie(start_four, monkeypatch, question, noise):
    """The nodes after a round of which one answer is 500 customers below zero in one cell."""
    coordinator, made, _ = start_four(({"policy": ALLOWED},) * 4)
    truth, liar = preparation.fill_all, made[3].records

    def fill(spec, context):
        said = truth(spec, context)
        if context.records is liar:
            said[TEA[question]] = -500 << 24
        return said

    monkeypatch.setattr(preparation, "fill_all", fill)
    spec = ask([(question, ASKED[question] | noise)], asked.WORDS, members=4, epoch="lied to")
    attempt = coordinator.ask(spec)
    turn_all(made, 12)
    assert attempt.phase is Phase.RELEASED
    return coordinator, made


def kept(node):
    with reading(node.db) as connection:
        return Releases(connection).all()


@pytest.mark.parametrize("question", list(ASKED))
def test_a_sum_without_noise_in_which_a_count_is_below_zero_is_refused(start_four, monkeypatch, question):
    with capture_logs() as logs:
        coordinator, made = asked_with_a_lie(start_four, monkeypatch, question, {})
    assert [kept(node) for node in made] == [()] * 4
    assert votes(coordinator) == [(False, BELOW_ZERO)] * 4
    said = [each["detail"] for each in logs if each["event"] == "release refused"]
    assert len(said) == 4
    assert "nothing is below zero; came -" in said[0]
    assert f"in cell {TEA[question]}" in said[0]
    assert "tell the members" in said[0]
    assert made[0].trainer.plan() is None
    node = made[0]
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    (alarm,) = Overview(node, recommender).status().alarms
    assert "no true answers add up to it" in alarm
    assert f"in cell {TEA[question]}" in alarm


def test_beside_noise_a_number_below_zero_is_honest(start_four, monkeypatch):
    coordinator, made = asked_with_a_lie(start_four, monkeypatch, "taste", {"noise": "2.45"})
    assert [len(kept(node)) for node in made] == [1] * 4
    assert votes(coordinator) == [(True, RECOMPUTED)] * 4
