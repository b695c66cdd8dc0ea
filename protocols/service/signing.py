"""Every request between a node and the coordinator is signed by the sender's identity key.

HTTP Message Signatures (RFC 9421) with Ed25519, over method, full target, Date and Content-Digest
(RFC 9530) with ``created``, ``expires``, ``nonce`` and ``keyid`` = the partner's id in hex. The
client certificate opens the socket; authorisation rests on this signature alone.

The nonce memory lives as long as the process. A request replayed across a restart, within
``CLOCK_SKEW_S``, therefore passes once more: handlers answer the same bytes with the same reply.
"""

import base64
import hashlib
import hmac
import re
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Request
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from http_message_signatures.digests import ContentDigest
from http_message_signatures.exceptions import HTTPMessageSignaturesException, InvalidSignature
from starlette.concurrency import run_in_threadpool

from protocols.errors import BadSignature, ClockSkew, TooLarge, UnknownSigner
from protocols.identity import IdentityKey, PartnerId, Roll
from protocols.limits import CLOCK_SKEW_S, ID_BYTES, MESSAGE_BYTES
from protocols.service.clock import Clock, iso, utc
from protocols.service.errors import ReplayedRequest, TooManyRequests

TAG = "altrove-v1"
"""Application tag inside the signature: another application's signatures are not ours."""

COVERED = ("@method", "@target-uri", "content-digest", "date")

_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")

NONCES_PER_PARTNER = 20_000
"""Replay memory: 33 requests a second from each partner for the ten minutes that a nonce lives."""


class SignedRequests(httpx.Auth):
    """Signs every request of an httpx client in the name of ``me``.

    A streamed body must come with its ``Content-Digest`` header (:func:`content_digest`), so that
    it need not be held in memory; any other body is digested here.
    """

    def __init__(self, me: PartnerId, key: IdentityKey, clock: Clock, nonce: Callable[[], bytes]) -> None:
        self._me = me
        self._key = key
        self._clock = clock
        self._nonce = nonce

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Digest the body if need be, sign, send."""
        if "content-digest" not in request.headers:
            request.headers["Content-Digest"] = ContentDigest.create(request.read())
        self.sign(request)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Digest the body if need be, sign, send."""
        if "content-digest" not in request.headers:
            request.headers["Content-Digest"] = ContentDigest.create(await request.aread())
        self.sign(request)
        yield request

    def sign(self, request: httpx.Request) -> None:
        """Put ``Date``, ``Signature-Input`` and ``Signature`` on ``request``."""
        now = self._clock.now()
        request.headers["Date"] = formatdate(now, usegmt=True)
        signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519)
        prepared = signer.prepare(
            request,
            key_id=self._me.hex(),
            created=utc(now),
            expires=utc(now + CLOCK_SKEW_S),
            nonce=self._nonce().hex(),
            tag=TAG,
            label="altrove",
            covered_component_ids=COVERED,
            use_existing_digest=True,
        )
        signer.apply(request, prepared, self._key.sign_request(prepared.signature_base))


def content_digest(sha256: bytes) -> str:
    """The ``Content-Digest`` header of a body whose SHA-256 is known beforehand."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A request whose head is verified; its body is verified while it is read."""

    sender: PartnerId
    request: Request
    sha256: bytes

    async def stream(self, *, limit: int) -> AsyncIterator[bytes]:
        """Yield the body; the last step raises unless it was exactly what the sender signed.

        Whoever spools the chunks must throw the file away when this raises.

        Raises:
            TooLarge: more than ``limit`` bytes.
            BadSignature: the bytes are not those of the signed Content-Digest.
        """
        seen, hasher = 0, hashlib.sha256()
        async for chunk in self.request.stream():
            seen += len(chunk)
            if seen > limit:
                raise TooLarge(expected=f"at most {limit} bytes", came="more", do="send one masked vector")
            hasher.update(chunk)
            yield chunk
        self.check(hasher.digest())

    def check(self, sha256: bytes) -> None:
        """Raise BadSignature unless ``sha256`` is the digest that the sender signed."""
        if not hmac.compare_digest(sha256, self.sha256):
            raise BadSignature(
                expected="the body whose digest was signed",
                came="other bytes",
                do="send the request again; if it repeats, something between the two sides alters it",
            )


class Signatures:
    """Verifies signed requests against the roll and remembers nonces.

    ``roll`` is asked on every request: a removed member's next request is refused.
    """

    def __init__(self, roll: Callable[[], Roll], clock: Clock) -> None:
        self._roll = roll
        self._clock = clock
        self._nonces = _Nonces()

    async def sender(self, request: Request) -> PartnerId:
        """FastAPI dependency: who signed this request, body included (up to ``MESSAGE_BYTES``).

        Raises:
            BadSignature, UnknownSigner, ClockSkew, ReplayedRequest, TooManyRequests, TooLarge.
        """
        head = await run_in_threadpool(self.verify, request)  # the roll may have to be read
        body = await request.body()  # held by the request, so that the endpoint can read it again
        if len(body) > MESSAGE_BYTES:
            raise TooLarge(expected=f"at most {MESSAGE_BYTES} bytes", came=f"{len(body)}", do="send less")
        head.check(hashlib.sha256(body).digest())
        return head.sender

    async def head(self, request: Request) -> SignedHead:
        """FastAPI dependency for large bodies: verify the head now, the body while it streams."""
        return await run_in_threadpool(self.verify, request)

    def verify(self, request: Request) -> SignedHead:
        """Check signature, time and nonce of the head of ``request``.

        Raises:
            BadSignature: no signature, too little covered, or it does not verify.
            UnknownSigner: the key id is not in the roll.
            ClockSkew: made more than ``CLOCK_SKEW_S`` away from this side's clock, or run out.
            ReplayedRequest: this nonce was seen before.
            TooManyRequests: more than ``NONCES_PER_PARTNER`` requests within ten minutes.
        """
        roll = self._roll()
        verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Roll(roll))
        try:
            (result,) = verifier.verify(request, expect_tag=TAG, max_age=None, require_components=COVERED)
        except InvalidSignature as error:
            if isinstance(error.__cause__, UnknownSigner):
                raise error.__cause__ from None
            cause = error.args[0] if error.args else ""
            raise _bad(str(cause) if isinstance(cause, str) else "a signature that does not verify") from None
        except HTTPMessageSignaturesException as error:
            raise _bad(str(error)) from None
        except ValueError:
            raise _bad("more than one signature with the tag of Altrove") from None
        sender = PartnerId(bytes.fromhex(str(result.parameters["keyid"])))
        self._check_time(result.parameters)
        self._nonces.spend(sender, str(result.nonce or ""), self._clock.now())
        return SignedHead(
            sender=sender, request=request, sha256=_sha256_of(request.headers["content-digest"])
        )

    def _check_time(self, parameters: dict[str, int | str]) -> None:
        now, created = self._clock.now(), int(parameters["created"])
        expires = int(parameters.get("expires", 0))
        if abs(now - created) > CLOCK_SKEW_S or expires < now - CLOCK_SKEW_S:
            behind = now - created
            raise ClockSkew(
                expected=f"a request signed within {CLOCK_SKEW_S} s of this side's clock, {iso(now)}",
                came=f"one signed at {_iso_or_number(created)}, {abs(behind)} s "
                f"{'behind' if behind > 0 else 'ahead'}",
                do="set the clock of the machine that is wrong (`timedatectl set-ntp true`) and try again",
            )


class _Verifier(HTTPMessageVerifier):
    """The library's verifier with time checks left to us: our clock is an argument."""

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        del max_age  # ours: see Signatures._check_time
        missing = [name for name in ("created", "expires", "nonce", "keyid") if name not in sig_input.params]
        if missing:
            raise InvalidSignature(f"a signature without {', '.join(missing)}")


class _Roll(HTTPSignatureKeyResolver):
    def __init__(self, roll: Roll) -> None:
        self._roll = roll

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        try:
            partner = PartnerId(bytes.fromhex(key_id))
        except ValueError:
            partner = PartnerId(b"")
        public = self._roll.get(partner)
        if len(partner) != ID_BYTES or key_id != partner.hex() or public is None:
            raise UnknownSigner(
                expected="the id of a member of the roster as key id",
                came=key_id[:64],
                do="join the consortium first, or ask its administrator whether you were removed",
            )
        return Ed25519PublicKey.from_public_bytes(public)


class _Nonces:
    """Nonces of the last two skew windows, by partner: after that a replay fails by its age."""

    def __init__(self) -> None:
        self._seen: dict[PartnerId, OrderedDict[str, int]] = {}
        self._lock = threading.Lock()

    def spend(self, sender: PartnerId, nonce: str, now: int) -> None:
        with self._lock:
            seen = self._seen.setdefault(sender, OrderedDict())
            while seen and next(iter(seen.values())) < now - 2 * CLOCK_SKEW_S:
                seen.popitem(last=False)
            if not 16 <= len(nonce) <= 128:
                raise _bad("a nonce that is not 16 to 128 characters long")
            if nonce in seen:
                raise ReplayedRequest(
                    expected="a nonce never used before",
                    came="one seen already",
                    do="sign every request anew",
                )
            if len(seen) >= NONCES_PER_PARTNER:
                raise TooManyRequests(
                    expected=f"at most {NONCES_PER_PARTNER} requests in {2 * CLOCK_SKEW_S} s",
                    came="more",
                    do="wait a few minutes; check the node for a loop",
                )
            seen[nonce] = now


def _bad(came: str) -> BadSignature:
    return BadSignature(
        expected="one RFC 9421 signature by the sender's identity key",
        came=came,
        do="sign the request as it is sent, with the key that the roster pins",
    )


def _sha256_of(header: str) -> bytes:
    """The SHA-256 in a Content-Digest header; verified as part of the signature base before."""
    found = _DIGEST.fullmatch(header)
    if found is None:
        raise _bad("a Content-Digest that is not one sha-256")
    return base64.b64decode(found.group(1))


def _iso_or_number(unix_s: int) -> str:
    return iso(unix_s) if 0 <= unix_s < 253_402_300_800 else f"unix second {unix_s}"
