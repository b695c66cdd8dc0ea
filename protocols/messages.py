"""What travels in a secure sum: the configuration, and one message per member and phase.

The phases are those of Bonawitz et al. (CCS 2017), figure 4: advertise keys, share keys, masked
input, consistency check, unmasking. Every message is bound to the hash of its configuration and,
from the second phase on, to the transcript hash ``th`` over all advertisements.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Self

from protocols.codec import digest, tagged_hash
from protocols.errors import MalformedMessage
from protocols.identity import PartnerId, Signed
from protocols.limits import (
    CHUNK_BYTES,
    COHORT_MAX,
    COHORT_MIN,
    FRACTION_BITS,
    HASH_BYTES,
    ID_BYTES,
    KEM_KEY_BYTES,
    KEY_BYTES,
    NUMBER_MAX,
    VECTOR_BYTES,
)


class Phase(StrEnum):
    """The five phases in order, then the two ways in which an attempt ends."""

    ADVERTISE = "advertise-keys"
    SHARE = "share-keys"
    MASK = "masked-input"
    CHECK = "consistency-check"
    UNMASK = "unmasking"
    RELEASED = "released"
    ABORTED = "aborted"


PHASES = (Phase.ADVERTISE, Phase.SHARE, Phase.MASK, Phase.CHECK, Phase.UNMASK)
CLASSICAL: Final = 1
"""Suite 1: X25519, HKDF-SHA256, ChaCha20-Poly1305, AES-256 in counter mode, Ed25519, SHA-256."""

HYBRID: Final = 2
"""Suite 2: the same, with ML-KEM-768 beside X25519 under every key of a pair."""

PUBLIC_BYTES: Final = {CLASSICAL: KEY_BYTES, HYBRID: KEY_BYTES + KEM_KEY_BYTES}
"""Suites, and how long an advertised key is: X25519, then the encapsulation key of suite 2."""


def _exact(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise MalformedMessage(expected=f"{name} of {size} bytes", came=f"{len(value)}", do="refuse it")


def _require(holds: bool, expected: str, came: object) -> None:
    if not holds:
        raise MalformedMessage(expected=expected, came=str(came), do="refuse the message")


def _storable(*numbers: int) -> None:
    _require(max(numbers) <= NUMBER_MAX, f"numbers up to {NUMBER_MAX}", max(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One question's part of the vector, with the bounds that travel with its numbers.

    ``bound`` is C_inf: no cell of one company's answer exceeds it in absolute value (in units of
    the answer, an integer). The ring carries ``value * 2**scale_bits``. Noise of standard deviation
    ``noise_sigma`` (in units of ``2**-FRACTION_BITS`` of the answer) is added *before* the answer is
    rounded to the ring's scale, and makes a ring word larger by at most ``noise_tail`` (in ring units);
    both zero means: no differential privacy.
    """

    TAG: ClassVar[str] = "block"
    question: str
    parameters: bytes
    length: int
    bound: int
    scale_bits: int
    noise_sigma: int
    noise_tail: int

    def __post_init__(self) -> None:
        _require(0 < self.length <= VECTOR_BYTES, "a block of at least one cell", self.length)
        _require(self.bound > 0, "a positive bound", self.bound)
        _require(self.scale_bits <= FRACTION_BITS, f"scale bits up to {FRACTION_BITS}", self.scale_bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpec:
    """What is asked, exactly. Its digest is the ``answer_id``: one answer, one unmasking."""

    TAG: ClassVar[str] = "answer"
    blocks: tuple[Block, ...]
    vocabulary: bytes
    model: bytes
    epoch: str
    ring_bits: int

    def __post_init__(self) -> None:
        _require(len(self.blocks) > 0, "at least one block", 0)
        _require(self.ring_bits in (32, 64), "a ring of 32 or 64 bits", self.ring_bits)
        _require(self.vector_bytes <= VECTOR_BYTES, f"at most {VECTOR_BYTES} bytes", self.vector_bytes)
        _exact("a vocabulary hash", self.vocabulary, HASH_BYTES)
        _exact("a model hash", self.model, HASH_BYTES)

    @property
    def elements(self) -> int:
        """Cells of the whole vector."""
        return sum(block.length for block in self.blocks)

    @property
    def vector_bytes(self) -> int:
        """Bytes of one masked vector."""
        return self.elements * self.ring_bits // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundConfig:
    """Phase 0: everything that a round binds, signed by the coordinator.

    ``cohort`` is in roster order; a member's share abscissa is its position here plus one.
    ``deadlines`` are unix seconds at which each of the five phases closes.
    """

    TAG: ClassVar[str] = "round-config"
    consortium: bytes
    round: int
    attempt: int
    answer: AnswerSpec
    cohort: tuple[PartnerId, ...]
    threshold: int
    minimum_cohort: int
    suite: int
    roster_hash: bytes
    roster_height: int
    audit_head: bytes
    audit_size: int
    deadlines: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.cohort)
        _exact("a consortium id", self.consortium, ID_BYTES)
        _exact("a roster hash", self.roster_hash, HASH_BYTES)
        _exact("an audit head", self.audit_head, HASH_BYTES)
        _require(COHORT_MIN <= n <= COHORT_MAX, f"{COHORT_MIN} to {COHORT_MAX} members", n)
        _require(len(set(self.cohort)) == n, "distinct members", "a member listed twice")
        _require(all(len(p) == ID_BYTES for p in self.cohort), f"ids of {ID_BYTES} bytes", "other ids")
        _require(2 <= self.threshold <= n, f"a threshold of 2 to {n}", self.threshold)
        _require(COHORT_MIN <= self.minimum_cohort <= n, f"a minimum of 3 to {n}", self.minimum_cohort)
        _require(self.suite in PUBLIC_BYTES, f"suite {' or '.join(map(str, PUBLIC_BYTES))}", self.suite)
        _require(self.attempt >= 1, "attempts counted from 1", self.attempt)
        _require(
            len(self.deadlines) == len(PHASES) and list(self.deadlines) == sorted(self.deadlines),
            "five deadlines in order",
            self.deadlines,
        )
        _storable(self.round, self.attempt, self.roster_height, self.audit_size, *self.deadlines)

    @property
    def answer_id(self) -> bytes:
        """Identity of what is asked, whatever the round is called."""
        return digest(self.answer)

    def position(self, member: PartnerId) -> int:
        """Share abscissa of ``member``: its place in the cohort, counted from 1."""
        return self.cohort.index(member) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """AdvertiseKeys: two fresh keys of the configuration's suite, H(b_i) and the sender's own state counter."""

    TAG: ClassVar[str] = "advertisement"
    config: bytes
    sender: PartnerId
    seal_key: bytes
    mask_key: bytes
    self_commitment: bytes
    counter: int

    def __post_init__(self) -> None:
        sizes = (len(self.seal_key), len(self.mask_key))
        _require(
            sizes[0] == sizes[1] and sizes[0] in PUBLIC_BYTES.values(),
            "a seal and a mask key of a suite",
            sizes,
        )
        _exact("a commitment", self.self_commitment, HASH_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedShare:
    """ShareKeys: the shares of both secrets of ``sender``, sealed for ``recipient`` alone.

    In suite 2 with what :mod:`protocols.secure_sum.hybrid` puts beside them.
    """

    TAG: ClassVar[str] = "sealed-share"
    config: bytes
    transcript: bytes
    sender: PartnerId
    recipient: PartnerId
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InputHeader:
    """MaskedInput: what the masked bytes must hash to; they are accepted against this alone.

    ``chunk_root`` is the tagged hash over the SHA-256 of each chunk in order.
    """

    TAG: ClassVar[str] = "input-header"
    config: bytes
    transcript: bytes
    members: bytes
    sender: PartnerId
    ring_bits: int
    elements: int
    chunk_bytes: int
    chunk_hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        size = self.elements * self.ring_bits // 8
        _require(self.ring_bits in (32, 64), "a ring of 32 or 64 bits", self.ring_bits)
        _require(0 < size <= VECTOR_BYTES, f"1 to {VECTOR_BYTES} bytes", size)
        _require(all(len(h) == HASH_BYTES for h in self.chunk_hashes), "hashes of 32 bytes", "other lengths")
        _require(self.chunk_bytes == CHUNK_BYTES, f"chunks of {CHUNK_BYTES} bytes", self.chunk_bytes)
        _require(
            len(self.chunk_hashes) == -(-size // CHUNK_BYTES), "one hash a chunk", len(self.chunk_hashes)
        )

    @property
    def root(self) -> bytes:
        """One hash for the whole masked vector."""
        return tagged_hash("chunk-root", *self.chunk_hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """ConsistencyCheck: "I saw these sets and these vectors", and a commitment to rho_i."""

    TAG: ClassVar[str] = "confirmation"
    config: bytes
    transcript: bytes
    members: bytes
    survivors: bytes
    roots: bytes
    sender: PartnerId
    rho_commitment: bytes

    @classmethod
    def example(cls) -> Self:
        """A value for doctests."""
        zero = bytes(HASH_BYTES)
        return cls(
            config=zero,
            transcript=zero,
            members=zero,
            survivors=zero,
            roots=zero,
            sender=PartnerId(bytes(ID_BYTES)),
            rho_commitment=zero,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedShare:
    """One share of one member's secret: b_i if it survived, its mask secret if it did not."""

    TAG: ClassVar[str] = "opened-share"
    owner: PartnerId
    share: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskAnswer:
    """Unmasking: self shares of exactly U3 and key shares of exactly U2 without U3."""

    TAG: ClassVar[str] = "unmask-answer"
    config: bytes
    transcript: bytes
    survivors: bytes
    sender: PartnerId
    self_shares: tuple[OpenedShare, ...]
    key_shares: tuple[OpenedShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseInput:
    """What the coordinator hands a member to act on: the signed messages that a phase needs.

    ADVERTISE carries the signed configuration; SHARE all advertisements; MASK the shares sealed
    for this member; CHECK the headers of U3; UNMASK the confirmations; RELEASED the signed
    release manifest; ABORTED nothing but the reason.
    """

    TAG: ClassVar[str] = "phase-input"
    round: int
    attempt: int
    phase: str
    items: tuple[Signed, ...]
    reason: str

    def __post_init__(self) -> None:
        _storable(self.round, self.attempt)
        _require(self.phase in tuple(Phase), "a known phase", self.phase[:40])


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a member sends for a phase: one message, or one sealed share for every other member."""

    TAG: ClassVar[str] = "submission"
    round: int
    attempt: int
    phase: str
    items: tuple[Signed, ...]
