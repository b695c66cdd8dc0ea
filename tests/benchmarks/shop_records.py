"""A company of the comparison as the product sees one: rows of the windows, asked for as a node's records are.

So that what is measured is `participant.models` and the product's questions as they are, and only the reading of
purchases is the benchmark's. Windows are instants, those of :mod:`tests.benchmarks.consortium`.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from participant.models import Windows
from participant.store.records_products import Product
from participant.store.records_rows import RowBatch
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL
from tests.benchmarks.purchases import Shop

WINDOWS = Windows(fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL)


class ShopRecords:
    """The rows of one company; its customers are those of the fit window."""

    def __init__(self, shop: Shop) -> None:
        self._rows = {
            (0, FIT_UNTIL): shop.fit,
            (0, VALIDATION_UNTIL): shop.full,
            (FIT_UNTIL, VALIDATION_UNTIL): shop.fresh,
            (FIT_UNTIL, FIT_UNTIL): sp.csr_matrix(shop.fit.shape, dtype=np.float32),
        }

    def taste_rows(
        self,
        _vocabulary: Vocabulary,
        *,
        since: int,
        until: int,
        customers_until: int,
        customers_cap: int = 0,
        batch: int = 1_024,
    ) -> Iterator[RowBatch]:
        """As `participant.store.records` does; which customers are left out beyond a cap is drawn with one seed.

        Purchases have a window and no day: an instant within the validation window stands for its end.
        """
        if customers_until != FIT_UNTIL:
            raise ValueError(f"customers are those of the fit window, not those until {customers_until}")
        rows = self._rows[since, FIT_UNTIL if until <= FIT_UNTIL else VALIDATION_UNTIL]
        rows.sort_indices()
        keys = np.arange(rows.shape[0])
        if 0 < customers_cap < len(keys):
            keys = np.sort(np.random.default_rng(0).permutation(keys)[:customers_cap])
        for start in range(0, len(keys), batch):
            some = keys[start : start + batch]
            part = rows[some]
            yield RowBatch(
                customer_keys=some,
                indptr=part.indptr.astype(np.int64),
                indices=part.indices.astype(np.int64),
                counts=np.ones(part.nnz, np.int64),
            )

    def on_sale(self, vocabulary: Vocabulary, **_asked: int) -> NDArray[np.float64]:
        """Everything at all times: the data sets do not say."""
        return np.ones(len(vocabulary))

    def starter_products(self, _vocabulary: Vocabulary, *, until: int) -> dict[int, Product]:
        """None: the comparison ranks concepts."""
        return {}


def vocabulary_of(shops: tuple[Shop, ...]) -> Vocabulary:
    """Places as concepts: their names mean nothing to a model."""
    return Vocabulary.of("comparison", (f"{place:06d}" for place in range(shops[0].fit.shape[1])))
