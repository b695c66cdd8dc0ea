"""What the linear check costs after a round of :mod:`tests.benchmarks.crypto_graph`: two messages and a verdict.

The release is the coordinator's own, and its own boards take and hand out every message; TLS and HTTP are not in
it. Survivors that took their steps arm, open, answer and judge. Where the others are a crowd, their rho and their
signatures are real and their answers are numbers, the last of them whatever lets the sum pass: what one member
that helps a lying coordinator would say, and as much work for whoever verifies it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from safetensors.numpy import load

from coordinator.store.releases import Releases
from protocols.codec import decode, encode
from protocols.identity import Signed
from protocols.limits import CHUNK_BYTES
from protocols.release import TENSOR
from protocols.ring import Fixed, lift
from protocols.secure_sum import linear_check, linear_contributor
from protocols.secure_sum.linear_check import Board, LinearAnswer, Opening, openings_hash
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.secure_sum.linear_function import Q, inner
from protocols.secure_sum.play import Player
from protocols.service.unit_of_work import reading
from tests.benchmarks.crypto_crowd import RHO
from tests.benchmarks.crypto_timing import spread

if TYPE_CHECKING:
    from tests.benchmarks.crypto_graph import Graph

STEPS: Final = ("arm", "open", "answer", "judge")
"""What a survivor does: keep what it takes at the unmasking, fifth message, sixth message, compare."""

SERVES: Final = ("openings", "answers", "handing-on")
"""What the coordinator does: verify and keep both messages of everybody, hand both boards to everybody."""


class Check:
    """The check of the sum that ``graph`` released; it must pass."""

    def __init__(self, graph: "Graph") -> None:
        self._graph = graph
        self._boards = graph.desk.services.checks
        with reading(graph.desk.services.db) as connection:
            stored = Releases(connection).of_round(1)
        if stored is None:
            raise RuntimeError("nothing was released")
        self._release = stored.release
        self._total: Fixed = load(graph.desk.released())[TENSOR]
        self._cpu_s: dict[str, list[float]] = {}
        self._armed: dict[int, Armed] = {}
        self._opened: dict[int, Opened] = {}
        self._bytes = {"up": 0, "down": 0}

    def run(self) -> dict[str, Any]:
        """Both messages of everybody, and the verdict of those who step."""
        stepping = [p for p in self._graph.left if p.index in self._graph.stepping]
        for p in stepping:
            with self._timed("arm"):
                self._armed[p.index] = linear_contributor.arm(*self._graph.confirmed[p.index])
        openings = self._everybody("openings", self._opening, self._boards.open, self._boards.openings)
        answers = self._everybody(
            "answers", self._answers(openings), self._boards.answer, self._boards.answers
        )
        for p in stepping:
            claim = self._opened[p.index].claim
            with self._timed("judge"):
                linear_check.check(
                    claim, self._graph.config, openings, answers, self._total, roll=self._graph.roll
                )
        whole = [sum(each) for each in zip(*(self._cpu_s[step] for step in STEPS), strict=True)]
        served = {name: round(sum(self._cpu_s[name]), 4) for name in SERVES}
        armed = self._armed[stepping[0].index]
        return {
            "survivors": len(self._graph.left),
            "members_that_stepped": len(stepping),
            "node_cpu_s": {step: spread(self._cpu_s[step]) for step in STEPS} | {"whole": spread(whole)},
            "node_up_bytes": self._bytes["up"],
            "node_down_bytes": self._bytes["down"],
            "node_state_bytes": len(encode(armed)),
            "coordinator_cpu_s": served | {"whole": round(sum(served.values()), 3)},
        }

    def _everybody(
        self,
        name: str,
        message_of: Callable[[Player], Signed],
        take: Callable[[bytes, Signed], None],
        board: Callable[[bytes], tuple[Signed, ...]],
    ) -> tuple[Signed, ...]:
        """Every survivor says its message and is handed the board; what is on it."""
        graph = self._graph
        for p in graph.left:
            body = encode(message_of(p))
            with self._timed(name):
                take(self._release, decode(Signed, body))
            self._bytes["up"] += len(body) if p is graph.counted else 0
        body = b""
        for p in graph.left:
            with self._timed("handing-on"):
                body = encode(Board(items=board(self._release)))
            self._bytes["down"] += len(body) if p is graph.counted else 0
        items = decode(Board, body).items
        if len(items) != len(graph.left):
            raise RuntimeError(f"{len(items)} {name} of {len(graph.left)}")
        return items

    def _opening(self, p: Player) -> Signed:
        if p.index in self._armed:
            with self._timed("open"):
                self._opened[p.index], signed = linear_contributor.open_rho(
                    self._armed[p.index], self._release, key=p.key
                )
            return signed
        return p.key.sign(p.id, Opening(**self._bound(p), release=self._release, rho=RHO))

    def _answers(self, openings: Sequence[Signed]) -> Callable[[Player], Signed]:
        """What everybody answers: those who step truly, the last of the crowd what is missing."""
        graph, said = self._graph, openings_hash(openings)
        true = {p.index: self._true(p, openings) for p in graph.left if p.index in self._opened}
        crowd = [p for p in graph.left if p.index not in true]
        missing = 0
        if crowd:
            claim = next(iter(self._opened.values())).claim
            stream = linear_check.challenge(claim, graph.config, openings, graph.roll)
            known = sum(decode(LinearAnswer, signed.body).z for signed in true.values())
            missing = (inner(stream, [self._total]) - known - (len(crowd) - 1)) % Q

        def answer_of(p: Player) -> Signed:
            if p.index in true:
                return true[p.index]
            z = missing if p is crowd[-1] else 1
            return p.key.sign(p.id, LinearAnswer(**self._bound(p), openings=said, z=z))

        return answer_of

    def _true(self, p: Player, openings: Sequence[Signed]) -> Signed:
        graph = self._graph
        step = CHUNK_BYTES // graph.words.itemsize
        with self._timed("answer"):
            parts = (
                lift(graph.words[at : at + step], graph.config.answer.ring_bits)
                for at in range(0, graph.elements, step)
            )
            return linear_contributor.answer(
                self._opened[p.index], graph.config, openings, parts, key=p.key, roll=graph.roll
            )

    def _bound(self, p: Player) -> dict[str, Any]:
        armed = next(iter(self._armed.values()))
        return {"config": armed.config, "transcript": armed.transcript, "sender": p.id}

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self._cpu_s.setdefault(name, []).append(time.process_time() - began)
