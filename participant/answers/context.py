"""What an answer is made from."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from participant.store.records import Records
from protocols.vocabulary import Vocabulary


class ReleasedGram(Protocol):
    """Gives the Gram matrix (float64, n_concepts squared) of a released ``taste`` sum by release id."""

    def __call__(self, release: bytes, /) -> NDArray[np.float64]:
        """The matrix of ``release``; raises StaleRelease or BadRelease where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerContext:
    """A company's own records, the shared vocabulary and the releases it has verified."""

    records: Records
    vocabulary: Vocabulary
    released: ReleasedGram
