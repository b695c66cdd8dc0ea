"""What a courier is given, and where it lies in the node's home: two folders, and nothing beside them.

``courier/`` holds what it reads, ``run/`` the sockets on which the daemon answers it. A courier in a
container of its own gets these two and no other part of the home.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("courier", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierFiles:
    """Paths below the home ``root``."""

    root: Path

    @property
    def key(self) -> Path:
        """Key of the courier's Flower node; not the node's identity."""
        return self.root / "courier" / "courier.key"

    @property
    def trusted(self) -> Path:
        """The release keys whose app bundles may run in the courier."""
        return self.root / "courier" / "trusted.json"

    @property
    def work(self) -> Path:
        """Where the courier's processes write, beside a daemon."""
        return self.root / "courier" / "work"

    @property
    def door(self) -> Path:
        """Where masked vectors are asked for."""
        return self.root / "run" / "door.sock"

    @property
    def pipe(self) -> Path:
        """The way to the coordinator's fleet."""
        return self.root / "run" / "fleet.sock"

    def share(self) -> None:
        """Open both folders and the files to this user's group: the courier apart is a member of it."""
        for name in FOLDERS:
            (self.root / name).chmod(0o750)
        for path in (self.key, self.trusted):
            if path.exists():
                path.chmod(0o640)
