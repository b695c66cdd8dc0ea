"""A daemon for tests to kill: a fleet and one courier, an envelope waiting at the door.

``python -m tests.e2e.flower_daemon FOLDER`` prints "waiting" once a ClientApp waits.
"""

import sys
import threading
from pathlib import Path

from tests.simulation.fake_daemons import FakeDock, FakeDoor, Work
from tests.simulation.flower_fleet import LocalFleet


def main(folder: Path) -> None:
    with FakeDock(folder / "dock.sock") as dock, FakeDoor(folder / "door.sock") as door:
        local = LocalFleet(folder, dock.path, (door.path,))
        local.fleet.on_run = lambda run: setattr(dock, "run_id", run)
        dock.on_poll.append(local.fleet.note_dock_poll)
        with local:
            local.wait_online(120)
            dock.work.append(Work(lease="one", round=1, attempt=1, nodes=local.nodes))
            dock.wait(lambda: door.asked, 120)
            print("waiting", flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
