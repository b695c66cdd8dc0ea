"""Releases: fetched, verified against what this node signed itself, kept, voted on.

The vote says only whether the release is of the question, companies and keys that this node signed: it does
not depend on a customer. Where the sum is small enough it is recomputed before it is voted on and used
(:mod:`participant.verification`); a wrong one is voted against and never kept. How well a model trained from
it does here stays here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.door import Door
from participant.door.admission import open_roster, present
from participant.door.words import MASKED_VECTOR
from participant.store.attempts import Attempts
from participant.store.membership import Membership
from participant.store.outbox import Outbox
from participant.store.releases import Releases, StoredRelease
from participant.store.rosters import Rosters
from participant.verdicts import Outcome, Verdict
from participant.verification import Verification
from protocols.codec import decode, encode
from protocols.errors import BadRelease, PeerFault
from protocols.identity import Signed
from protocols.messages import RoundConfig
from protocols.questions import Reading, read
from protocols.questions.taste import Taste, sum_sigma
from protocols.release import (
    Release,
    ReleaseManifest,
    check_manifest,
    check_newer,
    open_release,
    release_id,
    unpack,
)
from protocols.roster import roll
from protocols.service import durable
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import check_vocabulary

VERIFIED = "question, companies and keys are those that this company signed; the numbers were not recomputed"
RECOMPUTED = (
    "question, companies and keys are those that this company signed; recomputed, the sum is exactly this"
)
NOT_THE_SUM = "recomputed from the vectors that this company confirmed, the sum is another"
NOT_WITNESSED = "not voted: this company took no part in the round"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TasteSum:
    """A taste sum with its noise, and that noise's standard deviation off the diagonal; 0 for none."""

    taste: Taste
    sigma: float


class ReleaseDesk:
    """Verified releases of one node."""

    def __init__(
        self,
        *,
        db: Engine,
        link: Consortium,
        door: Door,
        verification: Verification,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._db = db
        self._verification = verification
        self._link = link
        self._door = door
        self._folder = folder
        self._clock = clock
        self._refused: set[bytes] = set()

    def catch_up(self) -> int:
        """Receive every release that this node lacks, oldest first; returns how many came."""
        with reading(self._db) as connection:
            known = {found.release for found in Releases(connection).all()}
        came = 0
        for line in sorted(self._link.releases(), key=lambda each: (each.round, each.attempt)):
            release = bytes.fromhex(line.release)
            if release in known or release in self._refused or self._proved_wrong(release):
                continue
            try:
                self.receive(release)
                came += 1
            except PeerFault as error:
                self._refused.add(release)
                _log.error("release refused", release=line.release, code=error.code, detail=str(error))
        return came

    def receive(self, release: bytes) -> StoredRelease:
        """Fetch one release, verify it, keep it, vote on it if this node took part.

        Raises:
            BadRelease: signature, hash, round or companies do not agree; where this node took part, a vote
                against it was handed in.
            StaleRelease: an older round than the newest release here.
        """
        signed = self._link.manifest(release)
        payload = self._link.payload(release)
        with reading(self._db) as connection:
            signers = roll(open_roster(present(Rosters(connection).in_force())))
            newest = next(iter(Releases(connection).all()), None)
        opened = open_release(signed, payload, signers)
        manifest = opened.manifest
        if release_id(manifest) != release:
            raise BadRelease(
                expected=f"release {release.hex()}", came=release_id(manifest).hex(), do="refuse it"
            )
        if newest is not None:
            check_newer(manifest, open_stored(newest))
        config, witnessed = self._witness(manifest)
        verdict = self._recompute(signed, opened, config if witnessed else None)
        file = f"{release.hex()}.safetensors"
        durable.write(self._folder / file, [payload])
        stored = StoredRelease(
            release=release,
            round=manifest.round,
            attempt=manifest.attempt,
            questions=tuple(block.question for block in manifest.answer.blocks),
            manifest=encode(signed),
            file=file,
            witnessed=witnessed,
            received_at=self._clock.now(),
        )
        if config is not None and witnessed:
            exact = verdict is not None and verdict.outcome is Outcome.VERIFIED
            self._vote(config, release, accept=True, reason=RECOMPUTED if exact else VERIFIED)
        with transaction(self._db) as connection:
            Releases(connection).add(stored)
        _log.info("release kept", release=release.hex(), round=manifest.round, witnessed=witnessed)
        return stored

    def verify(self, round_number: int) -> Verdict:
        """Recompute the kept release of a round, however large, and return the verdict that stands.

        Raises:
            BadRelease: this node holds no release of that round, and has refused none as wrong.
            Unreachable: the coordinator does not answer.
        """
        refused = [each for each in self._verification.verdicts.all() if each.round == round_number]
        with reading(self._db) as connection:
            kept = next((each for each in Releases(connection).all() if each.round == round_number), None)
        if kept is None and refused:
            return refused[-1]
        if kept is None:
            raise BadRelease(
                expected="the round of a release that this node holds",
                came=str(round_number),
                do="wait for its release; `altrove-node status` says what came",
            )
        manifest = open_stored(kept)
        total = unpack((self._folder / kept.file).read_bytes(), manifest)
        return self._verification.verify(
            decode(Signed, kept.manifest), Release(manifest=manifest, total=total)
        )

    def readings(self, release: bytes) -> tuple[Reading, ...]:
        """What a kept release says, one reading a block.

        Raises:
            BadRelease: this node does not hold it, or its file changed.
        """
        manifest, total, n_concepts = self._open(release)
        return read(manifest.answer, total, n_concepts)

    def gram(self, release: bytes) -> npt.NDArray[np.float64]:
        """The taste Gram matrix of a kept release, shape (n_concepts, n_concepts), read noise-aware."""
        found = self.taste(release)
        return found.taste.noise_aware(found.sigma).gram

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
        manifest = open_stored(stored)
        check_vocabulary(vocabulary, manifest.answer.vocabulary)
        return manifest, unpack((self._folder / stored.file).read_bytes(), manifest), len(vocabulary)

    def _recompute(self, signed: Signed, opened: Release, config: RoundConfig | None) -> Verdict | None:
        """The verdict, if the sum is small enough; a wrong one is voted against by whoever took part."""
        earlier = self._verification.verdicts.find(opened.release_id)  # a vote repeated says the same
        verdict = earlier or self._verification.unasked(signed, opened)
        if verdict is None or verdict.outcome is not Outcome.WRONG:
            return verdict
        if config is not None:
            self._vote(config, opened.release_id, accept=False, reason=NOT_THE_SUM)
        raise BadRelease(
            expected="the sum of the vectors that its survivors signed",
            came=verdict.reason,
            do=f"tell the other members; the proof is {self._verification.verdicts.evidence(verdict)}",
        )

    def _proved_wrong(self, release: bytes) -> bool:
        verdict = self._verification.verdicts.find(release)
        return verdict is not None and verdict.outcome is Outcome.WRONG

    def _witness(self, manifest: ReleaseManifest) -> tuple[RoundConfig | None, bool]:
        """Compare with what this node signed: (its configuration, whether it confirmed the survivors)."""
        with reading(self._db) as connection:
            attempt = Attempts(connection).find(manifest.round, manifest.attempt)
            sent = Outbox(connection).find(manifest.round, manifest.attempt, MASKED_VECTOR)
            me = Membership(connection).get().partner
        if attempt is None:
            if me in manifest.survivors:
                raise _not_ours(manifest)
            _log.info(NOT_WITNESSED, round=manifest.round)
            return None, False
        config = decode(RoundConfig, decode(Signed, attempt.config).body)
        confirmed = bool(attempt.survivors)
        transcript = attempt.transcript or manifest.transcript
        survivors = attempt.survivors if confirmed else manifest.survivors
        try:
            check_manifest(manifest, config, transcript, survivors)
            if me in manifest.survivors and sent is None:
                raise _not_ours(manifest)
        except BadRelease:
            self._vote(
                config, release_id(manifest), accept=False, reason="not the sum that this company signed"
            )
            raise
        return config, confirmed

    def _vote(self, config: RoundConfig, release: bytes, *, accept: bool, reason: str) -> None:
        self._link.vote(release, self._door.vote(config, release, accept=accept, reason=reason))


def _taste(
    manifest: ReleaseManifest, total: npt.NDArray[np.int64], n_concepts: int, members: int
) -> TasteSum:
    blocks = zip(manifest.answer.blocks, read(manifest.answer, total, n_concepts), strict=True)
    for block, found in blocks:
        if isinstance(found, Taste):
            return TasteSum(taste=found, sigma=sum_sigma(block, members))
    raise BadRelease(expected="a taste release", came="other questions", do="name a taste release")


def _not_ours(manifest: ReleaseManifest) -> BadRelease:
    return BadRelease(
        expected="a sum without this company, which sent no vector for it",
        came=f"a release of round {manifest.round}.{manifest.attempt} that names it as a survivor",
        do="refuse the release, keep it as evidence and tell the other members",
    )


def open_stored(stored: StoredRelease) -> ReleaseManifest:
    """The manifest of a kept release; its signature was verified when it was kept."""
    return decode(ReleaseManifest, decode(Signed, stored.manifest).body)
