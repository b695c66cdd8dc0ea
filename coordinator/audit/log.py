"""Writing the audit log: one entry inside the transaction of whatever it records.

An entry's body is the canonical encoding of the message that it stands for, and ``body_hash`` its
SHA-256: the hash of a roster version, a configuration, a vocabulary, a release manifest. After every
entry the coordinator signs the new tree head, so that the log and its heads never part.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from coordinator.store.audit_log import AuditLog, Line
from protocols.audit import AuditEntry, TreeHead, head, leaf
from protocols.codec import decode
from protocols.errors import BadInput
from protocols.identity import COORDINATOR, IdentityKey, Signed
from protocols.merkle import Frontier, consistency_proof
from protocols.service.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWriter:
    """Appends entries and signs heads in the name of the coordinator."""

    consortium: bytes
    key: IdentityKey
    clock: Clock

    def append(self, connection: Connection, kind: str, body: bytes) -> Line:
        """Append one entry of ``kind`` (see ``protocols.audit.KINDS``) about ``body``."""
        log = AuditLog(connection)
        before = Frontier.of(log.leaves())
        entry = AuditEntry(
            sequence=before.size, at=self.clock.now(), kind=kind, body_hash=hashlib.sha256(body).digest()
        )
        line = Line(entry=entry, body=body, head=self._sign(before.append(leaf(entry))))
        log.append(line)
        return line

    def head(self, connection: Connection) -> Signed:
        """The newest signed head; of the empty log before the first entry."""
        return AuditLog(connection).last_head() or self._sign(Frontier())

    def place(self, connection: Connection) -> TreeHead:
        """The newest head, opened."""
        return decode(TreeHead, self.head(connection).body)

    def _sign(self, log: Frontier) -> Signed:
        return self.key.sign(COORDINATOR, head(self.consortium, log))


def prove_consistency(connection: Connection, first: int, second: int) -> Sequence[bytes]:
    """The RFC 9162 proof that the log of size ``first`` is a prefix of the log of size ``second``.

    Raises:
        BadInput: the sizes are not 0 <= first <= second <= the log's size.
    """
    log = AuditLog(connection)
    size = log.size()
    if not 0 <= first <= second <= size:
        raise BadInput(
            expected=f"0 <= first <= second <= {size}",
            came=f"{first} and {second}",
            do="ask for sizes you have seen",
        )
    if first in (0, second):
        return ()
    return consistency_proof(log.leaves(second), first)
