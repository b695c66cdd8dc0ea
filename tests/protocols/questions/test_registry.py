"""Any question, driven without knowing it: asked, checked, described and read."""

import math
from dataclasses import replace

import numpy as np
import pytest

from protocols.errors import (
    BadInput,
    BadRelease,
    MalformedMessage,
    QuestionNotAllowed,
    RingOverflow,
    UnboundedSensitivity,
    UnknownVersion,
    WrongVocabulary,
)
from protocols.limits import FRACTION_BITS
from protocols.noise import STRIDE
from protocols.privacy import LOSS_BITS, RATE_BITS
from protocols.questions import QUESTIONS, ask, check_answer, describe, noise_for, price, question_named, read
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.taste import Taste
from protocols.vocabulary import Vocabulary

WORDS = Vocabulary.of("words", ["BREAD", "MILK", "TEA"])
TYPED = {
    "taste": {"until": "2017-08-14"},
    "evaluation": {"release": "00" * 32, "history_until": "2017-08-14", "target_until": "2017-10-02"},
    "encoder": {"taste": "00" * 32, "until": "2017-08-14", "hidden": 4, "latent": 2},
    "nonbuyers": {"until": "2017-08-14"},
    "content": {"until": "2017-08-14", "dimensions": 4},
    "landmarks": {"until": "2017-08-14", "landmarks": "0,2"},
    "rhythm": {"until": "2017-08-14"},
}


def asked(*names, members=5, **change):
    return ask(
        [(name, TYPED[name]) for name in names or QUESTIONS], WORDS, members=members, epoch="2017", **change
    )


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_can_be_asked_checked_described_and_read_by_name_alone(name):
    spec = asked(name)
    check_answer(spec, WORDS, 5)
    assert question_named(name).name == name
    assert "No differential privacy here." in describe(spec)[0]
    assert len(read(spec, np.zeros(spec.elements, dtype=np.int64), len(WORDS))) == 1


def test_several_questions_travel_in_one_vector_and_are_read_apart():
    spec = asked("taste", "evaluation")
    total = np.zeros(spec.elements, dtype=np.int64)
    total[0] = 3 << spec.blocks[0].scale_bits
    total[6] = 7 << spec.blocks[1].scale_bits
    taste, evaluation = read(spec, total, 3)
    assert isinstance(taste, Taste)
    assert isinstance(evaluation, EvaluationReading)
    assert taste.gram[0, 0] == 3
    assert evaluation.explore.count == 7


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_below_zero_in_a_sum_is_refused_where_every_answer_without_noise_counts(name):
    spec = asked("nonbuyers", name)
    below = np.zeros(spec.elements, dtype=np.int64)
    below[-1] = -1
    if name in {"taste", "landmarks", "rhythm"}:
        with pytest.raises(
            BadRelease, match=f"'{name}' without noise.*-1 in cell {spec.blocks[-1].length - 1}"
        ):
            read(spec, below, len(WORDS))
    else:
        assert len(read(spec, below, len(WORDS))) == 2


def test_an_unknown_question_is_refused_beside_the_known_ones():
    with pytest.raises(QuestionNotAllowed, match="taste, evaluation"):
        question_named("gossip")
    with pytest.raises(QuestionNotAllowed):
        ask([("gossip", {})], WORDS, members=5, epoch="2017")
    with pytest.raises(BadInput):
        ask([], WORDS, members=5, epoch="2017")


def test_parameters_that_contradict_each_other_are_the_admins_mistake_and_not_a_peers():
    with pytest.raises(BadInput, match="since before until"):
        ask([("taste", {"since": "2018-01-01", "until": "2017-01-01"})], WORDS, members=5, epoch="2017")


def test_a_cap_that_fits_no_ring_is_refused_when_it_is_asked():
    with pytest.raises(RingOverflow, match="64 bits"):
        ask([("taste", {"until": 1, "customers_cap": 2**32})], WORDS, members=5, epoch="2017")
    spec = ask(
        [("taste", {"until": 1, "customers_cap": 2**32})], WORDS, members=5, epoch="2017", ring_bits=64
    )
    assert spec.blocks[0].scale_bits == FRACTION_BITS


@pytest.mark.parametrize(
    ("change", "part"),
    [({"length": 5}, "length"), ({"bound": 99}, "bound"), ({"scale_bits": 11}, "scale_bits"),
     ({"noise_tail": 1}, "noise_tail")],
)  # fmt: skip
def test_a_node_refuses_a_block_that_its_parameters_do_not_give(change, part):
    spec = asked("taste")
    bent = replace(spec, blocks=(replace(spec.blocks[0], **change),))
    with pytest.raises(QuestionNotAllowed, match=part):
        check_answer(bent, WORDS, 5)


def test_a_node_refuses_the_scale_of_another_cohort_and_the_cells_of_another_vocabulary():
    with pytest.raises(QuestionNotAllowed, match="scale_bits"):
        check_answer(asked("taste", members=50), WORDS, 5)
    with pytest.raises(WrongVocabulary):
        check_answer(asked("taste"), Vocabulary.of("words", ["BREAD", "MILK"]), 5)


def test_a_node_refuses_parameters_of_another_question_or_version():
    spec = asked("taste", "evaluation")
    swapped = replace(spec.blocks[0], parameters=spec.blocks[1].parameters)
    with pytest.raises(UnknownVersion):
        check_answer(replace(spec, blocks=(swapped,)), WORDS, 5)
    cut = replace(spec.blocks[0], parameters=spec.blocks[0].parameters[:-1])
    with pytest.raises(MalformedMessage):
        check_answer(replace(spec, blocks=(cut,)), WORDS, 5)


@pytest.mark.parametrize("cells", [5, 7])
def test_a_sum_of_another_length_is_not_read(cells):
    with pytest.raises(BadRelease):
        read(asked("taste"), np.zeros(cells, dtype=np.int64), 3)


def test_the_loud_cells_are_those_of_the_diagonal_and_other_questions_have_none():
    assert question_named("taste").loud(3).tolist() == [0, 3, 5]
    assert question_named("evaluation").loud(3).tolist() == []


def test_the_scale_is_that_of_so_many_answers_of_this_bound_and_not_the_other_way_round():
    spec = ask([("taste", TYPED["taste"] | {"customers_cap": 2_097_150})], WORDS, members=4, epoch="e")
    assert spec.blocks[0].scale_bits == 8


NOISY = {
    "taste": {"until": "2017-08-14", "row_scheme": "unit", "noise": "2.45"},
    "evaluation": {**TYPED["evaluation"], "obvious": "pooled", "noise": "10"},
    "encoder": {**TYPED["encoder"], "mode": "gradient", "noise": "10"},
    "nonbuyers": {"until": "2017-08-14", "concepts": [0, 2], "noise": "2.45"},
    "content": {**TYPED["content"], "noise": "10"},
    "landmarks": {**TYPED["landmarks"], "noise": "10"},
    "rhythm": {"until": "2017-08-14", "scheme": "unit", "noise": "2.45"},
}


def noisy(*names, **change):
    return ask([(n, {**NOISY[n], **change}) for n in names or NOISY], WORDS, members=5, epoch="2017")


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_can_be_asked_with_noise_and_says_what_it_costs(name):
    spec = noisy(name, noise="2.45")
    check_answer(spec, WORDS, 5)
    cost = price(spec, 3)
    assert 2.45 <= math.sqrt(2**LOSS_BITS / cost.loss) < 2.4501
    assert cost.epsilon == pytest.approx(2.0, abs=0.01)
    assert "Gaussian noise of" in describe(spec)[0]
    assert spec.blocks[0].noise_tail >= 14 * spec.blocks[0].noise_sigma >> (
        FRACTION_BITS - spec.blocks[0].scale_bits
    )


def test_blocks_of_one_vector_are_paid_together_and_a_block_without_noise_spoils_it():
    both = price(noisy(), 3)
    assert both.loss == sum(price(noisy(name), 3).loss for name in NOISY)
    assert both.releases == 1
    assert price(asked("taste"), 3) is None
    assert (
        price(
            ask(
                [("taste", NOISY["taste"]), ("evaluation", TYPED["evaluation"])], WORDS, members=5, epoch="1"
            ),
            3,
        )
        is None
    )


def test_a_round_on_a_secret_sample_costs_less_than_one_on_everybody_and_travels_alone():
    everybody, few = price(noisy("encoder"), 3), price(noisy("encoder", sample=10_000), 3)
    (one,) = few.sampled
    assert (few.loss, few.releases, one.rounds) == (0, 0, 1)
    assert one.loss == everybody.loss
    assert one.rate == math.ceil(2**RATE_BITS / 100)  # rounded up: a larger sample costs more
    assert few.epsilon < everybody.epsilon / 2
    sampled = {**NOISY["encoder"], "sample": 10_000}
    together = ask([("encoder", sampled), ("taste", NOISY["taste"])], WORDS, members=5, epoch="1")
    with pytest.raises(QuestionNotAllowed, match="vector of its own"):
        price(together, 3)


def test_a_node_takes_any_sigma_and_computes_scale_tail_and_price_itself():
    spec = noisy("taste")
    (block,) = spec.blocks
    quieter = replace(spec, blocks=(replace(block, noise_sigma=block.noise_sigma // 4),))
    with pytest.raises(QuestionNotAllowed, match="noise_tail"):
        check_answer(quieter, WORDS, 5)
    honest = noisy("taste", noise="0.6125")
    check_answer(honest, WORDS, 5)
    assert price(honest, 3).epsilon > 8


@pytest.mark.parametrize("change", [{"noise_tail": 0}, {"noise_sigma": 0}])
def test_noise_with_half_of_its_numbers_is_refused(change):
    spec = noisy("taste")
    with pytest.raises(QuestionNotAllowed, match="noise_"):
        check_answer(replace(spec, blocks=(replace(spec.blocks[0], **change),)), WORDS, 5)


def test_a_node_refuses_noise_that_hides_nobody_whatever_the_coordinator_signed():
    spec = asked("taste")  # binary rows of any length
    with pytest.raises(UnboundedSensitivity):
        check_answer(replace(spec, blocks=(replace(spec.blocks[0], noise_sigma=2**30),)), WORDS, 5)


def test_noise_that_the_rings_scale_would_drown_is_refused_and_so_is_more_than_can_be_made():
    with pytest.raises(RingOverflow, match="16 ring units"):
        noisy("taste", customers_cap=2**26, noise="1")
    wide = {"until": 5, "row_scheme": "binary", "items_cap": 600, "noise": "999999"}
    with pytest.raises(RingOverflow, match="fit a ring"):
        ask([("taste", wide)], WORDS, members=5, epoch="2017")
    with pytest.raises(BadInput, match="smaller multiplier"):
        ask([("taste", wide)], WORDS, members=5, epoch="2017", ring_bits=64)


@pytest.mark.parametrize("typed", ["much", "-1", "1e3", "2,45", "0.0000001", [1, 2], "٣"])
def test_a_multiplier_that_is_no_plain_decimal_is_one_clear_message(typed):
    with pytest.raises(BadInput, match=r"2\.45"):
        noisy("taste", noise=typed)


def test_no_noise_can_be_said_in_a_number_too():
    assert noisy("taste", noise="0") == noisy("taste", noise=0)
    assert price(noisy("taste", noise=0), 3) is None


def test_noise_is_that_of_its_block_its_key_and_its_cell_and_louder_on_the_diagonal():
    words = Vocabulary.of("words", [f"{i:03d}" for i in range(400)])
    spec = ask([("taste", NOISY["taste"]), ("taste", NOISY["taste"])], words, members=5, epoch="2017")
    (block, _), cells = spec.blocks, 400 * 401 // 2
    noise = noise_for(spec, 400, bytes(32))
    whole = np.concatenate([noise(0, start, min(STRIDE, cells - start)) for start in range(0, cells, STRIDE)])
    loud = QUESTIONS["taste"].loud(400)
    quiet = np.delete(whole, loud) / block.noise_sigma
    assert abs(quiet.var() - 1) < 5 * (2 / len(quiet)) ** 0.5
    assert abs((whole[loud] / block.noise_sigma).var() - 2) < 5 * 2 * (2 / len(loud)) ** 0.5
    assert (noise_for(spec, 400, bytes(32))(0, STRIDE, 9) == whole[STRIDE : STRIDE + 9]).all()
    assert (noise(1, 0, 9) != whole[:9]).any()
    assert (noise_for(spec, 400, b"\x01" * 32)(0, 0, 9) != whole[:9]).any()


def test_noise_is_said_in_numbers_and_its_absence_in_words():
    spec = asked("taste")
    loud = replace(spec, blocks=(replace(spec.blocks[0], noise_sigma=5 << FRACTION_BITS),))
    assert "Gaussian noise of 5 is added" in describe(loud)[0]
    assert "No differential privacy" not in describe(loud)[0]
