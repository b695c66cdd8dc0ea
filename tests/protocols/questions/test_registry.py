"""Any question, driven without knowing it: asked, checked, described and read."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.errors import (
    BadInput,
    BadRelease,
    MalformedMessage,
    QuestionNotAllowed,
    RingOverflow,
    UnknownVersion,
    WrongVocabulary,
)
from protocols.limits import FRACTION_BITS
from protocols.questions import QUESTIONS, ask, check_answer, describe, question_named, read
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.taste import Taste
from protocols.vocabulary import Vocabulary

WORDS = Vocabulary.of("words", ["BREAD", "MILK", "TEA"])
TYPED = {
    "taste": {"until": "2017-08-14"},
    "evaluation": {"release": "00" * 32, "history_until": "2017-08-14", "target_until": "2017-10-02"},
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
    total = np.zeros(6 + 8, dtype=np.int64)
    total[0] = 3 << spec.blocks[0].scale_bits
    total[6] = 7 << spec.blocks[1].scale_bits
    taste, evaluation = read(spec, total, 3)
    assert isinstance(taste, Taste)
    assert isinstance(evaluation, EvaluationReading)
    assert taste.gram[0, 0] == 3
    assert evaluation.explore.count == 7


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


def test_a_sum_of_another_length_is_not_read():
    with pytest.raises(BadRelease):
        read(asked("taste"), np.zeros(5, dtype=np.int64), 3)


def test_noise_is_said_in_numbers_and_its_absence_in_words():
    spec = asked("taste")
    noisy = replace(spec, blocks=(replace(spec.blocks[0], noise_sigma=5 << FRACTION_BITS),))
    assert "Gaussian noise of 5 is added" in describe(noisy)[0]
    assert "No differential privacy" not in describe(noisy)[0]
