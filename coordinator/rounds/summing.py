"""The sum of an attempt, streamed over the spool: one chunk of one member in memory at a time."""

from collections.abc import Iterator
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
    """The lifted sum, int64 in ring units, shape (elements,), and who opened wrong shares."""

    numbers: npt.NDArray[np.int64]
    unmasking: Unmasking


def total(
    config: RoundConfig,
    settled: Context,
    answers: tuple[Signed, ...],
    bundles: tuple[Signed, ...],
    spool: Spool,
) -> Total:
    """Unmask and add. The same stored messages and files always give the same numbers.

    Raises:
        TooFewSurvivors, BadShare: the answers do not open the masks.
        BadChunk, WrongSum: a file of the spool is not what its sender signed, or is gone.
    """
    unmasking = combine(config, settled, answers, bundles=bundles)
    numbers = np.empty(config.answer.elements, dtype=np.int64)
    per_chunk = CHUNK_BYTES * 8 // config.answer.ring_bits
    for index in range(-(-config.answer.vector_bytes // CHUNK_BYTES)):
        part = sum_chunks(config, unmasking, index, _chunks(config, unmasking, index, spool))
        numbers[index * per_chunk : index * per_chunk + len(part)] = part
    return Total(numbers=numbers, unmasking=unmasking)


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
