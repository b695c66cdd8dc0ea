"""What the ServerApp has to carry: vectors of many nodes, each a row of pieces, one after the other.

A part of the app bundle: only Flower and the standard library.
"""

import json
import time
import urllib.parse
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Self

from flwr.app import Message

AHEAD = 2
"""Pieces of one node under way at the same time."""
PAUSE_FIRST_S, PAUSE_MOST_S = 0.25, 1.0
"""Pause before the same reply is asked for again, doubling: a long training is not asked after in vain."""
AGAIN_FIRST_S, AGAIN_MOST_S = 1.0, 16.0
"""Pause before an envelope is sent again that brought nothing, doubling: a SuperNode that was killed may
come back only once the SuperLink has missed it, after a minute."""


@dataclass(kw_only=True)
class Owed:
    """A reply to one envelope: when to ask for it next, and the pull that is under way."""

    offset: int
    next_try: float = 0.0
    pause_s: float = PAUSE_FIRST_S
    pull: Future[tuple[list[Message], int]] | None = None

    def later(self) -> None:
        """Nothing came: ask again after a pause that doubles."""
        self.next_try = time.monotonic() + self.pause_s
        self.pause_s = min(2 * self.pause_s, PAUSE_MOST_S)

    def soon(self) -> None:
        """Others answer, so this one may too."""
        self.next_try, self.pause_s = 0.0, PAUSE_FIRST_S


@dataclass(kw_only=True)
class Held:
    """A piece that the dock has yet to take."""

    offset: int
    body: bytes
    since: float


@dataclass(kw_only=True)
class Passage:
    """One node's vector on its way: the dock has ``have`` bytes of ``size``; who owes which reply.

    ``came`` says that a piece has arrived by this lease.
    """

    node: int
    have: int
    size: int
    piece: int
    send_at: float = 0.0
    offer_at: float = 0.0
    again_s: float = AGAIN_FIRST_S
    came: bool = False
    over: bool = False
    waiting: dict[str, Owed] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)

    def wanted(self) -> int | None:
        """The offset that the next envelope asks for, or None while enough is under way."""
        under_way = {owed.offset for owed in self.waiting.values()} | {held.offset for held in self.held}
        if self.over or len(under_way) >= AHEAD:
            return None
        offset = self.have
        while offset in under_way:
            offset += self.piece
        return offset if offset < self.size else None

    def first_owed(self) -> tuple[str, Owed] | None:
        """The reply that comes next: a node answers its envelopes one after the other."""
        return min(self.waiting.items(), key=lambda item: item[1].offset, default=None)

    def cost(self, owed: Owed) -> int:
        """The most bytes that a reply brings."""
        return min(self.piece, max(0, self.size - owed.offset))

    def took(self, have: int) -> None:
        """The dock took a piece and has ``have`` bytes now."""
        self.have, self.came, self.again_s = have, True, AGAIN_FIRST_S

    def later(self) -> None:
        """Send the next envelope after a pause that doubles."""
        self.send_at = time.monotonic() + self.again_s
        self.again_s = min(2 * self.again_s, AGAIN_MOST_S)

    def end(self) -> None:
        """Nothing more of this vector is carried by this lease."""
        self.over = True
        self.waiting.clear()
        self.held.clear()


@dataclass(kw_only=True)
class Lease:
    """Work: a vector from each node.

    ``name`` is as it stands in an address; ``errors`` are what the dock has yet to hear of (target, body).
    """

    name: str
    round: int
    attempt: int
    until: float
    passages: list[Passage] = field(default_factory=list)
    errors: list[tuple[str, bytes]] = field(default_factory=list)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The lease that the dock gave.

        Raises:
            ArithmeticError, LookupError, RecursionError, TypeError, ValueError: it is none.
        """
        work = json.loads(body)
        lease = cls(
            name=urllib.parse.quote(str(work["lease"]), safe=""),
            round=int(work["round"]),
            attempt=int(work["attempt"]),
            until=time.monotonic() + float(work["ttl_s"]),
        )
        size, piece, have = int(work["size"]), int(work["piece"]), dict(work["have"])
        if piece < 1:
            raise ValueError("a piece has at least one byte")
        lease.passages = [
            Passage(node=int(node), have=int(have.get(node, 0)), size=size, piece=piece)
            for node in work["nodes"]
        ]
        return lease

    def target(self, passage: Passage) -> str:
        """The dock's address of a vector."""
        return f"/dock/vectors/{self.round}/{self.attempt}/{passage.node}"

    def fail(self, passage: Passage, code: int, reason: str) -> None:
        """No more bytes of a node come this way; the dock is to hear why."""
        passage.end()
        self.report(passage, code, reason)

    def report(self, passage: Passage, code: int, reason: str) -> None:
        """The dock is to hear what went wrong with a node."""
        body = json.dumps({"code": code, "reason": reason}).encode()
        self.errors.append((f"{self.target(passage)}/error", body))
