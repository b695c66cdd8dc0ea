"""A vector of several pieces leaves the node exactly once, by the courier, over the API, or by both."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from participant.api.door import door_router
from participant.door import carrying
from participant.settings import CourierSwitch, ExchangeSettings
from protocols.errors import IllegalMove, Stopped
from protocols.messages import Phase
from protocols.service.app import create_app
from protocols.service.errors import Unreachable
from tests.participant import asked, nodes

PIECE = 16
"""Of vectors of 40 bytes: three pieces, the last of them shorter."""
SIZE = 40


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nodes.template(tmp_path_factory.mktemp("homes"), 3)


@pytest.fixture
def masked(homes, tmp_path, monkeypatch) -> Iterator:
    """(coordinator, first node, clock, attempt): the others' vectors are in, the first waits for its courier."""
    monkeypatch.setattr(carrying, "PIECE_BYTES", PIECE)
    coordinator, members, clock = asked.consortium(3)
    shutil.copytree(homes, tmp_path / "homes")
    waits = {"courier": CourierSwitch(mode="beside"), "exchange": ExchangeSettings(poll_s=1)}
    made = [
        nodes.start(tmp_path / "homes" / m.name, m, coordinator, clock, **part)
        for m, part in zip(members, [waits, {}, {}], strict=True)
    ]
    attempt = coordinator.ask(asked.taste(3))
    while attempt.phase is not Phase.MASK:
        for node in made:
            node.exchange.turn()
    for node in (*made[1:], made[0]):
        node.exchange.turn()
    assert len(attempt.vectors) == 2
    yield coordinator, made[0], clock, attempt
    for node in made:
        node.db.dispose()


@pytest.fixture
def courier(masked):
    """The door as the courier reaches it."""
    _, node, *_ = masked
    app = create_app("door", routers=[door_router(node.door, node.exchange, node.bell)])
    with TestClient(app, base_url="http://door") as client:
        yield lambda offset: client.get(f"/door/vectors/1/1?offset={offset}&wait_s=0")


def whole(node):
    return b"".join(b"".join(node.door.piece(1, 1, offset=at).read()) for at in range(0, SIZE, PIECE))


def sent_pieces(coordinator, monkeypatch):
    """Offsets of the pieces that the coordinator is sent from now on."""
    offsets, put = [], coordinator.put_piece
    monkeypatch.setattr(
        coordinator,
        "put_piece",
        lambda sender, key, at, *rest: offsets.append(at) or put(sender, key, at, *rest),
    )
    return offsets


def test_the_door_gives_a_piece_at_a_time_and_the_same_one_again(masked, courier):
    _, node, *_ = masked
    pieces = [courier(offset) for offset in (0, 16, 32, 16)]
    assert [len(piece.content) for piece in pieces] == [16, 16, 8, 16]
    assert b"".join(piece.content for piece in pieces[:3]) == whole(node)
    assert pieces[1].content == pieces[3].content
    assert courier(4).content == whole(node)[4:20]
    assert courier(SIZE).status_code == 410


def test_every_piece_gives_the_courier_time_for_the_next_and_the_last_more(masked, courier):
    coordinator, node, clock, attempt = masked
    courier(0)
    clock.advance(40)
    courier(16)
    clock.advance(40)
    node.exchange.turn()
    assert node.member.partner not in attempt.vectors
    clock.advance(6)
    node.exchange.turn()
    assert attempt.vectors[node.member.partner] == coordinator.parts[node.member.partner, 1, 1]


def test_what_the_courier_brought_is_not_sent_again_over_the_api(masked, monkeypatch):
    coordinator, node, clock, attempt = masked
    body = whole(node)
    coordinator.parts[node.member.partner, 1, 1] = body[:PIECE]
    offsets = sent_pieces(coordinator, monkeypatch)
    clock.advance(46)
    node.exchange.turn()
    assert offsets == [16, 32]
    assert attempt.vectors[node.member.partner] == body


def test_a_connection_that_breaks_at_every_piece_loses_no_piece(masked, monkeypatch):
    coordinator, node, clock, attempt = masked
    offsets, put = sent_pieces(coordinator, monkeypatch), coordinator.put_piece
    node.exchange.without_courier()
    clock.advance(46)

    def breaking(*given):
        put(*given)
        raise Unreachable(expected="an answer", came="a cut connection", do="try again")

    monkeypatch.setattr(coordinator, "put_piece", breaking)
    assert [node.exchange.turn() for _ in range(3)] == [False] * 3
    node.exchange.turn()
    assert offsets == [0, 16, 32]
    assert attempt.phase is Phase.CHECK


def test_a_coordinator_that_takes_nothing_more_is_asked_later_and_not_for_ever(masked, monkeypatch):
    coordinator, node, clock, attempt = masked
    put, asked_for = coordinator.put_piece, []
    monkeypatch.setattr(coordinator, "put_piece", lambda *given: asked_for.append(given) or 0)
    clock.advance(46)
    node.exchange.turn()
    assert len(asked_for) == 1
    monkeypatch.setattr(coordinator, "put_piece", put)
    clock.advance(3)
    node.exchange.turn()
    assert attempt.phase is Phase.CHECK


def test_stop_ends_a_long_vector_between_two_pieces(masked, monkeypatch):
    coordinator, node, clock, attempt = masked
    offsets, put = sent_pieces(coordinator, monkeypatch), coordinator.put_piece
    first = node.door.piece(1, 1)

    def stopping(*given):
        node.door.switch.stop()
        return put(*given)

    monkeypatch.setattr(coordinator, "put_piece", stopping)
    clock.advance(46)
    assert not node.exchange.turn()
    assert offsets == [0]
    assert node.member.partner not in attempt.vectors
    with pytest.raises(Stopped):
        first.sha256()


def test_a_piece_of_an_attempt_that_ended_is_not_read_on(masked):
    _, node, *_ = masked
    piece = node.door.piece(1, 1)
    node.door.close(1, 1, "over")
    with pytest.raises(IllegalMove):
        piece.sha256()
