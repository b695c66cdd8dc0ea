"""A consortium of five companies with a chosen history, for looking at the pages."""

from dataclasses import dataclass, field, replace
from hashlib import sha256

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
from coordinator.errors import UnknownRound

NOW = 1_795_373_000
NAMES = ("Bottega Aurora", "Nordmarkt", "Casa del Fresco", "Halcyon Grocers", "Petit Panier")
PARTNERS = tuple(sha256(name.encode()).hexdigest()[:32] for name in NAMES)
PHASE_NAMES = ("advertise-keys", "share-keys", "masked-input", "consistency-check", "unmasking")


def a_hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def phases(*, open_at: int = 5, done: int = 3, lost: int = 0) -> tuple[PhaseProgress, ...]:
    """Five phases of which ``open_at`` are done; the next is open with ``done`` companies."""
    seconds, sizes = (0.8, 1.1, 6.4, 0.7, 0.9), (1_510, 8_400, 49_354_000, 2_300, 3_150)
    built = []
    for index, phase in enumerate(PHASE_NAMES):
        state = (
            PhaseState.DONE
            if index < open_at
            else PhaseState.OPEN
            if index == open_at
            else PhaseState.WAITING
        )
        here = PARTNERS[: 5 - lost] if index >= 2 else PARTNERS
        sent = here if state is PhaseState.DONE else PARTNERS[:done] if state is PhaseState.OPEN else ()
        built.append(
            PhaseProgress(
                phase=phase,
                state=state,
                done=sent,
                expected=PARTNERS if index <= 2 else here,
                seconds=0.0 if state is PhaseState.WAITING else seconds[index],
                bytes_up=sizes[index] * len(sent) // 5,
            )
        )
    return tuple(built)


def a_round(number: int, **changes: object) -> Round:
    plain = Round(
        round=number,
        attempt=1,
        question="taste",
        sentence="How often are two kinds of product bought by the same customer? A table of pair counts, no customer in it.",
        state=RoundState.RELEASED,
        opened_at=NOW - 3600 * (9 - number),
        closed_at=NOW - 3600 * (9 - number) + 10,
        cohort=PARTNERS,
        threshold=4,
        minimum_cohort=4,
        elements=2_467_531,
        vector_bytes=9_870_124,
        phases=phases(),
        differentially_private=False,
        release=a_hash(f"release {number}"),
        cause="",
        next_step="",
    )
    return replace(plain, **changes)


def a_release(number: int, lost: int = 0) -> Release:
    return Release(
        release=a_hash(f"release {number}"),
        round=number,
        attempt=1,
        question="taste" if number != 2 else "evaluation",
        at=NOW - 3600 * (9 - number) + 10,
        survivors=PARTNERS[: 5 - lost],
        cohort=PARTNERS,
        votes_for=5 - lost,
        votes_against=0,
        differentially_private=False,
    )


def members(state: MemberState = MemberState.ACTIVE) -> tuple[Member, ...]:
    return tuple(
        Member(
            partner=partner,
            name=name,
            state=state,
            approved_roster=state is MemberState.ACTIVE,
            joined_at=NOW - 86_400 * 12,
            last_seen=NOW - (4 if index != 2 else 5400),
        )
        for index, (partner, name) in enumerate(zip(PARTNERS, NAMES, strict=True))
    )


@dataclass
class DemoView:
    """A ConsoleView over values that a test sets."""

    shown_members: tuple[Member, ...] = field(default_factory=members)
    shown_rounds: tuple[Round, ...] = ()
    shown_releases: tuple[Release, ...] = ()
    founded: bool = True

    def consortium(self) -> Consortium:
        return Consortium(
            name="Five grocers",
            consortium=a_hash("consortium")[:32],
            roster_height=0,
            roster_hash=a_hash("roster") if self.founded else "",
            vocabulary_name="product types",
            vocabulary_size=2_221,
            audit_size=37,
            audit_root=a_hash("audit"),
        )

    def members(self) -> tuple[Member, ...]:
        return self.shown_members

    def round(self, number: int) -> Round:
        for shown in self.shown_rounds:
            if shown.round == number:
                return shown
        raise UnknownRound(expected="a round of this consortium", came=str(number), do="look at the list")

    def rounds(self, limit: int) -> tuple[Round, ...]:
        return self.shown_rounds[:limit]

    def releases(self, limit: int) -> tuple[Release, ...]:
        return self.shown_releases[:limit]

    def now(self) -> int:
        return NOW


def running_view() -> DemoView:
    """Round 4 waits for two masked answers; three rounds lie behind it, one without a sum."""
    running = a_round(
        4,
        state=RoundState.RUNNING,
        phases=phases(open_at=2, done=3),
        release="",
        closed_at=0,
        opened_at=NOW - 8,
    )
    failed = a_round(
        2,
        question="evaluation",
        state=RoundState.ABORTED,
        phases=tuple(
            replace(p, state=PhaseState.FAILED) if p.state is PhaseState.OPEN else p
            for p in phases(open_at=2, done=3)
        ),
        release="",
        cause="only 3 of 5 masked answers came before the deadline; 4 are needed",
        next_step="start the nodes of Halcyon Grocers and Petit Panier, then ask again",
    )
    return DemoView(
        shown_rounds=(running, a_round(3), failed, a_round(1)), shown_releases=(a_release(3), a_release(1))
    )


def released_view() -> DemoView:
    """Round 4 closed without one company."""
    closed = a_round(4, phases=phases(lost=1))
    return DemoView(
        shown_rounds=(closed, a_round(3), a_round(1)),
        shown_releases=(a_release(4, lost=1), a_release(3), a_release(1)),
    )


def empty_view() -> DemoView:
    """A coordinator on its first day."""
    return DemoView(shown_members=(), founded=False)
