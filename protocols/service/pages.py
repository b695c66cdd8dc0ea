"""The page frame of both consoles: templates, figures in words, static parts. Works offline.

Pages are rendered by the server, carry no script, load nothing from elsewhere (a strict
Content-Security-Policy says so), and refresh themselves only while something is going on.

>>> size(2_467_531 * 4), seconds(0.4), seconds(75), count(2467531)
('9.9 MB', '0.4 s', '1 min 15 s', '2,467,531')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from protocols.service.problems import Problem

HERE = Path(__file__).parent
STATIC = HERE / "static"
CACHE_S = 300

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

COLOURS = 8
"""Company colours before they repeat; the style sheet has as many classes ``c0`` ... ``c7``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry of a console's navigation."""

    href: str
    text: str


class Pages:
    """Renders the templates of one console inside the common frame."""

    def __init__(self, templates: Path, *, product: str, navigation: Sequence[Link]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([templates, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            size=size, seconds=seconds, count=count, when=when, day=day, clock=clock, short=short
        )
        self._environment.globals.update(product=product, navigation=tuple(navigation))

    def render(
        self,
        template: str,
        *,
        path: str,
        title: str,
        sentence: str,
        status: int = 200,
        refresh_s: int = 0,
        values: Mapping[str, object],
    ) -> HTMLResponse:
        """The page ``template`` that opens with ``sentence``; ``refresh_s`` 0 means: it stands still."""
        html = self._environment.get_template(template).render(
            path=path, title=title, sentence=sentence, refresh_s=refresh_s, **values
        )
        return HTMLResponse(html, status_code=status, headers=HEADERS)

    def problem(self, request: Request, problem: Problem) -> str:
        """A problem as a page, for :func:`protocols.service.app.create_app`."""
        return self._environment.get_template("problem.html").render(
            path=request.url.path,
            title=problem.title,
            sentence=f"{problem.title}.",
            refresh_s=0,
            problem=problem,
        )


def static_router() -> APIRouter:
    """Style sheet and mark, served from this machine (public)."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    async def static(name: str) -> FileResponse:
        known = {path.name: path for path in STATIC.iterdir() if path.is_file()}
        if name not in known:
            raise HTTPException(404, "no such static file")
        return FileResponse(known[name], headers={"Cache-Control": f"max-age={CACHE_S}"})

    return router


def api_page(app: FastAPI, pages: Pages) -> APIRouter:
    """``/docs``: the operations of ``app`` on one page that needs no network."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        operations = [
            (verb.upper(), path, operation.get("summary", ""))
            for path, verbs in app.openapi()["paths"].items()
            for verb, operation in verbs.items()
        ]
        return pages.render(
            "api.html",
            path="/docs",
            title="API",
            sentence=f"This service answers {len(operations)} operations.",
            values={"operations": operations},
        )

    return router


def size(number: float) -> str:
    """Bytes in decimal units, as networks count them."""
    if number < 1000:
        return f"{number:.0f} B"
    for unit in ("kB", "MB"):
        number /= 1000
        if number < 1000:
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} GB"


def seconds(number: float) -> str:
    """A duration in seconds, in words that stay short."""
    if number < 60:
        return f"{number:.1f} s"
    return f"{int(number) // 60} min {int(number) % 60} s"


def count(number: int) -> str:
    """A whole number with thousands marked."""
    return f"{number:,}"


def when(unix_s: int) -> str:
    """Local date and time with the zone named; a dash for "never"."""
    return f"{_local(unix_s):%-d %b %Y, %H:%M %Z}" if unix_s else "–"


def day(unix_s: int) -> str:
    """Local date; a dash for "never"."""
    return f"{_local(unix_s):%-d %b %Y}" if unix_s else "–"


def clock(unix_s: int) -> str:
    """Local time of day with the zone named; a dash for "never"."""
    return f"{_local(unix_s):%H:%M %Z}" if unix_s else "–"


def short(text: str, length: int = 12) -> str:
    """The first characters of a hash: enough to compare by eye, the whole is in the title."""
    return text[:length] if text else "–"


def _local(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s).astimezone()
