"""Valid messages of the secure sum, for tests to take and bend."""

from protocols.identity import PartnerId
from protocols.limits import CHUNK_BYTES
from protocols.messages import CLASSICAL, AnswerSpec, Block, InputHeader, RoundConfig

ZERO = bytes(32)


def member(number):
    """The id of the test company ``number``."""
    return PartnerId(number.to_bytes(16, "big"))


def block(**change):
    """A small taste block."""
    fields = {
        "question": "taste",
        "parameters": b"parameters",
        "length": 10,
        "bound": 100,
        "scale_bits": 12,
        "noise_sigma": 0,
        "noise_tail": 0,
    }
    return Block(**fields | change)


def answer(**change):
    """An answer of one block."""
    fields = {"blocks": (block(),), "vocabulary": ZERO, "model": ZERO, "epoch": "2017", "ring_bits": 32}
    return AnswerSpec(**fields | change)


def config(members=5, **change):
    """Round 7, attempt 1, of ``members`` companies with the threshold that fits."""
    fields = {
        "consortium": bytes(16),
        "round": 7,
        "attempt": 1,
        "answer": answer(),
        "cohort": tuple(member(number) for number in range(1, members + 1)),
        "threshold": 2 * members // 3 + 1,
        "minimum_cohort": min(4, members),
        "suite": CLASSICAL,
        "roster_hash": ZERO,
        "roster_height": 3,
        "audit_head": ZERO,
        "audit_size": 12,
        "deadlines": (10, 20, 30, 40, 50),
    }
    return RoundConfig(**fields | change)


def header(**change):
    """The header of a vector of one chunk and a byte."""
    fields = {
        "config": ZERO,
        "transcript": ZERO,
        "members": ZERO,
        "sender": member(1),
        "ring_bits": 32,
        "elements": CHUNK_BYTES // 4 + 1,
        "chunk_bytes": CHUNK_BYTES,
        "chunk_hashes": (bytes(32), bytes([1]) * 32),
    }
    return InputHeader(**fields | change)
