"""Making a release of a sum: payload on disk first, then manifest, audit entry and phase in one go."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from coordinator.audit.log import AuditWriter
from coordinator.errors import UnknownRelease
from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.rounds import Attempt
from protocols.identity import COORDINATOR, IdentityKey
from protocols.release import NO_RELEASE, ReleaseManifest, number_bytes, payload_head, release_id
from protocols.secure_sum.collector import Context
from protocols.service import durable

UNNAMED: Final = "sum"
"""Name of a payload whose hash is not known yet; there is one driver, and it makes one sum at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """The folder of released sums; a file's name is the hash of the numbers in it."""

    folder: Path

    def path(self, sha256: bytes) -> Path:
        """Where the payload of a sum lies."""
        return self.folder / f"{sha256.hex()}.safetensors"

    def keep(self, elements: int, parts: Iterable[npt.NDArray[np.int64]]) -> bytes:
        """Write a sum of ``elements`` numbers durably as its ``parts`` come, and return its hash.

        The file gets its name at the end, when the hash is known; the same sum again changes nothing.

        Raises:
            StorageFull: no room; nothing remains.
        """
        hasher = hashlib.sha256()

        def payload() -> Iterator[bytes]:
            yield payload_head(elements)
            for part in parts:
                numbers = number_bytes(part)
                hasher.update(numbers)
                yield numbers

        aside = self.folder / UNNAMED
        durable.write(aside, payload())
        aside.replace(self.path(hasher.digest()))
        durable.sync_folder(self.folder)
        return hasher.digest()

    def file(self, manifest: ReleaseManifest) -> Path:
        """The file with the payload of a release.

        Raises:
            UnknownRelease: the file is gone.
        """
        path = self.path(manifest.sum_sha256)
        if not path.is_file():
            raise UnknownRelease(
                expected=f"the payload {manifest.sum_sha256.hex()}",
                came="no such file",
                do="restore the folder `releases` from a backup",
            )
        return path

    def read(self, manifest: ReleaseManifest) -> bytes:
        """The payload of a release, in memory.

        Raises:
            UnknownRelease: the file is gone.
        """
        return self.file(manifest).read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Signs manifests. A manifest holds no time, so that a resumed daemon signs the same bytes."""

    key: IdentityKey
    audit: AuditWriter

    def publish(
        self, connection: Connection, attempt: Attempt, settled: Context, sum_hash: bytes, now: int
    ) -> bytes:
        """Store the release of ``attempt`` and return its id; a round has at most one."""
        releases, config = Releases(connection), attempt.config
        latest = releases.latest()
        manifest = ReleaseManifest(
            consortium=config.consortium,
            round=config.round,
            attempt=config.attempt,
            config=attempt.config_hash,
            answer=config.answer,
            transcript=settled.transcript,
            survivors=settled.u3,
            sum_sha256=sum_hash,
            previous=NO_RELEASE if latest is None else latest.release,
        )
        signed, release = self.key.sign(COORDINATOR, manifest), release_id(manifest)
        releases.add(StoredRelease(release=release, manifest=manifest, signed=signed, at=now))
        self.audit.append(connection, "release", signed.body)
        return release
