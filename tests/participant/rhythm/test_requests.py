"""From released sums of `rhythm` to a request whose context moves the list."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from participant import entropy
from participant.app import make_apps
from participant.console.view import When
from participant.models import load
from participant.overview import Overview
from participant.serving import Recommender
from participant.settings import CalendarSettings
from participant.store.releases import Releases
from participant.store.tokens import Tokens
from protocols.errors import BadInput
from protocols.messages import Phase
from protocols.questions import ask
from protocols.service.clock import ManualClock
from protocols.service.jobs import Jobs
from protocols.service.tokens import mint
from protocols.service.unit_of_work import reading
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.rhythm.scene import DAY, FIT, NAMES, TEST, VALID, WORDS, ZONE, World, fill_in

NOW = TEST + DAY


ALLOWED = nodes.PERMISSIVE.model_copy(update={"questions": ("taste", "rhythm")})


def released(coordinator, made, question, until):
    values = {"until": until, "customers_until": FIT, "customers_cap": 1000}
    spec = ask([(question, values)], WORDS, members=3, epoch=f"{question} {until}")
    attempt = coordinator.ask(spec)
    for _ in range(7):
        for node in made:
            node.exchange.turn()
    assert attempt.phase is Phase.RELEASED


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The first of three nodes after rhythm and taste, each until both ends; trained on them."""
    members, clock, world = companies(3), ManualClock(NOW), World.made_up()
    coordinator = FakeCoordinator(members, WORDS, now=NOW)
    made = []
    for number, company in enumerate(members):
        home = tmp_path_factory.mktemp("node") / "home"
        zone = CalendarSettings(zone=ZONE)
        one = nodes.start(home, company, coordinator, clock, policy=ALLOWED, calendar=zone)
        fill_in(one.home.root, one.db, world, number, told=("weather", "location", "event"))
        made.append(one)
    for question, until in (("rhythm", FIT), ("taste", FIT), ("rhythm", VALID), ("taste", VALID)):
        released(coordinator, made, question, until)
    assert made[0].trainer.turn()
    yield made[0]
    for one in made:
        one.db.dispose()


@pytest.fixture(scope="module")
def recommender(node):
    return Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)


@pytest.fixture(scope="module")
def post(node, recommender):
    made = mint("recommend", entropy.random_bytes(32))
    Tokens(node.db).add(made, label="recommend", at=0, expires_at=0)
    client = TestClient(make_apps(node, recommender, Jobs()).public, base_url="http://127.0.0.1")

    def send(user="c003", **context):
        asked = {"user_id": user, "scenario": "explore", "n": 10, "context": context}
        headers = {"Authorization": f"Bearer {made.text}"}
        return client.post("/v1/recommendations", json=asked, headers=headers)

    return send


def shown(reply):
    assert reply.status_code == 200
    return [item["concept"] for item in reply.json()["items"]]


def test_the_releases_of_both_ends_are_what_the_node_believes_beside_its_own_counts(node):
    model = node.trainer.in_use()[1]
    assert set(model.sway.moving("explore")) == set(NAMES)
    with reading(node.db) as connection:
        deployed = Releases(connection).in_use()
    again = load(node.home.models / deployed.folder)
    assert again.sway.strengths == model.sway.strengths
    assert all(np.array_equal(again.sway.ratios[name], model.sway.ratios[name]) for name in NAMES)


@pytest.mark.parametrize(
    ("early", "late", "factor"),
    [
        ({"time": "1972-01-05T07:00:00-05:00"}, {"time": "1972-01-05T21:00:00-05:00"}, "hour"),
        ({"time": "1972-01-03T09:00:00-05:00"}, {"time": "1972-01-08T09:00:00-05:00"}, "weekday"),
        ({"time": "1972-01-05T09:00:00-05:00"}, {"time": "1971-07-07T09:00:00-04:00"}, "season"),
        ({"weather": "cold-dry"}, {"weather": "hot-wet"}, "weather"),
        ({"location": "city-centre"}, {"location": "station"}, "location"),
        ({"event": "ordinary"}, {"event": "sport"}, "event"),
    ],
)
def test_a_context_moves_the_list_and_the_answer_says_by_what(post, early, late, factor):
    lists, moved = [], []
    for context in (early, late):
        replies = [post(f"c{u:03d}", **({"time": 370 * DAY} | context)) for u in range(8)]
        lists.append([shown(reply) for reply in replies])
        moved.append({reply.json()["moved_by"][factor] for reply in replies})
    assert lists[0] != lists[1]
    assert [len(words) for words in moved] == [1, 1]
    assert moved[0] != moved[1]


def test_a_request_that_says_nothing_is_ranked_for_now_and_for_the_weather_of_today_at_its_store(node, post):
    now = {"time": node.clock.now()}
    assert shown(post()) == shown(post(**now))
    at_centre = post(store="centre").json()["moved_by"]
    assert at_centre["location"] == "city-centre"
    assert "location" not in post().json()["moved_by"]
    told = node.records.bands_at(node.clock.now(), "centre")
    assert told.min() >= 0
    assert post(store="centre", weather="hot-wet").json()["moved_by"]["weather"] == "hot-wet"


@pytest.mark.parametrize(
    "context",
    [
        {"time": "noon"},
        {"time": 2**39},
        {"time": "2017-08-14T09:00"},
        {"weather": "sunny"},
        {"event": "x" * 300},
        {"mood": "blue"},
    ],
)
def test_a_context_that_means_nothing_is_a_problem_in_words(post, context):
    reply = post(**context)
    assert reply.status_code == 422
    assert {"expected", "came", "do"} <= set(reply.json())


def test_the_page_asks_for_another_moment_on_the_shops_clock(node, recommender):
    view = Overview(node, recommender)
    morning, evening = (
        view.suggestions("c003", "explore", 10, When(at=at))
        for at in ("1972-01-05T07:00", "1972-01-05T21:00")
    )
    assert (morning.moved_by["hour"], evening.moved_by["hour"]) == ("morning", "late evening")
    assert [item.concept for item in morning.items] != [item.concept for item in evening.items]
    with pytest.raises(BadInput, match="2017-08-14T09:30"):
        view.suggestions("c003", "explore", 10, When(at="soon"))
