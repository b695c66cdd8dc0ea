"""The app factory of both daemons: problems, body limits, offline API page.

>>> app = create_app("Altrove demo service", routers=())
>>> app.docs_url is None
True
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocols.errors import AltroveError, Fault, TooLarge
from protocols.limits import MESSAGE_BYTES
from protocols.service.errors import Internal, Stopping
from protocols.service.problems import MEDIA_TYPE, Problem, headers_of, http_problem, problem_of

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
ErrorPage = Callable[[Request, Problem], str]

_log = structlog.get_logger(__name__)


def create_app(
    title: str,
    *,
    routers: Sequence[APIRouter],
    lifespan: Lifespan | None = None,
    body_bytes: int = MESSAGE_BYTES,
    large_bodies: Mapping[str, int] | None = None,
    error_page: ErrorPage | None = None,
    describes_itself: bool = True,
) -> FastAPI:
    """Build an app whose every error is a problem document.

    ``body_bytes`` limits request bodies; ``large_bodies`` maps path *suffixes* (``"/vector"``) to
    larger limits for streamed uploads. ``error_page`` renders a problem as HTML for browsers. The
    interactive documentation of FastAPI loads scripts from elsewhere and is therefore off; without
    ``describes_itself`` there is no ``/openapi.json`` either.
    """
    app = FastAPI(
        title=title,
        openapi_url="/openapi.json" if describes_itself else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.error_page = error_page
    app.add_exception_handler(AltroveError, _on_altrove_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)
    app.add_middleware(_BodyLimit, body_bytes=body_bytes, large_bodies=dict(large_bodies or {}))
    app.add_middleware(_StopsWithWords)
    for router in routers:
        app.include_router(router)
    return app


def respond(request: Request, problem: Problem) -> Response:
    """Render ``problem``: as a page for a browser where the app has pages, else as JSON."""
    page: ErrorPage | None = getattr(request.app.state, "error_page", None)
    if page is not None and "text/html" in request.headers.get("accept", ""):
        return Response(
            page(request, problem),
            status_code=problem.status,
            media_type="text/html",
            headers=dict(headers_of(problem)),
        )
    return _json(problem)


def _json(problem: Problem) -> Response:
    return Response(
        problem.model_dump_json(),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers_of(problem)),
    )


async def _on_altrove_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, AltroveError):
        raise error
    if error.fault is Fault.OURS:
        _log.error("request failed", code=error.code, detail=str(error), path=request.url.path)
    return respond(request, problem_of(error))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    # The offending value is left out: it may hold a customer's id.
    places: list[str] = []
    if isinstance(error, RequestValidationError):
        places = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    detail = "; ".join(places[:8]) or "a body that does not parse"
    return respond(
        request, http_problem(422, detail, "correct the named fields; /openapi.json has the shapes")
    )


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return respond(request, http_problem(error.status_code, detail, "see /openapi.json for the paths"))


async def _on_defect(request: Request, error: Exception) -> Response:
    _log.error("defect", path=request.url.path, exc_info=error)
    defect = Internal(
        expected="no defect in Altrove",
        came="one; its traceback is in the log of this daemon",
        do="report it with the log lines of this minute",
    )
    return respond(request, problem_of(defect))


class _BodyLimit:
    """Refuses bodies above the limit of their path, announced or not, before they are held."""

    def __init__(self, app: ASGIApp, body_bytes: int, large_bodies: dict[str, int]) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._large_bodies = large_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(
            (size for suffix, size in self._large_bodies.items() if scope["path"].endswith(suffix)),
            self._body_bytes,
        )
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            await _json(_too_large(limit, announced.decode("latin-1")))(scope, receive, send)
            return
        await _Metered(self._app, limit).run(scope, receive, send)


class _Metered:
    """One request whose bytes are counted as they come."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._seen = 0
        self._started = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def metered() -> Message:
            message = await receive()
            self._seen += len(message.get("body", b""))
            return {"type": "http.disconnect"} if self._seen > self._limit else message

        async def guarded(message: Message) -> None:
            if self._seen <= self._limit or self._started:
                self._started = True
                await send(message)

        try:
            await self._app(scope, metered, guarded)
        except ClientDisconnect:
            _log.info("client left in mid-request", path=scope["path"])
        if self._seen > self._limit and not self._started:
            await _json(_too_large(self._limit, "more"))(scope, receive, send)


class _StopsWithWords:
    """Answers a request that shutdown cuts off with a problem instead of a broken connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if started:
                raise
            stopping = Stopping(
                expected="a running daemon", came="one that stops", do="send the request again"
            )
            await _json(problem_of(stopping))(scope, receive, send)


def _too_large(limit: int, came: str) -> Problem:
    return problem_of(
        TooLarge(expected=f"a body of at most {limit} bytes", came=came, do="send less, or split it")
    )
