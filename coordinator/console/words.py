"""How things stand, in one sentence: the opening of every page of the coordinator's console."""

from collections.abc import Sequence

from coordinator.console.view import (
    Member,
    MemberState,
    PhaseProgress,
    PhaseState,
    Release,
    Round,
    RoundState,
)

PHASE_WORDS = {
    "advertise-keys": "advertising keys",
    "share-keys": "sharing keys",
    "masked-input": "masked answers",
    "consistency-check": "the consistency check",
    "unmasking": "unmasking",
}

NO_PRIVACY = (
    "There is no differential privacy in this release: no company's answer is shown by itself, but the sum carries no "
    "noise. A member that subtracts its own answer learns much of what the others sell, and whoever knows the purchases "
    "of all candidates learns which of them are customers."
)

NO_PRIVACY_ASKED = (
    "There is no differential privacy in what this round asks: the secure sum hides each company's answer, but its sum "
    "will carry no noise."
)


def how_things_stand(members: Sequence[Member], rounds: Sequence[Round], *, founded: bool) -> str:
    """The sentence of the start page."""
    active = [m for m in members if m.state is MemberState.ACTIVE]
    joined = [m for m in members if m.state is MemberState.JOINED]
    if rounds:
        return round_sentence(rounds[0])
    if founded:
        return f"The consortium has {_companies(len(active))}; nothing has been asked yet."
    if not joined:
        return "No company has joined yet."
    approved = sum(member.approved_roster for member in joined)
    if approved:
        return f"{approved} of {len(joined)} companies have approved the first roster; the consortium begins when all have."
    return f"{_companies(len(joined)).capitalize()} joined; the consortium begins when all approve the first roster."


def round_sentence(asked: Round) -> str:
    """What became of a round, or where it is."""
    name, n = f"Round {asked.round}", len(asked.cohort)
    if asked.state is RoundState.RELEASED:
        return f"{name} closed with {survivors_of(asked)} of {n} companies, and the sum is released."
    if asked.state is RoundState.ABORTED:
        return f"{name} ended without a sum: {_why_it_ended(asked)}."
    phase = open_phase(asked)
    if phase is None and any(done.state is PhaseState.DONE for done in asked.phases):
        return f"{name} has every message it needs; the sum is being made."
    if phase is None:
        return f"{name} is about to start with {_companies(n)}."
    words = PHASE_WORDS.get(phase.phase, phase.phase)
    return f"{name} waits for {words}: {len(phase.done)} of {len(phase.expected)} companies are done."


def _why_it_ended(asked: Round) -> str:
    """Short enough for a headline; the whole cause stands below it."""
    failed = next((phase for phase in asked.phases if phase.state is PhaseState.FAILED), None)
    if failed is None:
        return asked.cause.rstrip(".")
    words = PHASE_WORDS.get(failed.phase, failed.phase)
    if len(failed.done) < len(failed.expected):
        return f"{len(failed.done)} of {len(failed.expected)} companies were there for {words}"
    return f"it failed at {words}"


def open_phase(asked: Round) -> PhaseProgress | None:
    """The phase in progress, or None before the first and after the last."""
    return next((phase for phase in asked.phases if phase.state is PhaseState.OPEN), None)


def survivors_of(asked: Round) -> int:
    """How many companies are in the sum: those whose masked answer arrived."""
    masked = next((phase for phase in asked.phases if phase.phase == "masked-input"), None)
    return len(masked.done) if masked is not None else 0


def timing_finding(asked: Round) -> str:
    """The title of the plot of seconds per phase: what it shows."""
    timed = [phase for phase in asked.phases if phase.seconds > 0]
    if not timed:
        return "No phase has begun yet"
    longest = max(timed, key=lambda phase: phase.seconds)
    total = sum(phase.seconds for phase in timed)
    words = PHASE_WORDS.get(longest.phase, longest.phase)
    share = 100 * longest.seconds / total
    verb = "took" if asked.state is not RoundState.RUNNING else "has taken"
    return f"The round {verb} {total:.1f} s, {share:.0f}% of it for {words}"


def release_sentence(release: Release) -> str:
    """Who is in a release, in words."""
    missing = len(release.cohort) - len(release.survivors)
    return "all" if missing == 0 else f"{len(release.survivors)} of {len(release.cohort)}"


def _companies(n: int) -> str:
    return "one company" if n == 1 else f"{n} companies"
