"""Releases: fetched, verified against what this node signed itself, kept, voted on.

The vote says only whether the release is of the question, companies and keys that this node signed: it does
not depend on a customer. Where the sum is small enough it is recomputed before it is voted on and used
(:mod:`participant.verification`), a larger one goes through the linear check (:mod:`participant.linear_desk`);
the vote says which of the two was done. A wrong sum is voted against and never kept; one of which neither
could tell, or that is disputed, is neither used nor voted on until it was recomputed. How well a model trained from it does here stays here.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.door import Door
from participant.door.admission import open_roster, present
from participant.door.words import MASKED_VECTOR
from participant.linear_desk import Finding, LinearDesk
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.attempts import Attempts
from participant.store.checks import StoredCheck
from participant.store.membership import Membership
from participant.store.outbox import Outbox
from participant.store.releases import Releases, StoredRelease
from participant.store.rosters import Rosters
from participant.verdicts import Outcome, Verdict
from participant.verification import Verification
from protocols.codec import decode, encode
from protocols.errors import BadRelease, BelowZero, PeerFault
from protocols.identity import Signed
from protocols.messages import RoundConfig
from protocols.questions.registry import check_counts
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
from protocols.vote_reasons import BELOW_ZERO, CHECKED, NOT_THE_SUM, RECOMPUTED, SIGNED_ONLY

REASONS = {Outcome.VERIFIED: RECOMPUTED, Outcome.CHECKED: CHECKED}
"""What a vote says was looked at; after any other outcome, or none, nothing was."""

REFUSED = (Outcome.WRONG, Outcome.DISPUTED)
"""Neither used nor voted for."""

ASK_AGAIN_S = 60
"""Pause before the coordinator is asked again for what recomputing a sum takes."""

NOT_WITNESSED = "not voted: this company took no part in the round"

_log = structlog.get_logger(__name__)


class ReleaseDesk(ReleaseShelf):
    """Verified releases of one node."""

    def __init__(
        self,
        *,
        db: Engine,
        link: Consortium,
        door: Door,
        verification: Verification,
        linear: LinearDesk,
        folder: Path,
        clock: Clock,
    ) -> None:
        super().__init__(db=db, door=door, folder=folder)
        self._verification = verification
        self._linear = linear
        self._link = link
        self._clock = clock
        self._refused: set[bytes] = set()
        self.withheld: dict[bytes, Verdict] = {}
        """Releases that are neither used nor voted on, since nothing told whether they are right when last tried."""
        self.below_zero: dict[tuple[int, int], str] = {}
        """Rounds and attempts whose sum was refused since this process began, because no true answers add up to it."""
        self._too_large: set[bytes] = set()
        """Those of them that are not tried again before the officer has said so."""

    def catch_up(self) -> int:
        """Receive every release that this node lacks, oldest first; returns how many came."""
        with reading(self._db) as connection:
            known = {found.release for found in Releases(connection).all()}
        known |= {check.release for check in self._linear.held()}
        came = 0
        for line in sorted(self._link.releases(), key=lambda each: (each.round, each.attempt)):
            release = bytes.fromhex(line.release)
            if release in known or release in self._refused or self._refuses(release) or self._waits(release):
                continue
            try:
                came += self.receive(release) is not None
            except PeerFault as error:
                self._refuse(release, error)
        return came

    def settle(self) -> bool:
        """Go on with the linear checks, and keep or refuse what waited for them; True while any waits.

        Raises:
            Unreachable, Stopped: as :meth:`LinearDesk.turn`.
        """
        for finding in self._linear.turn(self._held_total):
            self._conclude(finding)
        return bool(self._linear.held())

    def receive(self, release: bytes) -> StoredRelease | None:
        """Fetch one release, verify it, keep it, vote on it if this node took part.

        None: it waits, for its linear check, for what recomputing it takes, or for the officer.

        Raises:
            BadRelease: signature, hash, round or companies do not agree, or a count is below zero (BelowZero); where
                this node took part, a vote against it was handed in.
            StaleRelease: an older round than the newest release here.
        """
        signed, payload, opened = self._fetch(release)
        manifest = opened.manifest
        with reading(self._db) as connection:
            newest = next(iter(Releases(connection).all()), None)
        if not self._has_verdict(release):  # one that waited has had its turn, whatever came after it
            held = [check.manifest for check in self._linear.held()][-1:]
            for before in (*held, *([] if newest is None else [newest.manifest])):
                check_newer(manifest, open_stored(before))
        config = self._witness(manifest)
        if not self._verification.is_unasked(manifest) and not self._has_verdict(release):
            durable.write(self._file(release), [payload])
            if self._linear.hold(release, signed):
                return None
        verdict = self._recompute(signed, opened, config)
        if verdict is not None and self._withhold(verdict, manifest):
            return None
        self._check_counts(opened, config)
        durable.write(self._file(release), [payload])
        return self._keep(signed, config, verdict)

    def _keep(self, signed: Signed, config: RoundConfig | None, verdict: Verdict | None) -> StoredRelease:
        """Vote for a release whose file is there, if this company was a witness (``config``), and use it."""
        manifest = decode(ReleaseManifest, signed.body)
        release = release_id(manifest)
        stored = StoredRelease(
            release=release,
            round=manifest.round,
            attempt=manifest.attempt,
            questions=tuple(block.question for block in manifest.answer.blocks),
            manifest=encode(signed),
            file=self._file(release).name,
            witnessed=config is not None,
            received_at=self._clock.now(),
        )
        reason = SIGNED_ONLY if verdict is None else REASONS.get(verdict.outcome, SIGNED_ONLY)
        self._vote(config, release, accept=True, reason=reason)
        with transaction(self._db) as connection:
            Releases(connection).add(stored)
        self._door.retire()
        _log.info("release kept", release=release.hex(), round=manifest.round, witnessed=stored.witnessed)
        return stored

    def verify(self, round_number: int) -> Verdict:
        """Recompute the release of a round, however large, and return the verdict that stands.

        One that was disputed or could not be recomputed, and proves right, is kept and used at the daemon's next turn.

        Raises:
            BadRelease: this node holds no release of that round, and has refused none as wrong.
            Unreachable: the coordinator does not answer.
        """
        refused = [each for each in self._verification.verdicts.all() if each.round == round_number]
        with reading(self._db) as connection:
            kept = next((each for each in Releases(connection).all() if each.round == round_number), None)
        if kept is None and refused and refused[-1].outcome in (Outcome.DISPUTED, Outcome.UNVERIFIED):
            return self._reconsider(bytes.fromhex(refused[-1].release))
        if kept is None and refused:
            return refused[-1]
        if kept is None:
            raise BadRelease(
                expected="the round of a release that this node holds",
                came=str(round_number),
                do="wait for its release; `altrove-node status` says what came",
            )
        manifest = open_stored(kept.manifest)
        total = unpack((self._folder / kept.file).read_bytes(), manifest)
        return self._verification.verify(
            decode(Signed, kept.manifest), Release(manifest=manifest, total=total)
        )

    def _recompute(self, signed: Signed, opened: Release, config: RoundConfig | None) -> Verdict | None:
        """The verdict, if the sum is small enough; a wrong one is voted against by whoever took part."""
        earlier = self._verification.verdicts.find(opened.release_id)  # a vote repeated says the same
        known = earlier is not None and earlier.outcome is not Outcome.UNVERIFIED
        verdict = earlier if known else self._verification.unasked(signed, opened)
        if verdict is None and earlier is not None:  # a linear check that told nothing
            verdict = self._verification.after_check(signed, opened) or earlier
        if verdict is None or verdict.outcome is not Outcome.WRONG:
            return verdict
        self._vote(config, opened.release_id, accept=False, reason=NOT_THE_SUM)
        raise BadRelease(
            expected="the sum of the vectors that its survivors signed",
            came=verdict.reason,
            do=f"tell the other members; the proof is {self._verification.verdicts.evidence(verdict)}",
        )

    def _check_counts(self, opened: Release, config: RoundConfig | None) -> None:
        """Vote against a sum that no true answers add up to, and refuse it, whoever else found it right."""
        try:
            check_counts(opened.manifest.answer, opened.total)
        except BelowZero as error:
            self.below_zero[opened.manifest.round, opened.manifest.attempt] = str(error)
            self._vote(config, opened.release_id, accept=False, reason=BELOW_ZERO)
            raise

    def _conclude(self, finding: Finding) -> None:
        """Keep or refuse a release whose linear check has ended.

        Its secrets go first, also while STOP forbids a vote; what is left to do, :meth:`catch_up` does again.
        """
        signed, verdict = decode(Signed, finding.check.manifest), finding.verdict
        manifest = decode(ReleaseManifest, signed.body)
        release = release_id(manifest)
        config = self._witness(manifest)
        if verdict.outcome in (Outcome.DISPUTED, Outcome.UNVERIFIED):
            opened = Release(manifest=manifest, total=self._held_total(finding.check))
            verdict = self._verification.after_check(signed, opened) or verdict
        self._door.linear.end(finding.check.key)
        if self._withhold(verdict, manifest):
            return
        if verdict.outcome not in REFUSED:
            opened = Release(manifest=manifest, total=self._held_total(finding.check))
            try:
                self._check_counts(opened, config)
            except BelowZero as error:
                self._refuse(release, error)
                durable.erase(self._file(release))
                return
            self._keep(signed, config, verdict)
            return
        _log.error("release refused", release=release.hex(), outcome=verdict.outcome.value)
        durable.erase(self._file(release))
        if verdict.outcome is Outcome.WRONG:
            self._vote(config, release, accept=False, reason=NOT_THE_SUM)

    def _refuse(self, release: bytes, error: PeerFault) -> None:
        """Look at a release no more, and say why."""
        self._refused.add(release)
        _log.error("release refused", release=release.hex(), code=error.code, detail=str(error))

    def _withhold(self, verdict: Verdict, manifest: ReleaseManifest) -> bool:
        """Whether a release is neither used nor voted on, so that nothing of it is kept here."""
        release = release_id(manifest)
        self.withheld.pop(release, None)
        if not self._verification.is_withheld(verdict):
            return False
        self.withheld[release] = verdict
        if not self._verification.is_recomputed_after(manifest):
            self._too_large.add(release)
        durable.erase(self._file(release))
        _log.error("release neither used nor voted on", release=release.hex(), reason=verdict.reason)
        return True

    def _reconsider(self, release: bytes) -> Verdict:
        signed, _, opened = self._fetch(release)
        verdict = self._verification.verify(signed, opened)
        config = self._witness(opened.manifest)
        if verdict.outcome is Outcome.WRONG:
            self._vote(config, release, accept=False, reason=NOT_THE_SUM)
        return verdict

    def _fetch(self, release: bytes) -> tuple[Signed, bytes, Release]:
        """The signed manifest, the payload, and both verified."""
        signed = self._link.manifest(release)
        payload = self._link.payload(release)
        with reading(self._db) as connection:
            signers = roll(open_roster(present(Rosters(connection).in_force())))
        opened = open_release(signed, payload, signers)
        if opened.release_id != release:
            raise BadRelease(
                expected=f"release {release.hex()}", came=opened.release_id.hex(), do="refuse it"
            )
        return signed, payload, opened

    def _held_total(self, check: StoredCheck) -> npt.NDArray[np.int64]:
        return unpack(self._file(check.release).read_bytes(), open_stored(check.manifest))

    def _waits(self, release: bytes) -> bool:
        """Whether nothing told about it a short while ago, and the officer had it recomputed as little since."""
        verdict, stored = self.withheld.get(release), self._verification.verdicts.find(release)
        if verdict is None or (stored is not None and stored.outcome is not Outcome.UNVERIFIED):
            return False
        return release in self._too_large or self._clock.now() - verdict.at < ASK_AGAIN_S

    def _has_verdict(self, release: bytes) -> bool:
        return self._verification.verdicts.find(release) is not None

    def _refuses(self, release: bytes) -> bool:
        verdict = self._verification.verdicts.find(release)
        return verdict is not None and verdict.outcome in REFUSED

    def _witness(self, manifest: ReleaseManifest) -> RoundConfig | None:
        """Compare with what this node signed: the configuration, if it confirmed the survivors and so may vote."""
        with reading(self._db) as connection:
            attempt = Attempts(connection).find(manifest.round, manifest.attempt)
            sent = Outbox(connection).find(manifest.round, manifest.attempt, MASKED_VECTOR)
            me = Membership(connection).get().partner
        if attempt is None:
            if me in manifest.survivors:
                raise _not_ours(manifest)
            _log.info(NOT_WITNESSED, round=manifest.round)
            return None
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
        return config if confirmed else None

    def _vote(self, config: RoundConfig | None, release: bytes, *, accept: bool, reason: str) -> None:
        """Hand in a vote; without a configuration there is none, since this company was no witness."""
        if config is not None:
            self._link.vote(release, self._door.vote(config, release, accept=accept, reason=reason))


def _not_ours(manifest: ReleaseManifest) -> BadRelease:
    return BadRelease(
        expected="a sum without this company, which sent no vector for it",
        came=f"a release of round {manifest.round}.{manifest.attempt} that names it as a survivor",
        do="refuse the release, keep it as evidence and tell the other members",
    )
