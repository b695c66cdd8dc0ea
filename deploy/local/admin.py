"""The coordinator's admin API, read only: how the demo watches a round."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter

from deploy.local.faults import CommandFailed, TookTooLong
from deploy.local.ports import LOOPBACK


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PhaseSeen(_Read):
    """One phase: who was expected and who has arrived (company names)."""

    phase: str
    seconds: float
    expected: list[str]
    arrived: list[str]


class AttemptSeen(_Read):
    """One attempt of a round."""

    attempt: int
    phase: str
    survivors: list[str]
    phases: list[PhaseSeen]
    routes: dict[str, str]
    bytes_up: dict[str, int]
    cause: str
    reason: str
    missing: list[str]
    next_step: str


class RoundSeen(_Read):
    """One round with its attempts, newest last."""

    round: int
    question: str
    description: str
    state: str
    elements: int
    vector_bytes: int
    sequence: int
    release: str
    attempts: list[AttemptSeen]

    @property
    def newest(self) -> AttemptSeen:
        """The attempt that counts."""
        return self.attempts[-1]


class MemberSeen(_Read):
    """One member."""

    name: str
    state: str
    flower_node: str


class ReadingSeen(_Read):
    """One release."""

    release: str
    round: int
    votes: list[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """A client with the token that ``init`` left for the local command line."""

    port: int
    token_file: Path

    def get(self, path: str) -> bytes:
        """Body of a GET below ``/admin/v1``.

        Raises:
            CommandFailed: any answer but 200.
        """
        answer = httpx.get(
            f"http://{LOOPBACK}:{self.port}/admin/v1{path}",
            headers={"Authorization": f"Bearer {self.token_file.read_text().strip()}"},
            timeout=60,
        )
        if answer.status_code != httpx.codes.OK:
            raise CommandFailed(
                expected=f"200 for {path}",
                came=f"{answer.status_code} {answer.text[:300]}",
                do="read the logs",
            )
        return answer.content

    def members(self) -> list[MemberSeen]:
        """Everybody who joined."""
        return TypeAdapter(list[MemberSeen]).validate_json(self.get("/members"))

    def round(self, number: int) -> RoundSeen:
        """One round as it stands now."""
        return RoundSeen.model_validate_json(self.get(f"/rounds/{number}"))

    def release(self, release: str) -> ReadingSeen:
        """One release with its votes."""
        return ReadingSeen.model_validate_json(self.get(f"/releases/{release}"))

    def watch(
        self,
        number: int,
        *,
        seen: Callable[[RoundSeen], None],
        check: Callable[[], None],
        until: Callable[[RoundSeen], bool] = lambda found: found.state != "open",
        within_s: float = 600,
    ) -> RoundSeen:
        """Call ``seen`` again and again until the round is as wanted (by default: over).

        Raises:
            TookTooLong: it still is not after ``within_s``.
        """
        end = time.monotonic() + within_s
        while True:
            found = self.round(number)
            seen(found)
            if until(found) or found.state != "open":
                return found
            check()
            if time.monotonic() > end:
                raise TookTooLong(
                    expected=f"round {number} within {within_s:.0f} s",
                    came=f"phase {found.newest.phase}",
                    do="read the logs",
                )
            time.sleep(0.4)
