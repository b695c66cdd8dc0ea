"""The landmarks question: its layout, its refusals, and that its model approaches EASE as landmarks are added."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import encode
from protocols.errors import BadInput, MalformedMessage
from protocols.questions import ask, price
from protocols.questions.ease import ease
from protocols.questions.landmarks import LANDMARKS, Landmarks, describe, parse
from protocols.questions.low_rank import low_rank
from protocols.vocabulary import Vocabulary

ASKED = parse({"until": "2017-08-14", "landmarks": "0,2"})
WORDS = Vocabulary.of("words", ["BREAD", "MILK", "TEA"])


def tastes(n=400, concepts=40):
    """Unit rows of customers of a few tastes, popular concepts first."""
    rng = np.random.default_rng(3)
    likes = rng.random((4, concepts)) ** 3 / np.sqrt(1 + np.arange(concepts))
    rows = (rng.random((n, concepts)) < 2 * likes[rng.integers(0, 4, n)]).astype(float)
    return rows / np.sqrt(np.maximum(rows.sum(1, keepdims=True), 1))


def model(rows, places, lam=5.0):
    gram = rows.T @ rows
    return low_rank(gram[:, places], np.diagonal(gram).copy(), places, lam)


def test_with_all_concepts_as_landmarks_the_scores_are_those_of_ease():
    rows = tastes()
    np.testing.assert_allclose(
        model(rows, np.arange(40)).scores(rows), rows @ ease(rows.T @ rows, 5.0), atol=1e-5
    )


def test_more_landmarks_are_nearer_to_ease():
    rows = tastes()
    dense = rows @ ease(rows.T @ rows, 5.0)
    errors = [np.abs(model(rows, np.arange(r)).scores(rows) - dense).mean() for r in (2, 10, 30)]
    assert errors[0] > 1.2 * errors[1] > 1.2 * 1.2 * errors[2]


def test_a_concept_does_not_speak_for_itself():
    weights = model(tastes(), np.arange(7)).scores(np.eye(40))
    np.testing.assert_allclose(np.diagonal(weights), 0.0, atol=1e-12)


def test_exact_scores_of_a_customer_depend_on_nobody_beside_it():
    rows = (tastes(2_000) > 0).astype(float)
    made = model(rows, np.arange(0, 40, 3))
    together = made.exact_scores(rows)
    np.testing.assert_allclose(together, made.scores(rows), atol=1e-4)
    alone = np.concatenate([made.exact_scores(rows[[at]]) for at in range(60)])
    np.testing.assert_array_equal(alone, together[:60])
    np.testing.assert_array_equal(made.exact_scores(rows[7::3]), together[7::3])
    plain = np.concatenate([made.scores(rows[[at]]) for at in range(60)])
    assert (plain != made.scores(rows)[:60]).any()  # what a BLAS alone makes of it


def test_landmarks_that_noise_made_indefinite_still_give_finite_scores():
    rows = tastes()
    gram = rows.T @ rows + np.random.default_rng(0).normal(0, 20, (40, 40))
    made = low_rank(gram[:, :9], np.diagonal(gram).copy(), np.arange(9), 5.0)
    assert np.isfinite(made.scores(rows)).all()


def test_a_ridge_of_nothing_is_refused():
    with pytest.raises(BadInput, match="positive lambda"):
        model(tastes(), np.arange(3), 0.0)


def test_the_layout_is_the_squares_and_then_a_row_of_landmarks_for_every_concept():
    rows = tastes(concepts=3)
    gram = rows.T @ rows
    total = np.concatenate([np.diagonal(gram), gram[:, [0, 2]].ravel()])
    reading = LANDMARKS.read(total, ASKED, 3)
    assert isinstance(reading, Landmarks)
    np.testing.assert_array_equal(reading.squares, np.diagonal(gram))
    np.testing.assert_array_equal(reading.cross, gram[:, [0, 2]])
    assert reading.places == (0, 2)


@pytest.mark.parametrize("typed", ["", "2,0", "1,1", "-1", "x"])
def test_landmarks_are_ascending_places(typed):
    with pytest.raises((BadInput, MalformedMessage)):
        parse({"until": 5, "landmarks": typed})


def test_a_landmark_outside_the_vocabulary_is_refused():
    with pytest.raises(MalformedMessage, match="below 3"):
        ask([("landmarks", {"until": 5, "landmarks": "0,3"})], WORDS, members=5, epoch="2017")


@pytest.mark.parametrize("change", [{"since": 9, "until": 9}, {"customers_until": 0}, {"customers_cap": 0}])
def test_parameters_that_make_no_sense_do_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(ASKED, **change)


def test_parameters_survive_their_encoding_and_noise_has_a_price():
    assert LANDMARKS.open(encode(ASKED)) == ASKED
    asked = {"until": 5, "landmarks": "0,2", "noise": "2.45"}
    assert price(ask([("landmarks", asked)], WORDS, members=5, epoch="2017"), 3) is not None


def test_the_officer_reads_how_many_landmarks_there_are():
    assert "each of 2 named ones" in describe(ASKED)
