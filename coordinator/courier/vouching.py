"""Whether a release key's signature is over the app bundle that this coordinator sends."""

from pathlib import Path

import structlog

from coordinator.courier import bundle
from protocols.bundle import BundleSignature

_log = structlog.get_logger(__name__)


def signature_of(fab: bytes, path: Path | None) -> BundleSignature | None:
    """The signature in the file at ``path`` if it is one over ``fab``, else None, and why in the log."""
    if path is None or not path.exists():
        _log.warning(
            "no courier will run the app bundle: it is not signed", do="see `altrove-coordinator bundle`"
        )
        return None
    signature = BundleSignature.parse(path.read_bytes())
    if signature.sha256 != bundle.digest(fab):
        _log.warning(
            "no courier will run the app bundle: the signature is of another version",
            do="sign this version: `altrove-coordinator bundle sign` where the release key is",
        )
        return None
    return signature
