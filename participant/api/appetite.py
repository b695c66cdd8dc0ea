"""``POST /v1/appetite``: what is known of a customer's appetite, for the shop's own page of that customer.

Ids are in the body and not in the path: paths end up in logs.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from participant.appetites import AppetiteDesk
from participant.store.tokens import Tokens
from protocols.service.clock import Clock
from protocols.service.tokens import require

SCOPE = "appetite"
"""Not that of recommendations: a shop's list asks for everybody, a customer's own page for one."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedOf(_Shape):
    """Whose appetite, and in which language to answer."""

    user_id: Annotated[str, Field(min_length=1, max_length=255)]
    language: Literal["en", "it"] = "en"


class AppetiteAnswer(_Shape):
    """``level``: -1 nothing is assumed, 0 small, 1 middling, 2 large. ``used``: whether lists depend on it.

    ``consented_at``: unix seconds of the consent to a questionnaire, 0 for none.
    """

    sentences: tuple[str, ...]
    level: int
    used: bool
    consented_at: int
    removed: bool
    how_to_remove: str


def appetite_router(desk: AppetiteDesk, tokens: Tokens, clock: Clock) -> APIRouter:
    """The router; every path in it needs a token of scope ``appetite``."""
    router = APIRouter(prefix="/v1/appetite", tags=["appetite"])
    bearer = Depends(require(SCOPE, tokens, clock))

    def answer(asked: AskedOf) -> AppetiteAnswer:
        found = desk.known(asked.user_id, asked.language)
        return AppetiteAnswer(
            sentences=found.sentences,
            level=found.level,
            used=found.used,
            consented_at=found.consented_at,
            removed=found.removed,
            how_to_remove=found.how_to_remove,
        )

    @router.post("", summary="What is known of a customer's appetite, in words", dependencies=[bearer])
    async def known(asked: AskedOf) -> AppetiteAnswer:
        return await run_in_threadpool(answer, asked)

    @router.post("/removal", summary="Forget it, and assume nothing from now on", dependencies=[bearer])
    async def removed(asked: AskedOf) -> AppetiteAnswer:
        await run_in_threadpool(desk.remove, asked.user_id)
        return await run_in_threadpool(answer, asked)

    return router
