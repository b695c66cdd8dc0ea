"""SuperLink's own database, touched from outside in two places that the stock SuperLink leaves open.

It drops what a caller of StartRun says about a bundle's signatures (flwr 1.41): they are written into its
table, whose ``verifications`` column a SuperNode is given with the bundle. And SQLite keeps the largest size
that a file ever had: rows of carried messages are deleted, the file is given back at the daemon's start.
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

from coordinator.courier.errors import CourierUnreachable
from protocols.bundle import BundleSignature

LOCKED_S: Final = 10.0
"""How long SuperLink's own writing is waited for."""

_log = structlog.get_logger(__name__)


def attach(database: Path, fab: bytes, signature: BundleSignature | None) -> None:
    """Lay the signature, if there is one, beside the bundle.

    Raises:
        CourierUnreachable: the database does not hold the bundle, or is locked.
    """
    if signature is None:
        return
    came = "no such bundle"
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED_S)) as db, db:
            changed = db.execute(
                "UPDATE fab SET verifications = ? WHERE fab_hash = ?",
                (json.dumps(signature.verifications()), hashlib.sha256(fab).hexdigest()),
            ).rowcount
    except sqlite3.Error as reason:
        changed, came = 0, str(reason)
    if changed != 1:
        raise CourierUnreachable(
            expected=f"the app bundle in {database}", came=came, do="wait: the run is started again"
        )


def compact(database: Path) -> None:
    """Give back what deleted rows took; call it while SuperLink does not run. Without a file, nothing."""
    if not database.exists():
        return
    before = database.stat().st_size
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED_S)) as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as reason:  # it costs room on the disk, nothing else
        _log.warning("Flower's database was not compacted", detail=str(reason))
        return
    _log.info("Flower's database compacted", bytes_before=before, bytes_after=database.stat().st_size)
