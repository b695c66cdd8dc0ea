"""What a node's console shows, as values, and where it gets them from.

The node daemon implements :class:`NodeView`; the pages know nothing else of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from participant.budget import BudgetStanding
from participant.nonbuyers.report import Report
from protocols.errors import AltroveError, Fault


class UnknownCustomer(AltroveError, code="unknown-customer", fault=Fault.INPUT, status=404):
    """No customer with this id in the imported data (or the customer has opted out)."""


class NoModelYet(AltroveError, code="no-model-yet", fault=Fault.INPUT, status=409):
    """Recommendations were asked for before anything could be trained."""


class Outcome(StrEnum):
    """What became of an answer that left."""

    IN_SUM = "in the sum"
    PENDING = "on its way"
    UNUSED = "never used"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """The node as a whole. Times are unix seconds, 0 where it never happened.

    ``customers`` counts imported customers that have not opted out; ``first_purchase`` and
    ``last_purchase`` bound the imported data; ``release`` is the hex id of the release in use, or
    empty; ``members`` are the names of the companies in the roster; ``courier`` says how the courier
    stands, in a sentence. ``looked_at`` says what was done to know that the release in use is the sum, and how
    it ended; ``privacy`` what protects one customer in it. ``waiting`` are sentences on releases whose check goes
    on, ``alarms`` on sums that were proved wrong, that are disputed, or that were never published, ``undone`` on
    what was interrupted here and has to be done again, ``refused`` on the newest rounds with which this node did
    not go on since it was started.
    """

    company: str
    partner: str
    members: tuple[str, ...]
    stopped: bool
    stopped_at: int
    last_contact: int
    customers: int
    opted_out: int
    first_purchase: int
    last_purchase: int
    release: str
    release_round: int
    courier: str
    looked_at: str = ""
    privacy: str = ""
    waiting: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One answer that left the company: one line of the outbox.

    ``sentence`` says in plain words what was asked; ``elements`` and ``ring_bits`` are its shape;
    ``bytes_sent`` counts masked vector and handshake together; ``recipients`` names who received
    the masked bytes; ``summed_with`` the companies whose sum it became part of, empty before;
    ``privacy`` says what it cost, or that there is no differential privacy.
    """

    answer: str
    round: int
    attempt: int
    question: str
    sentence: str
    at: int
    elements: int
    ring_bits: int
    bytes_sent: int
    sha256: str
    recipients: tuple[str, ...]
    summed_with: tuple[str, ...]
    outcome: Outcome
    differentially_private: bool
    privacy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """How one scenario does on held-out customers: local model only against the deployed blend.

    ``scenario`` is "explore" or "surprise"; ``measure`` names the figure with its unit, such as
    "customers of 100 with a hit among 10 suggestions"; ``customers`` is how many were measured;
    ``deployed`` whether the gate let the exchange in; ``reason`` the gate's reason in words.
    """

    scenario: str
    measure: str
    local: Estimate
    exchange: Estimate
    customers: int
    deployed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is suggested: never a count, never another company's name."""

    code: str
    text: str
    support_band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One recommendation; ``score``, ``surprise`` and ``relevance`` lie between 0 and 1."""

    item_id: str
    name: str
    concept: str
    score: float
    surprise: float
    relevance: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The moment that a page asks about: ``at`` on the shop's clock (2017-08-14T09:30); "" is now, or not said."""

    at: str = ""
    weather: str = ""
    location: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """What one customer would be shown. ``degraded`` means: popularity, for want of a model.

    ``moved_by``: the bands of the moment that moved the order, by factor.
    """

    customer: str
    scenario: str
    bought: tuple[str, ...]
    items: tuple[Suggestion, ...]
    degraded: bool
    moved_by: Mapping[str, str] = field(default_factory=dict)


class NodeView(Protocol):
    """Everything that the console reads, and the one thing that it can do: stop."""

    def status(self) -> NodeStatus:
        """The node, its data, its release."""
        ...

    def departures(self, since: int, limit: int) -> tuple[Departure, ...]:
        """What left from unix second ``since`` on, newest first."""
        ...

    def results(self) -> tuple[ScenarioResult, ...]:
        """The figures of the newest training, empty before the first."""
        ...

    def budget(self) -> BudgetStanding:
        """What of the privacy budget is spent, and on what."""
        ...

    def suggestions(self, customer: str, scenario: str, count: int, when: When) -> Suggestions:
        """Suggestions for the customer with this external id, shown at that moment.

        Raises:
            UnknownCustomer, NoModelYet.
            BadInput: no such time, or a word that names no band.
        """
        ...

    def nonbuyers(self, concept: str) -> Report:
        """Who buys a concept and who does not; "" for all together.

        Raises:
            NoData, UnknownConcept.
        """
        ...

    def stop(self) -> None:
        """Close the door: durable before it returns, without asking anybody."""
        ...

    def now(self) -> int:
        """Unix seconds of the node's clock."""
        ...
