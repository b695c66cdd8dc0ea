"""Which function fills in which question. To add a question: one file beside this one, one line here."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.answers import content, encoder, evaluation, landmarks, nonbuyers, rhythm, taste
from participant.answers.context import AnswerContext
from protocols.errors import QuestionNotAllowed

Fill = Callable[[bytes, AnswerContext], NDArray[np.int64]]


ANSWERS: Final[Mapping[str, Fill]] = {
    "taste": taste.fill,
    "evaluation": evaluation.fill,
    "encoder": encoder.fill,
    "nonbuyers": nonbuyers.fill,
    "content": content.fill,
    "landmarks": landmarks.fill,
    "rhythm": rhythm.fill,
}


def fill(question: str, parameters: bytes, context: AnswerContext) -> NDArray[np.int64]:
    """Fill in ``question`` from this company's customers.

    Args:
        question: its name.
        parameters: the question's canonical parameter bytes.
        context: what to answer from.

    Returns:
        int64 with ``FRACTION_BITS`` fractional bits, of the question's length.

    Raises:
        QuestionNotAllowed: a question that this node cannot answer.
    """
    if question not in ANSWERS:
        raise QuestionNotAllowed(
            expected="one of the questions " + ", ".join(ANSWERS),
            came=repr(question),
            do="upgrade the node if the consortium agreed on a new question",
        )
    return ANSWERS[question](parameters, context)
