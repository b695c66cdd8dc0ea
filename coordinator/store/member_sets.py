"""Sets of members in one column: their 16-byte ids one after another, in the order given.

>>> unpack(pack((PartnerId(bytes(16)), PartnerId(b"x" * 16))))[1]
b'xxxxxxxxxxxxxxxx'
"""

from collections.abc import Iterable

from protocols.identity import PartnerId
from protocols.limits import ID_BYTES


def pack(members: Iterable[PartnerId]) -> bytes:
    """The column's bytes."""
    return b"".join(members)


def unpack(column: bytes) -> tuple[PartnerId, ...]:
    """The members in a column."""
    ids = bytes(column)
    return tuple(PartnerId(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES))
