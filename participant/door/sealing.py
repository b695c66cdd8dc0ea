"""From an answer to noised ring words on disk, and from those to one attempt's masked bytes.

The sealed vector of an answer is written once, its noise drawn once. Every attempt masks these same bytes: a recomputed
answer could differ in its last bits, and two masked versions of almost the same vector would give
both away (and two of one answer with fresh noise would give away more of it than one).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from participant.errors import AnswerVoided
from participant.store.sealed_answers import SealedAnswer
from protocols import questions, ring
from protocols.limits import CHUNK_BYTES, KEY_BYTES
from protocols.messages import AnswerSpec, RoundConfig
from protocols.secure_sum import contributor, states
from protocols.service import durable


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedFile:
    """A masked vector on disk and the SHA-256 of each of its chunks."""

    name: str
    written: durable.Written
    chunk_hashes: tuple[bytes, ...]


def open_sealed(folder: Path, sealed: SealedAnswer) -> Path:
    """The file of the sealed words, after comparing its hash.

    Raises:
        AnswerVoided: the file is gone or is not what was sealed; it is never recomputed.
    """
    path = folder / sealed.file
    try:
        with path.open("rb") as file:
            intact = hashlib.file_digest(file, "sha256").digest() == sealed.sha256
    except OSError:
        intact = False
    if not intact:
        raise AnswerVoided(
            expected=f"the sealed vector {path}",
            came="a missing or changed file",
            do="let the consortium ask again under a new epoch; this answer is lost",
        )
    return path


def read_sealed(folder: Path, sealed: SealedAnswer, ring_bits: int) -> ring.Fixed:
    """What was sealed, noise and all, as signed ring units.

    Raises:
        AnswerVoided: as :func:`open_sealed`.
    """
    return ring.lift(np.fromfile(open_sealed(folder, sealed), dtype=ring.word_dtype(ring_bits)), ring_bits)


def noise_for(spec: AnswerSpec, concepts: int, entropy: Callable[[int], bytes]) -> ring.Noise | None:
    """Fresh noise for one answer, from the operating system's randomness; None where nothing asks for any."""
    if not any(block.noise_sigma for block in spec.blocks):
        return None
    return questions.noise_for(spec, concepts, entropy(KEY_BYTES))


def write_sealed(
    path: Path, answer: npt.NDArray[np.int64], spec: AnswerSpec, noise: ring.Noise | None
) -> durable.Written:
    """Write the words of ``answer`` with its noise; whole and synced, or not there.

    Raises:
        OutOfBounds: a cell beyond its block's bound, or another shape.
        StorageFull: nothing half-written remains.
    """
    return durable.write(path, (part.tobytes() for part in ring.encode_parts(answer, spec, noise)))


def sealed_name(answer_id: bytes) -> str:
    """File name of the sealed vector of one answer."""
    return f"{answer_id.hex()}.sealed"


def masked_name(round_number: int, attempt: int) -> str:
    """File name of the masked vector of one attempt."""
    return f"{round_number}-{attempt}.masked"


def write_masked(folder: Path, masking: states.Masking, config: RoundConfig, sealed: Path) -> MaskedFile:
    """Mask the words of the file ``sealed`` chunk by chunk into ``folder``; with the hash of every chunk.

    One chunk is in memory at a time.

    Raises:
        StorageFull: nothing half-written remains.
    """
    dtype = ring.word_dtype(config.answer.ring_bits)
    hashes: list[bytes] = []

    def chunks() -> Iterator[memoryview]:
        buffer = np.empty(CHUNK_BYTES // dtype.itemsize, dtype=dtype)
        with sealed.open("rb") as file:
            for index in range(-(-config.answer.vector_bytes // CHUNK_BYTES)):
                words = buffer[: file.readinto(buffer.data) // dtype.itemsize]
                chunk = contributor.mask_chunk(masking, config, index, words, out=words)
                hashes.append(hashlib.sha256(chunk).digest())
                yield chunk

    name = masked_name(config.round, config.attempt)
    written = durable.write(folder / name, chunks())
    return MaskedFile(name=name, written=written, chunk_hashes=tuple(hashes))
