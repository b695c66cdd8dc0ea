"""One member's steps, with everybody else's messages made ready: what is timed is what a node computes."""

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from protocols.codec import encode
from protocols.identity import Signed
from protocols.keystream import Keystream
from protocols.limits import CHUNK_BYTES, FRACTION_BITS
from protocols.messages import AnswerSpec, Block, Phase, RoundConfig, Submission
from protocols.ring import Fixed, encode_parts, word_dtype
from protocols.secret_sharing import FIELD_RAND_BYTES, PRIME, combine, split, weights
from protocols.secure_sum import contributor
from protocols.secure_sum.collector import shares_by_recipient
from protocols.secure_sum.play import cohort, configure, fitted
from protocols.secure_sum.states import Shared

SEED = b"crypto benchmark".ljust(32, b"\0")
BOUND = 8
"""The clipping range, as Flower's default."""


def threshold(members: int) -> int:
    """t = floor(2n/3) + 1."""
    return 2 * members // 3 + 1


def question(elements: int, members: int) -> AnswerSpec:
    """One block of ``elements`` parameters at the finest scale."""
    block = Block(
        question="delta",
        parameters=b"",
        length=elements,
        bound=BOUND,
        scale_bits=0,
        noise_sigma=0,
        noise_tail=0,
    )
    spec = AnswerSpec(blocks=(block,), vocabulary=bytes(32), model=bytes(32), epoch="benchmark", ring_bits=32)
    return fitted(spec, members)


def answer_of(values: npt.NDArray[np.float32]) -> Fixed:
    """The same numbers as a question's answer has them: within the bound, ``FRACTION_BITS`` fractional bits."""
    clipped = np.clip(values.astype(np.float64), -BOUND, BOUND)
    return np.rint(np.ldexp(clipped, FRACTION_BITS)).astype(np.int64)


def randomness(purpose: str, count: int) -> bytes:
    """``count`` bytes that depend on ``purpose`` alone."""
    return Keystream(sha256(purpose.encode()).digest()).read(0, count).tobytes()


class Member:
    """The first of ``members``, up to its masked input."""

    def __init__(self, members: int, elements: int) -> None:
        spec = question(elements, members)
        self.players = cohort(members, SEED)
        self.config: RoundConfig = configure(spec, self.players, threshold(members), 3)
        self.roll = {p.id: p.key.public for p in self.players}
        made = [
            contributor.advertise(
                self.config,
                p.id,
                p.key,
                counter=0,
                rand=randomness(f"a{p.index}", contributor.RAND_ADVERTISE),
            )
            for p in self.players
        ]
        ads = [ad for _, ad in made]
        dealt: list[Submission] = []
        for player, (advertised, _) in zip(self.players, made, strict=True):
            shared, items = contributor.share(
                advertised,
                self.config,
                ads,
                key=player.key,
                roll=self.roll,
                rand=randomness(f"s{player.index}", contributor.RAND_SHARE(members)),
            )
            if player.index == 0:
                self.shared: Shared = shared
            dealt.append(self.submission(Phase.SHARE, items))
        self.upload_bytes = len(encode(self.submission(Phase.ADVERTISE, ads[:1]))) + len(encode(dealt[0]))
        self.bundles = shares_by_recipient(dealt)[self.players[0].id]

    def submission(self, phase: Phase, items: "tuple[Signed, ...] | list[Signed]") -> Submission:
        """What is sent for ``phase``."""
        return Submission(round=1, attempt=1, phase=phase.value, items=tuple(items))

    def masked_input(self, answer: Fixed) -> tuple[list[memoryview], bytes]:
        """Open the shares, check the bounds, round, mask, hash, sign, serialise: (chunks, submission)."""
        spec = self.config.answer
        masking = contributor.begin_mask(self.shared, self.config, self.bundles, roll=self.roll)
        step = CHUNK_BYTES // (spec.ring_bits // 8)
        chunks: list[memoryview] = []
        hashes: list[bytes] = []
        whole = np.empty(len(answer), dtype=word_dtype(spec.ring_bits))
        at = 0
        for part in encode_parts(answer, spec):
            whole[at : at + len(part)] = part
            at += len(part)
            if at % step and at < len(whole):
                continue
            words = whole[len(chunks) * step : at]
            chunks.append(contributor.mask_chunk(masking, self.config, len(chunks), words, out=words))
            hashes.append(sha256(chunks[-1]).digest())  # while it is in the cache, as the door does
        _, header = contributor.seal_input(masking, self.config, hashes, key=self.players[0].key)
        return chunks, encode(self.submission(Phase.MASK, (header,)))


def shamir(members: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Splitting and combining one member's mask secret, the Lagrange weights included."""
    t = threshold(members)
    secret = int.from_bytes(SEED, "big") % PRIME
    rand = randomness("shamir", (t - 1) * FIELD_RAND_BYTES)
    shares = split(secret, t, range(1, members + 1), rand)
    some = {x: shares[x] for x in range(1, t + 1)}
    if combine(some, weights(some)) != secret:
        raise RuntimeError("our shares do not combine")
    return lambda: split(secret, t, range(1, members + 1), rand), lambda: combine(some, weights(some))
