"""The complete graph at one size, with a tenth of the members lost after they shared their keys.

Every message is real: signed, sealed, taken and handed on by the coordinator's own services (``crypto_desk``).
Where ``exact`` is true all members take all their steps and the released sum is compared with the true one; else
three do, and are timed, and the others are a crowd (``crypto_crowd``), so that the coordinator's work is whole and
its sum means nothing.

In a process of its own, so that the peak of memory is its own:
``python -m tests.benchmarks.crypto_graph 100 1000000``
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog
from safetensors.numpy import load

from protocols.codec import decode, encode
from protocols.identity import Signed
from protocols.limits import CHUNK_BYTES, DELIVERY_BYTES
from protocols.messages import Phase, PhaseInput
from protocols.release import TENSOR
from protocols.ring import encode_vector, lift
from protocols.secure_sum import contributor
from protocols.secure_sum.collector import context
from protocols.secure_sum.play import Player, cohort, configure
from protocols.secure_sum.states import Advertised, Confirmed, Masked, Shared
from tests.benchmarks.crypto_client import SEED, answer_of, question, randomness, threshold
from tests.benchmarks.crypto_crowd import Crowd
from tests.benchmarks.crypto_desk import Desk
from tests.benchmarks.flower_memory import peak_mb

LOST_EVERY: Final = 10
LOST_AT: Final = 5
EXACT_WORK: Final = 10**10
"""Members squared times parameters up to which every vector is really masked (a quarter of a minute of a core)."""


class Graph:
    """One attempt of ``n`` members over ``elements`` parameters, phase by phase; ``folder`` is the coordinator's."""

    def __init__(self, n: int, elements: int, folder: Path) -> None:
        self.n, self.elements = n, elements
        self.exact = n * n * max(elements, 10**5) <= EXACT_WORK
        self.players = cohort(n, SEED)
        config = configure(question(elements, n), self.players, threshold(n), 3)
        self.desk = Desk(folder, config, self.players)
        self.config = self.desk.config
        self.roll = {p.id: p.key.public for p in self.players}
        self.left = [p for p in self.players if p.index % LOST_EVERY != LOST_AT]
        self.counted = self.players[n // 3]
        steps = self.players if self.exact else (self.players[0], self.counted, self.players[-1])
        self.stepping = {p.index for p in steps}
        self.node_s: dict[str, list[float]] = {}
        self.up_bytes = self.config.answer.vector_bytes
        self.down_bytes = 0
        self.states: dict[int, Any] = {}
        self.sent: dict[Phase, list[Signed]] = {}
        self.settled = context(self.config)
        values = np.random.default_rng(3).normal(size=elements).astype(np.float32)
        self.words = encode_vector(answer_of(values), self.config.answer)

    def run(self) -> dict[str, Any]:
        """All five phases and the sum."""
        began = time.process_time()
        for phase in (self.advertise, self.share, self.mask, self.confirm, self.unmask):
            phase()
        self.desk.close(Phase.UNMASK)
        per_node = {phase: round(statistics.median(each), 6) for phase, each in self.node_s.items()}
        spent = self.desk.cpu_s
        return {
            "members": self.n,
            "parameters": self.elements,
            "lost": self.n - len(self.left),
            "exact": self.exact,
            "sum_is_right": self.is_right(),
            "members_that_took_every_step": len(self.stepping & {p.index for p in self.left}),
            "node_cpu_s": per_node | {"whole": round(sum(per_node.values()), 4)},
            "node_up_bytes": self.up_bytes,
            "node_down_bytes": self.down_bytes,
            "node_state_bytes": self.state_bytes,
            "coordinator_cpu_s": {phase: round(each, 4) for phase, each in spent.items()}
            | {"whole": round(sum(spent.values()), 3)},
            "process_peak_mb": round(peak_mb(os.getpid())),
            "process_cpu_s": round(time.process_time() - began, 1),
        }

    def advertise(self) -> None:
        """AdvertiseKeys."""
        for p in self.players:
            self.given(p)
            rand = randomness(f"a{p.index}", contributor.RAND_ADVERTISE)
            with self.node(Phase.ADVERTISE):
                self.states[p.index], ad = contributor.advertise(
                    self.config, p.id, p.key, counter=0, rand=rand
                )
            self.take(p, Phase.ADVERTISE, (ad,))
        self.desk.close(Phase.ADVERTISE)
        self.settled = context(self.config, ads=self.sent[Phase.ADVERTISE])

    def share(self) -> None:
        """ShareKeys; where there is a crowd, it knows every share."""
        if not self.exact:
            members = [p.id for p in self.players if p.index in self.stepping]
            self.crowd = Crowd(self.config, self.sent[Phase.ADVERTISE], members)
        for p in self.players:
            state: Advertised = self.states[p.index]
            rand = randomness(f"s{p.index}", contributor.RAND_SHARE(self.n))
            body = self.given(p)
            if p.index in self.stepping:
                if not self.exact:
                    self.crowd.deal(state, rand)
                with self.node(Phase.SHARE):
                    self.states[p.index], items = contributor.share(
                        state, self.config, opened(body), key=p.key, roll=self.roll, rand=rand
                    )
            else:
                items = self.crowd.share(p, state)
            self.take(p, Phase.SHARE, items)
        self.desk.close(Phase.SHARE)
        self.settled = context(self.config, ads=self.sent[Phase.ADVERTISE], u2=self.desk.attempt.u2)

    def mask(self) -> None:
        """MaskedInput of those who are left."""
        for p in self.players:
            body = self.given(p)
            if p not in self.left:
                continue
            if p.index in self.stepping:
                with self.node(Phase.MASK):
                    header, chunks = self.masked_input(p, opened(body))
            else:
                header, chunks = self.crowd.header(p, self.settled.u2), self.crowd.chunks
            self.take(p, Phase.MASK, (header,))
            self.desk.put(p, chunks, alike=p.index not in self.stepping)
        self.desk.close(Phase.MASK)
        headers = self.sent[Phase.MASK]
        self.settled = context(
            self.config, ads=self.sent[Phase.ADVERTISE], u2=self.settled.u2, headers=headers
        )

    def masked_input(self, p: Player, bundles: Sequence[Signed]) -> tuple[Signed, list[memoryview]]:
        """Open the shares, mask, hash and sign."""
        state: Shared = self.states[p.index]
        masking = contributor.begin_mask(state, self.config, bundles, roll=self.roll)
        step = CHUNK_BYTES // self.words.itemsize
        whole = np.empty_like(self.words)
        chunks = [
            contributor.mask_chunk(
                masking, self.config, index, self.words[at : at + step], out=whole[at : at + step]
            )
            for index, at in enumerate(range(0, self.elements, step))
        ]
        hashes = [sha256(chunk).digest() for chunk in chunks]
        self.states[p.index], header = contributor.seal_input(masking, self.config, hashes, key=p.key)
        return header, chunks

    def confirm(self) -> None:
        """ConsistencyCheck."""
        for p in self.left:
            body = self.given(p)
            if p.index in self.stepping:
                state: Masked = self.states[p.index]
                if p is self.counted:
                    self.state_bytes = len(encode(state))
                with self.node(Phase.CHECK):
                    self.states[p.index], message = contributor.confirm(
                        state, self.config, opened(body), key=p.key, roll=self.roll, rand=bytes(32)
                    )
            else:
                message = self.crowd.confirmation(p, self.settled)
            self.take(p, Phase.CHECK, (message,))
        self.desk.close(Phase.CHECK)

    def unmask(self) -> None:
        """Unmasking, up to the last answer."""
        for p in self.left:
            body = self.given(p)
            if p.index in self.stepping:
                state: Confirmed = self.states[p.index]
                with self.node(Phase.UNMASK):
                    self.states[p.index], message = contributor.unmask(
                        state, self.config, opened(body), key=p.key, roll=self.roll, bound=()
                    )
            else:
                message = self.crowd.answer(p, self.settled)
            self.take(p, Phase.UNMASK, (message,))

    def is_right(self) -> bool:
        """Whether the released numbers are the true sum."""
        found = load(self.desk.released())[TENSOR]
        return np.array_equal(found, len(self.left) * lift(self.words, 32))

    def given(self, p: Player) -> bytes:
        """What ``p`` is handed to act on."""
        body = self.desk.hand(p)
        if p is self.counted:
            self.down_bytes += len(body)
        return body

    def take(self, p: Player, phase: Phase, items: Sequence[Signed]) -> None:
        """The coordinator takes what ``p`` submits; the sealed shares, n squared of them, are not kept here."""
        size = self.desk.take(p, phase, items)
        if p is self.counted:
            self.up_bytes += size
        if phase is not Phase.SHARE:
            self.sent.setdefault(phase, []).extend(items)

    @contextmanager
    def node(self, phase: Phase) -> Iterator[None]:
        """Time one member's step."""
        began = time.process_time()
        yield
        self.node_s.setdefault(phase.value, []).append(time.process_time() - began)


def opened(body: bytes) -> tuple[Signed, ...]:
    """The signed messages that a member was handed."""
    return decode(PhaseInput, body, limit=DELIVERY_BYTES).items


def main() -> None:
    """Measure one size and print it; the coordinator's log goes elsewhere."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory(prefix="altrove-graph-") as folder:
        print(json.dumps(Graph(int(sys.argv[1]), int(sys.argv[2]), Path(folder)).run(), indent=1))


if __name__ == "__main__":
    main()
