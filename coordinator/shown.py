"""How the command line shows things: one sentence first, then the table."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator.api import shapes
from coordinator.audit.verification import Check
from protocols.messages import PHASES
from protocols.service.clock import iso

NO_PRIVACY = (
    "No differential privacy: no company's answer is shown by itself, but a member that subtracts its own learns much of "
    "what the others sell, and whoever knows the purchases of all candidates learns which of them are customers."
)

INVITED = (
    "What this consortium asks without noise=MULTIPLIER has no differential privacy. Whether it answers that, each company "
    "decides by its own require_dp, which is false unless it is set."
)
"""Said beside an invitation; whoever joins is told the same."""


def show_members(out: Console, members: Sequence[shapes.MemberReply], roster: shapes.RosterReply) -> None:
    """Members and where the roster stands."""
    force = roster.in_force
    out.print(
        "No roster is in force."
        if force is None
        else f"Roster {force.height}, {len(force.members)} members, {force.hash}"
    )
    if roster.proposal is not None:
        show_proposal(out, roster)
    table = _table("member", "state", "id", "courier", "joined")
    for each in members:
        table.add_row(
            escape(each.name), each.state, each.partner, each.flower_node or "-", iso(each.joined_at)
        )
    out.print(table)


def show_proposal(out: Console, roster: shapes.RosterReply) -> None:
    """The version that waits, and the hash that officers compare."""
    waiting = roster.proposal or roster.in_force
    if waiting is None:
        out.print("Nothing is proposed.")
        return
    missing = [name for name in waiting.members if name not in waiting.approved_by]
    out.print(f"Roster {waiting.height} ({waiting.change}): {', '.join(map(escape, waiting.members))}")
    out.print(f"Hash {waiting.hash}")
    if missing:
        out.print(
            f"Waits for {', '.join(map(escape, missing))}: each officer compares the hash by another channel, then runs\n"
            f"  altrove-node roster --accept {waiting.hash}"
        )


def progress(view: shapes.RoundReply) -> str:
    """One line about where a round stands."""
    attempt = view.attempts[-1]
    head = f"Round {view.round}.{attempt.attempt}"
    if view.state == "released":
        return (
            f"{head}: released, {len(attempt.survivors)} of {len(attempt.cohort)} companies, {view.release}"
        )
    if view.state == "failed":
        return f"{head}: failed in {escape(attempt.reason)}. Next: {escape(attempt.next_step)}"
    place = PHASES.index(next(phase for phase in PHASES if phase == attempt.phase)) + 1
    expected = len(attempt.phases[-1].expected)
    return f"{head}: phase {place} of {len(PHASES)}, {attempt.phase}, waits for {expected} companies"


def show_rounds(out: Console, rounds: Sequence[shapes.RoundReply]) -> None:
    """A list of rounds."""
    if not rounds:
        out.print("No round yet: `altrove-coordinator ask` opens one.")
        return
    table = _table("round", "question", "privacy", "state", "companies", "attempts", "asked", "seconds")
    for each in rounds:
        attempt = each.attempts[-1]
        table.add_row(
            str(each.round),
            escape(each.question),
            _privacy(each.differentially_private),
            each.state,
            f"{len(attempt.survivors)} of {len(attempt.cohort)}",
            str(len(each.attempts)),
            iso(each.asked_at),
            f"{sum(phase.seconds for one in each.attempts for phase in one.phases):.1f}",
        )
    out.print(progress(rounds[0]))
    out.print(table)


def show_round(out: Console, view: shapes.RoundReply) -> None:
    """One round with all its attempts."""
    out.print(progress(view))
    out.print(escape(view.description))
    out.print(f"Privacy of one customer: {view.privacy}.")
    out.print(
        f"{view.elements} numbers, {view.vector_bytes} bytes a company; threshold {view.threshold}, "
        f"minimum cohort {view.minimum_cohort}, suite {view.suite}"
    )
    for attempt in view.attempts:
        table = _table("phase", "in", "seconds", "missing", title=f"Attempt {attempt.attempt}")
        for phase in attempt.phases:
            missing = [name for name in phase.expected if name not in phase.arrived]
            table.add_row(
                phase.phase,
                f"{len(phase.arrived)} of {len(phase.expected)}",
                f"{phase.seconds:.2f}",
                escape(", ".join(missing)),
            )
        out.print(table)
        if attempt.reason:
            out.print(f"Cause: {attempt.cause}: {escape(attempt.reason)}")
            out.print(f"Next: {escape(attempt.next_step)}")
        for name in attempt.equivocations:
            out.print(f"Equivocation on record: {escape(name)}")


def show_releases(out: Console, releases: Sequence[shapes.ReleaseReply]) -> None:
    """A list of releases."""
    if not releases:
        out.print("No release yet.")
        return
    table = _table("release", "round", "question", "privacy", "companies", "votes", "at")
    for each in releases:
        votes = f"{sum(vote.accept for vote in each.votes)} for, {sum(not vote.accept for vote in each.votes)} against"
        table.add_row(
            each.release,
            f"{each.round}.{each.attempt}",
            ", ".join(each.questions),
            _privacy(each.differentially_private),
            str(len(each.survivors)),
            votes,
            iso(each.at),
        )
    out.print(table)
    if not all(each.differentially_private for each in releases):
        out.print(NO_PRIVACY)


def show_release(out: Console, release: shapes.ReleaseReply) -> None:
    """One release with its reading."""
    out.print(f"Release {release.release} of round {release.round}.{release.attempt}, {iso(release.at)}")
    out.print(f"Sum over {', '.join(map(escape, release.survivors))}")
    for sentence in release.description:
        out.print(escape(sentence))
    out.print(f"Privacy of one customer: {release.privacy}.")
    for reading in release.readings:
        out.print_json(data=reading)
    if release.linear_check is not None:
        out.print(escape(check_sentence(release.linear_check, len(release.survivors))))
    for vote in release.votes:
        out.print(f"{escape(vote.voter)}: {'accepts' if vote.accept else 'declines'}. {escape(vote.reason)}")


def check_sentence(check: shapes.LinearCheckReply, survivors: int) -> str:
    """How far the linear check has come.

    >>> check_sentence(shapes.LinearCheckReply(opened=["A"], answered=[], silent=["B", "C"]), 3)
    'Linear check: 1 of 3 opened, 0 of 3 answered; nothing came from B, C'
    """
    said = f"Linear check: {len(check.opened)} of {survivors} opened, {len(check.answered)} of {survivors} answered"
    return said if not check.silent else f"{said}; nothing came from {', '.join(check.silent)}"


def show_checks(out: Console, checks: Sequence[Check]) -> None:
    """A verification."""
    bad = [check for check in checks if check.problem]
    out.print("Everything recomputes." if not bad else f"{len(bad)} of {len(checks)} parts do not recompute.")
    table = _table("part", "checked", "problem")
    for check in checks:
        table.add_row(check.what, str(check.checked), escape(check.problem))
    out.print(table)


def _privacy(noisy: bool) -> str:
    return "noise" if noisy else "none"


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
