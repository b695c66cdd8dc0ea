"""What an answer is made from."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from participant.store.records import Records
from protocols.errors import BadRelease
from protocols.limits import SQUARE_MAX
from protocols.questions.encoder import Parameters
from protocols.questions.network import ExactScores, Network, Weights
from protocols.vocabulary import Vocabulary


class ReleasedSum(Protocol):
    """A released sum of ``taste`` or of ``landmarks``, as it is read: the same at all companies."""

    @property
    def diagonal(self) -> NDArray[np.float64]:
        """How often each concept was bought, as rows count, (n_concepts,)."""

    def exact(self, lam: float) -> ExactScores:
        """Scores by EASE at ridge ``lam``, of which none depends on which rows are beside it."""


class ReleasedSums(Protocol):
    """Gives a released sum by release id."""

    def __call__(self, release: bytes, /) -> ReleasedSum:
        """The sum of ``release``; raises StaleRelease or BadRelease where there is none."""


class ReleasedEncoders(Protocol):
    """Gives the networks that chains of released ``encoder`` sums stand for."""

    def before(self, asked: Parameters, n_concepts: int) -> Weights:
        """The weights that a round starts from; raises BadRelease where its releases are not here."""

    def network(self, release: bytes, n_concepts: int) -> Network:
        """The network after ``release``; raises BadRelease where it or one before it is not here."""


class NoEncoders:
    """Of a node that looks at nothing but sums of other questions."""

    def before(self, asked: Parameters, n_concepts: int) -> Weights:  # noqa: ARG002
        """Raises BadRelease."""
        raise _none(asked.after or asked.taste)

    def network(self, release: bytes, n_concepts: int) -> Network:  # noqa: ARG002
        """Raises BadRelease."""
        raise _none(release)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerContext:
    """A company's own records, the shared vocabulary and the releases it has verified.

    ``square_max``: concepts up to which the own model weighs every pair.
    """

    records: Records
    vocabulary: Vocabulary
    released: ReleasedSums
    encoders: ReleasedEncoders = field(default_factory=NoEncoders)
    square_max: int = SQUARE_MAX


def _none(release: bytes) -> BadRelease:
    return BadRelease(
        expected="releases to start an encoder from",
        came=release.hex()[:16],
        do="wait until they are fetched",
    )
