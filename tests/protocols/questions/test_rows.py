"""Row schemes as integers: bounds that hold for every customer, and caps that keep the most bought."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadInput, UnboundedSensitivity
from protocols.limits import FRACTION_BITS, ROW_BITS
from protocols.questions.rows import ROW_SCHEMES, cap_items, cell_bound, norm2_of, row_values

ONE = 1 << ROW_BITS


@st.composite
def batches(draw):
    """A few customers with distinct concepts each."""
    customers = draw(
        st.lists(st.dictionaries(st.integers(0, 30), st.integers(1, 40), max_size=12), max_size=6)
    )
    indptr = np.cumsum([0, *(len(items) for items in customers)])
    indices = [concept for items in customers for concept in sorted(items)]
    counts = [items[concept] for items in customers for concept in sorted(items)]
    return indptr, np.array(indices, dtype=np.int64), np.array(counts, dtype=np.int64)


@given(batches(), st.sampled_from(ROW_SCHEMES))
def test_every_value_is_an_integer_between_zero_and_one(batch, scheme):
    indptr, _, counts = batch
    values = row_values(scheme, counts, indptr, 12)
    assert values.dtype == np.int64
    assert values.shape == counts.shape
    assert ((values >= 0) & (values <= ONE)).all()


@given(batches())
def test_under_unit_no_customer_is_longer_than_one_and_none_much_shorter(batch):
    indptr, _, counts = batch
    values = row_values("unit", counts, indptr)
    for start, stop in pairwise(indptr):
        norm = int((values[start:stop] ** 2).sum())
        assert norm <= 1 << FRACTION_BITS
        if stop > start:
            assert norm > 0.99 * (1 << FRACTION_BITS)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 596, 10_000])
def test_unit_values_are_the_floor_of_the_exact_square_root(size):
    value = int(row_values("unit", np.ones(size, dtype=np.int64), np.array([0, size]))[0])
    assert value**2 * size <= ONE**2 < (value + 1) ** 2 * size


def test_logarithmic_values_grow_by_less_and_less_and_stop_at_one():
    counts = np.arange(1, 30)
    values = row_values("logarithmic", counts, np.array([0, 29]))
    exact = [min(1.0, math.log2(1 + count) / 4) for count in counts]
    assert (values == np.floor(np.array(exact) * ONE)).all()
    steps = np.diff(values)
    assert (np.diff(steps[:13]) < 0).all()
    assert (values[14:] == ONE).all()


def test_an_unknown_scheme_is_refused():
    with pytest.raises(BadInput, match="binary, logarithmic, unit, capped"):
        row_values("raw", np.array([1]), np.array([0, 1]))


@given(batches(), st.integers(0, 14))
def test_a_cap_keeps_the_most_bought_with_ties_to_the_lowest_index(batch, cap):
    indptr, indices, counts = batch
    capped_ptr, capped, kept_counts = cap_items(indptr, indices, counts, cap)
    for u in range(len(indptr) - 1):
        mine = list(zip(indices[indptr[u] : indptr[u + 1]], counts[indptr[u] : indptr[u + 1]], strict=True))
        best = sorted(mine, key=lambda item: (-item[1], item[0]))[: cap or None]
        got = slice(capped_ptr[u], capped_ptr[u + 1])
        assert list(zip(capped[got], kept_counts[got], strict=True)) == sorted(best)


@given(batches(), st.sampled_from(ROW_SCHEMES), st.integers(1, 9), st.integers(1, 1000))
def test_no_row_is_longer_and_no_cell_larger_than_its_scheme_declares(batch, scheme, cap, customers):
    indptr, _, counts = cap_items(*batch, cap)
    values = row_values(scheme, counts, indptr, cap)
    for start, stop in pairwise(indptr):
        assert int((values[start:stop] ** 2).sum()) <= norm2_of(scheme, cap)
    largest = int(values.max(initial=0))
    assert largest**2 * customers <= cell_bound(scheme, cap, customers) << FRACTION_BITS


@pytest.mark.parametrize("cap", [1, 2, 4, 9, 600])
def test_capped_rows_are_binary_rows_over_the_root_of_the_cap_and_a_full_one_has_length_one(cap):
    values = row_values("capped", np.ones(cap, dtype=np.int64), np.array([0, cap]), cap)
    norm = int((values**2).sum())
    assert norm <= norm2_of("capped", cap) <= 1 << FRACTION_BITS
    assert norm > 0.98 * (1 << FRACTION_BITS)


@pytest.mark.parametrize("scheme", ["binary", "logarithmic"])
def test_entries_alone_bound_no_row(scheme):
    with pytest.raises(UnboundedSensitivity):
        norm2_of(scheme, 0)
