"""How long one answer may keep a company's machine busy, and what a policy refuses."""

from dataclasses import replace

import pytest

from protocols.codec import encode
from protocols.errors import TooMuchTraining
from protocols.policy import check_config
from protocols.questions import encoder, evaluation
from tests.protocols.message_values import answer, block, config
from tests.protocols.test_policy import POLICY


def training(**asked):
    parameters = encode(encoder.parse({"taste": "ab" * 32, "until": 9, **asked}))
    return config(answer=answer(blocks=(block(question="encoder", parameters=parameters),)))


@pytest.mark.parametrize(
    "asked",
    [
        {"epochs": 100, "steps": 100_000, "batch": 65_536, "customers_cap": 2**32},
        {"epochs": 100, "steps": 100_000, "customers_cap": 100_001},
        {"epochs": 3, "steps": 100_000, "customers_cap": 4_000_000},
        {"mode": "gradient", "customers_cap": 2**32},
    ],
)
def test_a_training_longer_than_the_policy_allows_is_refused_whatever_makes_it_long(asked):
    policy = replace(POLICY, questions=("encoder",))
    with pytest.raises(
        TooMuchTraining, match=r"encoder with at most 10000000 customers' rows.*training_rows"
    ):
        check_config(policy, training(**asked))
    check_config(replace(policy, training_rows=2**32), training(**asked | {"steps": 1}))


def test_what_is_asked_by_default_is_no_long_training():
    policy = replace(POLICY, questions=("encoder",))
    check_config(policy, training())
    check_config(policy, training(mode="gradient"))
    with pytest.raises(TooMuchTraining):
        check_config(replace(policy, training_rows=51_199), training())
    with pytest.raises(ValueError, match="training_rows from 0"):
        replace(POLICY, training_rows=-1)


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
