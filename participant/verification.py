"""Was it the right sum? This company recomputes a released sum from the messages and vectors of its round.

The coordinator is asked for the evidence and believed in nothing: where this company took part, the
vectors must be those that it confirmed itself. Three things can come of it. *Verified*: the very numbers.
*Wrong*: the signed vectors give other numbers than the coordinator signed, and both are kept as proof.
*Unverified*: the coordinator did not hand over what it takes, or something that does not verify.

Up to 32 companies and 64 MiB of vectors every release is recomputed unasked, before it is voted on and used;
larger ones go through the linear check (:mod:`participant.linear_desk`), and are recomputed up to 256 MiB where
that says nothing or no. Any is recomputed on demand (``altrove-node verify``).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.door.admission import open_roster
from participant.store.attempts import Attempts
from participant.store.outbox import Outbox
from participant.store.rosters import Rosters
from participant.verdicts import Outcome, Verdict, Verdicts
from protocols.codec import decode, encode
from protocols.errors import AltroveError, BadRelease, BehindRoster, Fault, PeerFault
from protocols.identity import PartnerId, Roll, Signed
from protocols.limits import CHUNK_BYTES, RECOMPUTED_AFTER_BYTES
from protocols.messages import Confirmation, Phase, RoundConfig, Submission
from protocols.policy import Policy
from protocols.release import Release, ReleaseManifest, check_manifest
from protocols.roster import roll
from protocols.secure_sum.recomputation import Admitted, Evidence, Proof, admit_evidence, recompute
from protocols.service.clock import Clock
from protocols.service.problems import Refused
from protocols.service.unit_of_work import reading

PIECE_CHUNKS: Final = 4
"""Vectors of up to 32 companies are fetched 4 MiB at a time, those of more in smaller pieces: 128 MiB in memory,
but for more than 128 companies, where it is 1 MiB of each."""

EXACT: Final = "recomputed from the masked vectors: exactly these numbers"

SILENT_S: Final = 3600
"""How long after its unmask answer a company waits for a release before it says that none came."""

_log = structlog.get_logger(__name__)


class Verification:
    """Recomputes sums and keeps what came of it."""

    def __init__(
        self, *, db: Engine, link: Consortium, verdicts: Verdicts, policy: Policy, clock: Clock
    ) -> None:
        self._db = db
        self._policy = policy
        self._link = link
        self.verdicts = verdicts
        self._clock = clock

    def unasked(self, signed: Signed, release: Release) -> Verdict | None:
        """The verdict on a release that is small enough to be recomputed by everybody, else None.

        Raises:
            Unreachable: the coordinator does not answer; ask again.
        """
        return self.verify(signed, release) if self.is_unasked(release.manifest) else None

    def is_unasked(self, manifest: ReleaseManifest) -> bool:
        """Whether this company recomputes such a sum; if not, it goes through the linear check."""
        return self._policy.recomputes(len(manifest.survivors), manifest.answer.vector_bytes)

    def is_withheld(self, verdict: Verdict) -> bool:
        """Whether nobody could tell about a sum, so that it is neither used nor voted on."""
        return verdict.outcome is Outcome.UNVERIFIED and not self._policy.accept_unrecomputed

    def after_check(self, signed: Signed, release: Release) -> Verdict | None:
        """The verdict on a release that its linear check did not find right, if it is not too large.

        Else None, and the officer decides.

        Raises:
            Unreachable: the coordinator does not answer; ask again.
        """
        return self.verify(signed, release) if self.is_recomputed_after(release.manifest) else None

    def is_recomputed_after(self, manifest: ReleaseManifest) -> bool:
        """Whether a sum is small enough to be recomputed where its linear check ended without a yes."""
        return len(manifest.survivors) * manifest.answer.vector_bytes <= RECOMPUTED_AFTER_BYTES

    def verify(self, signed: Signed, release: Release) -> Verdict:
        """Recompute a release and keep the verdict; ``signed`` is its manifest as the coordinator signed it.

        Raises:
            Unreachable: the coordinator does not answer; ask again.
        """
        evidence = None
        try:
            evidence = self._link.evidence(release.manifest.round, release.manifest.attempt)
            self._compare(release, self._admit(evidence, release.manifest))
            outcome, reason = Outcome.VERIFIED, self._exact(release)
        except _Wrong as wrong:
            outcome, reason = Outcome.WRONG, str(wrong)
        except (Refused, PeerFault, BehindRoster) as error:
            outcome, reason = Outcome.UNVERIFIED, f"{error.code}: {error}"
        proof = b""
        if outcome is Outcome.WRONG and evidence is not None:
            proof = encode(Proof(release=signed, evidence=evidence))
        manifest = release.manifest
        verdict = Verdict(
            release=release.release_id.hex(),
            round=manifest.round,
            attempt=manifest.attempt,
            outcome=outcome,
            reason=reason,
            at=self._clock.now(),
        )
        _log.info("sum recomputed", release=verdict.release, outcome=outcome.value, reason=reason)
        return self.verdicts.keep(verdict, proof)

    def _exact(self, release: Release) -> str:
        before = self.verdicts.find(release.release_id)
        if before is not None and before.outcome is Outcome.DISPUTED:
            return f"{EXACT}; so a member's linear answer was wrong, and nothing tells whose"
        return EXACT

    def unreleased(self) -> tuple[tuple[int, int], ...]:
        """Rounds and attempts that this company helped to unmask an hour ago or more, without a release."""
        with reading(self._db) as connection:
            attempts = Attempts(connection).unreleased(before=self._clock.now() - SILENT_S)
        known = {(each.round, each.attempt) for each in self.verdicts.all()}
        return tuple(key for key in attempts if key not in known)

    def _admit(self, evidence: Evidence, manifest: ReleaseManifest) -> Admitted:
        config = decode(RoundConfig, evidence.config.body)
        admitted = admit_evidence(evidence, self._roll(config.roster_height), self._confirmed(manifest))
        try:
            check_manifest(manifest, admitted.config, admitted.settled.transcript, admitted.settled.u3)
        except BadRelease as error:
            raise _Wrong(f"the round's signed messages contradict the release: {error}") from None
        return admitted

    def _compare(self, release: Release, admitted: Admitted) -> None:
        manifest, at = release.manifest, 0
        vectors = _Vectors(self._link, manifest)
        bundles = self._bundles(manifest, admitted.settled.u2)
        for part in recompute(admitted, vectors.chunk, bundles=bundles):
            said = release.total[at : at + len(part)]
            if not np.array_equal(said, part):
                cell = at + int(np.flatnonzero(said != part)[0])
                raise _Wrong(f"{_number(said, part, cell - at)} in cell {cell}; the release is not the sum")
            at += len(part)

    def _bundles(self, manifest: ReleaseManifest, u2: tuple[PartnerId, ...]) -> Iterator[Signed]:
        for member in u2:
            yield from self._link.bundles(manifest.round, manifest.attempt, member).items

    def _roll(self, height: int) -> Roll:
        with reading(self._db) as connection:
            stored = Rosters(connection).at(height)
        if stored is None:
            raise BehindRoster(
                expected=f"roster {height} here", came="none", do="wait until this node has seen it in force"
            )
        return roll(open_roster(stored))

    def _confirmed(self, manifest: ReleaseManifest) -> Confirmation | None:
        with reading(self._db) as connection:
            sent = Outbox(connection).find(manifest.round, manifest.attempt, Phase.CHECK.value)
        if sent is None:
            return None
        (signed,) = decode(Submission, sent.body).items
        return decode(Confirmation, signed.body)


class _Vectors:
    """Chunks of masked vectors, fetched some at a time; asked for in order of their index."""

    def __init__(self, link: Consortium, manifest: ReleaseManifest) -> None:
        self._link = link
        self._key = (manifest.round, manifest.attempt)
        self._pieces: dict[PartnerId, tuple[int, bytes]] = {}
        self._count = max(1, min(PIECE_CHUNKS, 128 // len(manifest.survivors)))

    def chunk(self, member: PartnerId, index: int) -> bytes:
        """Chunk ``index`` of the vector of ``member``."""
        first, piece = self._pieces.get(member, (-self._count, b""))
        if not first <= index < first + self._count:
            first = index
            count = self._count * CHUNK_BYTES
            piece = self._link.masked_vector(*self._key, member, offset=first * CHUNK_BYTES, count=count)
            self._pieces[member] = (first, piece)
        start = (index - first) * CHUNK_BYTES
        return piece[start : start + CHUNK_BYTES]


class _Wrong(AltroveError, code="wrong-sum", fault=Fault.PEER):
    """The evidence proves another sum."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            expected="the sum of the signed vectors", came=reason, do="keep the proof; tell the members"
        )
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def _number(said: npt.NDArray[np.int64], part: npt.NDArray[np.int64], cell: int) -> str:
    return f"the release says {int(said[cell])}, the signed vectors add up to {int(part[cell])}"
