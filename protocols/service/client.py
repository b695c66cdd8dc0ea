"""How one daemon calls another: an httpx client whose every failure is an AltroveError in words.

>>> explain(httpx.ConnectError("refused"), "https://127.0.0.1:9").code
'unreachable'
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from protocols.errors import AltroveError, MalformedMessage, TooLarge
from protocols.service.errors import BadCertificate, ClientCertificateRefused, ProxyRefused, Unreachable
from protocols.service.problems import raise_for_problem
from protocols.service.proxy import SETTING, HttpProxy, advice

CONNECT_S = 5.0
READ_S = 40.0
"""Longer than the longest poll (25 s) plus a slow answer."""

BINARY = {"Content-Type": "application/octet-stream"}

# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_CHAIN, _NO_ISSUER = 9, 10, 18, 19, 20
_WRONG_HOST, _WRONG_ADDRESS = 62, 64


class ServiceClient:
    """Requests to one service at ``url``; safe to use from several threads.

    ``socket_path`` reaches a service on a unix socket instead; the url then only names it.
    ``proxy`` is asked to connect to an https url; None goes there directly. ``answer_bytes`` is the longest
    answer that is read from a service which is not trusted; None reads whatever comes.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        socket_path: Path | None = None,
        proxy: HttpProxy | None = None,
        answer_bytes: int | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._proxy = proxy
        self._answer_bytes = answer_bytes
        self._answered = False
        transport = httpx.HTTPTransport(
            verify=tls if tls is not None else True,
            uds=None if socket_path is None else str(socket_path),
            proxy=None if proxy is None else _tunnel(proxy),
            trust_env=False,
        )
        self._http = httpx.Client(
            base_url=self._url,
            transport=transport,
            auth=auth,
            headers={"Accept-Encoding": "identity", **(headers or {})},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> httpx.Response:
        """GET ``path``.

        Raises:
            Refused: the service answered with a problem.
            Unreachable, BadCertificate, ClientCertificateRefused: no answer.
        """
        return self.request("GET", path, params=params)

    def post(self, path: str, body: bytes) -> httpx.Response:
        """POST canonical bytes; errors as :meth:`get`."""
        return self.request("POST", path, content=body, headers=BINARY)

    def put(
        self, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """PUT bytes or a stream of them (a stream needs its Content-Digest in ``headers``)."""
        return self.request("PUT", path, content=body, headers={**BINARY, **(headers or {})})

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        answer_bytes: int | None = None,
    ) -> httpx.Response:
        """Send one request and return its successful response; errors as :meth:`get`.

        ``answer_bytes`` stands instead of the client's own limit.

        Raises:
            TooLarge, MalformedMessage: an answer beyond the limit, or a packed one; the rest is not read.
        """
        limit = self._answer_bytes if answer_bytes is None else answer_bytes
        try:
            with self._http.stream(
                method,
                path,
                params=None if params is None else dict(params),
                content=content,
                json=json,
                headers=None if headers is None else dict(headers),
            ) as streamed:
                response = _whole(streamed, limit)
        except httpx.TransportError as error:
            raise explain(error, self._url, answered_before=self._answered, proxy=self._proxy) from error
        self._answered = True
        return raise_for_problem(response)


def _whole(streamed: httpx.Response, limit: int | None) -> httpx.Response:
    """The response with its bytes as they came: what nobody asked to be packed is not unpacked."""
    if streamed.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedMessage(
            expected="an answer as it is",
            came=f"one packed as {streamed.headers['content-encoding'][:20]!r}",
            do="refuse it: a small packed answer may be a huge one",
        )
    body = bytearray()
    for part in streamed.iter_raw():
        body += part
        if limit is not None and len(body) > limit:
            raise TooLarge(expected=f"an answer of at most {limit} bytes", came="more", do="refuse it")
    return httpx.Response(
        streamed.status_code, headers=streamed.headers, content=bytes(body), request=streamed.request
    )


def explain(
    error: httpx.TransportError,
    url: str,
    *,
    answered_before: bool = False,
    proxy: HttpProxy | None = None,
) -> AltroveError:
    """Say in words why ``url`` did not answer: proxy, certificate, refused client, timeout, nobody there.

    Under TLS 1.3 a server judges the client's certificate after the client's handshake is over, and
    asyncio closes the connection without the alert that would say so: a connection that closes
    before the first answer ever is therefore reported as a refused certificate.
    """
    if isinstance(error, httpx.ProxyError):
        return _refused_by_proxy(error, url, proxy)
    cause = _ssl_cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _bad_certificate(cause, url)
    if cause is not None and "alert" in str(cause).lower().replace("_", " "):
        return _refused_client(url, _alert(cause))
    if cause is not None:
        return BadCertificate(
            expected=f"a TLS 1.3 service at {url}",
            came=cause.reason or "something else",
            do="check host and port; the address must be that of the consortium's listener",
        )
    if proxy is not None and isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return Unreachable(
            expected=f"a proxy at {proxy}",
            came=str(error) or type(error).__name__,
            do=f"check that it runs, or correct {SETTING}; a daemon asks again by itself",
        )
    closed = isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
    if closed and url.startswith("https:") and not answered_before:
        return _refused_client(url, "a connection closed right after the handshake")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(
            expected=f"an answer from {url}",
            came="silence",
            do="check network and firewall (outgoing only); a daemon asks again by itself",
        )
    return Unreachable(
        expected=f"an Altrove service at {url}",
        came=str(error) or type(error).__name__,
        do="check that it runs and that host and port are right; a daemon asks again by itself",
    )


def _tunnel(proxy: HttpProxy) -> httpx.Proxy:
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx.Proxy(str(proxy), headers=headers)


def _refused_by_proxy(error: httpx.ProxyError, url: str, proxy: HttpProxy | None) -> ProxyRefused:
    status = str(error)[:3]
    return ProxyRefused(
        expected=f"the proxy {proxy} to connect to {url}",
        came=str(error) or "a refusal",
        do=advice(int(status) if status.isdigit() else 0),
    )


def _refused_client(url: str, came: str) -> ClientCertificateRefused:
    return ClientCertificateRefused(
        expected=f"{url} to accept this machine's client certificate",
        came=came,
        do="check that the certificate in the keys folder is the one issued at joining, and its end (`openssl "
        "x509 -enddate -noout -in keys/tls.pem`). There is no renewal yet: after its end this company joins as "
        "a new member, under another name and in a new --home, and the old member is removed from the roster",
    )


def _bad_certificate(error: ssl.SSLCertVerificationError, url: str) -> BadCertificate:
    came, do = {
        _NOT_YET_VALID: (
            "a certificate that is not valid yet",
            "compare the clocks of both machines (`timedatectl`)",
        ),
        _EXPIRED: (
            "a certificate that has run out",
            (
                "check this machine's clock (`timedatectl`), and tell the coordinator's administrator that its "
                "certificate has run out; this version cannot renew it"
            ),
        ),
        _SELF_SIGNED: ("a self-signed certificate", "make sure that nothing on the way intercepts TLS"),
        _SELF_SIGNED_CHAIN: (
            "a certificate of another authority",
            "check the address, and that nothing on the way intercepts TLS",
        ),
        _NO_ISSUER: (
            "a certificate of another authority",
            "check the address, and that nothing on the way intercepts TLS",
        ),
        _WRONG_HOST: ("a certificate for another host name", "use the address that the invitation names"),
        _WRONG_ADDRESS: ("a certificate for another address", "use the address that the invitation names"),
    }.get(error.verify_code, (error.verify_message, "check address and authority"))
    return BadCertificate(expected=f"{url} to show a certificate of the consortium", came=came, do=do)


def _alert(error: ssl.SSLError) -> str:
    said = (error.reason or str(error)).lower().replace("_", " ")
    for words, came in (
        ("certificate required", "none was sent"),
        ("certificate expired", "the answer that it has run out"),
        ("unknown ca", "the answer that another authority issued it"),
        ("revoked", "the answer that it was revoked"),
    ):
        if words in said:
            return came
    return f"the TLS alert '{said}'"


def _ssl_cause(error: BaseException) -> ssl.SSLError | None:
    """The TLS error underneath, if that is what it was."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
