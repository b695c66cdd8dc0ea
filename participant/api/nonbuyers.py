"""``GET /v1/nonbuyers``: who does not buy and the likely reasons, for bearers of a ``report`` token."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from participant.nonbuyers.report import NonBuyersDesk, Report
from participant.nonbuyers.tally import Profile
from participant.store.tokens import Tokens
from protocols.service.clock import Clock
from protocols.service.tokens import require

SCOPE = "report"


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WhoTheyAre(_Shape):
    """Means over a group: kinds bought, days with a purchase in four weeks, share of recent kinds that were new."""

    breadth: float
    rhythm: float
    appetite: float


class State(_Shape):
    """This company's own customers in one state, and the consortium's share as a band: never a count of others."""

    state: str
    meaning: str
    customers: int
    share: float
    consortium: str
    beside: str
    profile: WhoTheyAre | None


class StandsOut(_Shape):
    """A concept that fails for one reason more often here than elsewhere."""

    concept: str
    state: str
    share: float
    consortium: str


class NonBuyersAnswer(_Shape):
    """States of one concept, or of all together (``concept`` empty; ``customers`` then counts pairs).

    ``hypothesis`` says what a reason is worth and belongs beside it wherever it is shown. ``release`` is empty
    before the consortium's first sum.
    """

    concept: str
    hypothesis: str
    since: int
    until: int
    customers: int
    release: str
    privacy: str
    states: tuple[State, ...]
    standouts: tuple[StandsOut, ...]


def nonbuyers_router(desk: NonBuyersDesk, tokens: Tokens, clock: Clock) -> APIRouter:
    """The router; every path in it needs a token of scope ``report``."""
    router = APIRouter(prefix="/v1", tags=["non-buyers"])
    bearer = Depends(require(SCOPE, tokens, clock))

    @router.get("/nonbuyers", summary="Who does not buy, and the likely reasons", dependencies=[bearer])
    async def nonbuyers(concept: Annotated[str, Query(max_length=255)] = "") -> NonBuyersAnswer:
        return answer_of(await run_in_threadpool(desk.report, concept))

    return router


def answer_of(report: Report) -> NonBuyersAnswer:
    """What the API says for ``report``."""
    return NonBuyersAnswer(
        concept=report.concept,
        hypothesis=report.hypothesis,
        since=report.since,
        until=report.until,
        customers=report.customers,
        release=report.release,
        privacy=report.privacy,
        states=tuple(
            State(
                state=row.state,
                meaning=row.meaning,
                customers=row.customers,
                share=row.share,
                consortium=row.consortium,
                beside=row.beside,
                profile=_profile(row.profile),
            )
            for row in report.rows
        ),
        standouts=tuple(
            StandsOut(concept=each.concept, state=each.state, share=each.share, consortium=each.consortium)
            for each in report.standouts
        ),
    )


def _profile(profile: Profile | None) -> WhoTheyAre | None:
    if profile is None:
        return None
    return WhoTheyAre(breadth=profile.breadth, rhythm=profile.rhythm, appetite=profile.appetite)
