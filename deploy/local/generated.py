"""Made-up sales with the columns of the real data: for tests, and when the real data is missing.

Customers have one of a few tastes; what they buy says nothing about anybody. Nothing measured on
these numbers is ever quoted.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.companies import Company
from deploy.local.windows import TEST_UNTIL

START_S: Final = int(datetime(2017, 1, 1, tzinfo=UTC).timestamp())
TASTES: Final = 6


def write_generated(
    folder: Path,
    members: tuple[Company, ...],
    vocabulary: Path,
    *,
    customers: int = 150,
    concepts: int = 60,
    lines_each: int = 80,
    seed: int = 7,
) -> list[int]:
    """Write sales and catalogue of every company and the vocabulary; return the lines of each."""
    random = np.random.default_rng(seed)
    names = [f"CONCEPT {number:03d}" for number in range(concepts)]
    likes = random.dirichlet(np.full(concepts, 0.15), size=TASTES)
    vocabulary.write_text("".join(f"{name}\n" for name in names))
    counts = []
    for member in members:
        taste = random.integers(0, TASTES, customers)
        customer = np.repeat(np.arange(customers), lines_each)
        bought = np.concatenate([random.choice(concepts, lines_each, p=likes[t]) for t in taste])
        seconds = random.integers(START_S, TEST_UNTIL, len(customer))
        order = np.argsort(seconds, kind="stable")
        sales = pa.table(
            {
                "household_id": customer[order],
                "store_id": np.full(len(customer), member.place),
                "basket_id": seconds[order],
                "product_id": 1000 + bought[order],
                "quantity": random.integers(1, 4, len(customer)),
                "sales_value": np.round(random.uniform(0.5, 9.5, len(customer)), 2),
                "retail_disc": np.zeros(len(customer)),
                "coupon_disc": np.zeros(len(customer)),
                "transaction_timestamp": pa.array(seconds[order] * 1_000_000, pa.timestamp("us")),
            }
        )
        catalogue = pa.table(
            {
                "product_id": 1000 + np.arange(concepts),
                "product_type": names,
                "product_category": [f"CATEGORY {number // 10}" for number in range(concepts)],
                "department": ["GROCERY"] * concepts,
                "brand": ["National"] * concepts,
                "product_name": [f"{name}, 1 CT" for name in names],
            }
        )
        (folder / member.slug).mkdir(parents=True, exist_ok=True)
        pq.write_table(sales, folder / member.slug / "sales.parquet")
        pq.write_table(catalogue, folder / member.slug / "catalogue.parquet")
        counts.append(len(customer))
    return counts
