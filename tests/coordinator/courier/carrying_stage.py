"""The thin ServerApp with a dock and a door for each node, all in one process."""

import threading

from coordinator.courier.server_app import app as server_app
from participant.courier.client_app import app as client_app
from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_grid import RUN_ID, InProcessGrid, NodeApp, run_server_app

NODES = (11, 22, 2**64 - 3)
SEALED = {node: bytes([index + 1]) * 4_000 for index, node in enumerate(NODES)}


class Stage:
    """A dock, a door for each node, and the ServerApp in a thread."""

    def __init__(self, tmp_path):
        self.dock = FakeDock(tmp_path / "dock.sock", run_id=str(RUN_ID))
        self.doors = {node: FakeDoor(tmp_path / f"{node}.sock") for node in NODES}
        for node, door in self.doors.items():
            door.sealed = {(1, 1): SEALED[node], (1, 2): SEALED[node][::-1] + bytes(4)}
        self.grid = InProcessGrid(
            {node: NodeApp(client_app, {"door": str(door.path)}) for node, door in self.doors.items()}
        )
        self.thread = threading.Thread(
            target=run_server_app, args=(server_app, self.grid, {"dock": str(self.dock.path)})
        )

    def __enter__(self):
        for daemon in (self.dock, *self.doors.values()):
            daemon.__enter__()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.dock.run_id = "another"
        self.thread.join(20)
        for daemon in (self.dock, *self.doors.values()):
            daemon.__exit__()
        self.grid.close()
        assert not self.thread.is_alive()

    def ask(self, *, nodes=NODES, attempt=1, **given):
        work = {"lease": f"lease-{attempt}", "round": 1, "attempt": attempt, "ttl_s": 30.0} | given
        self.dock.work.append(Work(nodes=tuple(map(str, nodes)), **work))

    def finish(self, attempt=1):
        assert self.dock.wait(lambda: f"lease-{attempt}" in self.dock.done, 20)
