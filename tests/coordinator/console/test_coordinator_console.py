from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from coordinator.console import words
from coordinator.console.routes import console_pages, console_router
from coordinator.console.view import MemberState, PhaseState, RoundState
from protocols.service.app import create_app
from tests.coordinator.console.demo_view import (
    DemoView,
    a_round,
    empty_view,
    members,
    phases,
    released_view,
    running_view,
)


def shown(view: DemoView, path: str = "/"):
    pages = console_pages()
    app = create_app("test", routers=[console_router(view, pages)], error_page=pages.problem)
    return TestClient(app, base_url="http://127.0.0.1").get(path, headers={"Accept": "text/html"})


def failed_at(index: int, done: int = 3):
    return tuple(
        replace(p, state=PhaseState.FAILED) if p.state is PhaseState.OPEN else p
        for p in phases(open_at=index, done=done)
    )


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (running_view(), "Round 4 waits for masked answers: 3 of 5 companies are done."),
        (released_view(), "Round 4 closed with 4 of 5 companies, and the sum is released."),
        (empty_view(), "No company has joined yet."),
        (DemoView(), "The consortium has 5 companies; nothing has been asked yet."),
        (DemoView(founded=False, shown_members=members(MemberState.JOINED)[:1]),
         "One company joined; the consortium begins when all approve the first roster."),
        (DemoView(founded=False, shown_members=(replace(members(MemberState.JOINED)[0], approved_roster=True),
                                                *members(MemberState.JOINED)[1:])),
         "1 of 5 companies have approved the first roster; the consortium begins when all have."),
        (DemoView(shown_rounds=(a_round(1, state=RoundState.ABORTED, phases=failed_at(2)),)),
         "Round 1 ended without a sum: 3 of 5 companies were there for masked answers."),
        (DemoView(shown_rounds=(a_round(1, state=RoundState.ABORTED, phases=failed_at(2, done=5)),)),
         "Round 1 ended without a sum: it failed at masked answers."),
        (DemoView(shown_rounds=(a_round(1, state=RoundState.ABORTED, cause="too few answers.", phases=()),)),
         "Round 1 ended without a sum: too few answers."),
        (DemoView(shown_rounds=(a_round(1, state=RoundState.RUNNING, phases=()),)),
         "Round 1 is about to start with 5 companies."),
        (DemoView(shown_rounds=(a_round(1, state=RoundState.RUNNING),)),
         "Round 1 has every message it needs; the sum is being made."),
    ],
)  # fmt: skip
def test_the_page_opens_with_one_sentence_that_says_how_things_stand(view, sentence):
    assert f"<h1>{sentence}</h1>" in shown(view).text


def test_the_roster_hash_and_the_audit_root_are_shown_in_full():
    view = running_view()
    text = shown(view).text
    assert view.consortium().roster_hash in text
    assert view.consortium().audit_root in text


def test_every_release_says_in_words_that_there_is_no_differential_privacy():
    assert "no differential privacy in this release" in shown(released_view()).text
    assert "no differential privacy in this release" in shown(released_view(), "/rounds/4").text


def test_no_release_with_noise_is_said_to_have_none():
    view = released_view()
    noisy = replace(
        view, shown_rounds=tuple(replace(r, differentially_private=True) for r in view.shown_rounds)
    )
    assert "no differential privacy in this release" not in shown(noisy, "/rounds/4").text


def test_a_missing_company_is_marked_in_the_phase_that_it_missed():
    text = shown(running_view()).text
    assert text.count('class="name missing c2" title="missing">Halcyon Grocers') == 1
    assert text.count('class="name missing c4" title="missing">Petit Panier') == 1


def test_a_round_without_a_sum_names_cause_and_next_step():
    text = shown(running_view(), "/rounds/2").text
    assert "only 3 of 5 masked answers came before the deadline" in text
    assert "then ask again" in text


def test_only_a_page_on_which_something_goes_on_renews_itself():
    assert 'http-equiv="refresh"' in shown(running_view()).text
    assert 'http-equiv="refresh"' in shown(empty_view()).text
    assert 'http-equiv="refresh"' not in shown(released_view()).text


def test_empty_states_say_what_will_appear_and_what_to_do():
    text = shown(empty_view()).text
    assert "altrove-coordinator invite" in text
    assert "A release appears here when a round closes" in text


def test_a_company_keeps_its_colour_on_both_pages():
    for path in ("/", "/rounds/4"):
        assert 'class="name c3">Nordmarkt' in shown(released_view(), path).text


def test_the_plot_is_titled_with_its_finding():
    assert words.timing_finding(a_round(1)) == "The round took 9.9 s, 65% of it for masked answers"
    waiting = tuple(replace(p, state=PhaseState.WAITING, seconds=0.0) for p in phases())
    assert words.timing_finding(a_round(1, phases=waiting)) == "No phase has begun yet"


def test_a_name_is_never_markup():
    view = DemoView(shown_members=(replace(members()[0], name="<img src=x onerror=alert(1)>"),))
    assert "<img src=x" not in shown(view).text
