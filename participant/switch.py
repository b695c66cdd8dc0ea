"""STOP: one small file that keeps the door open, and fails closed.

The door is open only while ``door.state`` reads exactly ``open``. Absent, unreadable or anything else
means stopped. It needs no daemon, no coordinator and no room on the disk to stop.
"""

from contextlib import suppress
from pathlib import Path

from protocols.errors import Restored, Stopped
from protocols.service import durable
from protocols.service.errors import StorageFull

OPEN = b"open"
STOPPED = b"stopped"


class StopSwitch:
    """The officer's switch, read afresh at every use of the door.

    Beside it lies ``door.restored`` while a restore of an old backup keeps the door closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = path.with_suffix(".restored")

    def is_open(self) -> bool:
        """True only if the file reads exactly ``open`` and no restore is unsettled."""
        if self.lock.exists():
            return False
        try:
            with self._path.open("rb") as file:
                return file.read(len(OPEN) + 1) == OPEN
        except OSError:
            return False

    def stopped_at(self) -> int:
        """When the door was closed (unix seconds), 0 where the file does not say."""
        try:
            return int(self._path.stat().st_mtime)
        except OSError:
            return 0

    def require_open(self) -> None:
        """Pass if the door is open.

        Raises:
            Stopped: it is not; nothing leaves the company.
            Restored: the database was restored from a backup and its peers have not attested.
        """
        if self.lock.exists():
            raise Restored(
                expected="a database as new as what this node has sent",
                came="one from a backup",
                do="run `altrove-node restored`: it says which members to ask for what",
            )
        if not self.is_open():
            raise Stopped(
                expected="a door that its officer has opened",
                came=f"STOP in {self._path}",
                do="ask the officer; `altrove-node stop --release` opens the door again",
            )

    def stop(self) -> None:
        """Close the door at once: the file goes first (that needs no space), then says why.

        The folder is synced before anything is written, so that no power cut brings ``open`` back.
        """
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            durable.sync_folder(self._path.parent)
        with suppress(OSError, StorageFull):
            durable.write(self._path, [STOPPED])

    def release(self) -> None:
        """Open the door.

        Raises:
            StorageFull: the file could not be written; the door stays closed.
        """
        durable.write(self._path, [OPEN])
