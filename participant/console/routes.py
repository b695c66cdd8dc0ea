"""The pages of a node's console: what left, figures, recommendations, STOP."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from participant.budget import BudgetStanding
from participant.console import budget_words, words
from participant.console.nonbuyers import nonbuyers_page
from participant.console.view import (
    Departure,
    NodeView,
    NoModelYet,
    ScenarioResult,
    Suggestions,
    UnknownCustomer,
    When,
)
from protocols.errors import BadInput
from protocols.questions.moments import EVENTS, LOCATIONS, WEATHER
from protocols.service.origin import LOOPBACK, same_origin
from protocols.service.pages import COLOURS, Link, Pages
from protocols.service.plots import Bar, Line, Mark, bar_plot, interval_plot

NAVIGATION = (
    Link(href="/", text="Today"),
    Link(href="/outbox", text="Outbox"),
    Link(href="/budget", text="Budget"),
    Link(href="/recommendations", text="Recommendations"),
    Link(href="/nonbuyers", text="Non-buyers"),
    Link(href="/stop", text="Stop"),
    Link(href="/docs", text="API"),
)

TODAY_ROWS, OUTBOX_ROWS, SUGGESTIONS = 50, 500, 5
QUARTERS_SHOWN = 8


def console_pages() -> Pages:
    """The frame and templates of this console; its ``problem`` renders errors for browsers."""
    return Pages(Path(__file__).parent / "templates", product="Altrove node", navigation=NAVIGATION)


def console_router(view: NodeView, pages: Pages, *, hosts: frozenset[str] = LOOPBACK) -> APIRouter:
    """The console over ``view``, reachable under the host names ``hosts`` only."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin(hosts))])

    @router.get("/")
    async def today() -> HTMLResponse:
        return await run_in_threadpool(_today, view, pages)

    @router.get("/outbox")
    async def outbox() -> HTMLResponse:
        return await run_in_threadpool(_outbox, view, pages)

    @router.get("/budget")
    async def budget() -> HTMLResponse:
        return await run_in_threadpool(_budget, view, pages)

    @router.get("/recommendations")
    async def recommendations(
        customer: Annotated[str, Query(max_length=200)] = "",
        scenario: str = "surprise",
        at: Annotated[str, Query(max_length=20)] = "",
        weather: Annotated[str, Query(max_length=40)] = "",
        location: Annotated[str, Query(max_length=40)] = "",
        event: Annotated[str, Query(max_length=40)] = "",
    ) -> HTMLResponse:
        known = scenario if scenario in words.SCENARIOS else "surprise"
        when = When(at=at.strip(), weather=weather, location=location, event=event)
        return await run_in_threadpool(_recommendations, view, pages, customer.strip(), known, when)

    @router.get("/nonbuyers")
    async def nonbuyers(concept: Annotated[str, Query(max_length=255)] = "") -> HTMLResponse:
        return await run_in_threadpool(nonbuyers_page, view, pages, concept.strip())

    @router.get("/stop")
    async def ask_to_stop() -> HTMLResponse:
        return await run_in_threadpool(_stop_page, view, pages, "")

    @router.post("/stop")
    async def stop(request: Request) -> Response:
        typed = parse_qs((await request.body()).decode("utf-8", "replace")).get("word", [""])[0]
        if typed.strip() != words.STOP_WORD:
            return await run_in_threadpool(_stop_page, view, pages, typed)
        await run_in_threadpool(view.stop)
        return RedirectResponse("/", status_code=303)

    return router


def _today(view: NodeView, pages: Pages) -> HTMLResponse:
    status, now, results = view.status(), view.now(), view.results()
    left = view.departures(_midnight(now), TODAY_ROWS)
    return pages.render(
        "today.html",
        path="/",
        title="Today",
        sentence=words.what_left(status, left, now),
        values={
            "status": status,
            "departures": left,
            "contact": words.contact(status, now),
            "now": now,
            "budget_line": budget_words.standing(view.budget()),
            **_results_parts(results),
            **_company_parts(status.members),
        },
    )


def _outbox(view: NodeView, pages: Pages) -> HTMLResponse:
    status, left = view.status(), view.departures(0, OUTBOX_ROWS)
    total = sum(departure.bytes_sent for departure in left)
    return pages.render(
        "outbox.html",
        path="/outbox",
        title="Outbox",
        sentence=_outbox_sentence(left, status.company),
        values={"departures": left, "total": total, **_company_parts(status.members)},
    )


def _outbox_sentence(left: Sequence[Departure], company: str) -> str:
    if not left:
        return f"Nothing has ever left {company}."
    answers = "One masked answer has" if len(left) == 1 else f"{len(left)} masked answers have"
    return f"{answers} left {company} so far, and nothing else that depends on a customer."


def _budget(view: NodeView, pages: Pages) -> HTMLResponse:
    budget = view.budget()
    finding = budget_words.plot_finding(budget)
    return pages.render(
        "budget.html",
        path="/budget",
        title="Budget",
        sentence=budget_words.opening(budget),
        values={
            "budget": budget,
            "rows": [(each, *budget_words.costs(each, budget)) for each in budget.spendings[:OUTBOX_ROWS]],
            "notes": budget_words.notes(budget),
            "unit": budget_words.UNIT,
            "leaks": budget_words.LEAKS,
            "finding": finding,
            "plot": bar_plot(
                _budget_bars(budget),
                unit="epsilon for one account, all answers together",
                description=finding,
                reach=budget.lifetime_limit,
            ),
        },
    )


def _budget_bars(budget: BudgetStanding) -> list[Bar]:
    """One bar a quarter, the current one coloured, and the lifetime below."""
    shown = budget.quarters[-QUARTERS_SHOWN:]
    bars = [
        Bar(
            label=each.name,
            value=each.epsilon,
            text=f"{each.epsilon:.2f} of {budget.quarter_limit:g}",
            kind="main" if each is shown[-1] else "base",
        )
        for each in shown
    ]
    together = f"{budget.lifetime_epsilon:.2f} of {budget.lifetime_limit:g}"
    return [
        *bars,
        Bar(label="Lifetime of the data", value=budget.lifetime_epsilon, text=together, kind="main"),
    ]


def _recommendations(view: NodeView, pages: Pages, customer: str, scenario: str, when: When) -> HTMLResponse:
    found: Suggestions | None = None
    sentence, status = "Look up what one of your customers would be shown, and why.", 200
    trouble = ""
    if customer:
        try:
            found = view.suggestions(customer, scenario, SUGGESTIONS, when)
            sentence = words.suggestions_sentence(found)
        except (UnknownCustomer, NoModelYet, BadInput) as error:
            sentence, status = f"No suggestions: {error.came}.", error.status
            trouble = error.do
    return pages.render(
        "recommendations.html",
        path="/recommendations",
        title="Recommendations",
        sentence=sentence,
        status=status,
        values={
            "customer": customer,
            "scenario": scenario,
            "scenarios": words.SCENARIOS,
            "found": found,
            "trouble": trouble,
            "when": when,
            "surroundings": {"weather": WEATHER, "location": LOCATIONS, "event": EVENTS},
            "moved": words.moved_by(found) if found else "",
        },
    )


def _stop_page(view: NodeView, pages: Pages, typed: str) -> HTMLResponse:
    status = view.status()
    sentence = (
        words.what_left(status, (), view.now())
        if status.stopped
        else f"Stop {status.company}: nothing more leaves until somebody opens the door again."
    )
    return pages.render(
        "stop.html",
        path="/stop",
        title="Stop",
        sentence=sentence,
        status=422 if typed else 200,
        values={"status": status, "typed": typed, "word": words.STOP_WORD},
    )


def _results_parts(results: Sequence[ScenarioResult]) -> dict[str, object]:
    lines = [
        Line(
            label=words.SCENARIOS.get(r.scenario, r.scenario),
            marks=(
                Mark(
                    name="Local model alone",
                    kind="base",
                    value=r.local.value,
                    low=r.local.low,
                    high=r.local.high,
                ),
                Mark(
                    name="With the exchange",
                    kind="main",
                    value=r.exchange.value,
                    low=r.exchange.low,
                    high=r.exchange.high,
                ),
            ),
        )
        for r in results
    ]
    finding = words.results_finding(results) if results else ""
    plot = interval_plot(lines, unit=results[0].measure, description=finding) if results else ""
    return {"results": results, "scenarios": words.SCENARIOS, "finding": finding, "plot": plot}


def _company_parts(members: Sequence[str]) -> dict[str, object]:
    """Colours by name, as on the coordinator's pages, and the words about privacy."""
    return {
        "colours": {name: f"c{index % COLOURS}" for index, name in enumerate(sorted(members))},
        "no_privacy": words.NO_PRIVACY,
    }


def _midnight(now: int) -> int:
    """Unix second at which the local day of ``now`` began."""
    local = datetime.fromtimestamp(now).astimezone()
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
