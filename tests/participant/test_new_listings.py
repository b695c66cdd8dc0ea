"""From released sums to a list over HTTP in which something stands that no concept describes and nobody bought."""

import pytest
from starlette.testclient import TestClient

from participant import entropy
from participant.app import make_apps
from participant.intake import read
from participant.serving import Recommender, Wish
from participant.store.tokens import Tokens
from protocols.messages import Phase
from protocols.questions import ask
from protocols.service.clock import ManualClock
from protocols.service.jobs import Jobs
from protocols.service.tokens import mint
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.loose_shop import LISTED, catalogue_of, loose_lines
from tests.participant.shop import DAY, NOW, VOCABULARY, write_sales

FIT, VALIDATION = 200 * DAY, 300 * DAY
ALLOWED = nodes.PERMISSIVE.model_copy(update={"questions": ("taste", "evaluation", "content")})


def both(until):
    window = {"until": until, "customers_until": FIT, "customers_cap": 1000}
    asked = [("taste", window), ("content", {**window, "dimensions": 128})]
    return ask(asked, VOCABULARY, members=3, epoch=str(until))


def released(coordinator, made, spec):
    attempt = coordinator.ask(spec)
    for _ in range(7):
        for node in made:
            node.exchange.turn()
    assert attempt.phase is Phase.RELEASED


class Once:
    """A job that is told to stop after its first turn."""

    turns = 0

    def wait(self, _seconds):
        self.turns += 1
        return self.turns > 1


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The first of three nodes after two rounds, trained; what else its tests need."""
    members, clock = companies(3), ManualClock(NOW)
    coordinator = FakeCoordinator(members, VOCABULARY, now=NOW)
    files = tmp_path_factory.mktemp("files")
    made, homes = [], []
    for number, company in enumerate(members):
        homes.append(tmp_path_factory.mktemp("node") / "home")
        node = nodes.start(homes[-1], company, coordinator, clock, policy=ALLOWED)
        sales = write_sales(files / f"{number}.parquet", loose_lines(number))
        catalogue = catalogue_of(files / f"items-{number}.parquet", number)
        read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=NOW)
        made.append(node)
    for until in (FIT, VALIDATION):
        released(coordinator, made, both(until))
    made[0].trainer.guard.rule("alcohol", allowed=True)
    assert made[0].trainer.turn()
    made[0].trainer.newcomers.refresh(*made[0].trainer.in_use())  # what is ready is of before the listing
    assert LISTED[0] not in {item["item_id"] for item in asking(made[0], "c002")}
    listed = write_sales(files / "yesterday.parquet", [("c000", "item-00a", "last", 320 * DAY, 1.0)])
    catalogue = catalogue_of(files / "items-yesterday.parquet", 0, LISTED)
    read([listed], home=made[0].home.root, engine=made[0].db, catalogue=[catalogue], now=NOW)
    made[0].trainer.run(Once())
    yield made[0], lambda **parts: nodes.start(homes[0], members[0], coordinator, clock, **parts)
    for node in made:
        node.db.dispose()


def asking(node, customer, **more):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    client = TestClient(make_apps(node, recommender, Jobs()).public, base_url="http://127.0.0.1")
    made = mint("recommend", entropy.random_bytes(32))
    Tokens(node.db).add(made, label=f"{customer}{more}", at=0, expires_at=0)
    reply = client.post(
        "/v1/recommendations",
        json={"user_id": customer, "scenario": "explore", "n": 10} | more,
        headers={"Authorization": f"Bearer {made.text}"},
    )
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def last_for(node, customer):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return recommender.serve(Wish(customer=customer, scenario="explore")).items[-1].item_id


def test_what_was_listed_yesterday_without_a_concept_is_recommended_today_with_its_reasons(world):
    node, _ = world
    rules = node.trainer.in_use()[1].newcomers.rules
    assert rules.release, rules
    assert rules.text_gain.mean > 0
    last = asking(node, "c002")[-1]
    assert (last["item_id"], last["name"]) == LISTED
    assert [why["code"] for why in last["reasons"]] == ["described-like", "new-here"]
    assert last["relevance"] == pytest.approx(rules.text_chance)
    italian = asking(node, "c002", language="it")[-1]["reasons"]
    assert all(why["text"] for why in italian)
    assert italian[0]["text"] != last["reasons"][0]["text"]


def test_it_goes_to_those_whose_taste_buys_such_things_elsewhere_and_leaves_the_other_places_alone(world):
    node, _ = world
    even, odd = (sum(last_for(node, f"c{u:03d}") == LISTED[0] for u in range(at, 60, 2)) for at in (0, 1))
    assert even > 20, (even, odd)
    assert odd < even / 2, (even, odd)
    without = asking(node, "c002", filter={"exclude_items": [LISTED[0]]})
    assert asking(node, "c002")[:-1] == without[:9]
    assert LISTED[0] not in {item["item_id"] for item in asking(node, "c002", surprise={"max": 0.999})}
    assert LISTED[0] not in {item["item_id"] for item in asking(node, "c002", n=4)}


def test_what_the_request_excludes_is_not_put_in_the_last_place(world):
    node, _ = world
    kept = asking(node, "c002", filter={"exclude_items": [LISTED[0]]})
    assert LISTED[0] not in {item["item_id"] for item in kept}
    assert len(kept) == 10


def test_what_is_sensitive_by_its_name_is_new_to_nobody_until_the_officer_allows_it(world):
    node, _ = world
    assert asking(node, "c002")[-1]["item_id"] == LISTED[0]
    node.trainer.guard.rule("alcohol", allowed=False)
    try:
        assert LISTED[0] not in {item["item_id"] for item in asking(node, "c002")}
    finally:
        node.trainer.guard.rule("alcohol", allowed=True)
    assert asking(node, "c002")[-1]["item_id"] == LISTED[0]


def test_a_customer_of_one_basket_is_offered_it_too(world):
    node, _ = world
    assert len(node.records.history("cold", VOCABULARY).concepts) == 1
    assert asking(node, "cold")[-1]["item_id"] == LISTED[0]


def test_a_policy_that_does_not_allow_the_question_takes_it_away(world):
    node, reopen = world
    denied = reopen(policy=nodes.PERMISSIVE)
    try:
        assert denied.trainer.in_use()[0] == node.trainer.in_use()[0]
        assert LISTED[0] not in {item["item_id"] for item in asking(denied, "c002")}
        assert denied.trainer.plan().contents == ()
    finally:
        denied.db.dispose()
    again = reopen(policy=ALLOWED)
    assert asking(again, "c002")[-1]["item_id"] == LISTED[0]
    again.db.dispose()
