"""What a shop is told about its non-buyers: own counts, the consortium's band, and that a reason is a hypothesis."""

import json

import pytest
from starlette.testclient import TestClient

from participant import entropy
from participant.app import make_apps
from participant.nonbuyers.report import REMEMBER_S, UnknownConcept
from participant.serving import Recommender
from participant.settings import PolicySettings
from participant.store.tokens import Tokens
from protocols.messages import Phase
from protocols.questions import ask
from protocols.questions.bands import EDGES, FEWEST
from protocols.questions.nonbuyers import HYPOTHESIS, STATES, WORDS
from protocols.service.jobs import Jobs
from protocols.service.tokens import RANDOM_BYTES, mint
from tests.participant import asked, nodes

ALLOWED = {
    "policy": PolicySettings(
        questions=("taste", "nonbuyers"),
        minimum_cohort=3,
        customers_floor=2,
        accept_company_differencing=True,
        accept_two_expose_the_third=True,
    )
}


EACH = 28
"""Customers of each company: eight with a little of everything, twenty who tried milk once."""


@pytest.fixture
def made(start_four, tmp_path):
    found = start_four((ALLOWED,) * 4)
    for number, node in enumerate(found[1]):
        once = {f"x{n}": [(asked.SPRING + 7 * n, "MILK")] for n in range(20)}
        nodes.sell(node, tmp_path / f"more-{number}", once)
    return found


def play(coordinator, members, **values):
    spec = ask(
        [("nonbuyers", {"until": asked.AUTUMN, "customers_cap": 1000} | values)],
        asked.WORDS,
        members=4,
        epoch="2023-q3",
    )
    attempt = coordinator.ask(spec)
    for _ in range(8):
        for node in members:
            node.exchange.turn()
    assert attempt.phase is Phase.RELEASED


def client(node, accept="text/html"):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    app = make_apps(node, recommender, Jobs()).public
    return TestClient(app, base_url="http://127.0.0.1:8470", headers={"Accept": accept})


def bearer(node, scope):
    token = mint(scope, entropy.random_bytes(RANDOM_BYTES))
    Tokens(node.db).add(token, label="test", at=0, expires_at=0)
    return {"Authorization": f"Bearer {token.text}"}


def test_before_a_round_a_shop_sees_its_own_customers_and_no_band(made):
    node = made[1][0]
    report = node.nonbuyers.report("MILK")
    assert sum(row.customers for row in report.rows) == report.customers == EACH
    assert {row.consortium for row in report.rows} == {""}
    assert report.release == ""
    page = client(node).get("/nonbuyers?concept=MILK").text
    assert HYPOTHESIS in page
    assert "appears beside each line after a round" in page


def test_after_a_round_a_band_stands_beside_every_own_share_and_never_a_count(made):
    coordinator, members, _ = made
    play(coordinator, members)
    node = members[0]
    for concept in asked.WORDS.concepts:
        for row in node.nonbuyers.report(concept).rows:
            assert row.consortium.endswith("customers") or row.consortium == "too few to say"
    whole = node.nonbuyers.report()
    assert whole.release
    assert any(row.beside for row in whole.rows)
    text = client(node).get("/nonbuyers").text
    assert HYPOTHESIS in text
    assert "of 100 customers" in text
    assert "no differential privacy" in text


def test_the_band_is_of_the_sum_of_all_companies(made):
    coordinator, members, _ = made
    play(coordinator, members)
    reports = [node.nonbuyers.report() for node in members]
    for state in STATES:
        rows = [row for report in reports for row in report.rows if row.state == state]
        share = sum(row.customers for row in rows) / (len(asked.WORDS) * sum(r.customers for r in reports))
        words = {row.consortium for row in rows}
        if share * 4 * EACH < FEWEST:
            assert words <= {"too few to say"}
        else:
            low = max(edge for edge in EDGES if edge <= share)
            assert words == {f"over {100 * low:.0f} of 100 customers"} or f"{100 * low:.0f} to" in str(words)
    (milk,) = [row for row in members[0].nonbuyers.report("MILK").rows if row.state == "tried-once"]
    assert milk.consortium == "over 60 of 100 customers"


def test_a_concept_that_was_not_asked_about_has_no_band(made):
    coordinator, members, _ = made
    play(coordinator, members, concepts="0")
    assert {row.consortium for row in members[0].nonbuyers.report("MILK").rows} == {"not asked"}
    assert "not asked" not in {row.consortium for row in members[0].nonbuyers.report("BREAD").rows}


def test_the_api_needs_a_report_token_and_calls_a_reason_a_hypothesis(made):
    node = made[1][0]
    http = client(node, accept="application/json")
    assert http.get("/v1/nonbuyers").status_code == 401
    assert http.get("/v1/nonbuyers", headers=bearer(node, "recommend")).status_code == 403
    said = http.get("/v1/nonbuyers?concept=MILK", headers=bearer(node, "report"))
    assert said.status_code == 200
    body = said.json()
    assert body["hypothesis"] == HYPOTHESIS
    assert sum(state["customers"] for state in body["states"]) == body["customers"]
    assert all(state["meaning"] == WORDS[state["state"]] for state in body["states"])
    missing = http.get("/v1/nonbuyers?concept=CAVIAR", headers=bearer(node, "report"))
    assert (missing.status_code, missing.json()["status"]) == (404, 404)


def test_an_unknown_concept_is_said_on_the_page(made):
    node = made[1][0]
    with pytest.raises(UnknownConcept):
        node.nonbuyers.report("CAVIAR")
    page = client(node).get("/nonbuyers?concept=CAVIAR")
    assert page.status_code == 404
    assert "letter for letter" in page.text


def test_an_opted_out_customer_is_gone_from_the_report_once_it_is_counted_anew(made):
    _, members, clock = made
    node = members[0]
    assert node.nonbuyers.report().customers == EACH
    node.records.opt_out("c1")
    clock.advance(int(REMEMBER_S) + 1)
    assert node.nonbuyers.report().customers == EACH - 1


def test_the_states_of_a_report_are_those_of_the_question(made):
    report = made[1][0].nonbuyers.report()
    assert {row.state for row in report.rows} <= set(STATES)
    assert json.dumps([row.meaning for row in report.rows])
