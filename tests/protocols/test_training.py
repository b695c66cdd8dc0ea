"""How long an evaluation may keep a company's machine busy; of an `encoder` round: tests/protocols/test_policy.py."""

from dataclasses import replace

import pytest

from protocols.codec import encode
from protocols.errors import TooMuchTraining
from protocols.policy import check_config
from protocols.questions import evaluation
from tests.protocols.message_values import answer, block, config
from tests.protocols.test_policy import POLICY


def evaluated(**asked):
    values = {"release": "ab" * 32, "history_until": 1, "target_until": 2, **asked}
    parameters = encode(evaluation.parse(values))
    return config(answer=answer(blocks=(block(question="evaluation", parameters=parameters),)))


def test_an_evaluation_of_more_rankings_than_the_policy_allows_is_refused():
    policy = replace(POLICY, questions=("evaluation",))
    mixes = ",".join(f"0:100:{weight}" for weight in range(16))
    check_config(policy, evaluated())
    check_config(policy, evaluated(mixes=mixes, lambdas="1,2,3,4,5,6", beside="nothing"))
    for more in ({"mixes": mixes}, {"customers_cap": 2_000_000}):
        with pytest.raises(
            TooMuchTraining, match=r"evaluation with at most 10000000 customers' rows.*fewer.*settings"
        ):
            check_config(policy, evaluated(**more))
    check_config(replace(policy, training_rows=2**32), evaluated(mixes=mixes))
