"""A node leaves its company through the HTTP proxy that it is told of, end-to-end encrypted; in words where not."""

import base64
from time import time

import pytest
from fastapi import APIRouter

from protocols.errors import BadInput
from protocols.service.app import create_app
from protocols.service.client import ServiceClient
from protocols.service.errors import BadCertificate, ProxyRefused, Unreachable
from protocols.service.flower import free_port
from protocols.service.listeners import Tcp
from protocols.service.logging import redact
from protocols.service.proxy import HttpProxy
from protocols.service.tls import client_context, server_context
from tests.protocols.service.daemon import Certificates, identity, running
from tests.simulation.connect_proxy import ConnectProxy

ALICE, _ = identity(1)
PASSWORD = "geheim"
BASIC = "Basic " + base64.b64encode(f"anna:{PASSWORD}".encode()).decode()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(folder=tmp_path, now=int(time()))


@pytest.fixture
def service(certificates):
    """A TLS service that wants a client certificate; yields its port and a client's context."""
    router = APIRouter()

    @router.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    tls = server_context(
        *certificates.server(), authority=certificates.write_authority(), require_client=True
    )
    certificate, key = certificates.client(ALICE)
    context = client_context(certificates.authority_pem, certificate=certificate, key=key)
    app = create_app("test", routers=[router])
    with running(Tcp(app=app, host="127.0.0.1", port=0, flag="--port", tls=tls)) as (port,):
        yield port, context


def call(service, proxy):
    port, context = service
    with ServiceClient(f"https://127.0.0.1:{port}", tls=context, proxy=HttpProxy.parse(proxy)) as client:
        return client.get("/hello").json()


def test_mutual_tls_runs_through_the_proxy_that_is_set_and_not_around_it(service):
    with ConnectProxy({f"127.0.0.1:{service[0]}"}) as proxy:
        assert call(service, proxy.url) == {"hello": "world"}
        assert proxy.seen == [(f"127.0.0.1:{service[0]}", 200)]


def test_a_proxy_that_wants_a_password_is_given_the_one_in_the_setting(service):
    with ConnectProxy({f"127.0.0.1:{service[0]}"}, authorization=BASIC) as proxy:
        assert call(service, f"http://anna:{PASSWORD}@127.0.0.1:{proxy.port}") == {"hello": "world"}


@pytest.mark.parametrize(
    ("authorization", "allowed", "status", "do"),
    [(BASIC, True, "407", "NAME:PASSWORD"), ("", False, "403", "allow CONNECT")],
)
def test_what_a_proxy_refuses_is_said_with_its_status_and_the_setting(
    service, authorization, allowed, status, do
):
    targets = {f"127.0.0.1:{service[0]}"} if allowed else set()
    with ConnectProxy(targets, authorization=authorization) as proxy:
        with pytest.raises(ProxyRefused) as refused:
            call(service, f"http://anna:falsch@127.0.0.1:{proxy.port}")
        assert refused.value.came.startswith(status)
        assert do in refused.value.do
        assert "ALTROVE_NODE_EXCHANGE__PROXY" in refused.value.do
        assert "falsch" not in str(refused.value)
        assert isinstance(refused.value, Unreachable), "the exchange must try it again"


def test_a_proxy_that_is_not_there_is_named_and_not_the_service(service):
    with pytest.raises(Unreachable) as missing:
        call(service, f"http://127.0.0.1:{free_port()}")
    assert "a proxy at http://127.0.0.1" in missing.value.expected
    assert "ALTROVE_NODE_EXCHANGE__PROXY" in missing.value.do


def test_a_coordinator_that_the_proxy_cannot_reach_is_the_proxys_502(service):
    gone = free_port()
    with (
        ConnectProxy({f"127.0.0.1:{gone}"}) as proxy,
        pytest.raises(ProxyRefused, match=r"502.*can be reached from it"),
    ):
        call((gone, service[1]), proxy.url)


def test_a_proxy_that_breaks_tls_open_is_refused(service, certificates, tmp_path):
    (tmp_path / "other").mkdir()
    other = Certificates(folder=tmp_path / "other", now=int(time()))
    trusting = client_context(other.authority_pem)
    with ConnectProxy({f"127.0.0.1:{service[0]}"}) as proxy, pytest.raises(BadCertificate):
        call((service[0], trusting), proxy.url)


@pytest.mark.parametrize(
    "text",
    [
        "proxy.example:3128",
        "https://p:1",
        "socks5://p:1",
        "http://p",
        "http://:1",
        "http://p:1/x",
        "http://u:geheim@",
    ],
)
def test_another_address_is_refused_without_being_repeated(text):
    with pytest.raises(BadInput, match="HOST:PORT") as bad:
        HttpProxy.parse(text)
    assert "geheim" not in str(bad.value)


def test_a_password_is_in_no_text_and_no_log():
    proxy = HttpProxy.parse(f"http://anna:{PASSWORD}@proxy:3128")
    assert proxy.authorization == BASIC
    assert not any(secret in f"{proxy} {proxy!r}" for secret in (PASSWORD, BASIC, "anna"))
    assert PASSWORD not in str(redact({"note": f"via http://anna:{PASSWORD}@proxy:3128 to x"}))
