"""The node's own client over a real TLS 1.3 listener that asks for a certificate and verifies signatures.

The listener is the coordinator's side of ``protocols.service``: what refuses here refuses in the field.
"""

from pathlib import Path
from time import time

import pytest
from fastapi import APIRouter, Depends
from starlette.responses import Response

from participant.consortium import Consortium
from participant.errors import BadSettings
from participant.home import Home
from participant.node import Node, call_coordinator, open_node
from participant.settings import ExchangeSettings, load
from participant.store.membership import Member
from protocols.service.app import create_app
from protocols.service.clock import ManualClock, SystemClock
from protocols.service.errors import BadCertificate, ClientCertificateRefused
from protocols.service.listeners import Tcp
from protocols.service.problems import Refused
from protocols.service.signing import Signatures
from protocols.service.tls import server_context
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import CONSORTIUM
from tests.protocols.service.daemon import Certificates, running
from tests.simulation.connect_proxy import ConnectProxy

HOUR = 3600
ME, STRANGER = asked.companies(2)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(folder=tmp_path, now=int(time()))


@pytest.fixture
def url(certificates: Certificates):
    """A coordinator that knows one member and has no news; its clock is right."""
    signatures = Signatures(lambda: {ME.id: ME.key.public}, SystemClock())
    router = APIRouter()

    signed = [Depends(signatures.sender)]

    @router.get("/v1/rounds/next", dependencies=signed)
    async def nothing() -> Response:
        return Response(status_code=204)

    @router.get("/v1/releases", dependencies=signed)
    async def releases() -> list[str]:
        return []

    context = server_context(
        *certificates.server(), authority=certificates.write_authority(), require_client=True
    )
    app = create_app("coordinator", routers=[router])
    with running(Tcp(app=app, host="127.0.0.1", port=0, flag="--port", tls=context)) as (port,):
        yield f"https://127.0.0.1:{port}"


def node_at(
    folder: Path,
    url: str,
    certificates: Certificates,
    *,
    trusts: Certificates,
    who=ME,
    ahead_s: int = 0,
    proxy=None,
) -> Node:
    """A node whose certificate comes from ``certificates`` and who trusts the authority of ``trusts``."""
    home: Home = nodes.found_home(folder / "home", who)
    certificate, key = certificates.client(who.id)
    home.certificate.write_bytes(certificate.read_bytes())
    home.tls_key.write_bytes(key.read_bytes())
    home.authority.write_bytes(trusts.authority.certificate)
    member = Member(
        partner=who.id, name=who.name, consortium=CONSORTIUM, coordinator_url=url, joined_at=asked.NOW
    )
    clock = ManualClock(int(time()) + ahead_s)
    client = call_coordinator(home, member, who.key, clock, proxy)
    return open_node(home, nodes.settings(), link=Consortium(client), clock=clock)


def test_a_member_with_its_own_certificate_is_answered(tmp_path, url, certificates):
    node = node_at(tmp_path, url, certificates, trusts=certificates)
    assert node.exchange.turn()
    assert node.exchange.trouble == ""


@pytest.mark.parametrize("ahead_s", [HOUR, -HOUR])
def test_a_clock_off_by_an_hour_is_refused_with_both_times_and_tried_again(
    tmp_path, url, certificates, ahead_s
):
    node = node_at(tmp_path, url, certificates, trusts=certificates, ahead_s=ahead_s)
    with pytest.raises(Refused) as refused:
        node.link.next(0, 1)
    assert refused.value.problem.code == "clock-skew"
    assert not node.exchange.turn()
    direction = "ahead" if ahead_s > 0 else "behind"
    seconds = int(node.exchange.trouble.split(" s " + direction)[0].split()[-1])
    assert abs(seconds - HOUR) < 30
    assert "timedatectl" in node.exchange.trouble
    if ahead_s < 0:  # somebody sets the clock right
        node.clock.advance(-ahead_s)
        assert node.exchange.turn()
        assert node.exchange.trouble == ""


def test_a_certificate_of_another_authority_is_refused_at_the_socket(tmp_path, url, certificates):
    other = other_authority(tmp_path)
    node = node_at(tmp_path, url, other, trusts=certificates)
    with pytest.raises(ClientCertificateRefused, match="issued at joining"):
        node.link.next(0, 1)
    assert not node.exchange.turn()
    assert "client certificate" in node.exchange.trouble


def test_a_coordinator_of_another_authority_is_not_spoken_to(tmp_path, url, certificates):
    node = node_at(tmp_path, url, certificates, trusts=other_authority(tmp_path))
    with pytest.raises(BadCertificate, match="another authority"):
        node.link.next(0, 1)
    assert not node.exchange.turn()


def test_a_signature_of_somebody_who_is_no_member_is_refused_in_words(tmp_path, url, certificates):
    node = node_at(tmp_path, url, certificates, trusts=certificates, who=STRANGER)
    with pytest.raises(Refused) as refused:
        node.link.next(0, 1)
    assert refused.value.problem.code == "unknown-signer"
    assert refused.value.problem.do
    assert not node.exchange.turn()


def test_behind_a_proxy_the_settings_lead_the_node_through_it(tmp_path, url, certificates):
    target = url.removeprefix("https://")
    with ConnectProxy({target}) as proxy:
        behind = ExchangeSettings(poll_s=1, proxy=proxy.url)
        node = node_at(tmp_path, url, certificates, trusts=certificates, proxy=behind.through)
        assert node.exchange.turn()
        assert (target, 200) in proxy.seen


@pytest.mark.parametrize("bad", ["proxy:3128", "http://anna:geheim@proxy"])
def test_a_proxy_setting_that_is_no_address_is_refused_without_repeating_it(tmp_path, monkeypatch, bad):
    monkeypatch.setenv("ALTROVE_NODE_EXCHANGE__PROXY", bad)
    with pytest.raises(BadSettings, match="ALTROVE_NODE_EXCHANGE__PROXY") as refused:
        load(Home(root=tmp_path))
    assert "geheim" not in str(refused.value)


def test_a_password_in_the_settings_shows_in_no_text_of_them():
    shown = ExchangeSettings(proxy="http://anna:geheim@proxy:3128")
    assert "geheim" not in f"{shown} {shown!r} {shown.model_dump_json()}"


def other_authority(folder: Path) -> Certificates:
    (folder / "other").mkdir()
    return Certificates(folder=folder / "other", now=int(time()))
