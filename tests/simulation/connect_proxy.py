"""A corporate HTTP proxy in small: CONNECT to listed addresses and nothing else, in threads.

``authorization`` is the value of ``Proxy-Authorization`` it wants, "" for none.
"""

import contextlib
import socket
import threading
from typing import Self

from tests.simulation.wire import join, reset

HEAD_BYTES = 8192


class ConnectProxy:
    """Use as a context manager. ``seen`` holds (target, status) of every request."""

    def __init__(self, allowed: set[str], *, authorization: str = "") -> None:
        self.allowed = allowed
        self.seen: list[tuple[str, int]] = []
        self._authorization = authorization
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        reset(*self._open)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
            piece = client.recv(HEAD_BYTES)
            if not piece:
                return reset(client)
            head += piece
        first, *lines = head.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
        verb, target, _ = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        if verb != "CONNECT" or target not in self.allowed:
            return self._refuse(client, target, 403, "Forbidden")
        if self._authorization and headers.get("proxy-authorization") != self._authorization:
            return self._refuse(client, target, 407, "Proxy Authentication Required")
        host, port = target.rsplit(":", 1)
        try:
            far = socket.create_connection((host, int(port)), timeout=5)
        except OSError:
            return self._refuse(client, target, 502, "Bad Gateway")
        far.settimeout(None)
        self._open.append(far)
        self.seen.append((target, 200))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return join(client, far)

    def _refuse(self, client: socket.socket, target: str, status: int, words: str) -> None:
        self.seen.append((target, status))
        client.sendall(
            f"HTTP/1.1 {status} {words}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        client.close()
