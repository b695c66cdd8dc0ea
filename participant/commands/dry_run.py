"""`dry-run`: answers every question that this company's policy allows, sends nothing, says it in words."""

from dataclasses import dataclass

import numpy as np

from participant.answers import AnswerContext
from participant.commands.prices import prices
from participant.node import Node
from participant.preparation import customers_behind, fill_all
from participant.store.releases import Releases
from participant.training import VALIDATION_PART
from protocols import policy as policies
from protocols.limits import FRACTION_BITS
from protocols.messages import AnswerSpec
from protocols.questions import ask, describe, question_named
from protocols.questions.parameters import Given
from protocols.ring import encode_vector
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

EXAMPLE_CELLS = 3
LANDMARKS = 256
ABOUT_A_RELEASE = ("evaluation", "encoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One question as it would be answered, and ``prices`` in words; ``refusal`` says why it would not be."""

    question: str
    sentence: str
    customers: int
    elements: int
    payload_bytes: int
    bound: int
    largest: float
    examples: tuple[str, ...]
    prices: tuple[str, ...]
    refusal: str


def rehearse(node: Node) -> tuple[Rehearsal, ...]:
    """Answer every allowed question over the data that is here; nothing is sealed and nothing is sent."""
    vocabulary = node.standing.vocabulary()
    roster = node.rosters.in_force()
    members = len(roster.entries) if roster is not None else node.settings.policy.minimum_cohort
    return tuple(
        _rehearse(node, vocabulary, question, members) for question in node.settings.policy.questions
    )


def _rehearse(node: Node, vocabulary: Vocabulary, question: str, members: int) -> Rehearsal:
    values = _values(node, question)
    if values is None:
        return Rehearsal(
            question=question,
            sentence="This question is about a release, and there is none yet.",
            customers=0,
            elements=0,
            payload_bytes=0,
            bound=0,
            largest=0.0,
            examples=(),
            prices=(),
            refusal="",
        )
    spec = ask([(question, values)], vocabulary, members=members, epoch="dry-run")
    context = AnswerContext(
        records=node.records,
        vocabulary=vocabulary,
        released=node.releases.read_as_sum,
        encoders=node.releases.encoders,
        square_max=node.settings.training.square_max,
    )
    answer = fill_all(spec, context)
    encode_vector(answer, spec)
    customers = customers_behind(spec, node.records, vocabulary)
    floor = node.settings.policy.customers_floor
    refusal = (
        "" if customers >= floor else f"{customers} customers are fewer than the policy's floor of {floor}"
    )
    return Rehearsal(
        question=question,
        sentence=" ".join(describe(spec)),
        customers=customers,
        elements=spec.elements,
        payload_bytes=spec.vector_bytes,
        bound=spec.blocks[0].bound,
        largest=float(np.abs(answer).max()) / 2**FRACTION_BITS,
        examples=_examples(spec, answer.astype(np.float64) / 2**FRACTION_BITS, vocabulary),
        prices=prices(node, question, values, vocabulary, members),
        refusal=refusal,
    )


def _values(node: Node, question: str) -> dict[str, Given] | None:
    first, last = node.records.span()
    until = last + 1
    if question == "landmarks":  # an admin names those most bought in an earlier sum; how many matters here
        return {"until": until, "landmarks": tuple(range(min(LANDMARKS, len(node.standing.vocabulary()))))}
    if question not in ABOUT_A_RELEASE:
        return {"until": until}
    with reading(node.db) as connection:
        release = Releases(connection).newest("taste")
    if release is None:
        return None
    if question == "encoder":
        return {"taste": release.release.hex(), "until": until}
    history = until - max(1, (until - first) // VALIDATION_PART)
    return {"release": release.release.hex(), "history_until": history, "target_until": until}


def _examples(spec: AnswerSpec, answer: np.ndarray, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The largest cells in words, so that an officer sees what kind of number it is."""
    shown = np.argsort(-np.abs(answer), kind="stable")[:EXAMPLE_CELLS]
    (block,) = spec.blocks
    question = question_named(block.question)
    asked = question.open(block.parameters)
    return tuple(f"{question.cell(asked, int(at), vocabulary.concepts)}: {answer[at]:g}" for at in shown)


def would_refuse(node: Node) -> str:
    """Why this company would not take part at all at present, or an empty string."""
    roster = node.rosters.in_force()
    if roster is None:
        return node.rosters.missing()
    n, policy = len(roster.entries), node.settings.policy.policy()
    if n < policy.minimum_cohort:
        return f"the roster lists {n} companies, the policy asks for {policy.minimum_cohort}"
    if 2 * policies.threshold(n) <= n + policy.colluders_of(n):
        return f"{n} companies cannot tolerate {policy.colluders_of(n)} colluders"
    return ""
