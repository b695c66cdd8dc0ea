"""The complete graph at one size, with a tenth of the members lost after they shared their keys.

Every message is real: signed, sealed, admitted by the collector. Where ``exact`` is true all members take
all their steps and the sum is compared with the true one; else three do, and are timed, and the others
are a crowd (``crypto_crowd``), so that the coordinator's work is whole and its sum means nothing.

In a process of its own, so that the peak of memory is its own:
``python -m tests.benchmarks.crypto_graph 100 1000000``
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

import numpy as np

from protocols.codec import encode
from protocols.identity import Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import Phase, PhaseInput, Submission
from protocols.quantisation import quantise
from protocols.ring import lift
from protocols.secure_sum import collector, contributor
from protocols.secure_sum.collector import Context, check_submission, context
from protocols.secure_sum.play import Player, cohort, configure
from protocols.secure_sum.states import Advertised, Confirmed, Masked, Shared
from protocols.secure_sum.unmasking import combine, sum_chunks
from tests.benchmarks.crypto_client import SEED, question, randomness, threshold
from tests.benchmarks.crypto_crowd import Crowd
from tests.benchmarks.flower_memory import peak_mb

LOST_EVERY: Final = 10
LOST_AT: Final = 5
EXACT_WORK: Final = 10**11
"""Members squared times parameters up to which every vector is really masked (about a minute of a core)."""


class Graph:
    """One attempt of ``n`` members over ``elements`` parameters, phase by phase."""

    def __init__(self, n: int, elements: int) -> None:
        self.n, self.elements = n, elements
        self.exact = n * n * max(elements, 10**5) <= EXACT_WORK
        self.players = cohort(n, SEED)
        self.config = configure(question(elements, n), self.players, threshold(n), 3)
        self.roll = {p.id: p.key.public for p in self.players}
        self.left = [p for p in self.players if p.index % LOST_EVERY != LOST_AT]
        timed = {0, n // 3, n - 1}
        self.stepping = {p.index for p in self.players} if self.exact else timed
        self.counted = self.players[n // 3]
        self.node_s: dict[str, list[float]] = {}
        self.coordinator_s: dict[str, float] = {}
        self.up_bytes = self.config.answer.vector_bytes
        self.down_bytes = 0
        self.states: dict[int, Any] = {}
        self.ads: list[Signed] = []
        self.settled = context(self.config)
        self.vectors: dict[int, list[memoryview]] = {}
        values = np.random.default_rng(3).normal(size=elements).astype(np.float32)
        self.words = quantise(values, block=self.config.answer.blocks[0], ring_bits=32)

    def run(self) -> dict[str, Any]:
        """All five phases and the sum."""
        began = time.process_time()
        self.advertise()
        dealt = self.share()
        headers = self.mask(dealt)
        confirmations = self.confirm(headers)
        right = self.total(self.answers(confirmations), dealt)
        per_node = {phase: round(statistics.median(each), 6) for phase, each in self.node_s.items()}
        return {
            "members": self.n,
            "parameters": self.elements,
            "lost": self.n - len(self.left),
            "exact": self.exact,
            "sum_is_right": right,
            "members_that_took_every_step": len(self.stepping & {p.index for p in self.left}),
            "node_cpu_s": per_node | {"whole": round(sum(per_node.values()), 4)},
            "node_up_bytes": self.up_bytes,
            "node_down_bytes": self.down_bytes,
            "node_state_bytes": self.state_bytes,
            "coordinator_cpu_s": {phase: round(each, 4) for phase, each in self.coordinator_s.items()}
            | {"whole": round(sum(self.coordinator_s.values()), 3)},
            "process_peak_mb": round(peak_mb(os.getpid())),
            "process_cpu_s": round(time.process_time() - began, 1),
        }

    def advertise(self) -> None:
        """AdvertiseKeys."""
        for p in self.players:
            rand = randomness(f"a{p.index}", contributor.RAND_ADVERTISE)
            with self.node(Phase.ADVERTISE):
                self.states[p.index], ad = contributor.advertise(
                    self.config, p.id, p.key, counter=0, rand=rand
                )
            self.ads.append(ad)
            self.take(p, Phase.ADVERTISE, (ad,))
        with self.coordinator(Phase.ADVERTISE):
            collector.close_advertise(self.config, self.ads)
            self.settled = context(self.config, ads=self.ads)

    def share(self) -> list[Submission]:
        """ShareKeys; the crowd deals for all, so that it knows every share."""
        self.crowd = Crowd(self.config, self.ads)
        dealt = []
        self.hand(Phase.SHARE, self.ads)
        for p in self.players:
            state: Advertised = self.states[p.index]
            rand = randomness(f"s{p.index}", contributor.RAND_SHARE(self.n))
            steps = p.index in self.stepping
            items = self.crowd.share(p, state, rand, take_part=not steps)
            if steps:
                with self.node(Phase.SHARE):
                    self.states[p.index], items = contributor.share(
                        state, self.config, self.ads, key=p.key, roll=self.roll, rand=rand
                    )
            dealt.append(self.take(p, Phase.SHARE, items))
        with self.coordinator(Phase.SHARE):
            u2 = collector.close_share(self.config, dealt)
            self.settled = context(self.config, ads=self.ads, u2=u2)
            self.handed = collector.shares_by_recipient(dealt)
        return dealt

    def mask(self, dealt: list[Submission]) -> list[Signed]:
        """MaskedInput of those who are left."""
        headers = []
        self.hand(Phase.MASK, self.handed[self.counted.id])
        for p in self.left:
            if p.index in self.stepping:
                with self.node(Phase.MASK):
                    header = self.masked_input(p)
            else:
                header = self.crowd.header(p, self.settled.u2)
                self.vectors[p.index] = self.crowd.chunks
            self.take(p, Phase.MASK, (header,))
            headers.append(header)
        with self.coordinator(Phase.MASK):
            collector.close_mask(self.config, headers)
            self.settled = context(self.config, ads=self.ads, u2=self.settled.u2, headers=headers)
        return headers

    def masked_input(self, p: Player) -> Signed:
        """Open the shares, mask, hash and sign."""
        state: Shared = self.states[p.index]
        masking = contributor.begin_mask(state, self.config, self.handed[p.id], roll=self.roll)
        step = CHUNK_BYTES // self.words.itemsize
        chunks = [
            contributor.mask_chunk(masking, self.config, index, self.words[at : at + step])
            for index, at in enumerate(range(0, self.elements, step))
        ]
        hashes = [sha256(chunk).digest() for chunk in chunks]
        self.states[p.index], header = contributor.seal_input(masking, self.config, hashes, key=p.key)
        self.vectors[p.index] = chunks
        return header

    def confirm(self, headers: list[Signed]) -> list[Signed]:
        """ConsistencyCheck."""
        confirmations = []
        self.hand(Phase.CHECK, headers)
        for p in self.left:
            if p.index in self.stepping:
                state: Masked = self.states[p.index]
                if p is self.counted:
                    self.state_bytes = len(encode(state))
                with self.node(Phase.CHECK):
                    self.states[p.index], message = contributor.confirm(
                        state, self.config, headers, key=p.key, roll=self.roll, rand=bytes(32)
                    )
            else:
                message = self.crowd.confirmation(p, self.settled)
            self.take(p, Phase.CHECK, (message,))
            confirmations.append(message)
        with self.coordinator(Phase.CHECK):
            collector.close_check(self.config, confirmations)
        return confirmations

    def answers(self, confirmations: list[Signed]) -> list[Signed]:
        """Unmasking."""
        answers = []
        self.hand(Phase.UNMASK, confirmations)
        for p in self.left:
            if p.index in self.stepping:
                state: Confirmed = self.states[p.index]
                with self.node(Phase.UNMASK):
                    self.states[p.index], message = contributor.unmask(
                        state, self.config, confirmations, key=p.key, roll=self.roll, bound=()
                    )
            else:
                message = self.crowd.answer(p, self.settled)
            self.take(p, Phase.UNMASK, (message,))
            answers.append(message)
        return answers

    def total(self, answers: list[Signed], dealt: list[Submission]) -> bool:
        """Unmask and add; whether it is the true sum."""
        bundles = (item for each in dealt for item in each.items)
        with self.coordinator(Phase.UNMASK):
            unmasking = combine(self.config, self.settled, answers, bundles=bundles)
        right = True
        step = CHUNK_BYTES // self.words.itemsize
        for index, at in enumerate(range(0, self.elements, step)):
            with self.coordinator(Phase.RELEASED):
                part = sum_chunks(
                    self.config, unmasking, index, (self.vectors[p.index][index] for p in self.left)
                )
            right = right and np.array_equal(part, len(self.left) * lift(self.words[at : at + step], 32))
        return right

    def take(self, p: Player, phase: Phase, items: tuple[Signed, ...]) -> Submission:
        """The coordinator decodes and admits what ``p`` submits."""
        submission = Submission(round=1, attempt=1, phase=phase.value, items=items)
        if p is self.counted:
            self.up_bytes += len(encode(submission))
        with self.coordinator(phase):
            seen: Context = self.settled
            check_submission(self.config, phase, submission, p.id, roll=self.roll, context=seen)
        return submission

    def hand(self, phase: Phase, items: "list[Signed] | tuple[Signed, ...]") -> None:
        """Count what one member is handed."""
        given = PhaseInput(round=1, attempt=1, phase=phase.value, items=tuple(items), reason="")
        self.down_bytes += len(encode(given))

    @contextmanager
    def node(self, phase: Phase) -> Iterator[None]:
        """Time one member's step."""
        began = time.process_time()
        yield
        self.node_s.setdefault(phase.value, []).append(time.process_time() - began)

    @contextmanager
    def coordinator(self, phase: Phase) -> Iterator[None]:
        """Time the coordinator; the sum itself counts as ``released``."""
        began = time.process_time()
        yield
        spent = time.process_time() - began
        self.coordinator_s[phase.value] = self.coordinator_s.get(phase.value, 0.0) + spent


if __name__ == "__main__":
    print(json.dumps(Graph(int(sys.argv[1]), int(sys.argv[2])).run(), indent=1))
