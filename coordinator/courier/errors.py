"""What can go wrong between the coordinator's daemon and its courier."""

from protocols.errors import AltroveError, Fault


class CourierBroken(AltroveError, code="courier-broken", fault=Fault.OURS, status=500):
    """This installation's courier cannot work: a file is missing or Flower is another version."""


class CourierUnreachable(AltroveError, code="courier-unreachable", fault=Fault.OURS, status=503):
    """The SuperLink does not answer (yet); the same request may be made again."""


class CourierRefused(AltroveError, code="courier-refused", fault=Fault.INPUT, status=409):
    """The SuperLink refuses a key or a node, for example a key that another member registered."""
