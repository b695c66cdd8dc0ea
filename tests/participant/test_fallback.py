"""A vector reaches the coordinator whatever becomes of the courier: when it is sent, and sent again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from participant.fallback import AGAIN_S, Fallbacks, Patience
from participant.settings import CourierSwitch, ExchangeSettings
from protocols.messages import Phase
from protocols.service.errors import Unreachable
from protocols.service.problems import Refused
from tests.participant import asked, nodes
from tests.participant.fake_coordinator import problem

KEY = (1, 1)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nodes.template(tmp_path_factory.mktemp("homes"), 3)


@pytest.fixture
def three(homes, tmp_path) -> Iterator:
    """Three nodes that wait for a courier, in the masking phase; the other two have sent already."""
    coordinator, members, clock = asked.consortium(3)
    shutil.copytree(homes, tmp_path / "homes")
    waits = {"courier": CourierSwitch(mode="beside"), "exchange": ExchangeSettings(poll_s=1)}
    parts = [waits, {}, {}]
    made = [
        nodes.start(tmp_path / "homes" / m.name, m, coordinator, clock, **part)
        for m, part in zip(members, parts, strict=True)
    ]
    yield coordinator, made, clock
    for node in made:
        node.db.dispose()


def masked(coordinator, made):
    attempt = coordinator.ask(asked.taste(3))
    while attempt.phase is not Phase.MASK:
        for node in made:
            node.exchange.turn()
    for node in (*made[1:], made[0]):
        node.exchange.turn()
    return attempt


def test_the_courier_is_waited_for_and_then_the_api_is_used(three):
    coordinator, made, clock = three
    attempt = masked(coordinator, made)
    assert made[0].member.partner not in attempt.vectors
    clock.advance(46)
    made[0].exchange.turn()
    assert made[0].member.partner in attempt.vectors


def test_a_courier_that_never_came_for_the_vector_is_reported_and_one_that_did_is_not(three):
    coordinator, made, clock = three
    silent = made[0].exchange.courier_was_silent
    attempt = masked(coordinator, made)
    assert not silent.is_set()
    clock.advance(46)
    made[0].exchange.turn()
    assert attempt.phase is Phase.CHECK
    assert silent.is_set()


def test_a_vector_that_was_fetched_and_then_lost_says_nothing_against_the_courier(three):
    coordinator, made, clock = three
    attempt = masked(coordinator, made)
    made[0].exchange.fetched(attempt.config.round, attempt.config.attempt, is_last=True)
    clock.advance(3000)
    made[0].exchange.turn()
    assert not made[0].exchange.courier_was_silent.is_set()


def test_without_a_fleet_nothing_is_waited_for(three):
    coordinator, made, _ = three
    made[0].exchange.without_courier()
    attempt = masked(coordinator, made)
    assert made[0].member.partner in attempt.vectors
    assert attempt.phase is Phase.CHECK


def test_a_vector_that_the_courier_fetched_gets_until_the_later_moment():
    waiting = Fallbacks(Patience(after_s=45, share=0.5))
    waiting.expect(KEY, now_s=0, left_s=200)
    assert waiting.next_in_s(0) == 45
    waiting.fetched(KEY, now_s=0, is_last=True)
    assert waiting.ready(99) == ()
    assert waiting.ready(100) == (KEY,)
    waiting.settled(KEY)
    assert waiting.next_in_s(100) is None


def test_a_courier_that_stops_in_mid_vector_is_waited_for_no_longer_than_for_its_first_piece():
    waiting = Fallbacks(Patience(after_s=45, share=0.5))
    waiting.expect(KEY, now_s=0, left_s=200)
    waiting.fetched(KEY, now_s=40, is_last=False)
    assert waiting.ready(84) == ()
    assert waiting.ready(85) == (KEY,)
    waiting.fetched(KEY, now_s=70, is_last=False)
    assert waiting.next_in_s(70) == 30, "never after the later moment"


def test_a_short_phase_leaves_half_of_it_to_the_api():
    waiting = Fallbacks(Patience(after_s=45, share=0.5))
    waiting.expect(KEY, now_s=0, left_s=20)
    assert waiting.next_in_s(0) == 10


@pytest.mark.parametrize("code", ["no-header-yet", "bad-chunk", "http-503", "http-429"])
def test_a_refused_vector_is_sent_again_with_the_same_bytes(three, code):
    coordinator, made, clock = three
    made[0].exchange.without_courier()
    sent, put = refusing(coordinator, made[0], Refused(problem(code, 503 if code == "http-503" else 409)))
    attempt = masked(coordinator, made)
    assert (len(sent), attempt.phase) == (1, Phase.MASK)
    coordinator.put_vector = put
    clock.advance(AGAIN_S)
    made[0].exchange.turn()
    assert attempt.vectors[made[0].member.partner] == sent[0]
    assert attempt.phase is Phase.CHECK


def test_a_vector_that_was_lost_on_its_way_is_sent_again_with_the_same_bytes(three):
    coordinator, made, _ = three
    made[0].exchange.without_courier()
    lost = Unreachable(expected="an answer", came="a cut connection", do="try again")
    sent, put = refusing(coordinator, made[0], lost)
    attempt = masked(coordinator, made)
    assert attempt.phase is Phase.MASK
    assert not made[0].exchange.turn()
    assert len(sent) >= 2
    coordinator.put_vector = put
    made[0].exchange.turn()
    assert {*sent, attempt.vectors[made[0].member.partner]} == {sent[0]}


def test_a_vector_that_nobody_wants_any_more_is_not_sent_again(three):
    coordinator, made, clock = three
    made[0].exchange.without_courier()
    sent, _ = refusing(coordinator, made[0], Refused(problem("attempt-gone", 404)))
    masked(coordinator, made)
    for _ in range(3):
        clock.advance(60)
        made[0].exchange.turn()
    assert len(sent) == 1


def refusing(coordinator, node, error):
    """Let the coordinator refuse this node's vectors; what was sent, and the method to put back."""
    put, sent = coordinator.put_vector, []

    def refuse(sender, key, body):
        if sender != node.member.partner:
            return put(sender, key, body)
        sent.append(body)
        raise error

    coordinator.put_vector = refuse
    return sent, put
