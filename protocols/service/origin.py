"""No page of another origin may read or press a button on a console.

A console listens on the loopback, but every web page that the same person visits can send requests
there. So: the ``Host`` must be a name that the daemon serves (DNS rebinding), and whatever changes
state must come from the console's own pages (cross-site request forgery).
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request

from protocols.service.errors import CrossSite

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(hosts: frozenset[str] = LOOPBACK) -> Callable[[Request], Awaitable[None]]:
    """A FastAPI dependency that refuses foreign names and foreign pages.

    ``hosts`` are the host names, without port, under which this console may be reached.
    """

    async def check(request: Request) -> None:
        host = request.headers.get("host", "")
        if urlsplit(f"//{host}").hostname not in hosts:
            raise CrossSite(
                expected=f"a request to {' or '.join(sorted(hosts))}",
                came=f"one to {host[:80]}",
                do="open the address that the daemon printed when it started",
            )
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and urlsplit(origin).netloc != host) or site not in {"same-origin", "none"}:
            raise CrossSite(
                expected="an action from this console's own page",
                came=f"one from {origin or site}",
                do="open the console itself and repeat it there; close the page that tried it",
            )

    return check
