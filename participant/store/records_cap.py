"""Who is counted where a question's cap is smaller than the shop: an order in which nobody moves another.

A customer's place follows from its own id and a secret of this node, and from nothing else. So with one account
more or less the customers within a cap change by one who comes and one who goes, and an answer by two rows: what
`protocols.ledger.DISPLACED` charges for. Keys of customers would not do: they are numbers in the order of ids, and
one account less moves all that follow.

The secret keeps whoever knows ids from knowing who is counted. Where it is lost another is drawn: then others
are counted, and no promise is broken.
"""

import fcntl
import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from participant import entropy
from protocols.limits import KEY_BYTES
from protocols.service import durable

KEY_FILE: Final = Path("keys") / "cap.key"

PURPOSE: Final = b"altrove/v1/cap"
"""BLAKE2b's personalisation (RFC 7693, section 2.1): at most 16 bytes."""

PLACE_BYTES: Final = 8
"""Two of a million customers share a place once in thirty million nodes; the order of their keys decides then,
in which no third customer matters either."""

Place = Callable[[str], int]
"""A customer's place, an unsigned 64-bit number, from its id in the shop's own files."""


class CapOrder:
    """The order of one node's customers."""

    def __init__(self, home: Path, draw: Callable[[int], bytes] = entropy.random_bytes) -> None:
        self._path = home / KEY_FILE
        self._draw = draw

    def places(self) -> Place:
        """The place of any customer: keyed BLAKE2b, half a microsecond each."""
        key = self._key()

        def place(external_id: str) -> int:
            keyed = blake2b(external_id.encode("utf-8"), key=key, person=PURPOSE, digest_size=PLACE_BYTES)
            return int.from_bytes(keyed.digest(), "big")

        return place

    def _key(self) -> bytes:
        """The secret, drawn when it is first asked for; a daemon and a verb beside it agree on one."""
        if not self._path.exists():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                if not self._path.exists():
                    durable.write(self._path, [self._draw(KEY_BYTES)])
            finally:
                os.close(folder)
        return self._path.read_bytes()
