"""All questions by name, and what the coordinator and a node do with any of them.

The coordinator asks (:func:`ask`) and reads (:func:`read`) without knowing what is asked; a node
checks that a signed configuration asks exactly what its parameters say (:func:`check_answer`). To add
a question, write its file beside this one and add it to :data:`QUESTIONS`.

>>> words = Vocabulary.of("words", ["BREAD", "MILK"])
>>> spec = ask([("taste", {"until": "2017-08-14"})], words, members=5, epoch="2017-08-14")
>>> spec.elements, spec.blocks[0].scale_bits
(3, 12)
>>> check_answer(spec, words, members=5)
>>> read(spec, np.array([4096, 0, 8192]), n_concepts=2)[0].gram
array([[1., 0.],
       [0., 2.]])
>>> describe(spec)[0][-29:]
'No differential privacy here.'
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from protocols.codec import tagged_hash
from protocols.errors import BadInput, BadRelease, BelowZero, MalformedMessage, QuestionNotAllowed
from protocols.keystream import Keystream
from protocols.limits import FRACTION_BITS, HASH_BYTES
from protocols.messages import AnswerSpec, Block
from protocols.noise import Gaussian
from protocols.privacy import RATE_BITS, Price, Sampled
from protocols.questions.content import CONTENT, Content
from protocols.questions.encoder import ENCODER, EncoderStep
from protocols.questions.evaluation import EVALUATION, EvaluationReading
from protocols.questions.landmarks import LANDMARKS, Landmarks
from protocols.questions.nonbuyers import NONBUYERS, NonBuyers
from protocols.questions.parameters import Given
from protocols.questions.question import Question
from protocols.questions.rhythm import RHYTHM, Rhythm
from protocols.questions.taste import TASTE, Taste
from protocols.ring import Fixed, Noise, to_float
from protocols.vocabulary import Vocabulary, check_vocabulary

Reading = Taste | EvaluationReading | EncoderStep | NonBuyers | Content | Landmarks | Rhythm
"""What a sum becomes."""

QUESTIONS: Final[Mapping[str, Question[Any, Reading]]] = MappingProxyType(
    {
        "taste": TASTE,
        "evaluation": EVALUATION,
        "encoder": ENCODER,
        "nonbuyers": NONBUYERS,
        "content": CONTENT,
        "landmarks": LANDMARKS,
        "rhythm": RHYTHM,
    }
)

NO_DIFFERENTIAL_PRIVACY: Final = "no differential privacy"
"""Said in words wherever a question without noise is shown, never left blank."""

NO_MODEL: Final = bytes(HASH_BYTES)
"""The model hash of an answer that needs no model."""


def question_named(name: str) -> Question[Any, Reading]:
    """The question called ``name``.

    Raises:
        QuestionNotAllowed: this version knows no such question.
    """
    if name not in QUESTIONS:
        raise QuestionNotAllowed(
            expected=f"one of {', '.join(QUESTIONS)}", came=name[:40], do="update Altrove or ask another one"
        )
    return QUESTIONS[name]


def ask(
    asked: Sequence[tuple[str, Mapping[str, Given]]],
    vocabulary: Vocabulary,
    *,
    members: int,
    epoch: str,
    ring_bits: int = 32,
    model: bytes = NO_MODEL,
) -> AnswerSpec:
    """The specification of one answer to all ``asked`` questions, as blocks of one vector.

    Raises:
        QuestionNotAllowed: an unknown question.
        BadInput: a wrong parameter, or nothing asked.
        RingOverflow: no scale fits the ring.
        MalformedMessage: more numbers than a vector may have.
    """
    if not asked:
        raise BadInput(expected="at least one question", came="none", do=f"ask {' or '.join(QUESTIONS)}")
    blocks = []
    for name, values in asked:
        kind = question_named(name)
        multiplier, rest = take_noise(values)
        parameters = _parse(kind, rest)
        sigma = kind.sigma(parameters, len(vocabulary), multiplier) if multiplier else 0
        blocks.append(kind.block(parameters, len(vocabulary), members, ring_bits, sigma))
    return AnswerSpec(
        blocks=tuple(blocks), vocabulary=vocabulary.digest, model=model, epoch=epoch, ring_bits=ring_bits
    )


def check_answer(answer: AnswerSpec, vocabulary: Vocabulary, members: int) -> None:
    """Check that every block is the one that its question and parameters give for ``members``.

    A coordinator that states another length, bound or scale would make nodes clip, overflow or
    answer into each other's cells; this is the node's own computation of all three.

    Raises:
        WrongVocabulary: the answer names another vocabulary.
        QuestionNotAllowed: an unknown question, or a block that its parameters do not give.
        MalformedMessage, UnknownVersion: parameters that are not the question's.
    """
    check_vocabulary(vocabulary, answer.vocabulary)
    for block in answer.blocks:
        kind = question_named(block.question)
        own = kind.block(
            kind.open(block.parameters), len(vocabulary), members, answer.ring_bits, block.noise_sigma
        )
        if own != block:
            wrong = [name for name in Block.__slots__ if getattr(own, name) != getattr(block, name)]
            raise QuestionNotAllowed(
                expected=f"the block of {block.question!r} that its parameters give",
                came=f"another {', '.join(wrong)}",
                do="refuse the round; both sides must run the same version of the question",
            )


def price(answer: AnswerSpec, n_concepts: int) -> Price | None:
    """What one release of ``answer`` costs its customers; None: it has no differential privacy.

    Blocks of one vector together are one Gaussian mechanism: their losses add up. A block on a secret sample of
    customers costs less, and travels alone.

    Raises:
        QuestionNotAllowed: an unknown question, or a sampled block beside another one.
        UnboundedSensitivity: a block whose noise hides nobody.
    """
    if not has_noise(answer):
        return None
    kinds = [(question_named(block.question), block) for block in answer.blocks]
    loss = sum(kind.loss(block, n_concepts) for kind, block in kinds)
    customers = max(kind.open(block.parameters).customers_cap for kind, block in kinds)
    rates = [kind.rate(kind.open(block.parameters)) for kind, block in kinds]
    if min(rates) == 1:
        return Price(loss=loss, customers=customers)
    if len(rates) > 1:
        raise QuestionNotAllowed(
            expected="a question on a sample of customers in a vector of its own",
            came=f"{len(rates)} questions in one",
            do="ask for each round by itself",
        )
    return Price.of_rounds(Sampled(loss=loss, rate=ceil(rates[0] * 2**RATE_BITS)), customers)


def noise_for(answer: AnswerSpec, n_concepts: int, key: bytes) -> Noise:
    """The noise of every block of ``answer``, from a fresh secret ``key`` of 32 bytes.

    The key is for this one answer and is forgotten when the answer is sealed: who learns it can take
    the noise off.

    Raises:
        QuestionNotAllowed: an unknown question.
    """
    sources = {
        number: _BlockNoise(block, n_concepts, key, number)
        for number, block in enumerate(answer.blocks)
        if block.noise_sigma
    }
    return lambda number, start, count: sources[number].cells(start, count)


class _BlockNoise:
    """One block's noise: quiet cells by stride, and the few loud ones, with twice the variance, at once."""

    def __init__(self, block: Block, n_concepts: int, key: bytes, number: int) -> None:
        cut = block.noise_tail << (FRACTION_BITS - block.scale_bits)
        place = number.to_bytes(4, "big")
        self._quiet = Gaussian(variance=block.noise_sigma**2, cut=cut)
        self._stream = Keystream(tagged_hash("noise-quiet", key, place))
        self._cells = question_named(block.question).loud(n_concepts)
        self._loud = np.empty(0, dtype=np.int64)
        if len(self._cells):
            loud = Gaussian(variance=2 * block.noise_sigma**2, cut=cut)
            self._loud = loud.draw(Keystream(tagged_hash("noise-loud", key, place)), 0, len(self._cells))

    def cells(self, start: int, count: int) -> Fixed:
        noise = self._quiet.draw(self._stream, start, count)
        first, last = np.searchsorted(self._cells, (start, start + count)).tolist()
        noise[self._cells[first:last] - start] = self._loud[first:last]
        return noise


def describe(answer: AnswerSpec) -> tuple[str, ...]:
    """One plain paragraph a block: what is asked, its size, and its privacy, always in words."""
    return tuple(_describe(block) for block in answer.blocks)


def has_noise(answer: AnswerSpec) -> bool:
    """Whether every number of ``answer`` carries noise: one block without gives its customers away."""
    return all(block.noise_sigma for block in answer.blocks)


def say_privacy(answer: AnswerSpec) -> str:
    """What protects one customer in the sum, in words that are never blank.

    There is no epsilon in them: what an answer costs each company computes for itself, and says in its own ledger.
    """
    if has_noise(answer):
        return "noise in every company's answer hides one account; each company's ledger has the price"
    return NO_DIFFERENTIAL_PRIVACY


def read(answer: AnswerSpec, total: npt.NDArray[np.int64], n_concepts: int) -> tuple[Reading, ...]:
    """One reading a block from the lifted sum ``total``, shape (answer.elements,), in ring units.

    Raises:
        BadRelease: another length than the answer's, or as :func:`check_counts`.
        QuestionNotAllowed: an unknown question.
    """
    if total.shape != (answer.elements,):
        raise BadRelease(
            expected=f"{answer.elements} numbers", came=f"shape {total.shape}", do="fetch the release again"
        )
    check_counts(answer, total)
    readings: list[Reading] = []
    start = 0
    for block in answer.blocks:
        kind = question_named(block.question)
        part = to_float(total[start : start + block.length], block)
        readings.append(kind.read(part, kind.open(block.parameters), n_concepts))
        start += block.length
    return tuple(readings)


def check_counts(answer: AnswerSpec, total: npt.NDArray[np.int64]) -> None:
    """Refuse a sum with a number below zero where every answer without noise counts from zero on.

    A square on the diagonal, or a pair that was bought less often than never, comes from a false answer or from an
    error; beside noise it is honest.

    Raises:
        BelowZero: as it says.
        QuestionNotAllowed: an unknown question.
    """
    start = 0
    for block in answer.blocks:
        part = total[start : start + block.length]
        if question_named(block.question).counts and not block.noise_sigma and int(part.min()) < 0:
            raise BelowZero(
                expected=f"a sum of {block.question!r} without noise, in which nothing is below zero",
                came=f"{int(part.min())} in cell {int(part.argmin())}",
                do="use no such sum, and tell the members: a company in it answered falsely, or by mistake; ask again",
            )
        start += block.length


def take_noise(values: Mapping[str, Given]) -> tuple[Fraction, Mapping[str, Given]]:
    """The noise multiplier sigma / Delta, typed as ``noise=2.45`` with any question, and the other values.

    >>> take_noise({"until": 5, "noise": "2.45"})
    (Fraction(49, 20), {'until': 5})

    Raises:
        BadInput: not a decimal number.
    """
    typed = values.get("noise", 0)
    if not isinstance(typed, str | int) or re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", str(typed)) is None:
        raise BadInput(
            expected="noise as a multiplier such as 2.45, or 0 for none",
            came=repr(typed)[:80],
            do="correct noise",
        )
    return Fraction(str(typed)), {name: value for name, value in values.items() if name != "noise"}


def _parse(kind: Question[Any, Reading], values: Mapping[str, Given]) -> Any:
    try:
        return kind.parse(values)
    except MalformedMessage as error:  # parameters that are each right and contradict each other
        raise BadInput(expected=error.expected, came=error.came, do=error.do) from None


def _describe(block: Block) -> str:
    kind = question_named(block.question)
    privacy = (
        f"Gaussian noise of {block.noise_sigma / 2**FRACTION_BITS:g} is added to every number."
        if block.noise_sigma
        else "No differential privacy here."
    )
    return f"{kind.describe(kind.open(block.parameters))} {block.length} numbers. {privacy}"
