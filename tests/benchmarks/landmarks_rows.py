"""The rows of `tests.benchmarks.landmarks_wide`, from the data."""

import duckdb
import numpy as np
from scipy.sparse import csr_array

from tests.benchmarks.landmarks_wide import LEAST_BUYERS, Bought
from tests.benchmarks.newcomers_data import LEFT_OUT, Mask
from tests.benchmarks.oracle import VALID, data_folder


def bought() -> Bought:
    """From the data."""
    folder = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    found = db.execute(
        f"""WITH lines AS (
            SELECT DISTINCT household_id, product_id, week > {VALID} AS later
            FROM '{folder}/transactions.parquet' JOIN '{folder}/products.parquet' USING (product_id)
            WHERE quantity > 0 AND product_type IS NOT NULL AND department NOT IN {LEFT_OUT}),
        kept AS (
            SELECT product_id, row_number() OVER (ORDER BY count(*) DESC, product_id) - 1 AS place
            FROM lines WHERE NOT later GROUP BY product_id HAVING count(*) >= {LEAST_BUYERS})
        SELECT household_id, place, later FROM lines JOIN kept USING (product_id)"""
    ).fetchnumpy()
    households, who = np.unique(found["household_id"], return_inverse=True)
    what, later = np.asarray(found["place"], np.int64), np.asarray(found["later"], np.bool_)
    shape = (len(households), int(what.max()) + 1)

    def part(inside: Mask) -> csr_array:
        return csr_array((np.ones(int(inside.sum())), (who[inside], what[inside])), shape=shape)

    return Bought(history=part(~later), future=part(later))
