"""From stored values to the admin API's shapes. Members appear by name."""

from collections.abc import Mapping, Sequence

from coordinator.api.shapes import (
    AttemptReply,
    LinearCheckReply,
    MemberReply,
    PhaseReply,
    ReleaseReply,
    RoundReply,
    VersionReply,
    VoteReply,
)
from coordinator.members.registry import Registry
from coordinator.plain import Plain, plain
from coordinator.releases.checking import Progress
from coordinator.rounds.overview import AttemptView, RoundView
from coordinator.store.members import Member
from coordinator.store.releases import StoredRelease, StoredVote
from protocols.identity import PartnerId
from protocols.questions import describe, has_noise, question_named, say_privacy
from protocols.roster import RosterVersion, SignedRoster, roster_hash
from protocols.vote_reasons import looked_at

Names = Mapping[PartnerId, str]


def names_of(members: Sequence[Member]) -> Names:
    """The members' names by id."""
    return {member.partner: member.name for member in members}


def member_reply(member: Member, roster: RosterVersion | None, registry: Registry) -> MemberReply:
    """One member with its state."""
    active = roster is not None and member.partner in roster.partners
    return MemberReply(
        partner=member.partner.hex(),
        name=member.name,
        state="removed" if member.removed_at else "active" if active else "joined",
        joined_at=member.joined_at,
        last_seen=registry.last_seen(member.partner),
        flower_node=member.flower_node,
    )


def version_reply(signed: SignedRoster | None, names: Names) -> VersionReply | None:
    """One roster version, or None."""
    if signed is None:
        return None
    version = signed.claimed
    return VersionReply(
        height=version.height,
        hash=roster_hash(version).hex(),
        change=version.change,
        members=[entry.name for entry in version.entries],
        approved_by=[_name(names, approval.signer) for approval in signed.approvals],
    )


def round_reply(view: RoundView, names: Names, now_ms: int) -> RoundReply:
    """One round with all its attempts."""
    config = view.newest.attempt.config
    return RoundReply(
        round=view.round.round,
        question=view.round.question,
        description=view.round.description,
        state=view.round.state,
        asked_at=view.round.asked_at,
        ended_at=view.round.ended_at,
        elements=config.answer.elements,
        vector_bytes=config.answer.vector_bytes,
        threshold=config.threshold,
        minimum_cohort=config.minimum_cohort,
        suite=config.suite,
        retries_left=view.round.retries_left,
        sequence=view.sequence,
        release=view.release.hex(),
        differentially_private=has_noise(config.answer),
        privacy=say_privacy(config.answer),
        attempts=[_attempt(each, names, now_ms) for each in view.attempts],
    )


def release_reply(
    stored: StoredRelease,
    votes: Sequence[StoredVote],
    checked: Progress,
    names: Names,
    readings: Sequence[Plain] = (),
) -> ReleaseReply:
    """One release."""
    answer = stored.manifest.answer
    return ReleaseReply(
        release=stored.release.hex(),
        round=stored.manifest.round,
        attempt=stored.manifest.attempt,
        questions=[block.question for block in answer.blocks],
        description=list(describe(answer)),
        survivors=[_name(names, partner) for partner in stored.manifest.survivors],
        at=stored.at,
        votes=[
            VoteReply(
                voter=_name(names, each.vote.voter),
                accept=each.vote.accept,
                reason=each.vote.reason,
                looked_at=looked_at(each.vote.reason).value,
            )
            for each in votes
        ],
        linear_check=_check(checked, stored.manifest.survivors, names) if checked.began else None,
        differentially_private=has_noise(answer),
        privacy=say_privacy(answer),
        asked=[plain(question_named(b.question).open(b.parameters)) for b in answer.blocks],
        readings=list(readings),
    )


def _check(checked: Progress, survivors: Sequence[PartnerId], names: Names) -> LinearCheckReply:
    return LinearCheckReply(
        opened=[_name(names, partner) for partner in checked.opened],
        answered=[_name(names, partner) for partner in checked.answered],
        silent=[_name(names, partner) for partner in checked.silent(survivors)],
    )


def _attempt(view: AttemptView, names: Names, now_ms: int) -> AttemptReply:
    attempt = view.attempt
    return AttemptReply(
        attempt=attempt.config.attempt,
        phase=str(attempt.phase),
        cohort=[_name(names, partner) for partner in attempt.config.cohort],
        survivors=[_name(names, partner) for partner in attempt.u3],
        phases=[
            PhaseReply(
                phase=str(each.phase),
                opened_at=each.opened_ms // 1000,
                seconds=each.seconds(now_ms),
                expected=[_name(names, partner) for partner in each.expected],
                arrived=[_name(names, partner) for partner in each.arrived],
            )
            for each in view.phases
        ],
        routes={_name(names, partner): vector.route for partner, vector in view.vectors.items()},
        bytes_up={_name(names, partner): vector.size_bytes for partner, vector in view.vectors.items()},
        courier_errors={_name(names, partner): said for partner, said in view.courier_errors.items()},
        equivocations=[f"{_name(names, each.partner)} in {each.phase}" for each in view.doubles],
        deadlines=list(attempt.config.deadlines),
        cause=attempt.cause,
        reason=attempt.reason,
        missing=[_name(names, partner) for partner in attempt.blamed],
        next_step=attempt.next_step,
    )


def _name(names: Names, partner: PartnerId) -> str:
    return names.get(partner, partner.hex())
