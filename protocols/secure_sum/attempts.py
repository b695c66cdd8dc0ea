"""What every attempt begins with: a configuration counts only as the coordinator signed it."""

from protocols.errors import UnknownSigner
from protocols.identity import COORDINATOR, Roll, Signed, open_signed
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
