"""A node with a chosen history, for looking at its pages."""

from dataclasses import dataclass, field, replace
from hashlib import sha256

from participant.budget import BudgetStanding, QuarterSpent, Spending
from participant.console.view import (
    Departure,
    Estimate,
    NodeStatus,
    NoModelYet,
    Outcome,
    Reason,
    ScenarioResult,
    Suggestion,
    Suggestions,
    UnknownCustomer,
    When,
)
from participant.courier import Isolation
from participant.nonbuyers.report import Report, Row, Standout, UnknownConcept
from participant.nonbuyers.tally import Profile
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY
from protocols.questions.nonbuyers import HYPOTHESIS, WORDS

NOW = 1_795_373_000
NAMES = ("Bottega Aurora", "Nordmarkt", "Casa del Fresco", "Halcyon Grocers", "Petit Panier")


def a_status(**changes: object) -> NodeStatus:
    plain = NodeStatus(
        company=NAMES[0],
        partner=sha256(b"one").hexdigest()[:32],
        members=NAMES,
        stopped=False,
        stopped_at=0,
        last_contact=NOW - 3,
        customers=1_187,
        opted_out=12,
        first_purchase=NOW - 86_400 * 365,
        last_purchase=NOW - 86_400,
        release=sha256(b"release").hexdigest(),
        release_round=3,
        courier=Isolation.SANDBOX.sentence,
    )
    return replace(plain, **changes)


def a_departure(number: int, **changes: object) -> Departure:
    plain = Departure(
        answer=sha256(f"answer {number}".encode()).hexdigest(),
        round=number,
        attempt=1,
        question="taste",
        sentence="How often two kinds of product were bought by the same customer, as masked counts of pairs.",
        at=NOW - 600 * (5 - number),
        elements=2_467_531,
        ring_bits=32,
        bytes_sent=9_873_400,
        sha256=sha256(f"bytes {number}".encode()).hexdigest(),
        recipients=("the coordinator of Five grocers",),
        summed_with=NAMES,
        outcome=Outcome.IN_SUM,
        differentially_private=False,
        privacy=NO_DIFFERENTIAL_PRIVACY,
    )
    return replace(plain, **changes)


def results() -> tuple[ScenarioResult, ...]:
    measure = "customers of 100 with a hit among 10 suggestions"
    return (
        ScenarioResult(
            scenario="surprise",
            measure=measure,
            local=Estimate(value=21.4, low=19.0, high=23.8),
            exchange=Estimate(value=27.1, low=24.5, high=29.7),
            customers=1_043,
            deployed=True,
            reason="better on validation in 1,000 of 1,000 resamples",
        ),
        ScenarioResult(
            scenario="explore",
            measure=measure,
            local=Estimate(value=58.2, low=55.3, high=61.2),
            exchange=Estimate(value=59.6, low=56.6, high=62.5),
            customers=1_102,
            deployed=True,
            reason="not below local on validation",
        ),
    )


def a_suggestion(number: int, name: str, concept: str, surprise: float, relevance: float) -> Suggestion:
    return Suggestion(
        item_id=f"10{number}8842",
        name=name,
        concept=concept,
        score=0.9 - number / 10,
        surprise=surprise,
        relevance=relevance,
        reasons=(
            Reason(
                code="goes-with",
                text="Customers with a similar basket take it up next to fresh herbs and pasta",
                support_band="strong support",
            ),
            Reason(code="unseen", text="You have not shown it to this customer before", support_band=""),
        ),
    )


def a_spending(number: int, **changes: object) -> Spending:
    plain = Spending(
        round=number,
        attempt=1,
        questions=("taste",),
        at=NOW - 86_400 * 90 * (4 - number),
        is_private=True,
        epsilon=2.0,
        quarter_epsilon=2.0,
        lifetime_epsilon=(2.0, 2.91, 3.62, 4.27)[number - 1],
        returned="",
    )
    return replace(plain, **changes)


def a_budget(**changes: object) -> BudgetStanding:
    """Four quarters, one release in each."""
    names = ("2026 Q1", "2026 Q2", "2026 Q3", "2026 Q4")
    plain = BudgetStanding(
        quarter=names[-1],
        renewed_at=1_798_761_600,
        delta=1e-7,
        quarter_epsilon=2.0,
        quarter_limit=2.0,
        lifetime_epsilon=4.27,
        lifetime_limit=8.0,
        without_privacy=0,
        noise_required=False,
        quarters=tuple(QuarterSpent(name=name, epsilon=2.0) for name in names),
        spendings=tuple(a_spending(number) for number in (4, 3, 2, 1)),
    )
    return replace(plain, **changes)


def a_row(state: str, share: float, consortium: str, beside: str = "as elsewhere") -> Row:
    return Row(
        state=state,
        meaning=WORDS[state],
        customers=round(1_187 * share),
        share=share,
        consortium=consortium,
        beside=beside,
        profile=Profile(breadth=74.2, rhythm=2.6, appetite=0.31) if share > 0.01 else None,
    )


def a_report(concept: str = "CORNMEAL", **changes: object) -> Report:
    plain = Report(
        concept=concept,
        hypothesis=HYPOTHESIS,
        since=0,
        until=NOW - 86_400,
        customers=1_187,
        release=sha256(b"nonbuyers").hexdigest(),
        privacy=NO_DIFFERENTIAL_PRIVACY,
        rows=(
            a_row("buys", 0.11, "10 to 30 of 100 customers"),
            a_row("lapsed", 0.04, "3 to 10 of 100 customers"),
            a_row("not-stocked", 0.38, "10 to 30 of 100 customers", "more often here"),
            a_row("out-of-reach", 0.006, "too few to say", ""),
            a_row("never-shown", 0.27, "10 to 30 of 100 customers"),
            a_row("shown-not-taken", 0.194, "10 to 30 of 100 customers"),
        ),
        standouts=(),
    )
    return replace(plain, **changes)


def all_concepts() -> Report:
    standout = Standout(
        concept="CORNMEAL", state="not-stocked", share=0.38, consortium="10 to 30 of 100 customers"
    )
    return a_report("", standouts=(standout,))


@dataclass
class DemoView:
    """A NodeView over values that a test sets; it remembers that it was stopped."""

    shown_status: NodeStatus = field(default_factory=a_status)
    shown_departures: tuple[Departure, ...] = ()
    shown_results: tuple[ScenarioResult, ...] = ()
    shown_budget: BudgetStanding = field(default_factory=a_budget)
    stops: int = 0

    def status(self) -> NodeStatus:
        return self.shown_status

    def departures(self, since: int, limit: int) -> tuple[Departure, ...]:
        return tuple(d for d in self.shown_departures if d.at >= since)[:limit]

    def results(self) -> tuple[ScenarioResult, ...]:
        return self.shown_results

    def budget(self) -> BudgetStanding:
        return self.shown_budget

    def suggestions(self, customer: str, scenario: str, count: int, when: When) -> Suggestions:
        if not self.shown_results:
            raise NoModelYet(
                expected="a trained model",
                came="no model yet",
                do="wait for the first release, or run `check`",
            )
        if customer != "2391":
            raise UnknownCustomer(
                expected="the id of a customer in the imported data",
                came="nobody with this id",
                do="check the id in your own data; opted-out customers are not found",
            )
        items = (
            a_suggestion(1, "Stone-ground polenta, 500 g", "CORNMEAL", 0.82, 0.64),
            a_suggestion(2, "Smoked mussels in oil", "SEAFOOD CANNED", 0.71, 0.58),
            a_suggestion(3, "Candied orange peel", "BAKING DECORATIONS", 0.66, 0.41),
        )
        return Suggestions(
            customer=customer,
            scenario=scenario,
            bought=("fresh herbs", "dry pasta", "tomatoes"),
            items=items[:count],
            degraded=False,
            moved_by={"weather": when.weather} if when.weather else {},
        )

    def nonbuyers(self, concept: str) -> Report:
        if concept not in {"", "CORNMEAL"}:
            raise UnknownConcept(
                expected="a concept of the consortium's vocabulary",
                came=repr(concept),
                do="write it as the catalogue does, letter for letter",
            )
        return a_report() if concept else all_concepts()

    def stop(self) -> None:
        self.stops += 1
        self.shown_status = replace(self.shown_status, stopped=True, stopped_at=NOW - 60)

    def now(self) -> int:
        return NOW


def busy_view() -> DemoView:
    """Three answers left today, one of them still on its way."""
    return DemoView(
        shown_departures=(
            a_departure(4, outcome=Outcome.PENDING, summed_with=()),
            a_departure(3, summed_with=NAMES[:4]),
            a_departure(
                2,
                question="evaluation",
                sentence="How well each candidate model predicted purchases kept aside, as masked totals.",
                elements=8,
                bytes_sent=4_200,
            ),
        ),
        shown_results=results(),
    )
