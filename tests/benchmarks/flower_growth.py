"""How Flower's database grows with the rounds: bytes of the file, and which tables gain rows.

Two nodes carry the same payload again and again through one SuperLink. What a round leaves behind for good
is the slope of the file once its high-water mark is reached, and the tables that never lose a row.

``python -m tests.benchmarks.flower_growth --rounds 24``
"""

import argparse
import json
import os
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import flwr

from tests.benchmarks.provenance import commit
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_fleet import LocalFleet

NODES = 2
PAYLOAD_BYTES = 4 * 2**20
WAIT_S = 180.0
OUT = Path(__file__).parent / "results" / "flower_growth.json"


def rows(database: Path) -> dict[str, int]:
    """Rows by table."""
    with closing(sqlite3.connect(database)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def size(database: Path) -> int:
    """Bytes of the database and its journal."""
    return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*"))


def measure(folder: Path, rounds: int) -> dict[str, object]:
    """Carry ``rounds`` payloads a node and look at the database after each."""
    sizes, database = [], folder / "fleet" / "flower.db"
    with ExitStack() as stack:
        dock = stack.enter_context(FakeDock(folder / "dock.sock"))
        doors = [stack.enter_context(FakeDoor(folder / f"{index}.sock")) for index in range(NODES)]
        local = LocalFleet(folder, dock.path, tuple(door.path for door in doors))
        local.fleet.on_run = lambda run: setattr(dock, "run_id", run)
        dock.on_poll.append(local.fleet.note_dock_poll)
        stack.enter_context(local)
        local.fleet.wait_run(WAIT_S)
        local.wait_online(WAIT_S)
        before = rows(database)
        for attempt in range(1, rounds + 1):
            for door in doors:
                door.sealed[1, attempt] = os.urandom(PAYLOAD_BYTES)
            dock.work.append(
                Work(lease=str(attempt), round=1, attempt=attempt, nodes=local.nodes, size=PAYLOAD_BYTES)
            )
            if not dock.wait(lambda: str(attempt) in dock.done, WAIT_S):  # noqa: B023
                raise TimeoutError(f"round {attempt} did not end")
            for door in doors:
                del door.sealed[1, attempt]
            dock.vectors.clear()
            sizes.append(size(database))
        time.sleep(5)
        after = rows(database)
    gained = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    return {"bytes_after_each_round": sizes, "rows_gained": gained}


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="altrove-") as folder:
        seen = measure(Path(folder), asked.rounds)
    result = {
        "command": f"python -m tests.benchmarks.flower_growth --rounds {asked.rounds}",
        "commit": commit(),
        "versions": {"flwr": flwr.__version__},
        "nodes": NODES,
        "payload_bytes": PAYLOAD_BYTES,
        "carried_bytes": NODES * PAYLOAD_BYTES * asked.rounds,
        **seen,
    }
    OUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
