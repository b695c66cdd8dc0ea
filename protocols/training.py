"""How long a training one company may be asked for: else a coordinator keeps its machine busy as long as it likes.

Decided by what is asked and not by how many customers there are, so that a refusal tells nothing of them.
"""

from typing import Final

from protocols.errors import TooMuchTraining
from protocols.questions import encoder

TRAINING_ROWS: Final = 10_000_000
"""Customers' rows in one `encoder` answer: five epochs over two million, or 200 times what is asked by default."""


def check_training(most_rows: int, parameters: bytes) -> None:
    """Refuse an `encoder` round of more than ``most_rows`` customers' rows; ``parameters`` are its block's.

    Raises:
        TooMuchTraining: as it says.
    """
    rows = encoder.training_rows(encoder.ENCODER.open(parameters))
    if rows > most_rows:
        raise TooMuchTraining(
            expected=f"a training of at most {most_rows} customers' rows",
            came=str(rows),
            do="ask with fewer epochs, steps or customers, or raise training_rows in the node's policy",
        )
