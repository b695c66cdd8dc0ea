"""Purchases as files, for nodes that are set up by the command line."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_purchases(
    folder: Path, concepts: list[str], *, until: int, customers: int = 6
) -> tuple[Path, Path]:
    """Sales and catalogue (Parquet) in ``folder``: customer u buys the first 1 + u mod n concepts before ``until``."""
    sales, catalogue = folder / "sales.parquet", folder / "catalogue.parquet"
    pq.write_table(
        pa.table({"item": [c.lower() for c in concepts], "concept": concepts, "name": concepts}), catalogue
    )
    lines = [
        (f"c{customer}", concept.lower(), until - 1000 * (customer + 1))
        for customer in range(customers)
        for concept in concepts[: 1 + customer % len(concepts)]
    ]
    table = {
        "customer": [line[0] for line in lines],
        "item": [line[1] for line in lines],
        "basket": [f"b{line[0]}" for line in lines],
        "time": [line[2] for line in lines],
        "quantity": [1] * len(lines),
    }
    pq.write_table(pa.table(table), sales)
    return sales, catalogue
