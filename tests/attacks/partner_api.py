"""The partner API as the hostile coordinator serves it: whatever the attack says, to whoever asks.

Nothing is checked here; what a node sends is kept, what it polls for is what the attack delivers next.
"""

import threading
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Request, Response

from protocols.codec import decode, encode
from protocols.messages import Submission
from protocols.service.app import create_app
from tests.attacks.hostile import OTHER_WORDS, Hostile

POLL_S = 0.1
"""How long a poll waits; short, so that a daemon that is told to stop does."""

Phase = tuple[int, int, str]


@dataclass(slots=True)
class Post:
    """What lies ready for the node, and what came from it. ``quiet``: polls answered with nothing to do."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    sequence: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    submitted: dict[Phase, Submission] = field(default_factory=dict)
    vectors: dict[tuple[int, int], bytes] = field(default_factory=dict)
    quiet: int = 0

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

    @router.get("/v1/releases")
    def releases() -> list[str]:
        return []

    return create_app("hostile coordinator", routers=[router])
