"""The whole secure sum in one process: every member and the coordinator, step by step.

What the daemons do over a network, with the same functions and the same checks; only transport,
storage and the operating system's randomness are missing. ``dropouts`` says who falls silent: a
member listed under a phase does not send that phase's message, nor any later one.

>>> from protocols.messages import Block
>>> block = Block(
...     question="count", parameters=b"", length=2, bound=9, scale_bits=24, noise_sigma=0, noise_tail=0
... )
>>> spec = AnswerSpec(blocks=(block,), vocabulary=bytes(32), model=bytes(32), epoch="2017", ring_bits=32)
>>> spec = fitted(spec, members=4)
>>> answers = [np.array([i, -i], dtype=np.int64) << FRACTION_BITS for i in range(4)]
>>> result = play(answers, spec=spec, seed=bytes(32), dropouts={Phase.MASK: {3}})
>>> result.survivors, to_float(result.sum, spec.blocks[0])
((0, 1, 2), array([ 3., -3.]))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from protocols.codec import encode, tagged_hash
from protocols.identity import IdentityKey, PartnerId, Roll, Signed, partner_id
from protocols.keystream import Keystream
from protocols.limits import CHUNK_BYTES, COHORT_MIN, FRACTION_BITS, HASH_BYTES, ID_BYTES
from protocols.messages import CLASSICAL, PHASES, AnswerSpec, Phase, RoundConfig, Submission
from protocols.ring import Fixed, Words, encode_vector, scale_bits, to_float
from protocols.secure_sum import collector, contributor
from protocols.secure_sum.collector import Context, check_submission, context
from protocols.secure_sum.encapsulation import Encapsulate
from protocols.secure_sum.states import Advertised, Confirmed, Masked, Shared
from protocols.secure_sum.unmasking import combine, sum_chunks

__all__ = ["FRACTION_BITS", "PlayResult", "cohort", "configure", "fitted", "play", "to_float"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayResult:
    """What a played sum gives: the sum in ring units, who is in it, and what it cost."""

    sum: Fixed
    survivors: tuple[int, ...]
    upload_bytes: tuple[int, ...]
    seconds: dict[Phase, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """One member: its place among the inputs, its id and its identity key."""

    index: int
    id: PartnerId
    key: IdentityKey


def cohort(members: int, seed: bytes) -> tuple[Player, ...]:
    """Members with identities drawn from ``seed``, in the order of the inputs."""
    keys = [IdentityKey(tagged_hash("play-identity", seed, _number(i))) for i in range(members)]
    return tuple(Player(index=i, id=partner_id(key.public), key=key) for i, key in enumerate(keys))


def fitted(spec: AnswerSpec, members: int) -> AnswerSpec:
    """``spec`` with the largest scale of every block at which ``members`` answers fit the ring."""
    blocks = (
        replace(b, scale_bits=scale_bits(b.bound, members, spec.ring_bits, b.noise_tail)) for b in spec.blocks
    )
    return replace(spec, blocks=tuple(blocks))


def configure(
    spec: AnswerSpec,
    players: Sequence[Player],
    threshold: int,
    minimum_cohort: int,
    suite: int = CLASSICAL,
) -> RoundConfig:
    """The configuration of round 1, attempt 1, for ``players`` in their order."""
    return RoundConfig(
        consortium=bytes(ID_BYTES),
        round=1,
        attempt=1,
        answer=spec,
        cohort=tuple(player.id for player in players),
        threshold=threshold,
        minimum_cohort=minimum_cohort,
        suite=suite,
        roster_hash=bytes(HASH_BYTES),
        roster_height=0,
        audit_head=bytes(HASH_BYTES),
        audit_size=0,
        deadlines=(0,) * len(PHASES),
    )


def play(
    inputs: Sequence[Fixed],
    *,
    spec: AnswerSpec,
    seed: bytes,
    threshold: int | None = None,
    minimum_cohort: int = COHORT_MIN,
    dropouts: Mapping[Phase, AbstractSet[int]] | None = None,
    suite: int = CLASSICAL,
    encapsulate: Encapsulate | None = None,
    clock: Callable[[], float] = lambda: 0.0,
) -> PlayResult:
    """Sum ``inputs`` (fixed point, ``FRACTION_BITS`` fractional bits) under the secure sum.

    ``threshold`` defaults to floor(2n/3) + 1. All identities and randomness come from ``seed``: a
    simulation, never a real round. ``suite`` 2 draws from ``encapsulate`` besides. ``clock`` gives seconds
    and is read at the end of each phase.

    Raises:
        TooFewSurvivors: the dropouts leave fewer than the threshold or the minimum cohort.
        OutOfBounds, RingOverflow: an input or the scale breaks the bound of its block.
    """
    n = len(inputs)
    players = cohort(n, seed)
    t = 2 * n // 3 + 1 if threshold is None else threshold
    config = configure(spec, players, t, minimum_cohort, suite)
    roll = {player.id: player.key.public for player in players}
    post = _Post(config, roll, dropouts or {})
    rand = _Randomness(seed)
    times = [clock()]

    # AdvertiseKeys
    advertised: dict[Player, Advertised] = {}
    ads: list[Signed] = []
    for p in post.left(players, Phase.ADVERTISE):
        advertised[p], ad = contributor.advertise(
            config, p.id, p.key, counter=0, rand=rand.take(p, contributor.RAND_ADVERTISE)
        )
        ads += post.deliver(Phase.ADVERTISE, p, (ad,), context(config, ads=ads))
    collector.close_advertise(config, ads)
    settled = context(config, ads=ads)
    times.append(clock())

    # ShareKeys
    shared: dict[Player, Shared] = {}
    dealt: list[Submission] = []
    for p in post.left(players, Phase.SHARE):
        shared[p], bundles = contributor.share(
            advertised[p],
            config,
            ads,
            key=p.key,
            roll=roll,
            rand=rand.take(p, contributor.RAND_SHARE(n)),
            encapsulate=encapsulate,
        )
        post.deliver(Phase.SHARE, p, bundles, settled)
        dealt.append(post.submission(Phase.SHARE, bundles))
    u2 = collector.close_share(config, [each.items[0].signer for each in dealt])
    settled = context(config, ads=ads, u2=u2)
    times.append(clock())

    # MaskedInput
    handed = collector.shares_by_recipient(dealt)
    masked: dict[Player, Masked] = {}
    headers: list[Signed] = []
    vectors: dict[PartnerId, list[memoryview]] = {}
    for p in post.left(players, Phase.MASK):
        masking = contributor.begin_mask(shared[p], config, handed[p.id], roll=roll)
        chunks = [
            contributor.mask_chunk(masking, config, index, words)
            for index, words in enumerate(_cut(encode_vector(inputs[p.index], spec)))
        ]
        hashes = [sha256(chunk).digest() for chunk in chunks]
        masked[p], header = contributor.seal_input(masking, config, hashes, key=p.key)
        headers += post.deliver(Phase.MASK, p, (header,), settled)
        vectors[p.id] = chunks
        post.sent[p.id] += spec.vector_bytes
    u3 = collector.close_mask(config, headers)
    settled = context(config, ads=ads, u2=u2, headers=headers)
    times.append(clock())

    # ConsistencyCheck
    confirmed: dict[Player, Confirmed] = {}
    confirmations: list[Signed] = []
    for p in post.left(players, Phase.CHECK):
        confirmed[p], confirmation = contributor.confirm(
            masked[p], config, headers, key=p.key, roll=roll, rand=rand.take(p, contributor.RAND_CONFIRM)
        )
        confirmations += post.deliver(Phase.CHECK, p, (confirmation,), settled)
    collector.close_check(config, confirmations)
    times.append(clock())

    # Unmasking
    answers: list[Signed] = []
    for p in post.left(players, Phase.UNMASK):
        _, answer = contributor.unmask(confirmed[p], config, confirmations, key=p.key, roll=roll, bound=())
        answers += post.deliver(Phase.UNMASK, p, (answer,), settled)
    unmasking = combine(config, settled, answers, bundles=(item for each in dealt for item in each.items))
    parts = [
        sum_chunks(config, unmasking, index, [vectors[member][index] for member in u3])
        for index in range(len(vectors[u3[0]]))
    ]
    times.append(clock())

    return PlayResult(
        sum=np.concatenate(parts),
        survivors=tuple(p.index for p in players if p.id in u3),
        upload_bytes=tuple(post.sent[p.id] for p in players),
        seconds={phase: times[i + 1] - times[i] for i, phase in enumerate(PHASES)},
    )


class _Post:
    """Carries submissions to the collector, counts their bytes, and knows who has fallen silent."""

    def __init__(self, config: RoundConfig, roll: Roll, dropouts: Mapping[Phase, AbstractSet[int]]) -> None:
        self._config = config
        self._roll = roll
        self._dropouts = dropouts
        self.sent = dict.fromkeys(config.cohort, 0)

    def left(self, players: Sequence[Player], phase: Phase) -> list[Player]:
        """Who still sends in ``phase``: nobody lost in it or before."""
        so_far = PHASES[: PHASES.index(phase) + 1]
        lost = {index for each in so_far for index in self._dropouts.get(each, frozenset())}
        return [player for player in players if player.index not in lost]

    def submission(self, phase: Phase, items: Sequence[Signed]) -> Submission:
        """What a member submits for ``phase``."""
        return Submission(
            round=self._config.round, attempt=self._config.attempt, phase=phase.value, items=tuple(items)
        )

    def deliver(
        self, phase: Phase, player: Player, items: Sequence[Signed], settled: Context
    ) -> Sequence[Signed]:
        """Have the collector admit ``items`` from ``player``; return them."""
        submission = self.submission(phase, items)
        check_submission(self._config, phase, submission, player.id, roll=self._roll, context=settled)
        self.sent[player.id] += len(encode(submission))
        return items


class _Randomness:
    """A deterministic stream for each member, from the seed of the play."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._taken: dict[int, int] = {}

    def take(self, player: Player, count: int) -> bytes:
        """The next ``count`` bytes of the member's stream."""
        start = self._taken.get(player.index, 0)
        self._taken[player.index] = start + count
        key = tagged_hash("play-randomness", self._seed, _number(player.index))
        return Keystream(key).read(start, count).tobytes()


def _cut(words: Words) -> Iterator[Words]:
    step = CHUNK_BYTES // words.itemsize
    return (words[start : start + step] for start in range(0, len(words), step))


def _number(index: int) -> bytes:
    return index.to_bytes(8, "big")
