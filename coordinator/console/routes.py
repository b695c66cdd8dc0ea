"""The pages of the coordinator's console: start, one round, API. Reading only."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from coordinator.console import words
from coordinator.console.view import ConsoleView, Member, MemberState, PhaseState, Round, RoundState
from protocols.service.origin import LOOPBACK, same_origin
from protocols.service.pages import COLOURS, Link, Pages
from protocols.service.plots import Bar, bar_plot

REFRESH_S = 2
"""While a round runs, the page renews itself this often; otherwise it stands still."""

ROUNDS, RELEASES = 12, 12

NAVIGATION = (Link(href="/", text="Now"), Link(href="/docs", text="API"))


def console_pages() -> Pages:
    """The frame and templates of this console; its ``problem`` renders errors for browsers."""
    return Pages(Path(__file__).parent / "templates", product="Altrove coordinator", navigation=NAVIGATION)


def console_router(view: ConsoleView, pages: Pages, *, hosts: frozenset[str] = LOOPBACK) -> APIRouter:
    """The console over ``view``, reachable under the host names ``hosts`` only."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin(hosts))])

    @router.get("/")
    async def start() -> HTMLResponse:
        return await run_in_threadpool(_start, view, pages)

    @router.get("/rounds/{number}")
    async def one_round(number: int) -> HTMLResponse:
        return await run_in_threadpool(_round, view, pages, number)

    return router


def _start(view: ConsoleView, pages: Pages) -> HTMLResponse:
    consortium, members, rounds = view.consortium(), view.members(), view.rounds(ROUNDS)
    newest = rounds[0] if rounds else None
    return pages.render(
        "start.html",
        path="/",
        title="Now",
        sentence=words.how_things_stand(members, rounds, founded=bool(consortium.roster_hash)),
        refresh_s=_refresh(newest, members_pending=not consortium.roster_hash),
        values={
            "consortium": consortium,
            "members": members,
            "newest": newest,
            "earlier": rounds[1:],
            "releases": view.releases(RELEASES),
            "now": view.now(),
            **_round_parts(newest, members),
        },
    )


def _round(view: ConsoleView, pages: Pages, number: int) -> HTMLResponse:
    members, found = view.members(), view.round(number)
    return pages.render(
        "round.html",
        path=f"/rounds/{number}",
        title=f"Round {number}",
        sentence=words.round_sentence(found),
        refresh_s=_refresh(found, members_pending=False),
        values={"newest": found, "now": view.now(), **_round_parts(found, members)},
    )


def _round_parts(shown: Round | None, members: Sequence[Member]) -> dict[str, object]:
    """What both pages need to draw a round: names, colours, plot, words."""
    return {
        "names": {member.partner: member.name for member in members},
        "colours": _colours(members),
        "phase_words": words.PHASE_WORDS,
        "finding": "" if shown is None else words.timing_finding(shown),
        "plot": "" if shown is None else _timing_plot(shown),
        "no_privacy": words.NO_PRIVACY,
        "no_privacy_asked": words.NO_PRIVACY_ASKED,
        "round_sentence": words.round_sentence,
        "release_sentence": words.release_sentence,
    }


def _colours(members: Sequence[Member]) -> dict[str, str]:
    """One colour class a company, by name: the same here and on the pages of every node."""
    there = [m for m in members if m.state in {MemberState.JOINED, MemberState.ACTIVE}]
    ranked = sorted(there, key=lambda member: member.name)
    return {member.partner: f"c{rank % COLOURS}" for rank, member in enumerate(ranked)}


def _timing_plot(shown: Round) -> str:
    if all(phase.state is PhaseState.WAITING for phase in shown.phases):
        return ""
    bars = [
        Bar(
            label=words.PHASE_WORDS.get(phase.phase, phase.phase).removeprefix("the ").capitalize(),
            value=phase.seconds,
            text="not begun" if phase.state is PhaseState.WAITING else f"{phase.seconds:.1f} s",
            kind="main"
            if phase.state is PhaseState.OPEN or shown.state is not RoundState.RUNNING
            else "base",
        )
        for phase in shown.phases
    ]
    return bar_plot(bars, unit="seconds per phase", description=words.timing_finding(shown))


def _refresh(shown: Round | None, *, members_pending: bool) -> int:
    running = shown is not None and shown.state is RoundState.RUNNING
    return REFRESH_S if running or members_pending else 0
