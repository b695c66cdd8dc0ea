"""How long one company's machine may be kept busy: else a coordinator does so as long as it likes.

Decided by what is asked and not by how many customers there are, so that a refusal tells nothing of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocols.errors import TooMuchTraining
from protocols.messages import Block
from protocols.questions import encoder, evaluation, question_named

TRAINING_ROWS: Final = 10_000_000
"""Customers' rows in one answer: of an `encoder` round five epochs over two million, or 200 times what is asked by
default; of an `evaluation` a hundred settings for a hundred thousand."""

ROWS: Final[Mapping[str, Callable[[Any], int]]] = {
    encoder.ENCODER.name: encoder.training_rows,
    evaluation.EVALUATION.name: evaluation.ranked_rows,
}


def check_training(most_rows: int, block: Block) -> None:
    """Refuse an `encoder` round, or an `evaluation`, of more than ``most_rows`` customers' rows.

    Raises:
        TooMuchTraining: as it says.
    """
    if block.question not in ROWS:
        return
    rows = ROWS[block.question](question_named(block.question).open(block.parameters))
    if rows > most_rows:
        raise TooMuchTraining(
            expected=f"{block.question} with at most {most_rows} customers' rows",
            came=str(rows),
            do="ask with fewer epochs, steps, settings or customers, or raise training_rows in the node's policy",
        )
