"""What a service can run into: storage, ports, tokens, certificates, unreachable peers."""

from protocols.errors import AltroveError, Fault, PeerFault


class UnknownToken(AltroveError, code="unknown-token", fault=Fault.INPUT, status=401):
    """No token, one that was never issued, or one that was revoked or has run out."""


class WrongScope(AltroveError, code="wrong-scope", fault=Fault.INPUT, status=403):
    """A valid token that was issued for something else."""


class CrossSite(AltroveError, code="cross-site", fault=Fault.INPUT, status=403):
    """A page of another origin tried to act on this console, or reached it under a foreign name."""


class ReplayedRequest(PeerFault, code="replayed-request", status=409):
    """A signed request whose nonce was seen before."""


class TooManyRequests(PeerFault, code="too-many-requests", status=429):
    """One partner signs more requests than the replay memory is made for."""


class PortTaken(AltroveError, code="port-taken", fault=Fault.INPUT, status=500):
    """Another process listens where this daemon was told to listen."""


class CannotListen(AltroveError, code="cannot-listen", fault=Fault.INPUT, status=500):
    """The address or the socket path cannot be opened."""


class StorageFull(AltroveError, code="storage-full", fault=Fault.OURS, status=507):
    """The disk or the quota under the database is full; the transaction was rolled back."""


class StorageUnavailable(AltroveError, code="storage-unavailable", fault=Fault.OURS, status=503):
    """The database cannot be opened or is busy; nothing was written."""


class BadCertificate(PeerFault, code="bad-certificate", status=495):
    """A certificate that is expired, for another name, or not issued by the consortium."""


class ClientCertificateRefused(
    AltroveError, code="client-certificate-refused", fault=Fault.INPUT, status=496
):
    """The other side refused our certificate, or we sent none."""


class Unreachable(AltroveError, code="unreachable", fault=Fault.PEER, status=502):
    """Nobody answers at the address, or the connection broke."""


class ProxyRefused(Unreachable, code="proxy-refused", status=502):
    """The HTTP proxy on the way lets nobody through: it wants a password, or forbids the host."""


class Stopping(AltroveError, code="stopping", fault=Fault.OURS, status=503):
    """The daemon is shutting down; the same request may be sent again."""


class Internal(AltroveError, code="internal", fault=Fault.OURS, status=500):
    """A defect of ours. The details are in the log, not in the answer."""
