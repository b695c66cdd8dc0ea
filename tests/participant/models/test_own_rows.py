"""Own statistics: whole, or the columns of what most customers here bought; the same cells, whatever the batches."""

import numpy as np

from participant.models import own_rows
from participant.models.gram import GramColumns, WholeGram
from tests.participant.models.test_gram import N, batch_of, tastes


def test_own_columns_are_those_of_the_whole_for_what_most_customers_bought(monkeypatch):
    monkeypatch.setattr("participant.models.own_rows.LANDMARKS", 6)
    bought = tastes()
    together = batch_of(bought)
    whole = own_rows.gram(lambda: [together], N, square_max=N)
    halves = [batch_of(bought[:100]), batch_of(bought[100:])]
    found = own_rows.gram(lambda: halves, N, square_max=N - 1)
    assert isinstance(found, GramColumns)
    assert set(found.places) == set(np.argsort(-bought.sum(0), kind="stable")[:6])
    assert (np.diff(found.places) > 0).all()
    np.testing.assert_array_equal(found.diagonal, whole.diagonal)
    np.testing.assert_array_equal(found.cross, whole.columns(found.places))


def test_a_square_is_made_up_to_the_size_that_is_set_and_no_further():
    bought = batch_of(tastes())
    kinds = [type(own_rows.gram(lambda: [bought], N, square_max=most)) for most in (N, N - 1)]
    assert kinds == [WholeGram, GramColumns]


def test_a_company_that_sold_nothing_of_the_vocabulary_has_a_model_that_says_nothing():
    found = own_rows.gram(list, N, square_max=0)
    assert found.places.shape == (0,)
    assert not found.weights(100.0).scores(np.ones((1, N), np.float32)).any()
