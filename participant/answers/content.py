"""The ``content`` answer: texts of what customers bought, with each other and with their taste rows.

Exactness: a row of a text has entries of at most ``2**12``, a customer's share of each of its n items is
floor(2**12 / n), so that a product in A is at most ``2**36`` a customer. A batch of B customers stays below
``2**53`` as long as ``B < 2**17``, where float64 products are exact in whatever order; batches are added in
int64 and A is divided by ``2**12`` once. A customer's mean text is cut towards zero, so that it is no longer
than its longest item, whichever batch it is in.

>>> one = Batch(indptr=np.array([0, 2]), places=np.array([0, 1]), tastes=np.array([[0.0, 4096.0]]))
>>> a, c = sums([one], np.array([[4096, 0], [0, 4096]]), 2)
>>> a.diagonal() / 2**24, (c / 2**24).tolist()  # two items share one customer: half each, not one each
(array([0.5, 0.5]), [[0.0, 0.5], [0.0, 0.5]])
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from participant.answers.context import AnswerContext
from participant.encoders import encoder_named, text_of
from participant.errors import RecordsChanged
from participant.store.records_rows import RowBatch
from participant.tallies.taste import check_norm
from protocols.errors import OutOfBounds
from protocols.limits import FRACTION_BITS, ROW_BITS
from protocols.questions import content, taste
from protocols.questions.rows import row_values

Ints = NDArray[np.int64]

SCHEME: Final = "unit"
"""How a taste row is counted: bought or not, divided by the row's length."""

_ONE: Final = 1 << ROW_BITS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some customers: which items each bought (``indptr``, ``places``), and the rows that ``tastes`` gives.

    ``tastes`` holds integers of at most ``2**ROW_BITS``, (customers, columns of C).
    """

    indptr: Ints
    places: Ints
    tastes: NDArray[np.float64]


def fill(parameters: bytes, context: AnswerContext) -> Ints:
    """This company's answer, int64 with ``FRACTION_BITS`` fractional bits: the triangle of A, then C.

    Raises:
        QuestionNotAllowed: the encoder is not installed here.
        OutOfBounds: a row outside its bound.
    """
    asked = content.CONTENT.open(parameters)
    concepts = len(context.vocabulary)
    encode = encoder_named(asked.encoder, asked.dimensions)
    span = {
        "since": asked.since,
        "until": asked.until,
        "customers_until": asked.customers_until,
        "customers_cap": asked.customers_cap,
    }
    items = context.records.every_item()
    texts = checked(encode([text_of(item) for item in items]))
    batches = (
        Batch(indptr=bought.indptr, places=bought.indices, tastes=_tastes(_same(bought, row), concepts))
        for bought, row in zip_longest(
            context.records.item_rows(items, **span), context.records.taste_rows(context.vocabulary, **span)
        )
    )
    a, c = sums(batches, texts, concepts + 1)
    return np.concatenate([taste.pack_triangle(a), c.ravel()])


def sums(batches: Iterable[Batch], texts: Ints, columns: int) -> tuple[Ints, Ints]:
    """A and C with ``FRACTION_BITS`` fractional bits.

    Args:
        batches: customers with what they bought.
        texts: rows of the items, (n_items, dimensions).
        columns: of C.
    """
    a = np.zeros((texts.shape[1], texts.shape[1]), np.int64)
    c = np.zeros((texts.shape[1], columns), np.int64)
    for batch in batches:
        sizes = np.diff(batch.indptr)
        share = np.zeros(len(texts))
        np.add.at(share, batch.places, np.repeat(_ONE // np.maximum(sizes, 1), sizes).astype(np.float64))
        present = np.flatnonzero(share)
        rows = texts[present].astype(np.float64)
        a += (rows.T @ (rows * share[present, None])).astype(np.int64)
        means = mean_texts(texts, batch.indptr, batch.places).astype(np.float64)
        c += (means.T @ batch.tastes).astype(np.int64)
    return a >> ROW_BITS, c


def mean_texts(texts: Ints, indptr: Ints, places: Ints) -> Ints:
    """Each customer's mean text, cut towards zero, (customers, dimensions); zeros for who bought nothing.

    >>> mean_texts(np.array([[-3, 4], [0, 5]]), np.array([0, 2, 2]), np.array([0, 1])).tolist()
    [[-1, 4], [0, 0]]
    """
    sizes = np.diff(indptr)
    bought = csr_array((np.ones(len(places), np.int64), places, indptr), shape=(len(sizes), len(texts)))
    totals = bought @ texts
    cut: Ints = np.sign(totals) * (np.abs(totals) // np.maximum(sizes, 1)[:, None])
    return cut


def checked(texts: Ints) -> Ints:
    """``texts`` if no row is longer than 1, whatever encoder made it.

    Raises:
        OutOfBounds: nothing is sent.
    """
    if len(texts) and int((texts * texts).sum(1).max()) > 1 << FRACTION_BITS:
        raise OutOfBounds(
            expected="texts of length at most 1", came="a longer one", do="report this as a bug"
        )
    return texts


def _same(bought: RowBatch | None, row: RowBatch | None) -> RowBatch:
    """``row``, if it is of the customers of ``bought``.

    Raises:
        RecordsChanged: a customer came or went between the two passes.
    """
    if bought is None or row is None or not np.array_equal(bought.customer_keys, row.customer_keys):
        raise RecordsChanged(
            expected="the same customers in items and in concepts",
            came="others: purchases were read in meanwhile",
            do="fill the answer in again",
        )
    return row


def _tastes(batch: RowBatch, n_concepts: int) -> NDArray[np.float64]:
    """Rows (z, 1), (customers, n_concepts + 1)."""
    values = row_values(SCHEME, batch.counts, batch.indptr)
    check_norm(SCHEME, 0, values, batch.indptr)
    dense = np.zeros((len(batch), n_concepts + 1))
    dense[:, -1] = _ONE
    dense[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.indices] = values
    return dense
