"""Which two sums a training takes, on a real node: one that counts otherwise neither pairs up nor stands in the way."""

import pytest

from protocols.messages import Phase
from protocols.questions import ask
from tests.participant import asked, nodes
from tests.participant.asked import AUTUMN, SUMMER, WORDS
from tests.participant.test_exchange import turn_all


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return nodes.template(tmp_path_factory.mktemp("homes"), 4)


@pytest.mark.parametrize("other", [{"since": SUMMER}, {"customers_cap": 999}])
def test_a_newest_sum_that_counts_otherwise_leaves_the_plan_as_it_was(start_four, other):
    coordinator, made, _ = start_four()
    values = {"until": AUTUMN + 1, "customers_cap": 1000} | other
    plans = []
    for spec in (
        asked.taste(4, epoch="1", until=SUMMER),
        asked.taste(4, epoch="2", until=AUTUMN),
        ask([("taste", values)], WORDS, members=4, epoch="3"),
    ):
        attempt = coordinator.ask(spec)
        turn_all(made, 12)
        assert attempt.phase is Phase.RELEASED
        plans.append(made[0].trainer.plan())
    assert plans[0] is None
    assert plans[1].windows.validation_until == AUTUMN
    assert plans[2] == plans[1]
