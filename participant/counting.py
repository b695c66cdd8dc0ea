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

from collections.abc import Mapping
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


def pair_of(
    blocks: Mapping[bytes, Block], *, fit_until: int, validation_until: int, later: bool
) -> tuple[bytes, bytes] | tuple[()]:
    """The releases of two sums that count alike, one that is judged and the newest that may be served, or nothing.

    The first counts no purchase after ``fit_until``, so that validation weeks can judge it; the second none after
    ``validation_until``.

    Args:
        blocks: of one question, by release, newest first.
        fit_until: end of the weeks that a node fits on.
        validation_until: end of those that it chooses and judges on.
        later: whether the second has to count more than the weeks until ``fit_until``; otherwise one may be both.

    >>> from protocols.codec import encode
    >>> from protocols.questions.rhythm import parse
    >>> def block(**asked: int) -> Block:
    ...     numbers = {"length": 1, "bound": 1, "scale_bits": 0, "noise_sigma": 0, "noise_tail": 0}
    ...     return Block(question="rhythm", parameters=encode(parse(asked)), **numbers)
    >>> kept = {b"other rows": block(until=9, since=1), b"late": block(until=9), b"early": block(until=5)}
    >>> pair_of(kept, fit_until=5, validation_until=9, later=True)
    (b'early', b'late')
    >>> [pair_of(kept, fit_until=5, validation_until=8, later=later) for later in (True, False)]
    [(), (b'early', b'early')]
    """
    for release, block in blocks.items():
        if _until(block) > validation_until or (later and _until(block) <= fit_until):
            continue
        for earlier, other in blocks.items():
            if _until(other) <= fit_until and way_of(other) == way_of(block):
                return earlier, release
    return ()


def _until(block: Block) -> int:
    asked: Any = question_named(block.question).open(block.parameters)
    return int(asked.until)
