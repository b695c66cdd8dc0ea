"""What an officer reads about each payload: one plain sentence, its shape and who receives it."""

from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY, OutboxRecord
from protocols.codec import encode, tagged_hash
from protocols.identity import Signed
from protocols.ledger import Quote, say_price
from protocols.messages import Phase, RoundConfig

SEALED_VECTOR = "sealed-vector"
MASKED_VECTOR = "masked-vector"
VOTE = "vote"
OPENING = "check-opening"
LINEAR_ANSWER = "check-answer"

_SENTENCES = {
    Phase.ADVERTISE.value: "Two fresh public keys and a commitment. Nothing in it depends on a customer.",
    Phase.SHARE.value: "Shares of this attempt's secrets, each sealed for one other company. Nothing in them "
    "depends on a customer.",
    Phase.MASK.value: "The hashes of the masked vector. They look random and say nothing about the answer.",
    Phase.CHECK.value: "A signature over who takes part. Nothing in it depends on a customer.",
    Phase.UNMASK.value: "The shares that unmask the one sum over {survivors} companies. With it the answer is "
    "in that sum and can never be summed for another set.",
    SEALED_VECTOR: "The encoded answer, kept here. It leaves only under a mask.",
    MASKED_VECTOR: "The answer under a mask: without the other companies these numbers look uniform. Only the "
    "sum of at least {minimum} companies can be read.",
    VOTE: "Whether the release was verified as the agreed sum. It does not depend on a customer.",
    OPENING: "A number drawn before the sum was known, by which all members check it together. Nothing in it "
    "depends on a customer.",
    LINEAR_ANSWER: "One number of 61 bits made of the answer, under masks that vanish when those of all members "
    "are added: together they say whether the released sum is right, alone they say nothing.",
}
_RECIPIENTS = {
    Phase.SHARE.value: "{others} other companies, through the coordinator",
    SEALED_VECTOR: "nobody: it stays on this machine",
    VOTE: "the coordinator and all members",
    OPENING: "the coordinator and all members",
    LINEAR_ANSWER: "the coordinator and all members",
}


def input_hash(phase: str, items: tuple[Signed, ...]) -> bytes:
    """Identify what a payload answers, whatever the order in which it came."""
    return tagged_hash("phase-input", phase.encode(), *sorted(encode(item) for item in items))


def privacy(quote: Quote) -> str:
    """What protects one customer in the sum, in words: a price, or that there is none."""
    return NO_DIFFERENTIAL_PRIVACY if quote.price is None else say_price(quote.price)


def record(
    config: RoundConfig,
    kind: str,
    *,
    quote: Quote,
    input_hash: bytes,
    body: bytes,
    file: str = "",
    sha256: bytes,
    size_bytes: int,
    at: int,
    survivors: int = 0,
) -> OutboxRecord:
    """The outbox record of one payload of ``config``."""
    numbers = f"{config.answer.elements:,} numbers of {config.answer.ring_bits} bits"
    vector = kind in (SEALED_VECTOR, MASKED_VECTOR)
    sentence = _SENTENCES[kind].format(survivors=survivors, minimum=config.minimum_cohort)
    recipients = _RECIPIENTS.get(kind, "the coordinator").format(others=len(config.cohort) - 1)
    return OutboxRecord(
        round=config.round,
        attempt=config.attempt,
        kind=kind,
        input_hash=input_hash,
        body=body,
        file=file,
        sha256=sha256,
        size_bytes=size_bytes,
        questions=" ".join(block.question for block in config.answer.blocks),
        shape=numbers if vector else "protocol message",
        recipients=recipients,
        sentence=sentence,
        privacy=privacy(quote),
        committed_at=at,
        handed_at=None,
    )
