"""Every claim about differential privacy at the door, in words and with the test that would notice a lie."""

from dataclasses import replace

import numpy as np
import pytest

from participant import entropy
from participant.door import sealing
from participant.errors import PriceRose
from participant.store.attempts import Attempts
from participant.store.ledger import LedgerBook
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY, Outbox
from protocols.errors import BudgetSpent, NoiseRequired, TooManyUnreleased
from protocols.ledger import begin_of
from protocols.messages import Phase
from protocols.questions import ask, price
from protocols.ring import encode_vector, lift
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary
from tests.participant import asked
from tests.participant.door_play import POLICY, Play, silence
from tests.participant.test_crashes import total

QUARTER = "2.45"
"""The noise whose one release costs the whole of a quarter's epsilon 2."""

HALF = "5"
"""Noise at which one release costs epsilon 0.93: four cost a quarter."""

CHEAP = "20"
"""Noise of which some sixty releases fit into a quarter."""


@pytest.fixture
def play(tmp_path):
    return Play(tmp_path / "home")


def until(play, attempt, phase):
    while attempt.phase is not phase:
        play.peers_act(attempt)
        play.door_acts(attempt)


def sealed(play, attempt):
    """The words that lie sealed for an attempt's answer, as signed integers."""
    path = play.root / "vectors" / f"{attempt.config.answer_id.hex()}.sealed"
    return lift(np.frombuffer(path.read_bytes(), "<u4"), 32)


def plain(play, attempt):
    return lift(encode_vector(play.own, attempt.config.answer, silence), 32)


def lines(play):
    with reading(play.door._db) as connection:
        return LedgerBook(connection).lines()


def lose(play, attempt):
    """Everything up to the masked vector, which leaves; then the coordinator gives up."""
    until(play, attempt, Phase.CHECK)
    play.coordinator.abort(attempt, "a pity")
    play.door.close(attempt.config.round, attempt.config.attempt, "a pity")


# Noise


def test_the_noise_that_is_sealed_has_the_agreed_size_and_twice_the_variance_on_the_diagonal(tmp_path):
    words = Vocabulary.of("words", [f"w{number:03}" for number in range(100)])
    asking = {"until": asked.AUTUMN, "row_scheme": "unit", "customers_cap": 1000, "noise": QUARTER}
    spec = ask([("taste", asking)], words, members=4, epoch="e")
    noise = sealing.noise_for(spec, len(words), entropy.random_bytes)
    sealing.write_sealed(tmp_path / "x.sealed", np.zeros(spec.elements, np.int64), spec, noise)
    drawn = lift(np.frombuffer((tmp_path / "x.sealed").read_bytes(), "<u4"), 32)
    sigma = spec.blocks[0].noise_sigma / 2.0 ** (24 - spec.blocks[0].scale_bits)
    rows, columns = np.triu_indices(len(words))
    loud, quiet = drawn[rows == columns], drawn[rows != columns]  # 100 and 4,950 cells
    assert 0.6 < loud.std() / (np.sqrt(2) * sigma) < 1.4  # 5.6 standard errors either way
    assert 0.94 < quiet.std() / sigma < 1.06  # 6 standard errors


def test_two_companies_with_the_same_answer_seal_different_vectors(tmp_path):
    sealed_here = []
    for name in ("one", "other"):
        play = Play(tmp_path / name)
        attempt = play.ask(noise=QUARTER)
        until(play, attempt, Phase.MASK)
        play.door.seal(1, 1, play.own, at_cap=play.at_cap)
        assert not np.array_equal(sealed(play, attempt), plain(play, attempt))
        sealed_here.append(sealed(play, attempt))
    assert not np.array_equal(*sealed_here)


def test_a_retry_masks_the_same_noised_vector_and_draws_no_second_noise(play):
    first = play.ask(noise=QUARTER)
    until(play, first, Phase.CHECK)
    before = sealed(play, first)
    second = play.coordinator.retry(first)
    play.own = play.own + 2**24  # a recomputation that differs
    play.finish(second)
    np.testing.assert_array_equal(sealed(play, second), before)
    np.testing.assert_array_equal(total(play), play.expected(before))


def test_a_question_without_noise_is_sealed_exactly_and_every_record_says_in_words_what_it_lacks(play):
    attempt = play.ask()
    play.finish(attempt)
    np.testing.assert_array_equal(sealed(play, attempt), plain(play, attempt))
    with reading(play.door._db) as connection:
        said = {record.privacy for record in Outbox(connection).recent(20)}
    assert said == {NO_DIFFERENTIAL_PRIVACY}
    (line,) = lines(play)
    assert line.debit.quote.price is None


def test_every_record_of_an_answer_with_noise_says_what_it_cost(play):
    attempt = play.ask(noise=QUARTER)
    play.finish(attempt)
    with reading(play.door._db) as connection:
        said = {record.privacy for record in Outbox(connection).recent(20)}
    assert said == {"epsilon 2.00 at delta 1e-07 for one account"}


def test_a_policy_that_requires_noise_refuses_a_question_without(tmp_path):
    play = Play(tmp_path / "home", policy=replace(POLICY, require_dp=True))
    with pytest.raises(NoiseRequired):
        play.door_acts(play.ask())
    play.finish(play.ask(noise=QUARTER))


# Debits


def test_the_debit_is_this_companys_own_price_and_stands_before_the_masked_vector_exists(play):
    attempt = play.ask(noise=QUARTER)
    until(play, attempt, Phase.MASK)
    assert play.ledger().debits == ()
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    (debit,) = play.ledger().debits
    assert debit.quote.price.loss == price(attempt.config.answer, len(asked.WORDS)).loss
    assert debit.quote.price.delta == POLICY.delta
    assert (debit.answer_id, debit.questions) == (attempt.config.answer_id, ("taste",))
    assert (debit.quote.since, debit.quote.until) == (0, asked.AUTUMN)
    assert not list((play.root / "vectors").glob("*.masked"))


def test_the_same_answer_is_paid_for_once_in_whatever_attempts_and_rounds_it_is_asked(play):
    first = play.ask(noise=QUARTER)
    until(play, first, Phase.CHECK)
    play.finish(play.coordinator.retry(first))
    again = play.ask(noise=QUARTER)
    play.finish(again)
    assert again.config.answer_id == first.config.answer_id
    assert again.phase is Phase.RELEASED
    assert len(lines(play)) == 1


def test_a_spent_budget_refuses_by_name_before_anything_is_computed_or_committed(play):
    play.finish(play.ask(noise=QUARTER))
    with pytest.raises(BudgetSpent, match="quarter"):
        play.door_acts(play.ask("e2", noise=CHEAP))
    with reading(play.door._db) as connection:
        assert Attempts(connection).find(2, 1) is None
        assert Outbox(connection).find(2, 1, Phase.ADVERTISE.value) is None
    assert len(list((play.root / "vectors").glob("*.sealed"))) == 1


def test_a_company_at_the_public_cap_pays_for_the_customer_that_another_displaces(play):
    play.at_cap = True
    with pytest.raises(BudgetSpent):
        play.door_acts(play.ask(noise=QUARTER))
    play.finish(play.ask(noise="4.9"))
    (debit,) = play.ledger().debits
    assert 1.99 < debit.quote.price.epsilon < 2.01


def test_an_answer_that_became_dearer_after_it_was_priced_is_not_sealed_and_the_next_attempt_pays_the_whole(
    play,
):
    first = play.ask(noise=CHEAP)
    until(play, first, Phase.MASK)
    with pytest.raises(PriceRose):
        play.door.seal(1, 1, play.own, at_cap=True)
    assert play.ledger().debits == ()
    assert not list((play.root / "vectors").iterdir())
    play.at_cap = True
    play.finish(play.coordinator.retry(first))
    (debit,) = play.ledger().debits
    assert debit.quote.price.loss == 4 * price(first.config.answer, len(asked.WORDS)).loss


def test_an_answer_that_became_cheaper_after_it_was_priced_costs_what_was_quoted(play):
    play.at_cap = True
    attempt = play.ask(noise=CHEAP)
    until(play, attempt, Phase.MASK)
    play.door.seal(1, 1, play.own, at_cap=False)
    (debit,) = play.ledger().debits
    assert debit.quote.price.loss == 4 * price(attempt.config.answer, len(asked.WORDS)).loss


# Time


def test_the_next_quarter_allows_as_much_again_and_a_clock_set_back_allows_nothing(play):
    play.finish(play.ask(noise=QUARTER))
    for back in (86_400, 120 * 86_400):
        play.clock.jump(-back)
        with pytest.raises(BudgetSpent, match="quarter"):
            play.door_acts(play.ask("e2", noise=CHEAP))
        play.clock.jump(back)
    later = begin_of(play.ledger().quarter(asked.NOW) + 1) - asked.NOW
    play.clock.jump(later)
    play.coordinator.now += later
    play.finish(play.ask("e3", noise=QUARTER))
    assert len(play.ledger().debits) == 2


def test_the_lifetime_of_the_data_is_bounded_whatever_the_quarter(tmp_path):
    play = Play(tmp_path / "home", policy=replace(POLICY, epsilon_lifetime=3.0))
    for number in range(3):
        later = begin_of(play.ledger().quarter(play.clock.now()) + 1) - play.clock.now()
        play.clock.jump(later)
        play.coordinator.now += later
        attempt = play.ask(f"e{number}", noise=QUARTER)
        if number < 2:
            play.finish(attempt)  # 2.00, then 2.91
    with pytest.raises(BudgetSpent, match="lifetime"):
        play.door_acts(attempt)


# Coming back, and a coordinator that wants the budget gone


def test_an_attempt_that_ends_before_the_masked_input_costs_nothing(play):
    attempt = play.ask(noise=QUARTER)
    until(play, attempt, Phase.MASK)
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    play.door.close(1, 1, "aborted")
    assert play.ledger().debits == ()
    (line,) = lines(play)
    assert line.reason == "aborted"


def test_a_vector_whose_debit_came_back_is_paid_for_again_before_it_is_masked(play):
    first = play.ask(noise=QUARTER)
    until(play, first, Phase.MASK)
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    before = sealed(play, first)
    play.door.close(1, 1, "aborted")
    second = play.coordinator.retry(first)
    until(play, second, Phase.CHECK)
    (debit,) = play.ledger().debits
    assert (debit.round, debit.attempt) == (1, 2)
    np.testing.assert_array_equal(sealed(play, second), before)


def test_a_debit_never_comes_back_once_a_masked_vector_was_committed(play):
    attempt = play.ask(noise=QUARTER)
    lose(play, attempt)
    assert len(play.ledger().debits) == 1
    assert lines(play)[0].returned_at == 0


def test_a_newer_round_gives_back_what_an_older_one_never_used(play):
    first = play.ask(noise=QUARTER)
    until(play, first, Phase.MASK)
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    play.door_acts(play.ask("e2", noise=QUARTER))
    assert play.ledger().debits == ()


def test_a_vector_that_a_crash_left_unpaid_is_gone_at_the_next_start(play):
    attempt = play.ask(noise=QUARTER)
    until(play, attempt, Phase.SHARE)
    orphan = play.root / "vectors" / f"{attempt.config.answer_id.hex()}.sealed"
    orphan.write_bytes(b"noised, synced, and never committed")
    play.reopen()
    assert not orphan.exists()
    play.finish(attempt)
    assert attempt.phase is Phase.RELEASED


def test_a_sealing_that_ends_after_its_attempt_owes_nothing(play):
    attempt = play.ask(noise=QUARTER)
    play.door_acts(attempt)
    play.door.close(1, 1, "aborted")
    play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    assert lines(play) == ()
    play.finish(play.coordinator.retry(attempt))
    assert len(play.ledger().debits) == 1


def test_rounds_that_are_aborted_before_the_masked_input_cannot_drain_the_budget(play):
    for number in range(12):
        attempt = play.ask(f"fake {number}", noise=QUARTER)
        until(play, attempt, Phase.MASK)
        play.door.seal(attempt.config.round, 1, play.own, at_cap=play.at_cap)
        play.coordinator.abort(attempt, "fake")
        if number % 2:  # and half of them are just left
            play.door.close(attempt.config.round, 1, "fake")
    play.finish(play.ask("real", noise=QUARTER))
    assert len(play.ledger().debits) == 1


def test_rounds_that_are_aborted_after_it_waste_what_the_policy_allows_and_no_more(play):
    lost = [play.ask(f"fake {number}", noise=HALF) for number in range(2)]
    for attempt in lost:
        lose(play, attempt)  # epsilon 0.93, then 1.34: more than 1
    with pytest.raises(TooManyUnreleased):
        play.door_acts(play.ask("fake 2", noise=HALF))
    again = play.ask("fake 1", noise=HALF)  # the same answer: free, and it may come to its sum at last
    play.finish(again)
    assert again.phase is Phase.RELEASED
    play.finish(play.ask("real", noise=HALF))
    assert len(play.ledger().debits) == 3


def test_an_answer_that_this_company_closed_itself_does_not_count_as_lost(play):
    lose(play, play.ask("e1", noise=HALF))
    attempt = play.ask("e2", noise=HALF)
    until(play, attempt, Phase.CHECK)
    withdrawal = play.door.withdrawal("test")
    with transaction(play.door._db) as connection:
        withdrawal.close(connection)
    play.finish(play.ask("e3", noise=HALF))


def test_questions_without_noise_are_not_held_up_by_lost_answers(play):
    for number in range(3):
        lose(play, play.ask(f"e{number}"))
    play.finish(play.ask("e4"))


# Opting out


@pytest.mark.parametrize("phase", [Phase.MASK, Phase.CHECK])
def test_an_opt_out_closes_the_answer_and_leaves_the_debit(play, phase):
    attempt = play.ask(noise=QUARTER)
    until(play, attempt, phase)
    if phase is Phase.MASK:
        play.door.seal(1, 1, play.own, at_cap=play.at_cap)
    withdrawal = play.door.withdrawal("a customer opted out")
    with transaction(play.door._db) as connection:
        withdrawal.close(connection)
    withdrawal.erase()
    play.door.close(1, 1, "aborted")
    with transaction(play.door._db) as connection:
        play.door._purse.give_back(connection, attempt.config.answer_id, "a refund for an opt-out")
    assert len(play.ledger().debits) == 1
    assert list((play.root / "vectors").iterdir()) == []


def test_an_opt_out_before_the_sealing_leaves_nothing_to_pay(play):
    attempt = play.ask(noise=QUARTER)
    play.door_acts(attempt)
    withdrawal = play.door.withdrawal("a customer opted out")
    with transaction(play.door._db) as connection:
        withdrawal.close(connection)
    assert lines(play) == ()
