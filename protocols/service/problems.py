"""Errors on the wire: RFC 9457 ``application/problem+json``, the same for both daemons.

An :class:`~protocols.errors.AltroveError` becomes ``{type, title, status, detail, expected, came,
do}`` with ``type = urn:altrove:problem:<code>``; :func:`raise_for_problem` is the way back on the
asking side. A browser that asks for HTML gets the same three parts as a page.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from protocols.errors import AltroveError, Fault
from protocols.printable import printable

MEDIA_TYPE = "application/problem+json"
URN = "urn:altrove:problem:"


class Problem(BaseModel):
    """One problem as it travels (RFC 9457, with our three parts as extension members)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    title: str
    status: int
    detail: str
    expected: str = ""
    came: str = ""
    do: str = ""
    fault: Literal["ours", "peer", "input", "policy"] = "ours"

    @field_validator("detail", "expected", "came", "do")
    @classmethod
    def _has_bytes(cls, text: str) -> str:
        """JSON can spell half a surrogate pair, which no encoding can write: it becomes a question mark."""
        return text.encode("utf-8", "replace").decode()

    @property
    def code(self) -> str:
        """The stable code of the error class, such as ``phase-closed``."""
        return self.type.removeprefix(URN)


class Refused(AltroveError, code="refused-by-peer", fault=Fault.PEER, status=502):
    """The other side answered with a problem; ``problem`` holds it, ``code`` is still ours."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(expected=problem.expected, came=problem.came, do=problem.do)
        self.problem = problem


def problem_of(error: AltroveError) -> Problem:
    """The problem that tells the other side about ``error``.

    >>> from protocols.errors import BelowMinimumCohort
    >>> problem = problem_of(BelowMinimumCohort(expected="4 companies", came="3", do="invite one"))
    >>> problem.type, problem.title, problem.status
    ('urn:altrove:problem:below-minimum-cohort', 'Below minimum cohort', 403)
    """
    return Problem(
        type=URN + error.code,
        title=_words(type(error).__name__),
        status=error.status,
        detail=str(error),
        expected=error.expected,
        came=error.came,
        do=error.do,
        fault=error.fault.value,
    )


def http_problem(status: int, detail: str, do: str) -> Problem:
    """A problem for what HTTP itself refuses: unknown path, wrong method, malformed body."""
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Refused"
    return Problem(
        type=f"{URN}http-{status}",
        title=title,
        status=status,
        detail=detail,
        expected="a request that this service knows",
        came=detail,
        do=do,
        fault="input",
    )


def headers_of(problem: Problem) -> Mapping[str, str]:
    """Headers that belong to a status: how to authenticate, when to come back."""
    match problem.status:
        case 401:
            return {"WWW-Authenticate": "Bearer"}
        case 429 | 503:
            return {"Retry-After": "5"}
        case _:
            return {}


def raise_for_problem(response: httpx.Response) -> httpx.Response:
    """Return a response that succeeded.

    Raises:
        Refused: the other side said no; ``error.problem.code`` names why.
    """
    if response.is_success:
        return response
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        problem = http_problem(
            response.status_code,
            f"{response.status_code} without a problem document from {response.request.url.host}",
            "check that the address is that of an Altrove service",
        )
    words = {name: printable(text) for name, text in problem if isinstance(text, str)}
    raise Refused(problem.model_copy(update=words))


def _words(name: str) -> str:
    """``BelowMinimumCohort`` -> ``Below minimum cohort``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
