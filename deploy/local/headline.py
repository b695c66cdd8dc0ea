"""The sentence that a retailer understands, per company, with its uncertainty.

Of 100 customers who next bought something new that the shop would not have shown: in how many was
it among our 10 suggestions? Each company measured it on its own customers' last weeks, which no
choice of a company had used, and kept the figures to itself until the demo asked each of the five.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.local.companies import Company


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f}\n[dim]({self.low:.1f} to {self.high:.1f})[/]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyHeadline:
    """One company's figure, in customers of 100; ``ndcg`` by scenario: local, exchange and gained."""

    company: Company
    customers: int
    local: Interval
    exchange: Interval
    gained: Interval
    ndcg: Mapping[str, Mapping[str, Interval]]
    deployed: bool
    reason: str

    def as_json(self) -> dict[str, object]:
        """For the results file; figures are customers of 100."""
        return {
            "company": self.company.name,
            "customers": self.customers,
            "local_of_100": asdict(self.local),
            "exchange_of_100": asdict(self.exchange),
            "gained_of_100": asdict(self.gained),
            "ndcg_at_10": {
                scenario: {arm: asdict(value) for arm, value in arms.items()}
                for scenario, arms in self.ndcg.items()
            },
            "deployed": self.deployed,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is suggested."""

    text: str
    support: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """One recommendation to one customer of one company."""

    company: Company
    customer: str
    name: str
    concept: str
    reasons: tuple[Reason, ...]


def summary(lines: Sequence[CompanyHeadline]) -> str:
    """The one sentence above the table.

    Means are over companies, as everywhere in the evaluation: a large company does not outvote a small one.
    """
    local = sum(line.local.value for line in lines) / len(lines)
    exchange = sum(line.exchange.value for line in lines) / len(lines)
    deployed = sum(line.deployed for line in lines)
    change = f"{(exchange / local - 1) * 100:+.0f}%" if local > 0 else "no comparison"
    return (
        f"Of 100 customers who next bought something new that the shop would not have shown, "
        f"{exchange:.1f} found it among our 10 suggestions with the exchange, {local:.1f} without ({change}); "
        f"{deployed} of {len(lines)} companies deployed it after comparing on their own validation weeks."
    )


def show_headline(lines: Sequence[CompanyHeadline], origin: str, console: Console) -> None:
    """Print the sentence and one line for each company."""
    console.print(f"\n[bold]{summary(lines)}[/]\n")
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("company", no_wrap=True)
    for column in ("customers", "own data only", "with exchange", "difference"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("gate")
    for line in lines:
        table.add_row(
            f"[{line.company.colour}]■[/] {line.company.name}",
            f"{line.customers:,}",
            str(line.local),
            str(line.exchange),
            f"{line.gained.value:+.1f}\n[dim]({line.gained.low:+.1f} to {line.gained.high:+.1f})[/]",
            "deployed" if line.deployed else "own model",
        )
    console.print(table)
    console.print(
        "In brackets: 95% bootstrap intervals over customers, on weeks that no company's own choices used. "
        "There is no differential privacy in these sums.",
        style="dim",
    )
    console.print(f"Data: {origin}.\n", style="dim")


def show_surprises(surprises: Sequence[Surprise], console: Console) -> None:
    """Print recommendations with their reasons."""
    if not surprises:
        return
    console.print("[bold]Three surprises, as the shops' own APIs serve them[/]\n")
    for surprise in surprises:
        console.print(
            f"[{surprise.company.colour}]■[/] {surprise.company.name}, customer {surprise.customer}: "
            f"[bold]{escape(surprise.name)}[/]"
        )
        for reason in surprise.reasons:
            band = f" ({reason.support})" if reason.support else ""
            console.print(f"    {escape(reason.text)}{band}", highlight=False)
    console.print()
