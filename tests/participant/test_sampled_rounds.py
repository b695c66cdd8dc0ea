"""Rounds on samples of customers at a real door: each is paid for before it can leave, whatever is aborted.

No question samples yet. So a question with noise stands in, and its price is said to be that of one round
on a sample; everything else is the door's own.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Phases
from hypothesis import strategies as st

from participant.store.ledger import LedgerBook
from protocols.errors import TooManyUnreleased
from protocols.messages import Phase
from protocols.privacy import LOSS_BITS, RATE_BITS, Price, Sampled
from protocols.service.unit_of_work import reading
from tests.participant.door_play import POLICY, Play
from tests.participant.test_privacy_budget import lose, until

ROUND = Sampled(loss=2**LOSS_BITS // 4, rate=2**RATE_BITS // 16)
"""One round: noise of two sensitivities, on a sixteenth of the customers."""

LOST = 2
"""So many rounds may leave and come to nothing before no other is answered."""


@pytest.fixture(autouse=True)
def sampled(monkeypatch):
    def price(spec, _concepts):
        return Price.of_rounds(ROUND, 1000) if spec.blocks[0].noise_sigma else None

    monkeypatch.setattr("protocols.ledger.price", price)


def priced(count):
    return Price.of_rounds(replace(ROUND, rounds=count), 100_000)


def spent(play):
    prices = [debit.quote.price for debit in play.ledger().debits]
    return sum(prices[1:], prices[0]) if prices else None


def test_a_training_is_debited_round_by_round_and_costs_what_its_rounds_cost_together(tmp_path):
    play = Play(tmp_path / "home")
    for number in range(3):
        attempt = play.ask(f"step {number}", noise="5")
        until(play, attempt, Phase.MASK)
        assert len(play.ledger().debits) == number
        play.door.seal(attempt.config.round, 1, play.own, at_cap=play.at_cap)
        assert spent(play) == priced(number + 1)  # before a masked vector exists
        assert not (play.root / "vectors" / f"{attempt.config.round}-1.masked").exists()
        play.finish(attempt)
    play.reopen()
    assert spent(play) == priced(3)
    with reading(play.door._db) as connection:
        assert all(line.debit.quote.price == priced(1) for line in LedgerBook(connection).lines())


def test_a_company_at_its_cap_pays_for_a_round_as_if_everybody_had_been_sampled(tmp_path):
    play = Play(tmp_path / "home")
    play.at_cap = True
    attempt = play.ask(noise="50")
    with pytest.MonkeyPatch.context() as patched:
        small = replace(ROUND, loss=2**LOSS_BITS // 400)
        patched.setattr("protocols.ledger.price", lambda *_: Price.of_rounds(small, 1000))
        play.finish(attempt)
    assert spent(play) == Price(loss=4 * (2**LOSS_BITS // 400), customers=100_000)


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phases.explicit, Phases.generate),  # a list of seven acts needs no shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(["sum", "aborted before", "aborted after", "left"]), min_size=3, max_size=7))
def test_whatever_is_aborted_only_rounds_that_may_have_left_are_paid_for_and_few_are_lost(acts):
    limit = priced(LOST).epsilon  # the LOST-th lost round reaches it
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(folder) / "home", policy=replace(POLICY, epsilon_unreleased=limit))
        paid = lost = 0
        for number, act in enumerate(acts):
            attempt = play.ask(f"step {number}", noise="5")
            if lost == LOST:
                with pytest.raises(TooManyUnreleased):
                    play.door_acts(attempt)
                continue
            if act == "sum":
                play.finish(attempt, lambda kind, _, due=paid + 1: paid_first(play, kind, due))
                paid += 1
            elif act == "aborted after":
                lose(play, attempt)
                paid, lost = paid + 1, lost + 1
            else:
                until(play, attempt, Phase.MASK)
                play.door.seal(attempt.config.round, 1, play.own, at_cap=play.at_cap)
                if act == "aborted before" or attempt.config.round == len(
                    acts
                ):  # else the next round ends it
                    play.door.close(attempt.config.round, 1, "fake")
        assert spent(play) == (priced(paid) if paid else None)
        play.door._db.dispose()


def paid_first(play, kind, due):
    assert kind != "masked-vector" or len(play.ledger().debits) == due
