"""What two sums of one question have to have in common: a release is judged with one and served with another.

What was not counted alike would be served unjudged: by other rows, over other purchases, of fewer customers, with more
noise. So everything that a block asks is the same in both but where its weeks end, and from which release an `encoder`
round goes on.

>>> from protocols.questions.taste import parse
>>> counted(parse({"until": 5}), 0) == counted(parse({"until": 9}), 0)
True
>>> counted(parse({"until": 5}), 0) == counted(parse({"until": 9, "since": 1}), 0)
False
"""

from dataclasses import fields
from typing import Any, Final

from protocols.messages import Block
from protocols.questions import question_named

MOVES: Final = frozenset({"until", "customers_until", "taste", "after"})
"""What differs between the sum of the fit window and that of a refit."""

Way = tuple[object, ...]


def counted(asked: Any, noise_sigma: int) -> Way:
    """How a question was asked, whatever weeks it ended with: equal for two sums that count alike.

    Args:
        asked: the parameters, a dataclass of `protocols.questions`.
        noise_sigma: of the block.
    """
    said = tuple((each.name, getattr(asked, each.name)) for each in fields(asked) if each.name not in MOVES)
    return (*said, noise_sigma)


def way_of(block: Block) -> Way:
    """The same of a block."""
    return counted(question_named(block.question).open(block.parameters), block.noise_sigma)
