"""The HTTP proxy through which a company's programs leave its network.

A proxy is asked to CONNECT; what runs through the tunnel is TLS between both ends, of which it sees
host names and sizes. The environment's ``HTTPS_PROXY`` is not read: one setting decides for everything.
Name and password may stand in the address; they are in no message, no ``repr`` and no log.

>>> HttpProxy.parse("http://anna:geheim@proxy.example:3128")
HttpProxy(host='proxy.example', port=3128)
>>> str(HttpProxy.parse("http://[::1]:3128"))
'http://[::1]:3128'
"""

import base64
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from protocols.errors import BadInput

SETTING: Final = "exchange.proxy (ALTROVE_NODE_EXCHANGE__PROXY)"
"""What an operator changes; every message about a proxy names it."""

_UNAUTHENTICATED, _FORBIDDEN = 407, 403


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProxy:
    """A proxy's address. ``authorization`` is the value of ``Proxy-Authorization``, "" for none."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        """The address without name and password."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``http://host:port``, with ``name:password@`` before the host where the proxy wants it.

        Raises:
            BadInput: anything else. The message does not repeat what was given: it may hold a password.
        """
        try:
            given = urlsplit(text.strip())
            host, port = given.hostname, given.port
        except ValueError:
            raise _bad_address("something else") from None
        if given.scheme != "http":
            raise _bad_address("another scheme, or none")
        if not host or not port:
            raise _bad_address("no host" if not host else "no port")
        if given.path.strip("/") or given.query or given.fragment:
            raise _bad_address("more after the port")
        if given.username is None and given.password is None:
            return cls(host=host, port=port)
        pair = f"{unquote(given.username or '')}:{unquote(given.password or '')}"
        return cls(host=host, port=port, authorization=f"Basic {base64.b64encode(pair.encode()).decode()}")


def advice(status: int) -> str:
    """What to do when a proxy answers CONNECT with ``status``.

    >>> advice(407)
    'put name and password into exchange.proxy (ALTROVE_NODE_EXCHANGE__PROXY): http://NAME:PASSWORD@HOST:PORT'
    """
    if status == _UNAUTHENTICATED:
        return f"put name and password into {SETTING}: http://NAME:PASSWORD@HOST:PORT"
    if status == _FORBIDDEN:
        return f"have the proxy's administrator allow CONNECT to this host and port, or correct {SETTING}"
    return (
        f"check with the proxy's administrator whether the coordinator can be reached from it, or correct "
        f"{SETTING}; a daemon asks again by itself"
    )


def _bad_address(came: str) -> BadInput:
    return BadInput(
        expected="http://HOST:PORT as the address of the proxy", came=came, do=f"correct {SETTING}"
    )
