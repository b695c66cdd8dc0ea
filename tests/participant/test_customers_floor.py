"""The floor of customers counts who is described by an answer, whatever window or cap is asked."""

import pytest

from participant.preparation import customers_behind
from protocols.questions import ask
from protocols.vocabulary import Vocabulary
from tests.participant import asked, nodes
from tests.participant.asked import AUTUMN, SPRING, SUMMER, WORDS

CUSTOMERS = 8


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    folder = tmp_path_factory.mktemp("floor")
    coordinator, members, clock = asked.consortium(4)
    made = nodes.start(folder / "home", members[0], coordinator, clock)
    nodes.sell(made, folder / "sales", nodes.shop(1, CUSTOMERS))
    yield made
    made.db.dispose()


def behind(node, question, **parameters):
    return customers_behind(ask([(question, parameters)], WORDS, members=4, epoch="e"), node.records, WORDS)


def test_everybody_stands_behind_an_answer_over_all_purchases(node):
    assert behind(node, "taste", until=AUTUMN) == CUSTOMERS
    assert behind(node, "taste", until=AUTUMN, customers_cap=CUSTOMERS) == CUSTOMERS
    assert behind(node, "taste", until=AUTUMN, customers_until=SPRING + 3) == 3
    assert (
        behind(node, "evaluation", release="00" * 32, history_until=SUMMER, target_until=AUTUMN) == CUSTOMERS
    )


@pytest.mark.parametrize("cap", [1, 3])
def test_a_small_cap_leaves_few_customers_behind_an_answer(node, cap):
    assert behind(node, "taste", until=AUTUMN, customers_cap=cap) == cap


def test_a_window_of_a_second_leaves_one_customer_behind_an_answer(node):
    assert behind(node, "taste", since=SPRING + 2, until=SPRING + 3, customers_until=AUTUMN) == 1
    assert behind(node, "taste", until=SPRING + 1, customers_until=AUTUMN) == 1
    later = SUMMER + 1000
    assert behind(node, "evaluation", release="00" * 32, history_until=later, target_until=later + 1) == 1
    assert behind(node, "taste", since=AUTUMN, until=AUTUMN + 1) == 0


def test_of_several_blocks_the_one_with_the_fewest_customers_counts(node):
    both = [("taste", {"until": AUTUMN}), ("taste", {"until": AUTUMN, "customers_cap": 2})]
    assert customers_behind(ask(both, WORDS, members=4, epoch="e"), node.records, WORDS) == 2


def test_a_training_of_few_steps_hears_few_customers(node):
    """One step on one customer tells that customer's purchases by the signs of the last biases."""
    asked = {"taste": "ab" * 32, "until": AUTUMN}
    assert behind(node, "encoder", **asked) == CUSTOMERS
    assert behind(node, "encoder", **asked, steps=1, batch=1) == 1
    assert behind(node, "encoder", **asked, steps=2, batch=3) == 6
    assert behind(node, "encoder", **asked, mode="gradient", steps=1, batch=1) == CUSTOMERS


def test_without_noise_a_sample_counts_as_many_customers_as_it_is_expected_to_draw(node):
    asked = {"taste": "ab" * 32, "until": AUTUMN, "mode": "gradient", "sample": 250_000}
    assert behind(node, "encoder", **asked) == CUSTOMERS // 4
    assert behind(node, "encoder", **asked, noise="30") == CUSTOMERS


def test_who_bought_nothing_of_the_vocabulary_does_not_stand_behind_an_answer(node):
    """A vocabulary of one concept that one customer bought would describe that customer among empty rows."""
    tea = Vocabulary.of("tea alone", ["TEA"])
    buyers = sum("TEA" in {word for _, word in bought} for bought in nodes.shop(1, CUSTOMERS).values())
    spec = ask([("taste", {"until": AUTUMN})], tea, members=4, epoch="e")
    assert 0 < buyers < CUSTOMERS
    assert customers_behind(spec, node.records, tea) == buyers
