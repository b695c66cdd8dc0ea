"""Opaque bearer tokens: ``alt_<scope>_<random>``. Only their SHA-256 is ever stored.

A token carries 256 bits of randomness, so one hash without salt is enough: there is nothing to
guess. Losing the database loses no token.

>>> token = mint("recommend", bytes(32))
>>> token.text[:14], len(token.text), token
('alt_recommend_', 66, Token(scope='recommend'))
>>> digest_of(token.text) == token.sha256
True
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from protocols.service.clock import Clock
from protocols.service.errors import UnknownToken, WrongScope

RANDOM_BYTES = 32
_SHAPE = re.compile(r"alt_([a-z][a-z-]{1,30})_([a-z2-7]{52})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A new token. ``text`` is shown once, to whoever asked for it; ``sha256`` is what is stored."""

    scope: str
    text: str = field(repr=False)
    sha256: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """What a store knows about an issued token. ``expires_at`` is in unix seconds, 0 means never."""

    token_id: str
    label: str
    scope: str
    expires_at: int
    revoked: bool


class TokenStore(Protocol):
    """Where a daemon keeps its issued tokens."""

    def find(self, sha256: bytes) -> TokenRecord | None:
        """The record of the token with this digest, or None where none was issued."""
        ...


def mint(scope: str, rand: bytes) -> Token:
    """Make a token of ``scope`` (lower-case letters and hyphens) from 32 bytes of randomness."""
    if len(rand) != RANDOM_BYTES:
        raise ValueError(f"a token is made from {RANDOM_BYTES} bytes")
    text = f"alt_{scope}_{base64.b32encode(rand).decode().rstrip('=').lower()}"
    if not _SHAPE.fullmatch(text):
        raise ValueError("a scope is 2 to 31 lower-case letters and hyphens")
    return Token(scope=scope, text=text, sha256=digest_of(text))


def digest_of(text: str) -> bytes:
    """SHA-256 of a token's text: the key under which it is found."""
    return hashlib.sha256(text.encode()).digest()


def check(text: str, scope: str, store: TokenStore, now: int) -> TokenRecord:
    """Return the record of the token ``text`` if it is valid for ``scope`` at ``now`` (unix seconds).

    Raises:
        UnknownToken: malformed, never issued, revoked or run out (one answer for all four, so that
            nobody learns which tokens exist).
        WrongScope: valid, but issued for another scope.
    """
    record = store.find(digest_of(text)) if _SHAPE.fullmatch(text) else None
    if record is None or record.revoked or (record.expires_at and record.expires_at <= now):
        raise UnknownToken(
            expected=f"a valid token of scope {scope}",
            came="one that was never issued, was revoked or has run out",
            do="issue a new one with the `token` command of the daemon's CLI",
        )
    if record.scope != scope:
        raise WrongScope(
            expected=f"a token of scope {scope}",
            came=f"one of scope {record.scope}",
            do=f"issue a token of scope {scope}; a token opens one thing only",
        )
    return record


def require(scope: str, store: TokenStore, clock: Clock) -> Callable[[Request], Awaitable[TokenRecord]]:
    """A FastAPI dependency that lets only bearers of a ``scope`` token pass.

    >>> from protocols.service.clock import ManualClock
    >>> from fastapi import Depends
    >>> class NoTokens:
    ...     def find(self, sha256):
    ...         return None
    >>> guard = Depends(require("admin", NoTokens(), ManualClock(0)))
    """

    async def bearer(request: Request) -> TokenRecord:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text.strip():
            raise UnknownToken(
                expected=f"the header `Authorization: Bearer alt_{scope}_...`",
                came="a request without a bearer token",
                do="send the token that was printed when it was issued, or issue a new one",
            )
        return await run_in_threadpool(check, text.strip(), scope, store, clock.now())

    return bearer
