"""The content question: its layout, its refusals, and that its sum is the regression over everybody's purchases."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.codec import encode
from protocols.errors import BadInput, BadRelease, MalformedMessage
from protocols.limits import FRACTION_BITS
from protocols.questions import ask, price
from protocols.questions.content import CONTENT, Content, describe, length, parse, sensitivity2, triangle
from protocols.questions.taste import pack_triangle
from protocols.vocabulary import Vocabulary

ASKED = parse({"until": "2017-08-14", "dimensions": 3, "customers_cap": 1000})
WORDS = Vocabulary.of("words", ["BREAD", "MILK"])


def people(seed, n=200):
    """Texts of items, who bought which, and taste rows, as floats of one company."""
    rng = np.random.default_rng(seed)
    texts = rng.normal(size=(6, 3))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    bought = rng.random((n, 6)) < 0.4
    bought[:, 0] = True
    return texts, bought, rng.random((n, 2))


def sums(texts, bought, tastes):
    weights = bought / bought.sum(1, keepdims=True)
    a = texts.T @ (weights.sum(0)[:, None] * texts)
    return a, (weights @ texts).T @ np.hstack([tastes, np.ones((len(tastes), 1))])


def test_the_layout_is_the_triangle_of_a_and_then_c_with_its_column_of_ones():
    a, c = sums(*people(1))
    reading = CONTENT.read(np.concatenate([pack_triangle(a), c.ravel()]), ASKED, 2)
    assert triangle(ASKED) == 6
    assert length(ASKED, 2) == 6 + 9
    np.testing.assert_allclose(reading.texts, a)
    np.testing.assert_array_equal(reading.tastes, c[:, :2])
    np.testing.assert_array_equal(reading.baskets, c[:, 2])


def test_its_reading_is_ridge_regression_over_all_pairs_of_a_customer_and_an_item():
    texts, bought, tastes = people(2)
    a, c = sums(texts, bought, tastes)
    who, what = np.nonzero(bought)
    weight = np.sqrt(1 / bought.sum(1)[who])[:, None]
    design = np.vstack([weight * texts[what], np.sqrt(5.0) * np.eye(3)])
    target = np.vstack([weight * tastes[who], np.zeros((3, 2))])
    fitted, *_ = np.linalg.lstsq(design, target, rcond=None)
    reading = Content(texts=a, tastes=c[:, :2], baskets=c[:, 2])
    np.testing.assert_allclose(reading.buyers(texts, 5.0), texts @ fitted, atol=1e-10)


def test_shares_are_ridge_regression_of_baskets_on_the_texts_of_a_catalogue():
    texts, bought, tastes = people(3)
    a, c = sums(texts, bought, tastes)
    share = (bought / bought.sum(1, keepdims=True)).sum(0)
    fitted = np.linalg.solve(texts.T @ texts + 2 * np.eye(3), texts.T @ share)
    reading = Content(texts=a, tastes=c[:, :2], baskets=c[:, 2])
    np.testing.assert_allclose(reading.shares(texts, texts, 2.0), texts @ fitted)


def test_noise_that_makes_a_indefinite_is_an_error_that_names_the_ridge():
    reading = Content(texts=-np.eye(2), tastes=np.ones((2, 1)), baskets=np.ones(2))
    with pytest.raises(BadInput, match="larger ridge"):
        reading.buyers(np.ones((1, 2)), 0.5)
    assert reading.buyers(np.ones((1, 2)), 3.0)[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, "until"),
        ({"until": 5, "encoder": "bert"}, "encoder"),
        ({"until": 5, "dimensions": 0}, "dimensions"),
        ({"until": 5, "dimensions": 2000}, "dimensions"),
        ({"until": 5, "customers_cap": 2**30}, "customers_cap"),
        ({"until": 5, "colour": 1}, "colour"),
    ],
)
def test_a_wrong_parameter_is_named(values, word):
    with pytest.raises(BadInput, match=word):
        parse(values)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": "sentences"},
        {"encoder": "x"},
        {"dimensions": 0},
        {"since": 9, "until": 9},
        {"customers_until": 0},
        {"customers_cap": 0},
    ],
)
def test_parameters_that_make_no_sense_do_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(ASKED, **change)


def test_the_sentence_model_has_its_own_number_of_dimensions():
    assert parse({"until": 5, "encoder": "sentences"}).dimensions == 384
    with pytest.raises(MalformedMessage, match="384"):
        parse({"until": 5, "encoder": "sentences", "dimensions": 100})


def test_parameters_survive_their_encoding():
    assert CONTENT.open(encode(ASKED)) == ASKED


def test_a_sum_of_another_length_is_refused():
    with pytest.raises(BadRelease, match="15 finite"):
        CONTENT.read(np.zeros(14), ASKED, 2)


def test_noise_has_a_price_and_less_for_each_text_does_not_change_it():
    asked = {"until": 5, "dimensions": 8, "noise": "2.45"}
    spec = ask([("content", asked)], WORDS, members=5, epoch="2017")
    assert price(spec, 2) is not None
    loss = price(spec, 2).loss
    larger = ask([("content", {**asked, "dimensions": 1024})], WORDS, members=5, epoch="2017")
    assert price(larger, 2).loss == pytest.approx(loss, rel=1e-4)
    assert sensitivity2(ASKED, 2) > 3 << 2 * FRACTION_BITS


def test_the_officer_reads_what_is_counted_and_that_names_stay():
    words = describe(ASKED)
    assert "names themselves do not leave" in words
    assert "3 cells" in words
    assert "1000 customers" in words
