"""Whole nodes and their budgets: what the coordinator sees, what the courier sees, what the officer reads."""

import json
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from participant.answers import AnswerContext
from participant.app import make_apps
from participant.cli import app as cli
from participant.commands.officer import noise_policy
from participant.opting_out import opt_out
from participant.preparation import fill_all
from participant.serving import Recommender
from participant.store.attempts import Attempts
from participant.store.ledger import LedgerBook
from protocols.codec import decode
from protocols.messages import Phase
from protocols.questions import price
from protocols.questions.taste import Taste, sum_sigma
from protocols.release import Vote
from protocols.ring import encode_vector, lift
from protocols.service.jobs import Jobs
from protocols.service.unit_of_work import reading
from tests.participant import asked, nodes
from tests.participant.door_play import silence
from tests.participant.test_exchange import released_sum, turn_all


@pytest.fixture
def four(start_four):
    """Four nodes; the first has spent half of what the question costs, by policy."""
    small = {"policy": nodes.PERMISSIVE.model_copy(update={"epsilon_quarter": 1.0})}
    return start_four((small, {}, {}, {}))[:2]


def debits(node):
    with reading(node.db) as connection:
        return LedgerBook(connection).standing().debits


def sealed(node, attempt):
    words = (node.home.vectors / f"{attempt.config.answer_id.hex()}.sealed").read_bytes()
    return lift(np.frombuffer(words, "<u4"), 32)


def plain(node, attempt):
    context = AnswerContext(records=node.records, vocabulary=asked.WORDS, released=node.releases.read_as_sum)
    spec = attempt.config.answer
    return lift(encode_vector(fill_all(spec, context), spec, silence), 32)


def public(node):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    apps = make_apps(node, recommender, Jobs())
    return (
        TestClient(apps.public, base_url="http://127.0.0.1:8470", headers={"Accept": "text/html"}),
        TestClient(apps.door, base_url="http://door"),
    )


def test_a_round_with_noise_comes_to_a_noisy_sum_that_every_company_paid_for_itself(four):
    coordinator, made = four
    spec = asked.noised(4, noise="5")  # epsilon 0.93
    attempt = coordinator.ask(spec)
    turn_all(made)
    assert attempt.phase is Phase.RELEASED
    np.testing.assert_array_equal(released_sum(coordinator), sum(sealed(node, attempt) for node in made))
    assert not np.array_equal(released_sum(coordinator), sum(plain(node, attempt) for node in made))
    for node in made:
        (debit,) = debits(node)
        assert debit.quote.price.loss == price(spec, len(asked.WORDS)).loss
    votes = {
        (vote.accept, vote.reason) for vote in (decode(Vote, signed.body) for signed in coordinator.votes)
    }
    assert len(coordinator.votes) == 4
    assert len(votes) == 1  # a vote says nothing that differs between companies, whatever their customers


def test_a_noisy_sum_is_evaluated_as_the_noise_aware_reading_has_it(four, monkeypatch):
    coordinator, made = four
    spec = asked.noised(4, noise="5")
    coordinator.ask(spec)
    turn_all(made)
    (release,) = coordinator.releases
    (read,) = made[0].releases.readings(release)
    sigmas = []
    monkeypatch.setattr(
        Taste, "noise_aware", lambda taste, sigma: sigmas.append(sigma) or Taste(gram=taste.gram + 1)
    )
    np.testing.assert_array_equal(made[0].releases.gram(release), read.gram + 1)
    assert sigmas == [sum_sigma(spec.blocks[0], 4)]


def test_a_spent_budget_is_silence_to_the_coordinator_and_one_constant_code_to_the_courier(four):
    coordinator, made = four
    node = made[0]
    attempt = coordinator.ask(asked.noised(4))
    turn_all(made, 1)
    assert node.exchange.refusals()[0].code == "budget-spent"
    assert [sender for sender, _ in coordinator.received if sender == node.member.partner] == []
    with reading(node.db) as connection:
        assert Attempts(connection).find(1, 1) is None
    assert list(node.home.vectors.iterdir()) == []
    _, door = public(node)
    refused = door.get("/door/vectors/1/1")
    node.door.switch.stop()
    stopped = door.get("/door/vectors/1/1")
    assert {(answer.status_code, answer.content) for answer in (refused, stopped)} == {(410, b"")}
    coordinator.close(attempt)
    turn_all(made[1:])
    assert attempt.phase is Phase.RELEASED


def test_the_receipt_of_an_opt_out_names_the_sums_that_contain_the_customer_and_what_protects_them(four):
    coordinator, made = four
    coordinator.ask(asked.noised(4, noise="5"))
    turn_all(made)
    coordinator.ask(asked.taste(4, epoch="2023-q4"))
    turn_all(made)
    receipt = opt_out("c0", db=made[1].db, records=made[1].records, door=made[1].door)
    assert [(each.round, each.questions) for each in receipt.contained] == [(1, ("taste",)), (2, ("taste",))]
    assert receipt.contained[0].privacy.startswith("epsilon 0.9")
    assert receipt.contained[1].privacy.startswith("no differential privacy")
    said = CliRunner().invoke(cli, ["opt-out", "c1", "--home", str(made[1].home.root)])
    assert "round 1 (taste): epsilon 0.9" in said.output
    assert len(debits(made[1])) == 2


def test_a_sum_that_was_unmasked_is_on_the_receipt_before_its_release_came(four):
    coordinator, made = four
    attempt = coordinator.ask(asked.taste(4))
    node = made[1]
    while attempt.phase is not Phase.UNMASK:
        turn_all(made, 1)
    node.exchange.turn()
    assert attempt.phase is Phase.UNMASK
    receipt = opt_out("c0", db=node.db, records=node.records, door=node.door)
    assert (receipt.closed, receipt.rounds) == ((), (1,))


def test_console_and_terminal_show_the_same_burn_down(four):
    coordinator, made = four
    node = made[1]
    web, _ = public(node)
    assert "<h1>Nothing of the privacy budget of 2023 Q4 is spent.</h1>" in web.get("/budget").text
    coordinator.ask(asked.noised(4, noise="5"))
    turn_all(made)
    coordinator.ask(asked.taste(4, epoch="2023-q4"))
    turn_all(made)
    page = web.get("/budget").text
    terminal = CliRunner().invoke(cli, ["budget", "--home", str(node.home.root)])
    today = web.get("/").text
    (found,) = (each for each in debits(node) if each.quote.price is not None)
    epsilon = f"{found.quote.price.epsilon:.2f}"
    assert f"Epsilon {epsilon} of 2 is spent in 2023 Q4" in page
    for shown in (page, terminal.output):
        assert f"epsilon {epsilon}" in shown
        assert "no differential privacy" in shown
        assert "One answer left with no differential privacy" in shown
    assert f"epsilon {epsilon} of 2" in today
    assert "silent" in page  # what no epsilon counts is said beside it
    found = json.loads(CliRunner().invoke(cli, ["budget", "--json", "--home", str(node.home.root)]).output)
    assert (found["without_privacy"], len(found["spendings"])) == (1, 2)


def test_a_node_says_of_the_release_in_use_and_of_its_own_policy_what_they_lack(four):
    coordinator, made = four
    node = made[1]
    web, _ = public(node)
    for until in (asked.SUMMER, asked.AUTUMN):
        coordinator.ask(asked.taste(4, epoch=str(until), until=until))
        turn_all(made)
        node.exchange.turn()
    node.trainer.train(node.trainer.plan())
    home = str(node.home.root)
    assert "one customer in it no differential privacy" in " ".join(
        CliRunner().invoke(cli, ["status", "--home", home]).output.split()
    )
    assert "<dt>Privacy of one customer in it</dt><dd>no differential privacy</dd>" in web.get("/").text
    policy = node.settings.policy.policy()
    assert "no differential privacy" in noise_policy(policy)
    assert "refused" in noise_policy(replace(policy, require_dp=True))


def test_purchases_that_are_read_in_between_price_and_answer_are_not_given_for_the_lower_price(
    start_four, tmp_path, monkeypatch
):
    """A daemon that restarts after its advertisement fills the answer in again, after the nightly import."""
    coordinator, made, clock = start_four()
    node, number = made[1], len(nodes.shop(1))
    first = coordinator.ask(asked.noised(4, noise="20", cap=number + 1))
    with monkeypatch.context() as patched:
        patched.setattr("participant.preparation.Preparation.begin", lambda *_: None)
        node.exchange.turn()
    node.db.dispose()
    node = made[1] = nodes.start(node.home.root, coordinator.members[1], coordinator, clock)
    nodes.sell(node, tmp_path / "night", {"late": nodes.shop(1)["c0"]})
    turn_all(made)
    assert node.exchange.refusals()[0].code == "price-rose"
    assert debits(node) == ()
    assert not list(node.home.vectors.iterdir())
    coordinator.abort(first, "one is missing")
    turn_all(made, 1)
    again = coordinator.retry(first)
    turn_all(made)
    assert again.phase is Phase.RELEASED
    whole = price(first.config.answer, len(asked.WORDS)).loss
    assert [debit.quote.price.loss for each in made for debit in debits(each)] == [
        whole,
        4 * whole,
        whole,
        whole,
    ]
