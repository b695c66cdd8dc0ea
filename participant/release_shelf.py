"""Kept releases, read: what the sums say, from the files that were verified when they were kept."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from participant.store.membership import Membership
from participant.store.releases import Releases
from protocols.codec import decode
from protocols.errors import BadRelease
from protocols.identity import Signed
from protocols.questions import Reading, read
from protocols.questions.taste import Taste, sum_sigma
from protocols.release import ReleaseManifest, unpack
from protocols.service.unit_of_work import reading
from protocols.vocabulary import check_vocabulary


class ReleaseShelf:
    """The part of the release desk that reads what is kept."""

    def __init__(self, *, db: Engine, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def readings(self, release: bytes) -> tuple[Reading, ...]:
        """What a kept release says, one reading a block.

        Raises:
            BadRelease: this node does not hold it, or its file changed.
        """
        return self._read(release)[1]

    def gram(self, release: bytes) -> npt.NDArray[np.float64]:
        """The taste Gram matrix of a kept release, shape (n_concepts, n_concepts), read noise-aware."""
        manifest, readings = self._read(release)
        for block, found in zip(manifest.answer.blocks, readings, strict=True):
            if isinstance(found, Taste):
                return found.noise_aware(sum_sigma(block, len(manifest.survivors))).gram
        raise BadRelease(expected="a taste release", came=release.hex()[:16], do="name a taste release")

    def _read(self, release: bytes) -> tuple[ReleaseManifest, tuple[Reading, ...]]:
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
        total = unpack((self._folder / stored.file).read_bytes(), manifest)
        return manifest, read(manifest.answer, total, len(vocabulary))

    def _file(self, release: bytes) -> Path:
        return self._folder / f"{release.hex()}.safetensors"


def open_stored(manifest: bytes) -> ReleaseManifest:
    """The manifest of a kept release; its signature was verified when it was kept."""
    return decode(ReleaseManifest, decode(Signed, manifest).body)
