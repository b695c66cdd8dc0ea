"""``/healthz`` (the process lives) and ``/readyz`` (every part can do its work).

A check returns nothing when its part is well and raises an :class:`~protocols.errors.AltroveError`
that says what is not. Neither path needs a token: they tell names of parts, never data.
"""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, text
from starlette.concurrency import run_in_threadpool

from protocols.errors import AltroveError
from protocols.service.errors import Internal
from protocols.service.jobs import Jobs, JobState
from protocols.service.unit_of_work import reading

Check = Callable[[], None]


class Part(BaseModel):
    """One part of a daemon: well, or in what trouble and what to do."""

    model_config = ConfigDict(frozen=True)

    name: str
    well: bool
    detail: str


class Readiness(BaseModel):
    """The whole daemon."""

    model_config = ConfigDict(frozen=True)

    ready: bool
    parts: tuple[Part, ...]


class Alive(BaseModel):
    """The answer of ``/healthz``."""

    model_config = ConfigDict(frozen=True)

    alive: bool = True


def health_router(checks: Mapping[str, Check]) -> APIRouter:
    """A router with the two public paths."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process lives (public)")
    async def healthz() -> Alive:
        return Alive()

    @router.get("/readyz", summary="Every part can do its work (public)")
    async def readyz(response: Response) -> Readiness:
        parts = tuple([await run_in_threadpool(_look, name, check) for name, check in checks.items()])
        ready = all(part.well for part in parts)
        response.status_code = 200 if ready else 503
        return Readiness(ready=ready, parts=parts)

    return router


def database_check(db: Engine) -> Check:
    """Well when the database answers."""

    def check() -> None:
        with reading(db) as connection:
            connection.execute(text("SELECT 1"))

    return check


def jobs_check(jobs: Jobs) -> Check:
    """Well when no background job is waiting to be restarted."""

    def check() -> None:
        failing = [job for job in jobs.health() if job.state is JobState.PAUSING]
        if failing:
            raise Internal(
                expected="every background job to run",
                came="; ".join(f"{job.name}: {job.trouble}" for job in failing),
                do="it is restarted automatically; see the log of this daemon if it repeats",
            )

    return check


def _look(name: str, check: Check) -> Part:
    try:
        check()
    except AltroveError as error:
        return Part(name=name, well=False, detail=str(error))
    return Part(name=name, well=True, detail="")
