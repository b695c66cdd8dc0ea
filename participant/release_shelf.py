"""Kept releases, read: what the sums say, from the files that were verified when they were kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Engine

from participant.door import Door
from participant.encoder_chain import EncoderChain, Round
from participant.models.gram import GramColumns, GramMatrix, WholeGram
from participant.store.membership import Membership
from participant.store.releases import Releases, StoredRelease
from protocols.codec import decode
from protocols.errors import BadRelease, PeerFault
from protocols.identity import Signed
from protocols.messages import Block
from protocols.questions import Reading, question_named, read
from protocols.questions.encoder import EncoderStep
from protocols.questions.landmarks import Landmarks
from protocols.questions.rhythm import Rhythm
from protocols.questions.taste import Taste, sum_sigma
from protocols.release import ReleaseManifest, unpack
from protocols.service import durable
from protocols.service.unit_of_work import reading
from protocols.vocabulary import check_vocabulary

DAMAGED: Final = ".damaged"
"""Appended to the name of a file that is not what was kept."""

_log = structlog.get_logger(__name__)

Said = TypeVar("Said")
"""What a question's sum is read as."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TasteSum:
    """A taste sum with its noise, and that noise's standard deviation off the diagonal; 0 for none."""

    taste: Taste
    sigma: float


class ReleaseShelf:
    """The part of the release desk that reads what is kept."""

    def __init__(self, *, db: Engine, door: Door, folder: Path) -> None:
        self._db = db
        self._door = door
        self._folder = folder
        self.encoders = EncoderChain(gram=self.gram, opened=self._encoder_round, folder=folder)

    def readings(self, release: bytes) -> tuple[Reading, ...]:
        """What a kept release says, one reading a block.

        Raises:
            BadRelease: this node does not hold it, or its file changed.
        """
        manifest, total, n_concepts = self._open(release)
        return read(manifest.answer, total, n_concepts)

    def answered(self, release: bytes, question: str, kind: type[Said]) -> tuple[Block, Said]:
        """How a kept release asked ``question``, and what it says, which is a ``kind``.

        Raises:
            BadRelease: no release that this node holds, or one of other questions.
        """
        manifest, total, n_concepts = self._open(release)
        return _part(manifest, total, n_concepts, question, kind)

    def gram(self, release: bytes) -> npt.NDArray[np.float64]:
        """The taste Gram matrix of a kept release, shape (n_concepts, n_concepts), read noise-aware."""
        found = self.taste(release)
        return found.taste.noise_aware(found.sigma).gram

    def read_as_sum(self, release: bytes) -> GramMatrix:
        """What a kept release of `taste`, read noise-aware, or of `landmarks` says of concepts together.

        Raises:
            BadRelease: no release that this node holds, one of other questions, or landmarks with noise.
        """
        manifest, _, _ = self._open(release)
        if any(block.question == "taste" for block in manifest.answer.blocks):
            return WholeGram(matrix=self.gram(release))
        found, sigma = self.landmarks(release)
        return GramColumns.of(found).noise_aware(sigma)

    def taste(self, release: bytes) -> TasteSum:
        """The taste part of a kept release as it is.

        Raises:
            BadRelease: no release that this node holds, or one of other questions.
        """
        manifest, total, n_concepts = self._open(release)
        return _taste(manifest, total, n_concepts, len(manifest.survivors))

    def others(self, release: bytes) -> TasteSum:
        """The same without this company's part, noise and all: what the other companies answered.

        Raises:
            BadRelease: as :meth:`taste`.
            AnswerMissing, AnswerVoided: what this company sealed for it is not here any more.
        """
        manifest, total, n_concepts = self._open(release)
        with reading(self._db) as connection:
            me = Membership(connection).get().partner
        members = len(manifest.survivors)
        if me in manifest.survivors:
            total, members = total - self._door.own_part(manifest.answer), members - 1
        return _taste(manifest, total, n_concepts, members)

    def landmarks(self, release: bytes) -> tuple[Landmarks, float]:
        """The landmarks part of a kept release as it is, and the standard deviation of its noise; 0 for none.

        Raises:
            BadRelease: no release that this node holds, or one of other questions.
        """
        manifest, total, n_concepts = self._open(release)
        block, found = _part(manifest, total, n_concepts, "landmarks", Landmarks)
        return found, sum_sigma(block, len(manifest.survivors))

    def rhythm(self, release: bytes) -> Rhythm:
        """The rhythm part of a kept release, read noise-aware.

        Raises:
            BadRelease: no release that this node holds, or one of other questions.
        """
        manifest, total, n_concepts = self._open(release)
        block, found = _part(manifest, total, n_concepts, "rhythm", Rhythm)
        return found.noise_aware(sum_sigma(block, len(manifest.survivors)))

    def whole(self, kept: Iterable[StoredRelease]) -> tuple[StoredRelease, ...]:
        """Those of ``kept`` whose file is there, and was not set aside."""
        return tuple(each for each in kept if (self._folder / each.file).exists())

    def set_aside(self) -> tuple[StoredRelease, ...]:
        """Rename the files of kept releases that are not what was kept; returns these releases."""
        with reading(self._db) as connection:
            kept = Releases(connection).all()
        found = []
        for each in self.whole(kept):
            file = self._folder / each.file
            try:
                unpack(file.read_bytes(), open_stored(each.manifest))
            except (OSError, PeerFault) as error:
                file.replace(file.with_name(file.name + DAMAGED))
                found.append(each)
                _log.error("kept release set aside", round=each.round, why=type(error).__name__)
        if found:
            durable.sync_folder(self._folder)
        return tuple(found)

    def missing(self) -> tuple[StoredRelease, ...]:
        """Kept releases without their file: set aside, or lost."""
        with reading(self._db) as connection:
            kept = Releases(connection).all()
        there = {each.release for each in self.whole(kept)}
        return tuple(each for each in kept if each.release not in there)

    def _encoder_round(self, release: bytes) -> Round:
        """What an encoder release was asked with, and what it says.

        Raises:
            BadRelease: no release that this node holds, or one of other questions.
        """
        block, found = self.answered(release, "encoder", EncoderStep)
        return question_named(block.question).open(block.parameters), found

    def _open(self, release: bytes) -> tuple[ReleaseManifest, npt.NDArray[np.int64], int]:
        """Manifest, sum in ring units and size of the vocabulary."""
        with reading(self._db) as connection:
            stored = Releases(connection).find(release)
            vocabulary = Membership(connection).vocabulary()
        if stored is None or vocabulary is None:
            raise BadRelease(
                expected="a release that this node holds",
                came=release.hex()[:16],
                do="wait until it is fetched; the round goes on without this node",
            )
        manifest = open_stored(stored.manifest)
        check_vocabulary(vocabulary, manifest.answer.vocabulary)
        return manifest, unpack((self._folder / stored.file).read_bytes(), manifest), len(vocabulary)

    def _file(self, release: bytes) -> Path:
        return self._folder / f"{release.hex()}.safetensors"


def _taste(
    manifest: ReleaseManifest, total: npt.NDArray[np.int64], n_concepts: int, members: int
) -> TasteSum:
    block, found = _part(manifest, total, n_concepts, "taste", Taste)
    return TasteSum(taste=found, sigma=sum_sigma(block, members))


def _part(
    manifest: ReleaseManifest, total: npt.NDArray[np.int64], n_concepts: int, question: str, kind: type[Said]
) -> tuple[Block, Said]:
    """The block of a sum that asks ``question``, and what it says."""
    readings = read(manifest.answer, total, n_concepts)
    for block, found in zip(manifest.answer.blocks, readings, strict=True):
        if isinstance(found, kind):
            return block, found
    raise BadRelease(
        expected=f"a release of `{question}`", came="other questions", do=f"name a release of `{question}`"
    )


def open_stored(manifest: bytes) -> ReleaseManifest:
    """The manifest of a kept release; its signature was verified when it was kept."""
    return decode(ReleaseManifest, decode(Signed, manifest).body)
