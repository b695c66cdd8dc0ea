"""The page about non-buyers: its sentence, its reasons called hypotheses, its bands, and nothing of small groups."""

import pytest
from starlette.testclient import TestClient

from participant.console.nonbuyers import REASONS, finding, profile, sentence
from participant.console.routes import console_pages, console_router
from protocols.questions.nonbuyers import HYPOTHESIS, STATES
from protocols.service.app import create_app
from tests.participant.console.demo_view import DemoView, a_report, a_row, all_concepts


def shown(path):
    pages = console_pages()
    app = create_app("test", routers=[console_router(DemoView(), pages)], error_page=pages.problem)
    return TestClient(app, base_url="http://127.0.0.1", headers={"Accept": "text/html"}).get(path)


def test_every_state_has_a_name_on_the_page():
    assert set(REASONS) == set(STATES)


def test_the_page_opens_with_who_buys_and_the_likeliest_reason_and_calls_it_a_hypothesis():
    text = shown("/nonbuyers?concept=CORNMEAL").text
    assert sentence(a_report()) == (
        "11 of 100 customers buy CORNMEAL; the most frequent likely reason of the others is "
        "“not stocked where they come” (38 of 100)."
    )
    assert f"<h1>{sentence(a_report())}</h1>" in text
    assert HYPOTHESIS in text
    assert "10 to 30 of 100 customers" in text
    assert "more often here" in text


@pytest.mark.parametrize(
    ("report", "title"),
    [
        (a_report(), "“Not stocked where they come” is more frequent here than elsewhere (10 to 30 of 100 customers)"),
        (a_report(release=""), "Own customers only: the consortium has not been asked yet"),
        (a_report(rows=(a_row("lapsed", 0.2, "10 to 30 of 100 customers"),)), "No reason is more frequent here than the consortium's band"),
    ],
)  # fmt: skip
def test_the_title_claims_no_more_than_the_bands_do(report, title):
    assert finding(report) == title


def test_a_group_too_small_to_describe_has_a_dash():
    assert profile(a_row("out-of-reach", 0.006, "too few to say", "")) == "–"
    assert profile(a_row("lapsed", 0.2, "")) == "74 kinds, 2.6 days in 4 weeks, 31 of 100 recent kinds new"


def test_all_concepts_together_lead_to_the_ones_where_the_shop_stands_out():
    text = shown("/nonbuyers").text
    assert "a pair is a customer and a concept" in text
    assert '<a href="/nonbuyers?concept=CORNMEAL">CORNMEAL</a>' in text
    assert "a concept, on average" in sentence(all_concepts())


def test_what_a_visitor_types_is_never_markup():
    page = shown('/nonbuyers?concept="><b>x')
    assert page.status_code == 404
    assert "<b>x" not in page.text
