"""The release key's signature, laid beside the app bundle where SuperNodes fetch both.

The stock SuperLink (flwr 1.41) drops what a caller of StartRun says about a bundle's signatures: they are
written into its table, whose ``verifications`` column a SuperNode is given with the bundle.
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


def signature_of(fab: bytes, path: Path | None) -> BundleSignature | None:
    """The signature in the file at ``path`` if it is one over ``fab``, else None, and why in the log."""
    if path is None or not path.exists():
        _log.warning(
            "no courier will run the app bundle: it is not signed", do="see `altrove-coordinator bundle`"
        )
        return None
    signature = BundleSignature.parse(path.read_bytes())
    if signature.sha256 != hashlib.sha256(fab).digest():
        _log.warning(
            "no courier will run the app bundle: the signature is of another version",
            do="sign this version: `altrove-coordinator bundle sign` where the release key is",
        )
        return None
    return signature


def attach(database: Path, fab: bytes, signature: BundleSignature | None) -> None:
    """Lay the signature beside the bundle in SuperLink's database.

    Raises:
        CourierUnreachable: the database does not hold the bundle, or is locked.
    """
    if signature is None:
        return
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED_S)) as db, db:
            changed = db.execute(
                "UPDATE fab SET verifications = ? WHERE fab_hash = ?",
                (json.dumps(signature.verifications()), hashlib.sha256(fab).hexdigest()),
            ).rowcount
    except sqlite3.Error as reason:
        changed = 0
        came = str(reason)
    else:
        came = "no such bundle"
    if changed != 1:
        raise CourierUnreachable(
            expected=f"the app bundle in {database}", came=came, do="wait: the run is started again"
        )
