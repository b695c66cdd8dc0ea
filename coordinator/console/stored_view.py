"""What the console shows, read from the database: the coordinator's ``ConsoleView``."""

from collections import Counter

from sqlalchemy import Connection

from coordinator.console.view import (
    Consortium,
    Member,
    MemberState,
    PhaseProgress,
    PhaseState,
    Release,
    Round,
    RoundState,
)
from coordinator.releases.checking import progress
from coordinator.rounds.overview import AttemptView, PhaseView, RoundView, overview, overviews
from coordinator.services import Services
from coordinator.store.members import Invites, Members
from coordinator.store.releases import Releases, StoredRelease
from coordinator.store.rosters import Rosters
from coordinator.store.rounds import FAILED, OPEN, RELEASED, Rounds
from coordinator.store.vocabularies import Vocabularies
from protocols.identity import PartnerId
from protocols.messages import PHASES, Phase
from protocols.questions import has_noise
from protocols.roster import RosterVersion, roster_hash
from protocols.service.unit_of_work import reading
from protocols.vote_reasons import looked_at

STATES = {OPEN: RoundState.RUNNING, RELEASED: RoundState.RELEASED, FAILED: RoundState.ABORTED}


class StoredView:
    """Implements :class:`coordinator.console.view.ConsoleView`; each call is one snapshot."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def consortium(self) -> Consortium:
        """The consortium, its roster and audit log."""
        with reading(self._services.db) as connection:
            roster, vocabulary = _roster(connection), Vocabularies(connection).latest()
            place = self._services.audit.place(connection)
        return Consortium(
            name=self._services.consortium.name,
            consortium=self._services.consortium.consortium.hex(),
            roster_height=0 if roster is None else roster.height,
            roster_hash="" if roster is None else roster_hash(roster).hex(),
            vocabulary_name="" if vocabulary is None else vocabulary.name,
            vocabulary_size=0 if vocabulary is None else len(vocabulary),
            audit_size=place.size,
            audit_root=place.root.hex(),
        )

    def members(self) -> tuple[Member, ...]:
        """Members in roster order, then who joined, who is invited, who was removed."""
        with reading(self._services.db) as connection:
            roster, everybody = _roster(connection), Members(connection).all()
            invites = Invites(connection).open(self.now())
            signed = Rosters(connection).proposal() or Rosters(connection).latest()
        approved = set() if signed is None else {approval.signer for approval in signed.approvals}
        active = () if roster is None else roster.partners
        shown = [
            Member(
                partner=member.partner.hex(),
                name=member.name,
                state=MemberState.REMOVED
                if member.removed_at
                else MemberState.ACTIVE
                if member.partner in active
                else MemberState.JOINED,
                approved_roster=member.partner in approved,
                joined_at=member.joined_at,
                last_seen=self._services.registry.last_seen(member.partner),
            )
            for member in everybody
        ]
        shown += [
            Member(
                partner="",
                name=invite.name,
                state=MemberState.INVITED,
                approved_roster=False,
                joined_at=0,
                last_seen=0,
            )
            for invite in invites
        ]
        order = [MemberState.ACTIVE, MemberState.JOINED, MemberState.INVITED, MemberState.REMOVED]
        return tuple(sorted(shown, key=lambda member: (order.index(member.state), member.partner)))

    def round(self, number: int) -> Round:
        """Round ``number``.

        Raises:
            UnknownRound: there is none.
        """
        now_ms = self._services.clock.now_ms()
        with reading(self._services.db) as connection:
            return _round(overview(connection, number), now_ms)

    def rounds(self, limit: int) -> tuple[Round, ...]:
        """The newest ``limit`` rounds, newest first."""
        now_ms = self._services.clock.now_ms()
        with reading(self._services.db) as connection:
            return tuple(_round(view, now_ms) for view in overviews(connection, limit))

    def releases(self, limit: int) -> tuple[Release, ...]:
        """The newest ``limit`` releases, newest first."""
        with reading(self._services.db) as connection:
            newest = Releases(connection).all()[::-1][:limit]
            return tuple(_release(connection, stored) for stored in newest)

    def now(self) -> int:
        """Unix seconds of the coordinator's clock."""
        return self._services.clock.now()


def _roster(connection: Connection) -> RosterVersion | None:
    latest = Rosters(connection).latest()
    return None if latest is None else latest.claimed


def _round(view: RoundView, now_ms: int) -> Round:
    attempt = view.newest.attempt
    opened = {each.phase: each for each in view.newest.phases}
    return Round(
        round=view.round.round,
        attempt=attempt.config.attempt,
        question=view.round.question,
        sentence=view.round.description,
        state=STATES[view.round.state],
        opened_at=view.round.asked_at,
        closed_at=view.round.ended_at,
        cohort=_hex(attempt.config.cohort),
        threshold=attempt.config.threshold,
        minimum_cohort=attempt.config.minimum_cohort,
        elements=attempt.config.answer.elements,
        vector_bytes=attempt.config.answer.vector_bytes,
        phases=tuple(_phase(phase, opened.get(phase), view.newest, now_ms) for phase in PHASES),
        differentially_private=has_noise(attempt.config.answer),
        release=view.release.hex(),
        cause=attempt.reason,
        next_step=attempt.next_step,
    )


def _phase(phase: Phase, seen: PhaseView | None, view: AttemptView, now_ms: int) -> PhaseProgress:
    if seen is None:
        return PhaseProgress(
            phase=str(phase), state=PhaseState.WAITING, done=(), expected=(), seconds=0.0, bytes_up=0
        )
    failed = view.attempt.phase is Phase.ABORTED and seen is view.phases[-1]
    state = PhaseState.FAILED if failed else PhaseState.DONE if seen.closed_ms else PhaseState.OPEN
    return PhaseProgress(
        phase=str(phase),
        state=state,
        done=_hex(seen.arrived),
        expected=_hex(seen.expected),
        seconds=seen.seconds(now_ms),
        bytes_up=sum(vector.size_bytes for vector in view.vectors.values()) if phase is Phase.MASK else 0,
    )


def _release(connection: Connection, stored: StoredRelease) -> Release:
    manifest, votes = stored.manifest, Releases(connection).votes(stored.release)
    config = Rounds(connection).attempt(manifest.round, manifest.attempt).config
    checked = progress(connection, stored)
    return Release(
        release=stored.release.hex(),
        round=manifest.round,
        attempt=manifest.attempt,
        question=", ".join(block.question for block in manifest.answer.blocks),
        at=stored.at,
        survivors=_hex(manifest.survivors),
        cohort=_hex(config.cohort),
        votes_for=sum(each.vote.accept for each in votes),
        votes_against=sum(not each.vote.accept for each in votes),
        differentially_private=has_noise(manifest.answer),
        looked_at=tuple(sorted(Counter(looked_at(each.vote.reason).value for each in votes).items())),
        checked=len(checked.answered) if checked.began else -1,
    )


def _hex(partners: tuple[PartnerId, ...]) -> tuple[str, ...]:
    return tuple(partner.hex() for partner in partners)
