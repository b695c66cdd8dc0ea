"""From three released sums to suggestions over HTTP: training, lambda, gate, deployment, answers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from participant import entropy, training
from participant.app import make_apps
from participant.intake import read
from participant.models import load
from participant.serving import Recommender
from participant.store.releases import Releases
from participant.store.tokens import Tokens
from protocols.errors import WrongVocabulary
from protocols.messages import Phase
from protocols.questions import ask
from protocols.service.clock import ManualClock
from protocols.service.jobs import Jobs
from protocols.service.tokens import mint
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.shop import CONCEPTS, DAY, NOW, VOCABULARY, made_up_lines, write_catalogue, write_sales

FIT, VALIDATION = 200 * DAY, 300 * DAY
LAMBDAS = (10, 100, 1000)


def taste(until):
    values = {"until": until, "customers_until": FIT, "customers_cap": 1000}
    return ask([("taste", values)], VOCABULARY, members=3, epoch=str(until))


def evaluation(release):
    values = {
        "release": release.hex(),
        "lambdas": ",".join(str(each) for each in LAMBDAS),
        "history_until": FIT,
        "target_until": VALIDATION,
        "customers_until": FIT,
        "customers_cap": 1000,
    }
    return ask([("evaluation", values)], VOCABULARY, members=3, epoch="evaluation")


def released(coordinator, made, spec):
    attempt = coordinator.ask(spec)
    for _ in range(7):
        for node in made:
            node.exchange.turn()
    assert attempt.phase is Phase.RELEASED
    return next(reversed(coordinator.releases))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Three nodes after taste, evaluation and taste again; what training did after each round."""
    members, clock = companies(3), ManualClock(NOW)
    coordinator = FakeCoordinator(members, VOCABULARY, now=NOW)
    catalogue = write_catalogue(tmp_path_factory.mktemp("files") / "catalogue.parquet")
    made = []
    for number, company in enumerate(members):
        node = nodes.start(tmp_path_factory.mktemp("node") / "home", company, coordinator, clock)
        sales = write_sales(catalogue.parent / f"{number}.parquet", made_up_lines(60, seed=number))
        read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=NOW)
        made.append(node)
    first = released(coordinator, made, taste(FIT))
    turns = [made[0].trainer.turn()]
    rated = released(coordinator, made, evaluation(first))
    turns.append(made[0].trainer.turn())
    second = released(coordinator, made, taste(VALIDATION))
    turns.append(made[0].trainer.turn())
    turns.append(made[0].trainer.turn())
    yield made[0], (first, rated, second), turns
    for node in made:
        node.db.dispose()


@pytest.fixture(scope="module")
def client(trained):
    node, _, _ = trained
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    return TestClient(make_apps(node, recommender, Jobs()).public, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def bearer(trained):
    return headers(trained[0], "recommend")


def headers(node, scope):
    made = mint(scope, entropy.random_bytes(32))
    Tokens(node.db).add(made, label=scope, at=0, expires_at=0)
    return {"Authorization": f"Bearer {made.text}"}


def bought(node, customer):
    return {CONCEPTS[c] for c in node.records.history(customer, VOCABULARY).concepts}


def test_a_pair_of_sums_is_trained_on_once_and_one_sum_alone_never(trained):
    assert trained[2] == [False, False, True, False]


def test_the_plan_joins_the_two_sums_and_the_evaluation_between_them(trained):
    node, (first, rated, second), _ = trained
    plan = node.trainer.plan()
    assert (plan.fitted, plan.refitted) == (first, second)
    windows = plan.windows
    assert (windows.fit_until, windows.validation_until, windows.customers_until) == (FIT, VALIDATION, FIT)
    (said,) = node.releases.readings(rated)
    assert plan.lambdas == {"explore": said.explore.best_lambda, "surprise": said.surprise.best_lambda}
    assert set(plan.lambdas.values()) <= set(LAMBDAS)
    for name, metric in (("explore", said.explore), ("surprise", said.surprise)):
        assert plan.lambdas[name] == LAMBDAS[int(np.argmax(metric.means))]
        assert plan.gains[name] == metric.best - metric.own


def test_the_model_in_use_has_the_consortiums_lambdas_and_the_gates_verdict(trained):
    node, (_, _, second), _ = trained
    version, model = node.trainer.in_use()
    with reading(node.db) as connection:
        deployed = Releases(connection).in_use()
    report = json.loads(deployed.report)
    assert (deployed.release, deployed.model_version, model.release) == (second, version, second.hex())
    for name, part in model.scenarios.items():
        assert part.federated_lambda == node.trainer.plan().lambdas[name]
        assert part.deployed == report[name]["deployed"] == part.verdict.deployed
        assert report[name]["customers"] > 0
    assert any(part.deployed for part in model.scenarios.values())
    again = load(node.home.models / deployed.folder)
    np.testing.assert_array_equal(
        again.scenarios["surprise"].federated.matrix, model.scenarios["surprise"].federated.matrix
    )


def test_a_known_customer_gets_new_concepts_with_reasons(trained, client, bearer):
    node, _, _ = trained
    seen = set()
    for scenario in ("surprise", "explore"):
        asked = {"user_id": "c003", "scenario": scenario, "n": 3}
        reply = client.post("/v1/recommendations", json=asked, headers=bearer)
        assert reply.status_code == 200
        said = reply.json()
        assert said["model_version"] == node.trainer.in_use()[0]
        assert len(said["items"]) == 3
        assert not {item["concept"] for item in said["items"]} & bought(node, "c003")
        for item in said["items"]:
            assert item["item_id"].startswith(item["concept"].replace("concept ", "item-"))
            assert item["reasons"]
            assert all(why["text"] and why["support_band"] for why in item["reasons"])
        seen.add(said["rec_id"])
    assert len(seen) == 2
    assert all(len(each) == 24 for each in seen)


def test_what_the_shop_does_not_want_to_show_is_left_out_and_counted(client, bearer):
    asked = {"user_id": "c003", "scenario": "explore", "n": 2}
    first = client.post("/v1/recommendations", json=asked, headers=bearer).json()["items"][0]
    asked["filter"] = {"exclude_concepts": [first["concept"]]}
    said = client.post("/v1/recommendations", json=asked, headers=bearer).json()
    assert first["concept"] not in {item["concept"] for item in said["items"]}
    assert said["filtered"]["by-request"] == 1


@pytest.mark.parametrize("customer", ["c003", "a stranger"])
def test_a_filter_that_leaves_nothing_gives_an_empty_list_and_not_what_was_excluded(client, bearer, customer):
    asked = {"user_id": customer, "n": 3, "filter": {"exclude_concepts": list(CONCEPTS)}}
    reply = client.post("/v1/recommendations", json=asked, headers=bearer)
    assert (reply.status_code, reply.json()["items"]) == (200, [])
    assert reply.json()["filtered"]["by-request"] > 0


def test_a_customer_who_opted_out_gets_the_bestsellers_of_anybody(trained, client, bearer):
    node, _, _ = trained
    node.records.opt_out("c005")
    replies = [
        client.post("/v1/recommendations", json={"user_id": who, "n": 4}, headers=bearer).json()
        for who in ("c005", "a stranger")
    ]
    node.records.opt_out("c005", opted_out=False)
    assert [reply["degraded"] for reply in replies] == [True, True]
    assert replies[0]["items"] == replies[1]["items"]
    assert len(replies[0]["items"]) == 4
    buyers = node.trainer.in_use()[1].buyers
    ranks = [buyers[CONCEPTS.index(item["concept"])] for item in replies[0]["items"]]
    assert ranks == sorted(ranks, reverse=True)


def test_only_a_token_for_recommendations_opens_the_door_to_them(trained, client, bearer):
    asked = {"user_id": "c003"}
    assert client.post("/v1/recommendations", json=asked).status_code == 401
    wrong = headers(trained[0], "metrics")
    assert client.post("/v1/recommendations", json=asked, headers=wrong).status_code == 403
    forged = {"Authorization": bearer["Authorization"][:-1] + "!"}
    assert client.post("/v1/recommendations", json=asked, headers=forged).status_code == 401
    assert client.post("/v1/recommendations", json=asked, headers=bearer).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"n": 0},
        {"n": 101},
        {"scenario": "guess"},
        {"surprise": {"min": 0.9, "max": 0.1}},
        {"surprise": {"min": -1}},
        {"language": "xx"},
        {"user_id": ""},
        {"colour": "red"},
    ],
)
def test_a_request_out_of_range_is_a_problem_in_words(client, bearer, change):
    reply = client.post("/v1/recommendations", json={"user_id": "c003"} | change, headers=bearer)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert {"expected", "came", "do"} <= set(reply.json())


def test_a_model_keeps_serving_in_its_own_vocabulary_after_the_consortiums_has_moved_on(
    trained, client, bearer
):
    node, _, _ = trained
    asked = {"user_id": "c003", "n": 5}
    before = client.post("/v1/recommendations", json=asked, headers=bearer).json()
    node.link.coordinator.vocabulary = Vocabulary.of("made up", ["a new one", *CONCEPTS], version=2)
    with pytest.raises(WrongVocabulary, match="altrove-node connect"):
        node.standing.check_vocabulary()
    node.standing.renew_vocabulary()
    try:
        node.standing.check_vocabulary()
        after = client.post("/v1/recommendations", json=asked, headers=bearer).json()
        assert node.trainer.plan() is None
    finally:
        node.link.coordinator.vocabulary = VOCABULARY
        node.standing.renew_vocabulary()
    assert before["degraded"] is after["degraded"] is False
    assert before["items"] == after["items"]


def test_a_model_that_was_just_trained_is_as_ready_for_requests_as_one_that_was_loaded(
    start_four, monkeypatch
):
    node, made = start_four()[1][0], training.train

    def diverse(*asked, **more):
        model = made(*asked, **more)
        parts = {
            name: replace(part, boldness=replace(part.boldness, diversity=0.1))
            for name, part in model.scenarios.items()
        }
        return replace(model, scenarios=parts)

    monkeypatch.setattr(training, "train", diverse)
    node.trainer.train(None)
    assert all(part.serving.columns is not None for part in node.trainer.in_use()[1].scenarios.values())
