"""Gaussian noise rounded to integers, from a secret 32-byte key. INTERIM: the interface is final, the sampler not."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from protocols.keystream import Keystream

STRIDE: Final = 2**15
"""Cells sampled at a time; a sample is entered at a multiple of it."""


class Gaussian:
    """N(0, variance) rounded to integers, cut off at ``cut``."""

    def __init__(self, *, variance: int, cut: int) -> None:
        self._sigma = math.sqrt(variance)
        self._cut = cut

    def draw(self, stream: Keystream, start: int, count: int) -> npt.NDArray[np.int64]:
        """Cells ``start`` to ``start + count`` of the noise that ``stream`` gives, int64 of shape (count,)."""
        bits = stream.read(8 * start, 8 * count).view("<u8") >> np.uint64(11)
        values = ndtri((bits + 0.5) * 2.0**-53) * self._sigma
        rounded: npt.NDArray[np.int64] = np.rint(values).astype(np.int64)
        return rounded.clip(-self._cut, self._cut)
