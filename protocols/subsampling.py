"""Secret Poisson samples of customers, for questions about gradients.

Each customer is in a round's sample independently with the same probability, and nobody but its company
knows who is: the round is then cheaper than its noise alone says (`protocols.privacy.Sampled`).

>>> poisson_sample(8, Fraction(1, 2), bytes(32)).tolist()
[False, False, False, False, True, True, True, False]
"""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput
from protocols.keystream import Keystream


def poisson_sample(customers: int, rate: Fraction, key: bytes) -> npt.NDArray[np.bool_]:
    """Who is in the sample, shape (customers,); ``key`` is fresh, secret, and for this sample alone.

    The rate is rounded down to a multiple of 2**-64: a smaller sample costs less.
    """
    if not 0 < rate <= 1:
        raise BadInput(expected="a rate in (0, 1]", came=str(rate), do="correct the question")
    if rate == 1:
        return np.ones(customers, dtype=np.bool_)
    words = Keystream(key).words(0, 8 * customers, 64)
    return np.asarray(words < np.uint64(math.floor(rate * 2**64)))
