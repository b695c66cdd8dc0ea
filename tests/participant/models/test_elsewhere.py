"""Buyers elsewhere: customers, not weights, under every way to count a row."""

import numpy as np
import pytest

from participant.models import Windows, learn
from participant.models.elsewhere import buyers_elsewhere
from participant.store.records_rows import RowBatch
from participant.tallies.taste import gram, squares
from protocols.limits import FRACTION_BITS
from protocols.questions.rows import ROW_SCHEMES
from tests.participant.shop import DAY, VOCABULARY, exchange, shop

M, CAP = 40, 12
WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)


def rows(customers, seed):
    """Customers with 1 to 25 concepts, popular ones first."""
    rng = np.random.default_rng(seed)
    likes = 1 / (1 + np.arange(M))
    found = [
        np.sort(rng.choice(M, rng.integers(1, 25), replace=False, p=likes / likes.sum()))
        for _ in range(customers)
    ]
    indices = np.concatenate(found)
    return RowBatch(
        customer_keys=np.arange(customers),
        indptr=np.concatenate([[0], np.cumsum([len(each) for each in found])]),
        indices=indices,
        counts=rng.integers(1, 6, len(indices)),
    )


def weighed(batch, scheme):
    return squares([batch], M, scheme, CAP) / 2.0**FRACTION_BITS


@pytest.mark.parametrize("scheme", ROW_SCHEMES)
def test_the_squares_are_the_diagonal_of_the_answer(scheme):
    batch = rows(50, 1)
    assert (squares([batch], M, scheme, CAP) == np.diagonal(gram([batch], M, scheme, CAP))).all()


@pytest.mark.parametrize("scheme", ROW_SCHEMES)
def test_the_estimate_is_near_the_customers_elsewhere_under_every_row_scheme(scheme):
    here, others = rows(400, 2), rows(2000, 3)
    buyers, truth = (np.bincount(batch.indices, minlength=M) for batch in (here, others))
    own = weighed(here, scheme)
    found = buyers_elsewhere(weighed(others, scheme), own, buyers)
    common = truth > 200
    assert common.sum() > 20
    assert np.abs(found / truth - 1)[common].max() < 0.25
    assert abs(found.sum() / truth.sum() - 1) < 0.05


def test_a_concept_that_nobody_buys_here_weighs_what_a_concept_does_on_average():
    found = buyers_elsewhere(np.array([0.0, 8.0]), np.array([10.0, 0.0]), np.array([40, 0]))
    assert found.tolist() == [0, 32]


def test_noise_below_the_own_part_is_nobody_and_an_empty_shop_knows_nothing():
    assert buyers_elsewhere(np.array([-2.0]), np.array([3.0]), np.array([5])).tolist() == [0]
    assert buyers_elsewhere(np.array([9.0]), np.array([0.0]), np.array([0])).tolist() == [0]


def test_a_model_of_unit_sums_knows_about_as_many_buyers_elsewhere_as_one_of_binary_sums(tmp_path):
    records, _, _ = shop(tmp_path)
    binary, unit = (
        learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange(unit=unit)).model.elsewhere
        for unit in (False, True)
    )
    common = binary >= 50
    assert common.sum() > 10
    assert np.abs(unit / binary - 1)[common].max() < 0.2
