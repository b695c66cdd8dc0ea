"""Recomputing everything from the database and the spool: nothing that is stored is believed.

Log and heads, roster chain, every message of every attempt, the sets that each phase closed with, every
sum, every release and vote. Vectors older than ``spool_days`` are gone: their sums are then counted
as not recomputable, which is said and is no failure.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from coordinator.audit.evidence import Aborted
from coordinator.errors import WrongSum
from coordinator.releases.checking import claim_in
from coordinator.releases.publishing import Payloads
from coordinator.rounds.settled import Settled, items, roll_of
from coordinator.rounds.spool import Spool
from coordinator.rounds.summing import total
from coordinator.store.audit_log import AuditLog
from coordinator.store.checks import Checks, Said
from coordinator.store.consortia import Consortium
from coordinator.store.members import Members
from coordinator.store.releases import Releases
from coordinator.store.rosters import Rosters
from coordinator.store.rounds import Attempt, Rounds
from coordinator.store.submissions import Submissions
from coordinator.store.vocabularies import Vocabularies
from protocols.audit import TreeHead, head, leaf
from protocols.errors import AltroveError, BadProof
from protocols.identity import COORDINATOR, open_signed
from protocols.merkle import Frontier
from protocols.messages import PHASES, Phase, RoundConfig
from protocols.release import NO_RELEASE, open_release, open_vote, release_id, sum_sha256
from protocols.roster import RosterVersion, check_genesis, check_successor, roster_hash
from protocols.secure_sum.collector import (
    check_submission,
    close_advertise,
    close_check,
    close_mask,
    close_share,
)
from protocols.secure_sum.linear_check import answered, opened
from protocols.service.unit_of_work import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One part of the verification: how many things were checked, and the first problem or nothing."""

    what: str
    checked: int
    problem: str


def verify(db: Engine, consortium: Consortium, spool: Spool, payloads: Payloads) -> tuple[Check, ...]:
    """Verify one snapshot of everything; every part is tried, whatever the others found."""
    with reading(db) as connection:
        verifier = _Verifier(connection, consortium, spool, payloads)
        parts: dict[str, Callable[[], int]] = {
            "audit log and signed heads": verifier.log,
            "roster chain": verifier.rosters,
            "everything is in the log": verifier.entries,
            "messages and phases": verifier.attempts,
            "sums recomputed from masked vectors": verifier.sums,
            "releases and payloads": verifier.releases,
            "votes": verifier.votes,
            "linear checks": verifier.checks,
        }
        return tuple(_tried(what, part) for what, part in parts.items())


def _tried(what: str, part: Callable[[], int]) -> Check:
    try:
        return Check(what=what, checked=part(), problem="")
    except AltroveError as error:
        return Check(what=what, checked=0, problem=f"{error.code}: {error}")
    except (SQLAlchemyError, ValueError, TypeError, LookupError, OSError) as error:
        # Altered rows can break any reader: that is a finding, not a reason to stop looking.
        return Check(what=what, checked=0, problem=f"unreadable: {type(error).__name__}: {error}"[:300])


class _Verifier:
    def __init__(
        self, connection: Connection, consortium: Consortium, spool: Spool, payloads: Payloads
    ) -> None:
        self._connection = connection
        self._consortium = consortium
        self._spool = spool
        self._payloads = payloads
        self._settled = Settled()
        self._roll = {COORDINATOR: consortium.coordinator_key}

    def log(self) -> int:
        """Bodies match their hashes, every signed head is the root of the entries before it."""
        lines, log = AuditLog(self._connection).lines(), Frontier()
        for line in lines:
            if hashlib.sha256(line.body).digest() != line.entry.body_hash:
                raise BadProof(
                    expected=f"the evidence of entry {line.entry.sequence}",
                    came="other bytes",
                    do="restore a backup",
                )
        for line in lines:
            log = log.append(leaf(line.entry))
            said = open_signed(line.head, TreeHead, self._roll)
            if line.entry.sequence != log.size - 1 or said != head(self._consortium.consortium, log):
                raise BadProof(
                    expected=f"the signed head of {log.size} entries", came="another", do="restore a backup"
                )
        return len(lines)

    def rosters(self) -> int:
        """The chain from the genesis, every approval verified."""
        previous: RosterVersion | None = None
        chain = Rosters(self._connection).chain()
        for signed in chain:
            previous = check_genesis(signed) if previous is None else check_successor(previous, signed)
        return len(chain)

    def entries(self) -> int:
        """Every roster, vocabulary, configuration, abort, release, vote and equivocation has its entry."""
        logged = {(line.entry.kind, line.entry.body_hash) for line in AuditLog(self._connection).lines()}
        expected = {("vocabulary", digest) for digest in Vocabularies(self._connection).digests()}
        for signed in Rosters(self._connection).chain():
            version = open_signed(signed.version, RosterVersion, self._roll)
            expected.add(("roster", roster_hash(version)))
        expected |= {("round", attempt.config_hash) for attempt in self._attempts()}
        releases = Releases(self._connection)
        for stored in releases.all():
            expected.add(("release", release_id(stored.manifest)))
            expected |= {
                ("vote", hashlib.sha256(each.signed.body).digest()) for each in releases.votes(stored.release)
            }
        if missing := expected - logged:
            kind, digest = min(missing)
            raise BadProof(expected=f"an entry for {kind} {digest.hex()}", came="none", do="restore a backup")
        aborted = sum(attempt.phase is Phase.ABORTED for attempt in self._attempts())
        if aborted != sum(kind == "aborted" for kind, _ in logged):
            raise BadProof(
                expected=f"{aborted} entries of kind {Aborted.TAG}", came="others", do="restore a backup"
            )
        return len(expected)

    def attempts(self) -> int:
        """Every configuration, every message, and the sets that the closed phases ended with."""
        checked = 0
        for attempt in self._attempts():
            config = open_signed(attempt.signed, RoundConfig, self._roll)
            sent = Submissions(self._connection, config.round, config.attempt)
            keys = roll_of(self._connection, config)
            for phase in PHASES:
                for stored in sent.of_phase(phase):
                    settled = self._settled.before(self._connection, attempt, phase)
                    check_submission(
                        config, phase, stored.submission, stored.partner, roll=keys, context=settled
                    )
                    checked += 1
            self._sets(attempt, sent)
        return checked

    def sums(self) -> int:
        """Every released sum, from the masked vectors that are still in the spool."""
        checked = 0
        for stored in Releases(self._connection).all():
            manifest = stored.manifest
            attempt = Rounds(self._connection).attempt(manifest.round, manifest.attempt)
            paths = [self._spool.path(manifest.round, manifest.attempt, each) for each in manifest.survivors]
            if not all(path.exists() for path in paths):
                continue
            sent = Submissions(self._connection, manifest.round, manifest.attempt)
            settled = self._settled.before(self._connection, attempt, Phase.UNMASK)
            summed = total(
                attempt.config, settled, items(sent, Phase.UNMASK), items(sent, Phase.SHARE), self._spool
            )
            if sum_sha256(summed.parts) != manifest.sum_sha256:
                raise WrongSum(
                    expected=f"the sum of round {manifest.round} as released",
                    came="another one",
                    do="keep the home folder as evidence and tell the members",
                )
            checked += 1
        return checked

    def releases(self) -> int:
        """Manifests, their chain, and payloads."""
        previous, checked = NO_RELEASE, 0
        for stored in Releases(self._connection).all():
            opened = open_release(stored.signed, self._payloads.read(stored.manifest), self._roll)
            if opened.manifest.previous != previous or opened.release_id != stored.release:
                raise WrongSum(expected="a chain of releases", came="a gap", do="restore a backup")
            previous, checked = stored.release, checked + 1
        return checked

    def votes(self) -> int:
        """Every vote under the key with which its voter enrolled."""
        checked, releases = 0, Releases(self._connection)
        keys = {each.partner: each.identity_key for each in Members(self._connection).all()}
        for stored in releases.all():
            for each in releases.votes(stored.release):
                open_vote(each.signed, keys)
                checked += 1
        return checked

    def checks(self) -> int:
        """What survivors opened and answered after a release; whether the sum passes, members judge."""
        checked, said = 0, Checks(self._connection)
        for stored in Releases(self._connection).all():
            openings = said.all(stored.release, Said.OPENING)
            if not openings:
                continue
            config, claim = claim_in(self._connection, stored)
            keys = roll_of(self._connection, config)
            answers = said.all(stored.release, Said.ANSWER)
            opened(claim, config, openings, keys)
            answered(claim, config, openings, answers, keys)
            checked += len(openings) + len(answers)
        return checked

    def _sets(self, attempt: Attempt, sent: Submissions) -> None:
        config, whole = attempt.config, sent.vectors()
        closed: list[tuple[tuple[object, ...], tuple[object, ...]]] = []
        if attempt.u1:
            closed.append((attempt.u1, close_advertise(config, items(sent, Phase.ADVERTISE))))
        if attempt.u2:
            closed.append((attempt.u2, close_share(config, sent.senders(Phase.SHARE))))
        if attempt.u3:
            headers = [signed for signed in items(sent, Phase.MASK) if signed.signer in whole]
            closed.append((attempt.u3, close_mask(config, headers)))
        if attempt.phase in (Phase.UNMASK, Phase.RELEASED):
            close_check(config, items(sent, Phase.CHECK))
        for came, computed in closed:
            if came != computed:
                raise WrongSum(
                    expected=f"the members with which round {config.round}.{config.attempt} went on",
                    came="others than its messages say",
                    do="keep the database as evidence",
                )

    def _attempts(self) -> tuple[Attempt, ...]:
        rounds = Rounds(self._connection)
        return tuple(attempt for each in rounds.all() for attempt in rounds.attempts(each.round))
