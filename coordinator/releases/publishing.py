"""Making a release of a sum: payload on disk first, then manifest, audit entry and phase in one go."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from coordinator.audit.log import AuditWriter
from coordinator.errors import UnknownRelease
from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.rounds import Attempt
from protocols.identity import COORDINATOR, IdentityKey
from protocols.release import NO_RELEASE, ReleaseManifest, pack, release_id, sum_sha256
from protocols.secure_sum.collector import Context
from protocols.service import durable


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """The folder of released sums; a file's name is the hash of the numbers in it."""

    folder: Path

    def path(self, sha256: bytes) -> Path:
        """Where the payload of a sum lies."""
        return self.folder / f"{sha256.hex()}.safetensors"

    def keep(self, total: npt.NDArray[np.int64]) -> bytes:
        """Write a sum durably and return its hash; the same sum again changes nothing."""
        sha256 = sum_sha256(total)
        if not self.path(sha256).exists():
            durable.write(self.path(sha256), [pack(total)])
        return sha256

    def read(self, manifest: ReleaseManifest) -> bytes:
        """The payload of a release.

        Raises:
            UnknownRelease: the file is gone.
        """
        try:
            return self.path(manifest.sum_sha256).read_bytes()
        except FileNotFoundError:
            raise UnknownRelease(
                expected=f"the payload {manifest.sum_sha256.hex()}",
                came="no such file",
                do="restore the folder `releases` from a backup",
            ) from None


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
