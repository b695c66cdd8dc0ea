"""A node's home directory: which file lies where, and who may read it.

Everything is inside one folder that belongs to the node's user (mode 0700). ``secrets/`` and
``door.*`` stay out of backups.
"""

from dataclasses import dataclass
from pathlib import Path

from participant.courier import files as courier_files
from participant.door import DoorPaths
from participant.errors import NotJoined
from protocols.errors import BadInput
from protocols.identity import IdentityKey
from protocols.service import durable

_FOLDERS = ("keys", "data", "vectors", "secrets", "models", "logs", "releases", "verdicts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Paths under ``root``; nothing is created until :meth:`make`."""

    root: Path

    def make(self) -> None:
        """Create the folders that are missing; those that others may read are closed to them.

        Raises:
            BadInput: a folder that others may read belongs to another user.
        """
        for names, closed in ((("", *_FOLDERS), 0o077), (courier_files.FOLDERS, 0o007)):
            for folder in (self.root / name for name in names):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if folder.stat().st_mode & closed:
                    _close_to_others(folder)

    def keep_identity(self, seed: bytes) -> None:
        """Store the 32 bytes that the identity key is made from (mode 0600)."""
        durable.write(self.identity, [seed])

    def identity_key(self) -> IdentityKey:
        """The identity key.

        Raises:
            NotJoined: there is none.
        """
        try:
            return IdentityKey(self.identity.read_bytes())
        except OSError:
            raise NotJoined(
                expected=f"an identity key in {self.identity}",
                came="none",
                do="run `altrove-node join --invite TOKEN` first",
            ) from None

    @property
    def settings(self) -> Path:
        """``node.toml``."""
        return self.root / "node.toml"

    @property
    def identity(self) -> Path:
        """Seed of the identity key."""
        return self.root / "keys" / "identity.seed"

    @property
    def tls_key(self) -> Path:
        """Private key of the client certificate."""
        return self.root / "keys" / "tls.key"

    @property
    def certificate(self) -> Path:
        """Client certificate that the consortium issued."""
        return self.root / "keys" / "tls.pem"

    @property
    def authority(self) -> Path:
        """The consortium's certificate authority, from the invitation."""
        return self.root / "keys" / "authority.pem"

    @property
    def courier(self) -> courier_files.CourierFiles:
        """What the courier is given."""
        return courier_files.CourierFiles(root=self.root)

    @property
    def database(self) -> str:
        """URL of the embedded database."""
        return f"sqlite:///{self.root / 'node.db'}"

    @property
    def switch(self) -> Path:
        """STOP: the door is open only while this file reads exactly ``open``."""
        return self.root / "door.state"

    @property
    def mark(self) -> Path:
        """How far the outbox has come; outside every backup, so that a restore is noticed."""
        return self.root / "door.mark"

    @property
    def peer_counters(self) -> Path:
        """What was seen of the other members' advertisements."""
        return self.root / "peers.json"

    @property
    def vectors(self) -> Path:
        """Sealed and masked vectors."""
        return self.root / "vectors"

    @property
    def releases(self) -> Path:
        """Payloads of releases."""
        return self.root / "releases"

    @property
    def verdicts(self) -> Path:
        """What recomputing releases ended with."""
        return self.root / "verdicts"

    @property
    def models(self) -> Path:
        """Trained models, one folder each."""
        return self.root / "models"

    @property
    def door(self) -> DoorPaths:
        """The part of the home that the door uses."""
        return DoorPaths(switch=self.switch, vectors=self.vectors, secrets=self.root / "secrets")


def _close_to_others(folder: Path) -> None:
    try:
        folder.chmod(0o700)
    except PermissionError:
        raise BadInput(
            expected=f"{folder} to be readable by this user only",
            came="a folder of another user",
            do="choose another --home, or have its owner give it to this user",
        ) from None
