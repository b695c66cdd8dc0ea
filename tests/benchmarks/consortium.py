"""A consortium for the quality benchmark: real intake, real answers, the real secure sum in one process."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from participant.answers import AnswerContext, fill
from participant.intake import read
from participant.models import local
from participant.models.gram import WholeGram
from participant.store.metadata import metadata
from participant.store.record_tables import customers, items
from participant.store.records import Records
from participant.store.records_cap import KEY_FILE
from protocols.limits import FRACTION_BITS, KEY_BYTES
from protocols.messages import Block
from protocols.questions import ask
from protocols.questions import read as read_sum
from protocols.questions.evaluation import EvaluationReading
from protocols.questions.parameters import Given
from protocols.questions.taste import Taste, unpack_triangle
from protocols.ring import error_bound
from protocols.secure_sum.play import play
from protocols.service.unit_of_work import engine, reading
from protocols.vocabulary import Vocabulary
from tests.benchmarks.oracle import data_folder

FIT_UNTIL, VALIDATION_UNTIL, TEST_UNTIL = 1_502_683_200, 1_506_916_800, 1_514_782_800
"""2017-08-14T04:00Z, 2017-10-02T04:00Z and after the last line: weeks 1-33, 34-40, 41-53."""
LEFT_OUT = ("FUEL", "MISCELLANEOUS", "COUPON")
LAMBDAS = ",".join(str(each) for each in local.LAMBDAS)
MIXES = ",".join(f"0:100:0:{tilt}" for tilt in local.TILTS)
"""Ridges and tilts: for everybody together the same as for a company alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consortium:
    """Companies with their records, and the households behind their customers (for one figure only)."""

    vocabulary: Vocabulary
    members: tuple[Records, ...]
    rejected: int

    def households(self, member: int) -> dict[int, str]:
        """Customer key to household: the data's ids are the same at all companies."""
        return customer_ids(self.members[member])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Released:
    """One sum: what came out, what the plain sum would be, and the proven error bound."""

    gram: NDArray[np.float64]
    plain: NDArray[np.float64]
    bound: float
    seconds: float
    upload_bytes: int

    @property
    def error(self) -> float:
        """Largest absolute difference between the two."""
        return float(np.abs(self.gram - self.plain).max())


def customer_ids(records: Records) -> dict[int, str]:
    """Key and external id of every customer of a company, in order of key."""
    query = select(customers.c.customer_key, customers.c.external_id).order_by(customers.c.customer_key)
    with reading(records._engine) as connection:
        return {int(row[0]): str(row[1]) for row in connection.execute(query)}


def concept_names(records: Records) -> set[str]:
    """Names of the concepts in a company's catalogue."""
    query = select(items.c.concept_name).where(items.c.concept_name.is_not(None)).distinct()
    with reading(records._engine) as connection:
        return {str(row[0]) for row in connection.execute(query)}


def prepare(companies: int, folder: Path) -> Consortium:
    """Split the data into companies' own files and import each through the product's intake."""
    source = data_folder()
    db = duckdb.connect()
    db.execute("SET threads = 1")
    stores = db.execute(f"SELECT DISTINCT store_id FROM '{source}/transactions.parquet'").fetchall()
    db.execute("CREATE TABLE owners (store_id BIGINT, company BIGINT)")
    db.executemany("INSERT INTO owners VALUES (?, ?)", [(s, company_of(s, companies)) for (s,) in stores])
    catalogue = folder / "catalogue.parquet"
    db.execute(
        f"""COPY (SELECT product_id, product_type, brand, product_category FROM '{source}/products.parquet'
        SEMI JOIN (SELECT product_id FROM '{source}/transactions.parquet' WHERE quantity > 0) USING (product_id)
        WHERE product_type IS NOT NULL AND department NOT IN {LEFT_OUT}) TO '{catalogue}' (FORMAT parquet)"""
    )  # what nobody ever bought would be concepts that lengthen the shops' obvious lists
    members, rejected = [], 0
    for company in range(companies):
        home = folder / f"company-{company}"
        (home / KEY_FILE).parent.mkdir(parents=True)
        (home / KEY_FILE).write_bytes(bytes(KEY_BYTES))  # the same hold-out customers in every run
        sales = home / "sales.parquet"
        db.execute(
            f"""COPY (SELECT t.* FROM '{source}/transactions.parquet' t JOIN owners USING (store_id)
            SEMI JOIN '{catalogue}' USING (product_id) WHERE company = {company})
            TO '{sales}' (FORMAT parquet)"""
        )
        store = engine(f"sqlite:///{home / 'node.db'}")
        metadata.create_all(store)
        report = read([sales], home=home, engine=store, catalogue=[catalogue])
        rejected += sum(report.rejected.values())
        members.append(Records(home, store))
    names = {name for member in members for name in concept_names(member)}
    return Consortium(
        vocabulary=Vocabulary.of("product types", names), members=tuple(members), rejected=rejected
    )


def reopened(folder: Path, vocabulary: Vocabulary, companies: int) -> Consortium:
    """What :func:`prepare` left in ``folder``, for another process."""
    homes = [folder / f"company-{company}" for company in range(companies)]
    members = tuple(Records(home, engine(f"sqlite:///{home / 'node.db'}")) for home in homes)
    return Consortium(vocabulary=vocabulary, members=members, rejected=0)


def taste_sum(consortium: Consortium, until: int) -> Released:
    """Ask ``taste`` of everybody and release the sum through the secure sum of ``protocols``."""
    n = len(consortium.members)
    spec = ask(
        [("taste", {"until": until, "customers_until": FIT_UNTIL})],
        consortium.vocabulary,
        members=n,
        epoch=str(until),
    )
    (block,) = spec.blocks
    answers = [_answer(consortium, member, block, {}) for member in range(n)]
    started = time.perf_counter()
    result = play(
        answers, spec=spec, seed=hashlib.sha256(str(until).encode()).digest(), clock=time.perf_counter
    )
    seconds = time.perf_counter() - started
    (reading,) = read_sum(spec, result.sum, len(consortium.vocabulary))
    if not isinstance(reading, Taste) or len(result.survivors) != n:
        raise RuntimeError("the played round must release a taste of all members")
    plain = unpack_triangle(np.ldexp(np.sum(answers, axis=0).astype(np.float64), -FRACTION_BITS))
    return Released(
        gram=reading.gram,
        plain=plain,
        bound=error_bound(block, n),
        seconds=seconds,
        upload_bytes=max(result.upload_bytes),
    )


def evaluation_sum(consortium: Consortium, gram: NDArray[np.float64]) -> EvaluationReading:
    """Ask ``evaluation`` of the first release: the consortium's lambda for each metric."""
    n = len(consortium.members)
    release = hashlib.sha256(b"benchmark release").digest()
    asked: dict[str, Given] = {
        "release": release.hex(),
        "lambdas": LAMBDAS,
        "mixes": MIXES,
        "history_until": FIT_UNTIL,
        "target_until": VALIDATION_UNTIL,
        "customers_until": FIT_UNTIL,
    }
    spec = ask([("evaluation", asked)], consortium.vocabulary, members=n, epoch="evaluation")
    answers = [_answer(consortium, member, spec.blocks[0], {release: gram}) for member in range(n)]
    result = play(answers, spec=spec, seed=release)
    (reading,) = read_sum(spec, result.sum, len(consortium.vocabulary))
    if not isinstance(reading, EvaluationReading):
        raise TypeError("the played round must release an evaluation")
    return reading


def _answer(
    consortium: Consortium, member: int, block: Block, released: dict[bytes, NDArray[np.float64]]
) -> NDArray[np.int64]:
    context = AnswerContext(
        records=consortium.members[member],
        vocabulary=consortium.vocabulary,
        released=lambda release: WholeGram(matrix=released[release]),
    )
    return fill(block.question, block.parameters, context)


def company_of(store: int, companies: int) -> int:
    """Which of ``companies`` a store belongs to."""
    return int(hashlib.md5(str(store).encode(), usedforsecurity=False).hexdigest(), 16) % companies
