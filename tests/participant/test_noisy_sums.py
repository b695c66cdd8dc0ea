"""A noisy sum at home: the own noised part comes out, the own exact statistics go in, and nothing of it leaves."""

import numpy as np
import pytest

from participant.errors import AnswerMissing, AnswerVoided
from participant.models.exchange import WEIGHTS
from protocols.messages import AnswerSpec, Phase
from protocols.questions import ask
from protocols.questions.taste import sum_sigma, unpack_triangle
from protocols.ring import lift, to_float
from tests.participant import asked
from tests.participant.test_exchange import turn_all


@pytest.fixture
def four(start_four):
    return start_four()[:2]


def noised(until: int, noise: str = "20") -> AnswerSpec:
    values = {
        "until": until,
        "customers_until": asked.SUMMER,
        "customers_cap": 1000,
        "row_scheme": "unit",
        "noise": noise,
    }
    return ask([("taste", values)], asked.WORDS, members=4, epoch=str(until))


def released(coordinator, made, spec):
    attempt = coordinator.ask(spec)
    turn_all(made)
    assert attempt.phase is Phase.RELEASED
    return attempt, next(reversed(coordinator.releases))


def sealed(node, attempt):
    return node.home.vectors / f"{attempt.config.answer_id.hex()}.sealed"


def sealed_gram(node, attempt):
    words = lift(np.frombuffer(sealed(node, attempt).read_bytes(), "<u4"), 32)
    return unpack_triangle(to_float(words, attempt.config.answer.blocks[0]))


def test_without_the_own_part_a_sum_is_exactly_what_the_others_sealed_and_has_their_noise(four):
    coordinator, made = four
    attempt, release = released(coordinator, made, asked.noised(4, noise="5"))
    (block,) = attempt.config.answer.blocks
    for node in made:
        found = node.releases.others(release)
        expected = sum(sealed_gram(other, attempt) for other in made if other is not node)
        np.testing.assert_array_equal(found.taste.gram, expected)
        assert found.sigma == sum_sigma(block, 3)
        assert node.releases.taste(release).sigma == sum_sigma(block, 4)


def test_a_sum_that_a_company_is_not_in_is_the_others_already(four):
    coordinator, made = four
    absent = made[3]
    attempt = coordinator.ask(asked.noised(4, noise="5"))
    turn_all(made[:3], 1)
    coordinator.close(attempt)  # the last one did not come
    turn_all(made[:3])
    (release,) = coordinator.releases
    absent.releases.catch_up()
    whole, others = absent.releases.taste(release), absent.releases.others(release)
    np.testing.assert_array_equal(others.taste.gram, whole.taste.gram)
    assert others.sigma == whole.sigma


def test_an_own_part_that_is_gone_or_changed_is_never_guessed(four):
    coordinator, made = four
    attempt, release = released(coordinator, made, asked.noised(4, noise="5"))
    node = made[0]
    path = sealed(node, attempt)
    words = path.read_bytes()
    path.write_bytes(words[:-1] + bytes([words[-1] ^ 1]))
    with pytest.raises(AnswerVoided):
        node.releases.others(release)
    path.unlink()
    with pytest.raises(AnswerVoided):
        node.releases.others(release)
    with pytest.raises(AnswerMissing):
        node.door.own_part(noised(asked.SUMMER))


def test_a_node_trains_on_its_own_exact_statistics_beside_the_others_noisy_sum(four):
    coordinator, made = four
    node = made[0]
    released(coordinator, made, noised(asked.SUMMER))
    attempt, _ = released(coordinator, made, noised(asked.AUTUMN))
    assert node.trainer.turn()
    _, model = node.trainer.in_use()
    for part in model.scenarios.values():
        assert part.others_weight in WEIGHTS
        assert part.federated_lambda == part.local_lambda
    sealed(node, attempt).unlink()  # then the noisy sum can only be read as a whole
    model = node.trainer.train(node.trainer.plan())
    assert {part.others_weight for part in model.scenarios.values()} == {0.0}
    assert node.trainer.in_use()[1].scenarios["explore"].others_weight == 0.0


def test_without_noise_a_node_trains_on_the_sum_as_it_is(four):
    coordinator, made = four
    for until in (asked.SUMMER, asked.AUTUMN):
        values = {"until": until, "customers_until": asked.SUMMER, "customers_cap": 1000}
        released(coordinator, made, ask([("taste", values)], asked.WORDS, members=4, epoch=str(until)))
    assert made[0].trainer.turn()
    _, model = made[0].trainer.in_use()
    assert {part.others_weight for part in model.scenarios.values()} == {0.0}


def test_what_an_evaluation_measures_is_the_public_reading_whoever_answers(four):
    coordinator, made = four
    _, release = released(coordinator, made, asked.noised(4, noise="5"))
    readings = [node.releases.gram(release) for node in made]
    for other in readings[1:]:
        np.testing.assert_array_equal(readings[0], other)
