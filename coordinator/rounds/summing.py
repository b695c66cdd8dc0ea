"""The sum of an attempt, streamed over the spool: one chunk of one member in memory at a time.

The sum is not held either: whoever asks for it takes it in parts, to disk or into a hash.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coordinator.errors import WrongSum
from coordinator.rounds.spool import Spool
from protocols.identity import Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import RoundConfig
from protocols.secure_sum.collector import Context
from protocols.secure_sum.unmasking import Unmasking, combine, sum_chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The lifted sum in ``elements`` int64 numbers, and who opened wrong shares.

    ``parts`` yields the numbers in order, one chunk of the vector at a time, and only once.

    Raises, while it is read:
        BadChunk, WrongSum: a file of the spool is not what its sender signed, or is gone.
    """

    elements: int
    parts: Iterator[npt.NDArray[np.int64]]
    unmasking: Unmasking


def total(
    config: RoundConfig,
    settled: Context,
    answers: tuple[Signed, ...],
    bundles: Iterable[Signed],
    spool: Spool,
) -> Total:
    """Unmask and add. The same stored messages and files always give the same numbers.

    ``bundles`` are read only where a secret comes out wrong.

    Raises:
        TooFewSurvivors, BadShare: the answers do not open the masks.
    """
    unmasking = combine(config, settled, answers, bundles=bundles)
    parts = (
        sum_chunks(config, unmasking, index, _chunks(config, unmasking, index, spool))
        for index in range(-(-config.answer.vector_bytes // CHUNK_BYTES))
    )
    return Total(elements=config.answer.elements, parts=parts, unmasking=unmasking)


def _chunks(config: RoundConfig, unmasking: Unmasking, index: int, spool: Spool) -> Iterator[bytes]:
    for member in unmasking.survivors:
        try:
            yield spool.chunk(config.round, config.attempt, member, index)
        except FileNotFoundError:
            raise WrongSum(
                expected=f"the masked vector of {member.hex()} in the spool",
                came="no such file",
                do="restore the folder `spool`; the round tries again by itself where retries are left",
            ) from None
