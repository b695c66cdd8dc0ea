"""The linear check on the live stand: releases are published to a daemon, and what it says of them is waited for.

A daemon fetches a release by itself, opens, looks at the boards and votes. What it sends is seen here; why it
refused is read in its log.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from protocols.identity import Signed
from tests.attacks.attack import Refused
from tests.attacks.partner_api import Post
from tests.attacks.published import Published

LOOKS = 3
"""How often a daemon must have looked at a board without a word before it is said to wait."""

T = TypeVar("T")


class LiveChecks:
    """``mark`` notes where the daemon's log ends, ``lines`` are those since, ``until`` waits as long as it lives."""

    def __init__(
        self,
        post: Post,
        *,
        mark: Callable[[], None],
        lines: Callable[[], Iterable[dict[str, Any]]],
        until: Callable[[Callable[[], bool]], None],
    ) -> None:
        self._post = post
        self._mark = mark
        self._lines = lines
        self._until = until

    def open(self, release: Published) -> Signed:
        """Publish a release and nothing else; what the daemon opens for it."""
        name = release.id.hex()
        self._mark()
        self._post.releases = {name: release}
        return self._wait(name, lambda: self._post.said.get((name, "openings")))

    def answer(self, release: Published, openings: Sequence[Signed]) -> Signed:
        """Show openings; what the daemon answers."""
        name = release.id.hex()
        self._show(name, "openings", openings)
        return self._wait(name, lambda: self._post.said.get((name, "answers")))

    def judge(self, release: Published, openings: Sequence[Signed], answers: Sequence[Signed]) -> None:
        """Show openings and answers; returns when the daemon votes for the release."""
        name = release.id.hex()
        self._post.boards[name, "openings"] = tuple(openings)
        self._show(name, "answers", answers)
        seen = self._post.asked[name, "answers"]

        def decided() -> str:
            if name in self._post.votes:
                return "for" if self._post.votes[name].accept else "against"
            waits = not answers and self._post.asked[name, "answers"] > seen + LOOKS
            return "waits" if waits else ""

        vote = self._wait(name, lambda: decided() or None)
        if vote != "for":
            raise Refused(vote, "no vote for the release")

    def _show(self, name: str, what: str, items: Sequence[Signed]) -> None:
        self._mark()
        self._post.boards[name, what] = tuple(items)

    def _wait(self, name: str, came: Callable[[], T | None]) -> T:
        found: list[T] = []

        def ended() -> bool:
            found.extend(each for each in [came()] if each is not None)
            if not found:
                self._refusal(name)
            return bool(found)

        self._until(ended)
        return found[0]

    def _refusal(self, name: str) -> None:
        for line in self._of(name):
            match line["event"]:
                case "release refused" | "linear check failed" if "code" in line:
                    raise Refused(line["code"], line["detail"])
                case "release waits for its linear check" if line["part"] == "looks on":
                    raise Refused("looks on", "the daemon says nothing in this check")
                case "linear check ended" if line["outcome"] == "unverified":
                    raise Refused("unverified", line["reason"])

    def _of(self, name: str) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            if line.get("event") == "job failed":
                raise AssertionError(f"the daemon fell over: {line}")
            if line.get("release") == name:
                yield line
