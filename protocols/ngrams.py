"""Words as numbers without a model: hashed words and letter trigrams, the same integers on every machine.

The hashing trick (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"): every word,
and every trigram of a word of four letters or more, falls into one of ``dimensions`` cells with a sign, by
BLAKE2b. A row is divided by its length and becomes integers of ``ROW_BITS`` bits, rounded towards zero, so
that its norm is at most 1. Companies that write the same text get the same row; related words share trigrams.

>>> row = hashed("Oat milk", 64)
>>> int((row**2).sum()) <= 2**24, bool((row == hashed("OAT  MILK!", 64)).all())
(True, True)
>>> near, far = hashed("oat milks", 64), hashed("garden hose", 64)
>>> bool(row @ near > 5 * abs(row @ far))  # not by equal words alone: "milks" is another word than "milk"
True
"""

import math
import re
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.limits import ROW_BITS

_PERSON: Final = b"altrove-ngram-v1"
_WORD_WEIGHT: Final = 2
"""A whole word says more than one of its trigrams."""

TRIGRAMS_FROM: Final = 4
"""Letters of the shortest word that is cut into trigrams: a shorter one has nothing inside."""


def features(text: str) -> list[tuple[str, int]]:
    """The words and trigrams of ``text`` with their weights.

    >>> features("Tea pots")
    [('tea', 2), ('pots', 2), ('#<po', 1), ('#pot', 1), ('#ots', 1), ('#ts>', 1)]
    """
    found: list[tuple[str, int]] = []
    for word in re.findall(r"\w+", text.casefold()):
        found.append((word, _WORD_WEIGHT))
        if len(word) >= TRIGRAMS_FROM:
            edged = f"<{word}>"
            found += [(f"#{edged[at : at + 3]}", 1) for at in range(len(edged) - 2)]
    return found


def hashed(text: str, dimensions: int) -> npt.NDArray[np.int64]:
    """The row of ``text``, shape (dimensions,), each entry in [-2**ROW_BITS, 2**ROW_BITS]; zeros for no word."""
    sums = [0] * dimensions
    for feature, weight in features(text):
        number = int.from_bytes(blake2b(feature.encode(), digest_size=8, person=_PERSON).digest(), "big")
        sums[(number >> 1) % dimensions] += weight if number & 1 else -weight
    norm2 = sum(value * value for value in sums)
    row = [
        math.copysign(math.isqrt((value * value << 2 * ROW_BITS) // norm2), value) if value else 0
        for value in sums
    ]
    return np.array(row, dtype=np.int64)
