from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from participant.console import words
from participant.console.routes import console_pages, console_router
from participant.console.view import Estimate, Outcome
from protocols.service.app import create_app
from tests.participant.console.demo_view import (
    NOW,
    DemoView,
    a_budget,
    a_departure,
    a_spending,
    a_status,
    busy_view,
    results,
)


@pytest.fixture
def view() -> DemoView:
    return busy_view()


def client(view: DemoView) -> TestClient:
    pages = console_pages()
    app = create_app("test", routers=[console_router(view, pages)], error_page=pages.problem)
    return TestClient(
        app, base_url="http://127.0.0.1", headers={"Accept": "text/html"}, follow_redirects=False
    )


def shown(view: DemoView, path: str = "/"):
    return client(view).get(path)


@pytest.mark.parametrize(
    ("departures", "sentence"),
    [
        ((), "Nothing has left Bottega Aurora today; the door is open."),
        ((a_departure(3),),
         "One masked answer, 9.9 MB, left Bottega Aurora today, readable only as part of a sum of 5 companies."),
        ((a_departure(3), a_departure(2, summed_with=("a", "b", "c", "d"))),
         "2 masked answers, 19.7 MB in all, left Bottega Aurora today, readable only as part of a sum of 4 companies."),
        ((a_departure(3, outcome=Outcome.PENDING, summed_with=()),),
         "One masked answer, 9.9 MB, left Bottega Aurora today; one is not in a sum yet."),
        ((a_departure(3, outcome=Outcome.UNUSED, summed_with=()),),
         "One masked answer, 9.9 MB, left Bottega Aurora today."),
    ],
)  # fmt: skip
def test_the_page_opens_with_what_left_today(departures, sentence):
    assert f"<h1>{sentence}</h1>" in shown(DemoView(shown_departures=departures)).text


def test_yesterdays_departures_are_in_the_outbox_and_not_in_today():
    view = DemoView(shown_departures=(a_departure(3, at=NOW - 86_400 * 2),))
    assert "Nothing has left" in shown(view).text
    assert "One masked answer has left Bottega Aurora so far" in shown(view, "/outbox").text


def test_each_departure_shows_question_shape_bytes_recipient_and_fingerprint(view):
    text = shown(view, "/outbox").text
    for words_shown in (
        "masked counts of pairs",
        "2,467,531 masked numbers of 32 bits",
        "9.9 MB",
        "the coordinator of Five grocers",
        view.shown_departures[0].sha256,
        "No differential privacy",
    ):
        assert words_shown in text, words_shown


def test_stop_needs_the_typed_word_and_nothing_else_closes_the_door(view):
    http = client(view)
    for typed in ("", "stop", "STOP!", "yes"):
        answer = http.post("/stop", data={"word": typed})
        assert answer.status_code in {200, 422}
        assert view.stops == 0
    assert "Nothing was stopped" in answer.text
    answer = http.post("/stop", data={"word": "STOP"})
    assert (answer.status_code, answer.headers["location"], view.stops) == (303, "/", 1)
    assert "The door is closed since" in http.get("/").text


def test_the_stop_page_names_its_consequences_and_the_way_back(view):
    text = shown(view, "/stop").text
    assert "ends without a sum if not" in text
    assert "Recommendations in the shop go on" in text
    view.stop()
    assert "altrove-node stop --release" in shown(view, "/stop").text
    assert "<form" not in shown(view, "/stop").text


def test_reading_a_page_never_stops_the_node(view):
    for path in ("/", "/stop", "/stop?word=STOP", "/outbox"):
        shown(view, path)
    assert view.stops == 0


def test_a_form_of_another_origin_does_not_stop_the_node(view):
    answer = client(view).post("/stop", data={"word": "STOP"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert view.stops == 0


def test_a_customer_is_shown_suggestions_with_reasons(view):
    text = shown(view, "/recommendations?customer=2391").text
    assert "Customer 2391 would be shown 3 suggestions never bought here before." in text
    assert "Stone-ground polenta, 500 g" in text
    assert "strong support" in text
    assert "nothing about this customer leaves it" in text


def test_a_moment_can_be_asked_about_and_what_it_moved_is_said(view):
    text = shown(view, "/recommendations?customer=2391&weather=hot-dry&at=2017-08-14T09:30").text
    assert "Ordered for this moment: weather hot-dry." in text
    assert '<option value="hot-dry" selected>' in text
    assert 'value="2017-08-14T09:30"' in text
    assert "The order is the same at any moment" in shown(view, "/recommendations?customer=2391").text


def test_an_unknown_customer_and_a_missing_model_say_what_to_do(view):
    answer = shown(view, "/recommendations?customer=99")
    assert answer.status_code == 404
    assert "No suggestions: nobody with this id." in answer.text
    assert "opted-out customers are not found" in answer.text
    answer = shown(DemoView(), "/recommendations?customer=2391")
    assert answer.status_code == 409
    assert "Wait for the first release" in answer.text


def test_what_a_visitor_types_is_never_markup(view):
    text = shown(view, '/recommendations?customer="><b>x').text
    assert "<b>x" not in text


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({}, "The exchange improves surprise by 27% over the local model alone"),
        ({"exchange": Estimate(value=22.0, low=20.0, high=24.0)},
         "The exchange improves surprise by 3% over the local model alone; the intervals overlap"),
        ({"deployed": False}, "The exchange does not help here yet, so the local model stays in use"),
    ],
)  # fmt: skip
def test_the_plot_claims_no_more_than_its_intervals(changes, finding):
    assert words.results_finding([replace(results()[0], **changes)]) == finding


def test_the_plot_has_a_table_with_intervals_and_the_gates_reason(view):
    text = shown(view).text
    assert "19 to 23.8" in text
    assert "24.5 to 29.7" in text
    assert "with the exchange: not below local on validation" in text
    assert "customers of 100 with a hit among 10 suggestions" in text


def test_a_silent_coordinator_is_visible():
    assert words.contact(a_status(last_contact=0), NOW) == "never"
    assert words.contact(a_status(last_contact=NOW - 300), NOW) == "6 min ago"
    assert words.contact(a_status(last_contact=NOW - 2), NOW) == "just now"


def test_why_the_node_did_not_go_on_with_a_round_is_on_its_page():
    assert "did not go on" not in shown(busy_view()).text
    line = "Round 3.1, advertise-keys: this node did not go on (too-few-customers). <script>"
    page = shown(replace(busy_view(), shown_status=a_status(refused=(line,)))).text
    assert "Round 3.1, advertise-keys: this node did not go on (too-few-customers). &lt;script&gt;" in page


def test_a_company_has_the_colour_that_it_has_on_the_coordinators_pages(view):
    assert 'class="name c3">Nordmarkt' in shown(view, "/outbox").text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "The budget of 2026 Q4 is spent; the next quarter begins on"),
        ({"quarter_epsilon": 0.93}, "Epsilon 0.93 of 2 is spent in 2026 Q4."),
        ({"quarter_epsilon": 0.0}, "Nothing of the privacy budget of 2026 Q4 is spent."),
        ({"lifetime_epsilon": 8.0}, "The lifetime budget of the data is spent: no further answer with noise leaves."),
    ],
)  # fmt: skip
def test_the_budget_page_opens_with_what_is_left(changes, sentence):
    assert f"<h1>{sentence}" in shown(DemoView(shown_budget=a_budget(**changes)), "/budget").text


def test_the_budget_page_has_a_line_for_each_answer_and_says_what_no_epsilon_counts():
    spendings = (
        a_spending(4),
        a_spending(3, is_private=False),
        a_spending(2, returned="<b>aborted</b>"),
    )
    text = shown(DemoView(shown_budget=a_budget(spendings=spendings, without_privacy=1)), "/budget").text
    assert "4.27 of 8" in text
    assert "no differential privacy" in text
    assert "One answer left with no differential privacy" in text
    assert "given back: &lt;b&gt;aborted" in text  # the coordinator's words are never markup
    assert "when it falls silent" in text
    assert 'class="plot"' in text
    assert ">8</text>" in text  # the axis reaches the limit, however little is spent


def test_the_start_page_says_what_of_the_budget_is_spent_and_each_departure_what_it_cost(view):
    text = shown(view).text
    assert "Spent in 2026 Q4: epsilon 2.00 of 2; over the lifetime of the data 4.27 of 8" in text
    assert view.shown_departures[0].privacy in text
