"""The partner API as the hostile coordinator serves it: whatever the attack says, to whoever asks.

Nothing is checked here; what a node sends is kept, what it polls for is what the attack delivers next.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Request, Response

from protocols.codec import decode, encode
from protocols.identity import Signed
from protocols.messages import Submission
from protocols.release import Vote
from protocols.secure_sum.linear_check import Board
from protocols.service.app import create_app
from tests.attacks.hostile import OTHER_WORDS, Hostile
from tests.attacks.published import Published

POLL_S = 0.1
"""How long a poll waits; short, so that a daemon that is told to stop does."""

Phase = tuple[int, int, str]
Page = tuple[str, str]
"""A release, in hex, and what of its linear check: "openings" or "answers"."""


@dataclass(slots=True)
class Post:
    """What lies ready for the node, and what came from it. ``quiet``: polls answered with nothing to do.

    Of a linear check: ``boards`` are shown, ``asked`` is how often, ``said`` and ``votes`` are what the node said.
    """

    changed: threading.Condition = field(default_factory=threading.Condition)
    sequence: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    submitted: dict[Phase, Submission] = field(default_factory=dict)
    vectors: dict[tuple[int, int], bytes] = field(default_factory=dict)
    quiet: int = 0
    releases: dict[str, Published] = field(default_factory=dict)
    boards: dict[Page, tuple[Signed, ...]] = field(default_factory=dict)
    asked: Counter[Page] = field(default_factory=Counter)
    said: dict[Page, Signed] = field(default_factory=dict)
    votes: dict[str, Vote] = field(default_factory=dict)

    def deliver(self, body: bytes, headers: dict[str, str]) -> None:
        """Put a delivery in the next poll's way."""
        with self.changed:
            self.sequence += 1
            self.body, self.headers = body, headers
            self.changed.notify_all()

    def withdraw(self) -> None:
        """Nothing to do from now on."""
        with self.changed:
            self.body = b""

    def next(self, after: int) -> Response:
        """What a poll is answered."""
        with self.changed:
            self.changed.wait_for(lambda: self.body and self.sequence > after, POLL_S)
            if not self.body or self.sequence <= after:
                self.quiet += 1
                return Response(status_code=204)
            return Response(self.body, headers={"Altrove-Sequence": str(self.sequence), **self.headers})

    def took(self, submission: Submission) -> None:
        """Keep what the node submitted."""
        with self.changed:
            self.submitted[submission.round, submission.attempt, submission.phase] = submission
            self.changed.notify_all()


def partner_api(coordinator: Hostile, post: Post) -> FastAPI:
    """The routes that a node calls."""
    router = APIRouter()

    @router.get("/v1/consortium")
    def card() -> dict[str, str]:
        return {"vocabulary": coordinator.vocabulary.digest.hex()}

    @router.get("/v1/roster")
    def roster() -> Response:
        return Response(encode(coordinator.shown[-1]))

    @router.get("/v1/roster/proposal")
    def proposal() -> Response:
        return Response(status_code=404)

    @router.get("/v1/roster/{height}")
    def version(height: int) -> Response:
        return Response(encode(coordinator.shown[min(height, len(coordinator.shown) - 1)]))

    @router.get("/v1/vocabularies/{digest}")
    def vocabulary(digest: str) -> Response:
        other = digest == OTHER_WORDS.digest.hex()
        return Response(encode(OTHER_WORDS if other else coordinator.vocabulary))

    @router.get("/v1/audit/consistency")
    def consistency(first: int, second: int) -> dict[str, list[str]]:
        return {"proof": [step.hex() for step in coordinator.consistency(first, second)]}

    @router.get("/v1/rounds/next")
    def following(after: int) -> Response:
        return post.next(after)

    @router.post("/v1/rounds/{number}/{attempt}/{phase}")
    async def submit(number: int, attempt: int, phase: str, request: Request) -> dict[str, bool]:
        post.took(decode(Submission, await request.body()))
        return {"accepted": True}

    @router.get("/v1/rounds/{number}/{attempt}/vector")
    def arrived(number: int, attempt: int) -> dict[str, int]:
        return {"have": len(post.vectors.get((number, attempt), b""))}

    @router.put("/v1/rounds/{number}/{attempt}/vector")
    async def vector(number: int, attempt: int, request: Request) -> dict[str, int]:
        body = await request.body()
        with post.changed:
            post.vectors[number, attempt] = body
            post.changed.notify_all()
        return {"have": len(body)}

    return create_app("hostile coordinator", routers=[router, _releases(post)])


def _releases(post: Post) -> APIRouter:
    """Releases and their linear checks."""
    router = APIRouter(prefix="/v1/releases")

    @router.get("")
    def releases() -> list[dict[str, object]]:
        return [
            {"release": name, "round": each.manifest.round, "attempt": each.manifest.attempt}
            for name, each in post.releases.items()
        ]

    @router.get("/{release}")
    def manifest(release: str) -> Response:
        return Response(encode(post.releases[release].signed))

    @router.get("/{release}/payload")
    def payload(release: str) -> Response:
        return Response(post.releases[release].payload)

    @router.get("/{release}/check/grounds")
    def grounds(release: str) -> Response:
        return Response(encode(post.releases[release].grounds))

    @router.get("/{release}/check/{what}")
    def board(release: str, what: str) -> Response:
        with post.changed:
            post.asked[release, what] += 1
            post.changed.notify_all()
            return Response(encode(Board(items=post.boards.get((release, what), ()))))

    @router.post("/{release}/check/{what}")
    async def said(release: str, what: str, request: Request) -> dict[str, bool]:
        signed = decode(Signed, await request.body())
        with post.changed:
            post.said[release, what] = signed
            post.changed.notify_all()
        return {"accepted": True}

    @router.post("/{release}/votes")
    async def vote(release: str, request: Request) -> dict[str, bool]:
        signed = decode(Signed, await request.body())
        with post.changed:
            post.votes[release] = decode(Vote, signed.body)
            post.changed.notify_all()
        return {"accepted": True}

    return router
