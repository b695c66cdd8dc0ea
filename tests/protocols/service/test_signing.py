import itertools
from hashlib import sha256
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from starlette.testclient import TestClient

from protocols.identity import PartnerId
from protocols.limits import CLOCK_SKEW_S, MESSAGE_BYTES
from protocols.service.app import create_app
from protocols.service.clock import ManualClock
from protocols.service.signing import Signatures, SignedHead, SignedRequests, content_digest
from tests.protocols.service.daemon import identity

ALICE, ALICE_KEY = identity(1)
BRUNO, BRUNO_KEY = identity(2)
NOW = 1_760_000_000


class Counter:
    """Nonces that never repeat, unless a test asks for it."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.repeat = False

    def __call__(self) -> bytes:
        return bytes(16) if self.repeat else next(self._numbers).to_bytes(16, "big")


class World:
    """A service that echoes who signed, and clients with clocks of their own."""

    def __init__(self) -> None:
        self.clock, self.client_clock, self.nonce = ManualClock(NOW), ManualClock(NOW), Counter()
        self.roll = {ALICE: ALICE_KEY.public, BRUNO: BRUNO_KEY.public}
        signatures = Signatures(lambda: self.roll, self.clock)
        router = APIRouter()

        @router.post("/echo")
        async def echo(
            sender: Annotated[PartnerId, Depends(signatures.sender)], request: Request
        ) -> dict[str, str]:
            return {"sender": sender.hex(), "body": (await request.body()).decode()}

        @router.put("/vector")
        async def vector(head: Annotated[SignedHead, Depends(signatures.head)]) -> dict[str, int]:
            return {"bytes": sum([len(chunk) async for chunk in head.stream(limit=2**24)])}

        app = create_app("test", routers=[router], large_bodies={"/vector": 2**25})
        self.http = TestClient(app, base_url="https://coordinator")

    def auth(self, me: PartnerId = ALICE, key=ALICE_KEY) -> SignedRequests:
        return SignedRequests(me, key, self.client_clock, self.nonce)

    def signed(
        self, url: str = "https://coordinator/echo", body: bytes = b"hello", auth=None
    ) -> httpx.Request:
        """A signed request, not yet sent, so that a test can spoil it."""
        request = self.http.build_request("POST", url, content=body)
        return next((auth or self.auth()).sync_auth_flow(request))

    def send(self, request: httpx.Request) -> tuple[int, dict[str, str]]:
        response = self.http.send(request)
        return response.status_code, response.json()


@pytest.fixture
def world() -> World:
    return World()


def refused(answer: tuple[int, dict[str, str]], code: str) -> dict[str, str]:
    assert answer[1]["type"] == f"urn:altrove:problem:{code}", answer
    return answer[1]


def test_a_signed_request_tells_who_sent_it_and_its_body_can_still_be_read(world):
    assert world.send(world.signed()) == (200, {"sender": ALICE.hex(), "body": "hello"})


def test_a_request_without_a_body_is_signed_too(world):
    assert world.send(world.signed(body=b""))[0] == 200


def test_an_unsigned_request_is_refused(world):
    problem = refused(world.send(world.http.build_request("POST", "/echo", content=b"x")), "bad-signature")
    assert problem["status"] == 401


@pytest.mark.parametrize("header", ["date", "content-digest"])
def test_a_covered_header_that_was_changed_is_refused(world, header):
    request = world.signed()
    request.headers[header] = (
        world.signed(body=b"other").headers["content-digest"] if "digest" in header else "now"
    )
    refused(world.send(request), "bad-signature")


def test_another_body_under_the_same_head_is_refused(world):
    request = world.signed(body=b"give 1")
    spoiled = world.http.build_request("POST", "/echo", content=b"give 9", headers=request.headers)
    problem = refused(world.send(spoiled), "bad-signature")
    assert "other bytes" in problem["came"]


def test_a_signature_for_another_path_query_or_method_is_refused(world):
    for method, url in (("POST", "/echo?x=1"), ("POST", "/echo/"), ("PUT", "/vector")):
        moved = world.http.build_request(method, url, content=b"hello", headers=world.signed().headers)
        assert world.http.send(moved).status_code in {401, 404}


def test_a_signature_by_another_partner_is_refused(world):
    forged = world.signed(auth=world.auth(me=ALICE, key=BRUNO_KEY))
    refused(world.send(forged), "bad-signature")


def test_a_signer_outside_the_roll_is_refused_and_a_removed_one_from_the_next_request_on(world):
    stranger, key = identity(9)
    problem = refused(world.send(world.signed(auth=world.auth(stranger, key))), "unknown-signer")
    assert "join the consortium" in problem["do"]
    assert world.send(world.signed())[0] == 200
    del world.roll[ALICE]
    refused(world.send(world.signed()), "unknown-signer")


def test_a_replayed_nonce_is_refused(world):
    request = world.signed()
    assert world.send(request)[0] == 200
    problem = refused(world.send(request), "replayed-request")
    assert problem["status"] == 409


def test_two_partners_may_happen_to_use_the_same_nonce(world):
    world.nonce.repeat = True
    assert world.send(world.signed())[0] == 200
    assert world.send(world.signed(auth=world.auth(BRUNO, BRUNO_KEY)))[0] == 200


def test_a_replay_after_the_nonce_was_forgotten_fails_by_its_age(world):
    request = world.signed()
    assert world.send(request)[0] == 200
    world.clock.advance(2 * CLOCK_SKEW_S + 1)
    refused(world.send(request), "clock-skew")


@pytest.mark.parametrize(("seconds", "words"), [(-3600, "3600 s behind"), (3600, "3600 s ahead")])
def test_a_clock_off_by_an_hour_is_refused_with_both_clocks_and_what_to_do(world, seconds, words):
    world.client_clock.jump(seconds)
    problem = refused(world.send(world.signed()), "clock-skew")
    assert "2025-10-09T08:53:20Z" in problem["expected"]
    assert words in problem["came"]
    assert ("T07:53:20Z" if seconds < 0 else "T09:53:20Z") in problem["came"]
    assert "timedatectl set-ntp true" in problem["do"]


def test_a_clock_off_by_four_minutes_is_accepted(world):
    world.client_clock.jump(-240)
    assert world.send(world.signed())[0] == 200


def test_a_signature_that_covers_less_than_it_must_is_refused(world, monkeypatch):
    monkeypatch.setattr("protocols.service.signing.COVERED", ("@method", "date", "content-digest"))
    request = world.signed()
    monkeypatch.undo()
    refused(world.send(request), "bad-signature")


def test_a_signature_made_for_another_application_is_refused(world, monkeypatch):
    monkeypatch.setattr("protocols.service.signing.TAG", "other-v1")
    request = world.signed()
    monkeypatch.undo()
    refused(world.send(request), "bad-signature")


@pytest.mark.parametrize(
    "headers",
    [
        {"signature-input": "garbage", "signature": "garbage"},
        {"signature-input": 'altrove=("@method");created=-1', "signature": "altrove=:AAAA:"},
        {"content-digest": "md5=:AAAA:"},
        {"signature": "altrove=:AAAA:"},
    ],
)
def test_malformed_signature_headers_are_refused_not_crashed_on(world, headers):
    request = world.signed()
    request.headers.update(headers)
    refused(world.send(request), "bad-signature")


def test_a_streamed_vector_is_verified_while_it_is_read(world):
    chunks = [bytes([n]) * 2**20 for n in range(12)]
    digest = {"Content-Digest": content_digest(sha256(b"".join(chunks)).digest())}
    sent = world.http.put("/vector", content=iter(chunks), headers=digest, auth=world.auth())
    assert sent.json() == {"bytes": 12 * 2**20}
    spoiled = world.http.put("/vector", content=iter(chunks[::-1]), headers=digest, auth=world.auth())
    refused((spoiled.status_code, spoiled.json()), "bad-signature")


def test_a_body_above_the_limit_is_refused_announced_or_not(world):
    announced = world.http.post("/echo", content=bytes(MESSAGE_BYTES + 1), auth=world.auth())
    refused((announced.status_code, announced.json()), "too-large")
    digest = {"Content-Digest": content_digest(bytes(32))}
    chunks = iter([bytes(2**20)] * 9)
    streamed = world.http.post("/echo", content=chunks, headers=digest, auth=world.auth())
    refused((streamed.status_code, streamed.json()), "too-large")
