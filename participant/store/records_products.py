"""From concept to product: the product with which newcomers to a concept start, and stay.

A newcomer *starts* with the product of its first line of the concept here, and *stays* if it buys
the concept again on a later day. Of a concept's products, the one with most starters who stayed wins.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product of the shop; ``starters`` and ``stayed`` are counts of this company's customers."""

    item_id: str
    name: str
    starters: int
    stayed: int
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueLine:
    """``items`` of the shop's catalogue that have the same concept, category and name."""

    concept: str
    category: str
    name: str
    items: int


def starter_products(
    connection: duckdb.DuckDBPyConnection, events: str, *, items: Ints, concepts: Ints, until: int
) -> dict[int, tuple[int, int, int]]:
    """Return (item key, starters, stayed) of the best starter product by concept index.

    Most newcomers who start with it *and stay* win; ties go to the higher share of stayers, then to
    the lower item key. Only purchases before ``until`` (unix seconds) count.
    """
    connection.register("mapped", pa.table({"item_key": items, "concept": concepts}))
    rows = connection.execute(
        f"""WITH bought AS (
            SELECT customer_key, concept, item_key, seconds
            FROM {events} JOIN mapped USING (item_key) WHERE seconds < ?),
        starts AS (
            SELECT customer_key, concept, arg_min(item_key, (seconds, item_key)) AS item_key,
                   max(seconds) // 86400 > min(seconds) // 86400 AS stayed
            FROM bought GROUP BY customer_key, concept),
        products AS (
            SELECT concept, item_key, count(*)::BIGINT AS starters, count(*) FILTER (stayed)::BIGINT AS stayed
            FROM starts GROUP BY concept, item_key)
        SELECT concept, item_key, starters, stayed FROM products
        QUALIFY row_number() OVER (
            PARTITION BY concept ORDER BY stayed DESC, stayed / starters DESC, starters DESC, item_key) = 1
        ORDER BY concept""",
        [until],
    ).fetchall()
    return {int(concept): (int(item), int(starters), int(stayed)) for concept, item, starters, stayed in rows}
