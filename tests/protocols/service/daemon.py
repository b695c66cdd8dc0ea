"""A small daemon for tests: certificates in a folder, listeners in a thread of their own."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocols.identity import IdentityKey, PartnerId, partner_id
from protocols.service.listeners import Listener, Listeners
from protocols.service.tls import KeyPair, issue_client, make_authority, make_request, make_server


@contextmanager
def running(*listeners: Listener, on_stop=lambda: None) -> Iterator[Sequence[int]]:
    """Serve ``listeners`` in a thread as long as the block; yields their ports."""
    import asyncio

    served = Listeners(listeners, on_stop=on_stop)
    thread = threading.Thread(target=lambda: asyncio.run(served.serve()))
    thread.start()
    try:
        assert served.wait_started(60)
        yield served.ports
    finally:
        served.stop()
        thread.join(60)
        assert not thread.is_alive()


@dataclass
class Certificates:
    """An authority, and key pairs that it issued, as files in a folder."""

    folder: Path
    now: int

    def __post_init__(self) -> None:
        self.authority = make_authority("Test consortium", self.now)

    @property
    def authority_pem(self) -> str:
        return self.authority.certificate.decode()

    def write(self, name: str, pair: KeyPair) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        return certificate, key

    def write_authority(self) -> Path:
        return self.write("authority", self.authority)[0]

    def server(self, hosts=("localhost", "127.0.0.1"), now: int | None = None) -> tuple[Path, Path]:
        return self.write("server", make_server(self.authority, hosts, self.now if now is None else now))

    def client(self, partner: PartnerId, now: int | None = None) -> tuple[Path, Path]:
        request = make_request("node")
        issued = issue_client(self.authority, request.certificate, partner, self.now if now is None else now)
        return self.write(f"client-{partner.hex()[:8]}", KeyPair(certificate=issued, key=request.key))


def identity(number: int) -> tuple[PartnerId, IdentityKey]:
    key = IdentityKey(bytes([number]) * 32)
    return partner_id(key.public), key
