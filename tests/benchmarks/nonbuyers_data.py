"""The Complete Journey's companies with shelves: sales with stores and reductions, and what each store stocked and showed.

The data set has no list of what a store stocks and no price list. Both are derived: a store stocks an item from its
first sale there (by anybody in the panel) or its first promotion on; an item's price is the median of what
it cost before reductions in weeks 1-33. Promotions are the data set's own, of 112 of the stores.
"""

from pathlib import Path

import duckdb

from participant.intake import read, read_shelf
from participant.store.metadata import metadata
from participant.store.records import Records
from protocols.service.unit_of_work import engine
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import FIT_UNTIL, LEFT_OUT, Consortium, company_of
from tests.benchmarks.oracle import data_folder

WEEK_S = 7 * 86_400
FIT_WEEK = 33
LAST_WEEK = 40
"""The last week of which any reason knows."""


def week_start(week: int) -> int:
    """Unix second at which a week of the data begins."""
    return FIT_UNTIL + (week - FIT_WEEK - 1) * WEEK_S


def open_source(companies: int, folder: Path) -> duckdb.DuckDBPyConnection:
    """Lines, products and owners of stores, on disk in ``folder``; promotions stay in their own file."""
    source = data_folder()
    db = duckdb.connect(str(folder / "source.duckdb"))
    db.execute("SET threads = 2")
    db.execute("SET memory_limit = '2GB'")
    db.execute(
        f"""CREATE TABLE products AS
        SELECT product_id, product_type, product_category, brand FROM '{source}/products.parquet'
        WHERE product_type IS NOT NULL AND department NOT IN {LEFT_OUT}"""
    )
    db.execute(
        f"""CREATE TABLE lines AS
        SELECT t.*, product_type AS concept FROM '{source}/transactions.parquet' t JOIN products USING (product_id)
        WHERE quantity > 0"""
    )
    stores = [row[0] for row in db.execute("SELECT DISTINCT store_id FROM lines ORDER BY 1").fetchall()]
    db.execute("CREATE TABLE owners (store_id BIGINT, company BIGINT)")
    db.executemany("INSERT INTO owners VALUES (?, ?)", [(s, company_of(s, companies)) for s in stores])
    db.execute(f"CREATE VIEW promotions AS SELECT * FROM '{source}/promotions.parquet'")
    return db


def prepare(db: duckdb.DuckDBPyConnection, companies: int, folder: Path) -> Consortium:
    """Every company's files through the product's intake."""
    catalogue = folder / "catalogue.parquet"
    db.execute(f"COPY products TO '{catalogue}' (FORMAT parquet)")
    members = []
    for company in range(companies):
        home = folder / f"company-{company}"
        home.mkdir()
        store = engine(f"sqlite:///{home / 'node.db'}")
        metadata.create_all(store)
        read([_sales(db, company, home)], home=home, engine=store, catalogue=[catalogue])
        print(read_shelf([_shelf(db, company, home)], home=home, engine=store, catalogue=[catalogue]).summary)
        members.append(Records(home, store))
    concepts = {str(row[0]) for row in db.execute("SELECT DISTINCT concept FROM lines").fetchall()}
    return Consortium(vocabulary=Vocabulary.of("product types", concepts), members=tuple(members), rejected=0)


def _sales(db: duckdb.DuckDBPyConnection, company: int, home: Path) -> Path:
    target = home / "sales.parquet"
    db.execute(
        f"""COPY (SELECT * EXCLUDE (company, concept) FROM lines JOIN owners USING (store_id)
        WHERE company = {company}) TO '{target}' (FORMAT parquet)"""
    )
    return target


def _shelf(db: duckdb.DuckDBPyConnection, company: int, home: Path) -> Path:
    """What the stores sold, from its first sale on, and what they showed until :data:`LAST_WEEK`.

    Of the items of one concept that a store showed in a week one is enough: reasons are about concepts.
    """
    target = home / "shelf.parquet"
    db.execute(
        f"""COPY (
        SELECT product_id, store_id, CAST(epoch(min(transaction_timestamp)) AS BIGINT) AS since,
               {week_start(LAST_WEEK + 1)} AS until, '0' AS display_location, '0' AS mailer_location,
               median((sales_value + retail_disc + coupon_match_disc) / quantity)
                   FILTER (week <= {FIT_WEEK} AND sales_value + retail_disc + coupon_match_disc > 0) AS price
        FROM lines JOIN owners USING (store_id) WHERE company = {company} AND week <= {LAST_WEEK}
        GROUP BY product_id, store_id
        UNION ALL BY NAME
        SELECT min(product_id) AS product_id, store_id,
               {FIT_UNTIL} + (week - {FIT_WEEK + 1}) * {WEEK_S} AS since, since + {WEEK_S} AS until,
               max(display_location) AS display_location, max(mailer_location) AS mailer_location
        FROM promotions JOIN owners USING (store_id) JOIN products USING (product_id)
        WHERE company = {company} AND week <= {LAST_WEEK} AND (display_location <> '0' OR mailer_location <> '0')
        GROUP BY product_type, store_id, week)
        TO '{target}' (FORMAT parquet)"""
    )
    return target
