"""One answer, one unmasking: what must hold between the attempts and rounds that ask the same thing.

>>> a, b, c, d = (PartnerId(bytes([i]) * 16) for i in range(4))
>>> check_binding((), (a, b, c))
>>> check_binding((a, b, c), (a, b, d))
Traceback (most recent call last):
...
protocols.errors.AlreadyUnmasked: expected the survivors of the first unmasking; came others; answer no more in this data epoch
"""

from collections.abc import Collection

from protocols.errors import AlreadyUnmasked, UnknownSigner
from protocols.identity import COORDINATOR, PartnerId, Roll, Signed, open_signed
from protocols.messages import RoundConfig


def open_config(signed: Signed, roll: Roll) -> RoundConfig:
    """The configuration that the coordinator signed.

    Raises:
        UnknownSigner: signed by somebody else.
        BadSignature, MalformedMessage, UnknownVersion: as :func:`protocols.identity.open_signed`.
    """
    if signed.signer != COORDINATOR:
        raise UnknownSigner(expected="the coordinator", came=signed.signer.hex(), do="refuse the round")
    return open_signed(signed, RoundConfig, roll)


def check_binding(bound: Collection[PartnerId], survivors: Collection[PartnerId]) -> None:
    """An answer that was unmasked for the set ``bound`` (empty: never) is unmasked for it alone.

    Raises:
        AlreadyUnmasked: for any other set.
    """
    if bound and frozenset(bound) != frozenset(survivors):
        raise AlreadyUnmasked(
            expected="the survivors of the first unmasking",
            came="others",
            do="answer no more in this data epoch",
        )
