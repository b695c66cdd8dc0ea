"""What a node reads of a coordinator's answers, and where it stops: found by attacking it, kept by name."""

import json
from dataclasses import replace

import httpx
import pytest
from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from participant.consortium import Consortium
from participant.roster_desk import RosterDesk
from participant.store.membership import Member, Membership
from participant.store.schema import open_database
from protocols.errors import BrokenChain, MalformedMessage, TooLarge
from protocols.service.app import create_app
from protocols.service.client import ServiceClient
from protocols.service.clock import ManualClock
from protocols.service.listeners import Tcp
from protocols.service.problems import Refused
from protocols.service.unit_of_work import transaction
from tests.attacks.hostile import Hostile
from tests.participant import asked
from tests.participant.fake_coordinator import CONSORTIUM
from tests.protocols.service.daemon import running

CHUNK = bytes(2**16)
ENDLESS = 2**12
"""Chunks of an answer of 256 MiB: more than anybody here reads."""


@pytest.fixture
def service():
    """A service whose answers are too long or packed, its url, and how many chunks were taken of the long one."""
    router, taken = APIRouter(), []

    @router.get("/long")
    def long() -> StreamingResponse:
        return StreamingResponse(taken.append(1) or CHUNK for _ in range(ENDLESS))

    @router.get("/packed")
    def packed() -> Response:
        return Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    @router.get("/refused")
    def refused() -> Response:
        words = {"expected": "\x1b[2Jx", "came": "y" * 10_000, "do": "a\nb"}
        problem = {"type": "urn:altrove:problem:no", "title": "No", "status": 403, "detail": "", **words}
        return Response(json.dumps(problem), status_code=403)

    @router.get("/three")
    def three() -> Response:
        return Response(b"abc")

    app = create_app("service", routers=[router])
    with running(Tcp(app=app, host="127.0.0.1", port=0, flag="--port")) as (port,):
        yield f"http://127.0.0.1:{port}", taken


def test_an_answer_beyond_the_limit_is_not_read_to_its_end(service):
    url, taken = service
    with ServiceClient(url, answer_bytes=2**20) as client, pytest.raises(TooLarge):
        client.get("/long")
    assert len(taken) < ENDLESS / 2  # what lies in buffers between the two ends is sent, no more


def test_an_answer_as_long_as_the_limit_is_read_and_one_byte_more_is_not(service):
    with ServiceClient(service[0], answer_bytes=3) as client:
        assert client.get("/three").content == b"abc"
        with pytest.raises(TooLarge):
            client.request("GET", "/three", answer_bytes=2)


def test_a_packed_answer_is_refused_before_it_is_unpacked(service):
    with ServiceClient(service[0]) as client, pytest.raises(MalformedMessage, match="gzip"):
        client.get("/packed")


def test_a_coordinators_words_reach_no_terminal_with_escape_sequences(service):
    with ServiceClient(service[0]) as client, pytest.raises(Refused) as refused:
        client.get("/refused")
    problem = refused.value.problem
    assert (problem.code, problem.expected, problem.do) == ("no", "?[2Jx", "a?b")
    assert len(problem.came) < 3000
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("sequence", ["", "-1", "1.5", "\u00b2", "9" * 5000])
def test_a_sequence_number_that_is_none_is_malformed(sequence):
    class Caller:
        def request(self, *_arguments, **_options):
            return httpx.Response(200, headers={"Altrove-Sequence": sequence.encode("latin-1")})

    with pytest.raises(MalformedMessage):
        Consortium(Caller()).next(0, 1)


def test_a_roster_of_a_thousand_million_versions_is_found_out_at_the_first_one_missing(tmp_path):
    coordinator, asked_for = Hostile(asked.WORDS, now=asked.NOW), []
    coordinator.grow(replace(coordinator.roster, height=10**9), coordinator.companies)

    class Link:
        def roster(self, height=None):
            asked_for.append(height)
            return coordinator.shown[-1 if height is None else min(height, 1)]

    me = coordinator.companies[1]
    db = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    member = Member(partner=me.id, name=me.name, consortium=CONSORTIUM, coordinator_url="", joined_at=1)
    with transaction(db) as connection:
        Membership(connection).join(member)
    desk = RosterDesk(db=db, link=Link(), me=me.id, key=me.key, clock=ManualClock(1))
    with pytest.raises(BrokenChain):
        desk.refresh()
    assert asked_for == [None, 0, 1, 2]
    db.dispose()
