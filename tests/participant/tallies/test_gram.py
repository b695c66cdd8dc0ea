"""The sum of outer products is exact whatever is dense and whatever is sparse."""

import numpy as np
import pytest
import scipy.sparse as sp

from participant.tallies import gram as module
from participant.tallies.gram import Gram

M = 40


def rows(seed, customers=300, largest=4096):
    """Rows of which some concepts are in nearly every one and most in hardly any."""
    rng = np.random.default_rng(seed)
    taken = rng.random((customers, M)) < np.geomspace(0.9, 0.004, M)[rng.permutation(M)]
    return sp.csr_array(taken * rng.integers(1, largest + 1, taken.shape))


def summed(some, batch):
    total = Gram(M)
    for start in range(0, some.shape[0], batch):
        part = some[start : start + batch]
        total.add(part.indptr, part.indices, part.data)
    return total.matrix()


@pytest.mark.parametrize("share", [0.0, 1 / 24, 0.5, 2.0])
def test_the_sum_is_that_of_whole_numbers_whatever_share_of_the_concepts_is_dense(share, monkeypatch):
    monkeypatch.setattr(module, "HEAD_SHARE", share)
    some = rows(1)
    expected = some.toarray().T @ some.toarray()
    found = summed(some, 100)
    assert found.dtype == np.int64
    assert (found == expected).all()


@pytest.mark.parametrize("batch", [1, 7, 100, 299])
def test_batches_change_nothing(batch):
    some = rows(2)
    assert (summed(some, batch) == summed(some, 300)).all()


def test_sums_beyond_what_single_precision_holds_are_exact():
    some = sp.csr_array(np.full((2_000, M), 4095))
    assert (summed(some, 777) == 2_000 * 4095**2).all()  # 3.4e10: a float32 would be off by thousands


def test_concepts_that_the_first_rows_do_not_have_are_not_lost():
    first, later = sp.csr_array(np.eye(3, M, dtype=np.int64)), rows(3)
    total = Gram(M)
    for part in (first, later):
        total.add(part.indptr, part.indices, part.data)
    whole = sp.vstack([first, later]).toarray()
    assert (total.matrix() == whole.T @ whole).all()


def test_nobody_adds_up_to_zero():
    total = Gram(M)
    total.add(np.zeros(4, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert not total.matrix().any()


@pytest.mark.parametrize("value", [1, 3, 4096])
def test_rows_of_one_value_are_counted_and_no_count_is_lost(value):
    taken = rows(4).toarray() > 0
    some = sp.csr_array(taken * value)
    assert (summed(some, 128) == taken.astype(np.int64).T @ taken * value**2).all()


def test_a_batch_too_long_for_single_precision_is_summed_in_double(monkeypatch):
    monkeypatch.setattr(module, "SINGLE", 10)
    kinds = [module._exact(np.array([4096, 4096]), customers)[1].dtype for customers in (9, 10)]
    assert kinds == [np.float32, np.float64]
