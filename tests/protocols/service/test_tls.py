import ssl
from time import time

import pytest
from cryptography import x509
from fastapi import APIRouter

from protocols.errors import BadInput
from protocols.service.app import create_app
from protocols.service.client import ServiceClient
from protocols.service.errors import BadCertificate, ClientCertificateRefused, Unreachable
from protocols.service.listeners import Tcp
from protocols.service.tls import (
    client_context,
    fingerprint,
    issue_client,
    make_authority,
    make_request,
    server_context,
)
from tests.protocols.service.daemon import Certificates, identity, running

ALICE, _ = identity(1)
YEARS = 3 * 365 * 86400


@pytest.fixture
def certificates(tmp_path):
    return Certificates(folder=tmp_path, now=int(time()))


@pytest.fixture
def other(tmp_path):
    (tmp_path / "other").mkdir()
    return Certificates(folder=tmp_path / "other", now=int(time()))


def app():
    router = APIRouter()

    @router.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    return create_app("test", routers=[router])


def serve(certificates, *, server=None, require_client=True):
    context = server_context(
        *(server or certificates.server()),
        authority=certificates.write_authority(),
        require_client=require_client,
    )
    return running(Tcp(app=app(), host="127.0.0.1", port=0, flag="--port", tls=context))


def call(port, context, host="127.0.0.1"):
    with ServiceClient(f"https://{host}:{port}", tls=context) as client:
        return client.get("/hello").json()


def trusting(certificates, client=None):
    certificate, key = client or (None, None)
    return client_context(certificates.authority_pem, certificate=certificate, key=key)


def test_a_member_with_its_certificate_is_answered_over_tls_1_3(certificates):
    with serve(certificates) as (port,):
        assert call(port, trusting(certificates, certificates.client(ALICE))) == {"hello": "world"}


def test_nobody_speaks_without_a_client_certificate(certificates):
    with (
        serve(certificates) as (port,),
        pytest.raises(ClientCertificateRefused, match="closed right after the handshake") as caught,
    ):
        call(port, trusting(certificates))
    assert "joins as a new member" in caught.value.do


def test_a_client_certificate_of_another_authority_is_refused(certificates, other):
    with serve(certificates) as (port,), pytest.raises(ClientCertificateRefused):
        call(port, trusting(certificates, other.client(ALICE)))


def test_a_client_certificate_that_has_run_out_is_refused(certificates):
    expired = certificates.client(ALICE, now=certificates.now - YEARS)
    with serve(certificates) as (port,), pytest.raises(ClientCertificateRefused):
        call(port, trusting(certificates, expired))


def test_a_server_certificate_does_not_pass_for_a_client_certificate(certificates):
    with serve(certificates) as (port,), pytest.raises(ClientCertificateRefused):
        call(port, trusting(certificates, certificates.server()))


def test_a_server_certificate_that_has_run_out_is_refused_with_the_remedy(certificates):
    expired = certificates.server(now=certificates.now - YEARS)
    with (
        serve(certificates, server=expired, require_client=False) as (port,),
        pytest.raises(BadCertificate, match="has run out") as caught,
    ):
        call(port, trusting(certificates))
    assert "clock" in caught.value.do
    assert "administrator" in caught.value.do


def test_a_server_certificate_that_is_not_valid_yet_points_at_the_clocks(certificates):
    future = certificates.server(now=certificates.now + YEARS)
    with (
        serve(certificates, server=future, require_client=False) as (port,),
        pytest.raises(BadCertificate, match=r"not valid yet.*clocks"),
    ):
        call(port, trusting(certificates))


def test_a_server_of_another_authority_is_refused(certificates, other):
    with (
        serve(other, require_client=False) as (port,),
        pytest.raises(BadCertificate, match="another authority"),
    ):
        call(port, trusting(certificates))


def test_a_self_signed_server_is_refused(certificates, tmp_path):
    lone = certificates.write("lone", make_authority("Impostor", certificates.now))
    with (
        serve(certificates, server=lone, require_client=False) as (port,),
        pytest.raises(BadCertificate, match=r"self-signed.*intercepts"),
    ):
        call(port, trusting(certificates))


def test_a_server_under_another_name_is_refused(certificates):
    elsewhere = certificates.server(hosts=("coordinator.example",))
    with (
        serve(certificates, server=elsewhere, require_client=False) as (port,),
        pytest.raises(BadCertificate, match=r"another address.*invitation"),
    ):
        call(port, trusting(certificates))


def test_tls_1_2_is_refused(certificates):
    old = trusting(certificates, certificates.client(ALICE))
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(certificates) as (port,), pytest.raises((ClientCertificateRefused, BadCertificate)):
        call(port, old)


def test_plain_http_on_a_tls_port_is_said_in_words(certificates):
    with (
        serve(certificates) as (port,),
        ServiceClient(f"http://127.0.0.1:{port}") as client,
        pytest.raises(Unreachable),
    ):
        client.get("/hello")


def test_tls_on_a_plain_port_is_said_in_words(certificates):
    with (
        running(Tcp(app=app(), host="127.0.0.1", port=0, flag="--port")) as (port,),
        pytest.raises(BadCertificate, match=r"expected a TLS 1\.3 service"),
    ):
        call(port, trusting(certificates))


def test_nobody_there_is_said_in_words(certificates):
    with pytest.raises(Unreachable, match="a daemon asks again by itself"):
        call(1, trusting(certificates))


def test_the_subject_comes_from_the_partner_and_not_from_the_request(certificates):
    request = make_request("COORDINATOR")
    issued = issue_client(certificates.authority, request.certificate, ALICE, certificates.now)
    assert ALICE.hex().encode() != request.certificate
    assert len(fingerprint(issued)) == 32
    ends = x509.load_pem_x509_certificate(issued).not_valid_after_utc
    assert ends.timestamp() == certificates.now + 397 * 86400


@pytest.mark.parametrize(
    "pem",
    [b"", b"no request", b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n"],
)
def test_what_is_not_a_signing_request_is_refused(certificates, pem):
    with pytest.raises(BadInput, match="run `join` again"):
        issue_client(certificates.authority, pem, ALICE, certificates.now)


def test_missing_certificate_files_are_named(tmp_path, certificates):
    with pytest.raises(BadCertificate, match=r"no\.pem"):
        server_context(tmp_path / "no.pem", tmp_path / "no.key", authority=None, require_client=False)
    with pytest.raises(BadCertificate, match="from the invitation"):
        client_context("garbage")


def test_a_key_pair_does_not_print_its_key(certificates):
    assert b"PRIVATE" in certificates.authority.key
    assert "PRIVATE" not in repr(certificates.authority)
