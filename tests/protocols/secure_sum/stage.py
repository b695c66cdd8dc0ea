"""A stage for tests: the members of one secure sum, stepped phase by phase, with every message in reach.

It plays an honest coordinator unless a test hands a member something else.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from itertools import count

import numpy as np

from protocols.codec import decode
from protocols.identity import PartnerId, Signed
from protocols.messages import CLASSICAL, AnswerSpec, Block, Phase, RoundConfig, Submission
from protocols.ring import encode_vector
from protocols.secure_sum import collector, contributor
from protocols.secure_sum.collector import Context, context
from protocols.secure_sum.encapsulation import Encapsulate, Encapsulated
from protocols.secure_sum.play import cohort, configure, fitted
from protocols.secure_sum.unmasking import Unmasking, combine, sum_chunks
from tests.protocols import ml_kem

SEED = b"stage".ljust(32, b"\0")


def counting(length: int = 5, bound: int = 1000, ring_bits: int = 32) -> AnswerSpec:
    """A question of one block of counts."""
    block = Block(
        question="count",
        parameters=b"",
        length=length,
        bound=bound,
        scale_bits=0,
        noise_sigma=0,
        noise_tail=0,
    )
    return AnswerSpec(
        blocks=(block,), vocabulary=bytes(32), model=bytes(32), epoch="2017", ring_bits=ring_bits
    )


class Stage:
    """One attempt; ``states`` holds the newest state of each member, the lists what was sent."""

    def __init__(
        self,
        n: int = 4,
        *,
        threshold: int | None = None,
        minimum: int = 3,
        spec: AnswerSpec | None = None,
        suite: int = CLASSICAL,
    ) -> None:
        self.players = cohort(n, SEED)
        self.spec = fitted(spec or counting(), n)
        self.config: RoundConfig = configure(
            self.spec, self.players, 2 * n // 3 + 1 if threshold is None else threshold, minimum, suite
        )
        self.roll = {p.id: p.key.public for p in self.players}
        self.inputs = [np.arange(self.spec.elements, dtype=np.int64) * (i + 1) << 24 for i in range(n)]
        self.states: dict[int, object] = {}
        self.ads: list[Signed] = []
        self.bundles: dict[int, tuple[Signed, ...]] = {}
        self.headers: list[Signed] = []
        self.chunks: dict[PartnerId, list[bytes]] = {}
        self.confirmations: list[Signed] = []
        self.answers: list[Signed] = []

    def id(self, i: int) -> PartnerId:
        return self.players[i].id

    def ids(self, members: Iterable[int]) -> tuple[PartnerId, ...]:
        return tuple(self.id(i) for i in members)

    def rand(self, i: int, count: int) -> bytes:
        """Bytes that differ between members and purposes; tests need no more."""
        stream = b"".join(
            sha256(bytes([i]) + block.to_bytes(4, "big")).digest() for block in range(count // 32 + 1)
        )
        return stream[:count]

    def encapsulator(self, i: int) -> Encapsulate:
        """What member ``i`` encapsulates with: the standard's algorithm, with coins that are the same every time."""
        drawn = count()

        def encapsulate(key: bytes) -> Encapsulated:
            secret, ciphertext = ml_kem.encapsulate(key, sha256(bytes([i, next(drawn)])).digest())
            return Encapsulated(ciphertext=ciphertext, secret=secret)

        return encapsulate

    def everyone(self, members: Iterable[int] | None) -> list[int]:
        return list(range(len(self.players))) if members is None else list(members)

    def advertise(self, members: Iterable[int] | None = None) -> "Stage":
        for i in self.everyone(members):
            p = self.players[i]
            self.states[i], ad = contributor.advertise(
                self.config, p.id, p.key, counter=7, rand=self.rand(i, contributor.RAND_ADVERTISE)
            )
            self.ads.append(ad)
        return self

    def share_one(self, i: int, ads: Iterable[Signed]) -> tuple[Signed, ...]:
        p = self.players[i]
        rand = self.rand(i, contributor.RAND_SHARE(len(self.players)))
        self.states[i], bundles = contributor.share(
            self.states[i],
            self.config,
            tuple(ads),
            key=p.key,
            roll=self.roll,
            rand=rand,
            encapsulate=self.encapsulator(i),
        )
        return bundles

    def share(self, members: Iterable[int] | None = None) -> "Stage":
        for i in self.everyone(members):
            self.bundles[i] = self.share_one(i, self.ads)
        return self

    def bundles_for(self, i: int, senders: Iterable[int] | None = None) -> tuple[Signed, ...]:
        chosen = self.bundles if senders is None else senders
        dealt = [self.submission(Phase.SHARE, self.bundles[s]) for s in chosen]
        return collector.shares_by_recipient(dealt)[self.id(i)]

    def mask_one(self, i: int, bundles: Iterable[Signed]) -> Signed:
        p = self.players[i]
        masking = contributor.begin_mask(self.states[i], self.config, tuple(bundles), roll=self.roll)
        words = encode_vector(self.inputs[i], self.spec)
        step = 2**20 // words.itemsize
        cut = [words[at : at + step] for at in range(0, len(words), step)]
        chunks = [bytes(contributor.mask_chunk(masking, self.config, k, part)) for k, part in enumerate(cut)]
        self.states[i], header = contributor.seal_input(
            masking, self.config, [sha256(chunk).digest() for chunk in chunks], key=p.key
        )
        self.chunks[p.id] = chunks
        return header

    def mask(self, members: Iterable[int] | None = None) -> "Stage":
        self.headers += [self.mask_one(i, self.bundles_for(i)) for i in self.everyone(members)]
        return self

    def confirm_one(self, i: int, headers: Iterable[Signed]) -> Signed:
        p = self.players[i]
        self.states[i], said = contributor.confirm(
            self.states[i],
            self.config,
            tuple(headers),
            key=p.key,
            roll=self.roll,
            rand=self.rand(i, contributor.RAND_CONFIRM),
        )
        return said

    def confirm(self, members: Iterable[int] | None = None) -> "Stage":
        self.confirmations += [self.confirm_one(i, self.headers) for i in self.everyone(members)]
        return self

    def unmask_one(self, i: int, confirmations: Iterable[Signed], bound: Iterable[PartnerId] = ()) -> Signed:
        p = self.players[i]
        self.states[i], answer = contributor.unmask(
            self.states[i], self.config, tuple(confirmations), key=p.key, roll=self.roll, bound=tuple(bound)
        )
        return answer

    def unmask(self, members: Iterable[int] | None = None) -> "Stage":
        self.answers += [self.unmask_one(i, self.confirmations) for i in self.everyone(members)]
        return self

    def submission(self, phase: Phase, items: Iterable[Signed]) -> Submission:
        return Submission(round=1, attempt=1, phase=phase.value, items=tuple(items))

    def settled(self) -> Context:
        """What the collector knows now."""
        u2 = self.ids(self.bundles) if self.bundles else ()
        return context(self.config, ads=self.ads, u2=u2, headers=self.headers)

    def submit(self, phase: Phase, i: int, items: Iterable[Signed]) -> None:
        collector.check_submission(
            self.config,
            phase,
            self.submission(phase, items),
            self.id(i),
            roll=self.roll,
            context=self.settled(),
        )

    def combine(self) -> Unmasking:
        items = [item for bundles in self.bundles.values() for item in bundles]
        return combine(self.config, self.settled(), self.answers, bundles=items)

    def total(self) -> np.ndarray:
        unmasking = self.combine()
        vectors = [self.chunks[member] for member in unmasking.survivors]
        return np.concatenate(
            [
                sum_chunks(self.config, unmasking, k, [vector[k] for vector in vectors])
                for k in range(len(vectors[0]))
            ]
        )

    def forge(self, i: int, signed: Signed, kind: type, **changes: object) -> Signed:
        """What member ``i`` could sign instead of ``signed``, whose message is a ``kind``."""
        return self.players[i].key.sign(self.id(i), replace(decode(kind, signed.body), **changes))

    def expected(self, members: Iterable[int]) -> np.ndarray:
        """The plain sum of what ``members`` encode."""
        scale = self.spec.blocks[0].scale_bits
        return sum(self.inputs[i] >> (24 - scale) for i in members)
