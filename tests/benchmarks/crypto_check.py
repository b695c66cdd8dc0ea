"""What the linear check of a large sum costs: two messages and a verdict of a member, the coordinator's boards.

    python -m tests.benchmarks.crypto_check 100 1000000

The coordinator's own services take and hand out every message, over a database with the confirmations of all; TLS
and HTTP are not in it. Five survivors arm, open, answer and judge as a node does. The others' confirmations, rho
and signatures are real, their answers are numbers, the last of them whatever lets the sum pass: what one member
that helps a lying coordinator would say, and as much work for whoever verifies it.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.submissions import Stored, Submissions
from protocols.codec import decode, digest, encode, tagged_hash
from protocols.identity import COORDINATOR, Signed
from protocols.messages import Confirmation, Phase, Submission
from protocols.release import NO_RELEASE, ReleaseManifest, release_id, sum_sha256
from protocols.ring import Fixed
from protocols.secure_sum import linear_check, linear_contributor
from protocols.secure_sum.linear_check import Board, LinearAnswer, Opening, openings_hash
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.secure_sum.linear_function import Q, inner
from protocols.secure_sum.play import Player, cohort, configure
from protocols.secure_sum.states import CheckKey, Confirmed
from protocols.secure_sum.transcript import members_hash
from protocols.service.unit_of_work import transaction
from tests.benchmarks.crypto_client import SEED, question, randomness, threshold
from tests.benchmarks.crypto_desk import Desk
from tests.benchmarks.crypto_timing import spread

STEPPING: Final = 5
STEPS: Final = ("arm", "open", "answer", "judge")
"""What a survivor does: keep what it takes at the unmasking, fifth message, sixth message, compare."""

SERVES: Final = ("openings", "answers", "handing-on")
"""What the coordinator does: verify and keep both messages of everybody, hand both boards to everybody."""

TRANSCRIPT: Final = bytes(32)
RHO: Final = bytes(32)


class Check:
    """The check of a sum of ``elements`` numbers by ``n`` survivors; it must pass."""

    def __init__(self, n: int, elements: int, folder: Path) -> None:
        self.n, self.elements = n, elements
        self.players = cohort(n, SEED)
        self.stepping = self.players[:: n // STEPPING][:STEPPING]
        self.desk = Desk(
            folder, configure(question(elements, n), self.players, threshold(n), 3), self.players
        )
        self.config = self.desk.config
        self.roll = {p.id: p.key.public for p in self.players}
        self.hash = digest(self.config)
        self.cpu_s: dict[str, list[float]] = {}
        self.up_bytes = self.down_bytes = 0
        numbers = np.random.default_rng(3)
        self.total: Fixed = numbers.integers(-(2**30), 2**30, elements)
        self.words: Fixed = numbers.integers(-(2**20), 2**20, elements)
        self.confirmations = [self._confirmation(p) for p in self.players]
        self.release = self._publish()
        self.armed: dict[int, Armed] = {}
        self.opened: dict[int, Opened] = {}

    def run(self) -> dict[str, Any]:
        """Both messages of everybody, and the verdict of those who step."""
        for p in self.stepping:
            state = self._confirmed(p)
            with self._timed("arm"):
                self.armed[p.index] = linear_contributor.arm(state, self.confirmations)
        boards = self.desk.services.checks
        openings = self._everybody("openings", self._opening, boards.open, boards.openings)
        answers = self._everybody("answers", self._answers(openings), boards.answer, boards.answers)
        for p in self.stepping:
            claim = self.opened[p.index].claim
            with self._timed("judge"):
                linear_check.check(claim, self.config, openings, answers, self.total, roll=self.roll)
        whole = [sum(each) for each in zip(*(self.cpu_s[step] for step in STEPS), strict=True)]
        served = {name: round(sum(self.cpu_s[name]), 4) for name in SERVES}
        return {
            "survivors": self.n,
            "parameters": self.elements,
            "node_cpu_s": {step: spread(self.cpu_s[step]) for step in STEPS} | {"whole": spread(whole)},
            "node_up_bytes": self.up_bytes,
            "node_down_bytes": self.down_bytes,
            "node_state_bytes": len(encode(self.armed[self.stepping[0].index])),
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
        body = b""
        for p in self.players:
            body = encode(message_of(p))
            with self._timed(name):
                take(self.release, decode(Signed, body))
        self.up_bytes += len(body)
        for _ in self.players:
            with self._timed("handing-on"):
                body = encode(Board(items=board(self.release)))
        self.down_bytes += len(body)
        items = decode(Board, body).items
        if len(items) != self.n:
            raise RuntimeError(f"{len(items)} {name} of {self.n}")
        return items

    def _opening(self, p: Player) -> Signed:
        if p.index in self.armed:
            with self._timed("open"):
                self.opened[p.index], signed = linear_contributor.open_rho(
                    self.armed[p.index], self.release, key=p.key
                )
            return signed
        return p.key.sign(p.id, Opening(**self._bound(p), release=self.release, rho=RHO))

    def _answers(self, openings: Sequence[Signed]) -> Callable[[Player], Signed]:
        """What everybody answers: those who step truly, the last of the others what is missing."""
        said = openings_hash(openings)
        true = {p.index: self._true(p, openings) for p in self.stepping}
        others = [p for p in self.players if p.index not in true]
        claim = self.opened[self.stepping[0].index].claim
        stream = linear_check.challenge(claim, self.config, openings, self.roll)
        known = sum(decode(LinearAnswer, signed.body).z for signed in true.values())
        missing = (inner(stream, [self.total]) - known - (len(others) - 1)) % Q

        def answer_of(p: Player) -> Signed:
            if p.index in true:
                return true[p.index]
            z = missing if p is others[-1] else 1
            return p.key.sign(p.id, LinearAnswer(**self._bound(p), openings=said, z=z))

        return answer_of

    def _true(self, p: Player, openings: Sequence[Signed]) -> Signed:
        with self._timed("answer"):
            return linear_contributor.answer(
                self.opened[p.index], self.config, openings, [self.words], key=p.key, roll=self.roll
            )

    def _bound(self, p: Player) -> dict[str, Any]:
        return {"config": self.hash, "transcript": TRANSCRIPT, "sender": p.id}

    def _confirmation(self, p: Player) -> Signed:
        message = Confirmation(
            **self._bound(p),
            members=members_hash(self.config.cohort),
            survivors=members_hash(self.config.cohort),
            roots=bytes(32),
            rho_commitment=tagged_hash("rho-commitment", self.hash, p.id, RHO),
        )
        return p.key.sign(p.id, message)

    def _confirmed(self, p: Player) -> Confirmed:
        """The state of ``p`` as it unmasks; its shares are of no use to the check and left out."""
        keys = (
            CheckKey(member=peer.id, key=randomness(f"{p.index} {peer.index}", 32))
            for peer in self.players
            if peer is not p
        )
        return Confirmed(
            config=self.hash,
            transcript=TRANSCRIPT,
            me=p.id,
            members=self.config.cohort,
            survivors=self.config.cohort,
            roots=bytes(32),
            held=(),
            checks=tuple(keys),
            rho=RHO,
        )

    def _publish(self) -> bytes:
        """Everybody's confirmation and the release, as they lie in the coordinator's database after a round."""
        manifest = ReleaseManifest(
            consortium=self.config.consortium,
            round=1,
            attempt=1,
            config=self.hash,
            answer=self.config.answer,
            transcript=TRANSCRIPT,
            survivors=self.config.cohort,
            sum_sha256=sum_sha256([self.total]),
            previous=NO_RELEASE,
        )
        signed = self.desk.services.home.identity_key().sign(COORDINATOR, manifest)
        now = self.desk.clock.now()
        release = release_id(manifest)
        with transaction(self.desk.services.db) as connection:
            for p, item in zip(self.players, self.confirmations, strict=True):
                body = encode(Submission(round=1, attempt=1, phase=Phase.CHECK.value, items=(item,)))
                Submissions(connection, 1, 1).add(
                    Stored(partner=p.id, phase=Phase.CHECK, sha256=bytes(32), body=body, at=now)
                )
            Releases(connection).add(StoredRelease(release=release, manifest=manifest, signed=signed, at=now))
        return release

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.cpu_s.setdefault(name, []).append(time.process_time() - began)


def main() -> None:
    """Measure one size and print it; the coordinator's log goes elsewhere."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory(prefix="altrove-check-") as folder:
        print(json.dumps(Check(int(sys.argv[1]), int(sys.argv[2]), Path(folder)).run(), indent=1))


if __name__ == "__main__":
    main()
