"""Writing the audit log: one entry inside the transaction of whatever it records.

An entry's body is the canonical encoding of the message that it stands for, and ``body_hash`` its
SHA-256: the hash of a roster version, a configuration, a vocabulary, a release manifest. After every
entry the coordinator signs the new tree head, so that the log and its heads never part.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from coordinator.store.audit_log import AuditLog, Line
from protocols.audit import AuditEntry, TreeHead, head, leaf
from protocols.codec import decode
from protocols.errors import BadInput
from protocols.identity import COORDINATOR, IdentityKey, Signed
from protocols.merkle import Frontier, consistency_proof
from protocols.service.clock import Clock


@dataclass(slots=True, kw_only=True)
class AuditWriter:
    """Appends entries and signs heads in the name of the coordinator."""

    consortium: bytes
    key: IdentityKey
    clock: Clock
    _grown: Frontier = field(default_factory=Frontier)
    """Where the log ended when this writer last looked; a transaction that was rolled back may have been there."""

    def append(self, connection: Connection, kind: str, body: bytes) -> Line:
        """Append one entry of ``kind`` (see ``protocols.audit.KINDS``) about ``body``."""
        log = AuditLog(connection)
        before = self._frontier(log)
        entry = AuditEntry(
            sequence=before.size, at=self.clock.now(), kind=kind, body_hash=hashlib.sha256(body).digest()
        )
        grown = before.append(leaf(entry))
        line = Line(entry=entry, body=body, head=self._sign(grown))
        log.append(line)
        self._grown = grown
        return line

    def head(self, connection: Connection) -> Signed:
        """The newest signed head; of the empty log before the first entry."""
        return AuditLog(connection).last_head() or self._sign(Frontier())

    def place(self, connection: Connection) -> TreeHead:
        """The newest head, opened."""
        return decode(TreeHead, self.head(connection).body)

    def _frontier(self, log: AuditLog) -> Frontier:
        """The log's frontier: the one that is remembered if the last head is its head, else of all leaves."""
        last, grown = log.last_head(), self._grown
        if last is None:
            return Frontier()
        known = decode(TreeHead, last.body) == head(self.consortium, grown)
        return grown if known else Frontier.of(log.leaves())

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
