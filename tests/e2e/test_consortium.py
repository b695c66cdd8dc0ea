"""One real consortium of three over real Flower, started by the same code as the demo."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import duckdb
import numpy as np
import pytest
import safetensors.numpy
from rich.console import Console

from deploy.local import data, preflight
from deploy.local.admin import RoundSeen
from deploy.local.commands import Commands
from deploy.local.companies import companies
from deploy.local.consortium import Consortium, policy
from deploy.local.cycle import Cycle
from deploy.local.processes import Processes, left_behind
from deploy.local.progress import Progress
from deploy.local.windows import FIT_UNTIL
from protocols.questions.taste import CUSTOMERS_CAP, unpack_triangle
from protocols.ring import scale_bits

pytestmark = pytest.mark.timeout(400)
MEMBERS = companies(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A founded consortium after its first round; the processes still run."""

    consortium: Consortium
    processes: Processes
    cycle: Cycle
    released: RoundSeen


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    home = tmp_path_factory.mktemp("consortium")
    with ExitStack() as stack:
        plan = preflight.preflight(home, MEMBERS)
        prepared = data.prepare(home / "data", MEMBERS, generated=True)
        processes = stack.enter_context(Processes(folder=home, environment=policy(3)))
        consortium = Consortium(plan=plan, processes=processes, data=prepared)
        cycle = Cycle(consortium, Progress(console=Console(), members=MEMBERS))
        consortium.start_coordinator("Three")
        consortium.publish_vocabulary()
        consortium.for_each(consortium.join)
        consortium.for_each(consortium.connect)
        consortium.found()
        consortium.start_nodes()
        cycle.wait_for_couriers()
        released = cycle.release_a()
        yield Played(consortium=consortium, processes=processes, cycle=cycle, released=released)
    assert left_behind(home) == []


def pooled_gram(consortium: Consortium) -> np.ndarray:
    """Co-purchase counts over everybody's own files, summed in the open: what the sum must equal."""
    concepts = consortium.data.vocabulary.read_text().splitlines()
    total = np.zeros((len(concepts), len(concepts)), np.int64)
    for company in MEMBERS:
        bought = duckdb.execute(
            f"""SELECT DISTINCT household_id, product_type
                FROM read_parquet('{consortium.data.sales(company)}') AS sale
                JOIN read_parquet('{consortium.data.catalogue(company)}') AS item USING (product_id)
                WHERE epoch(transaction_timestamp) < {FIT_UNTIL} ORDER BY ALL"""
        ).fetchall()
        customers = {customer: row for row, customer in enumerate(sorted({c for c, _ in bought}))}
        rows = np.zeros((len(customers), len(concepts)), np.int64)
        for customer, concept in bought:
            rows[customers[customer], concepts.index(concept)] = 1
        total += rows.T @ rows
    return total


def test_the_released_sum_equals_the_pooled_counts_exactly(played: Played) -> None:
    folder = played.consortium.coordinator_home / "releases"
    (payload,) = folder.glob("*.safetensors")
    (total,) = safetensors.numpy.load_file(payload).values()
    scale = scale_bits(CUSTOMERS_CAP, len(MEMBERS), 32)
    gram = unpack_triangle(total) / 2**scale
    assert np.array_equal(gram, pooled_gram(played.consortium))


def test_flower_carried_every_masked_vector(played: Played) -> None:
    assert played.released.newest.routes == {member.name: "dock" for member in MEMBERS}


def test_every_member_voted_for_the_release(played: Played) -> None:
    until = time.monotonic() + 30
    while len(votes := played.consortium.admin.release(played.released.release).votes) < len(MEMBERS):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert sorted(str(vote["voter"]) for vote in votes if vote["accept"]) == [m.name for m in MEMBERS]


def test_the_whole_audit_log_verifies(played: Played) -> None:
    said = played.consortium.commands.coordinator(played.consortium.coordinator_home, "audit", "verify")
    assert "Everything recomputes." in said


def test_a_stopped_company_sends_nothing_and_says_so(played: Played) -> None:
    commands: Commands = played.consortium.commands
    home = played.consortium.node_home(MEMBERS[2])
    assert "STOPPED" in commands.node(home, "stop")
    assert '"stopped": true' in commands.node(home, "status", "--json")
