"""A release as the hostile coordinator publishes it: any numbers, signed, of any attempt and companies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protocols.codec import digest
from protocols.identity import COORDINATOR, PartnerId, Signed
from protocols.messages import RoundConfig
from protocols.release import NO_RELEASE, ReleaseManifest, pack, release_id, sum_sha256
from protocols.secure_sum.linear_check import Grounds
from protocols.secure_sum.transcript import transcript_hash
from tests.attacks.scene import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """``grounds`` are what a member that is not in the sum is handed: the attempt as its survivors confirmed it."""

    manifest: ReleaseManifest
    signed: Signed
    total: np.ndarray
    grounds: Grounds

    @property
    def id(self) -> bytes:
        """Of the release."""
        return release_id(self.manifest)

    @property
    def payload(self) -> bytes:
        """Its numbers."""
        return pack(self.total)


def publish(
    run: Run, total: np.ndarray, survivors: Sequence[PartnerId], confirmations: Sequence[Signed]
) -> Published:
    """Sign ``total`` as the sum of ``survivors`` in the attempt of ``run``."""
    config: RoundConfig = run.config
    manifest = ReleaseManifest(
        consortium=config.consortium,
        round=config.round,
        attempt=config.attempt,
        config=digest(config),
        answer=config.answer,
        transcript=transcript_hash(tuple(run.ads.values())),
        survivors=tuple(survivors),
        sum_sha256=sum_sha256([total]),
        previous=NO_RELEASE,
    )
    return Published(
        manifest=manifest,
        signed=run.scene.coordinator.key.sign(COORDINATOR, manifest),
        total=total,
        grounds=Grounds(config=run.signed, confirmations=tuple(confirmations)),
    )
