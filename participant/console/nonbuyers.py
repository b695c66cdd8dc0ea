"""The page about who does not buy, and why: every reason in words, called a hypothesis."""

from fastapi.responses import HTMLResponse

from participant.console.view import NodeView
from participant.errors import NoData
from participant.nonbuyers.report import Report, Row, UnknownConcept
from participant.nonbuyers.tally import FEWEST_HERE
from protocols.questions.nonbuyers import BUYS
from protocols.service.pages import Pages
from protocols.service.plots import Bar, bar_plot

REASONS = {
    "buys": "Buys it",
    "tried-once": "Tried once",
    "lapsed": "Lapsed",
    "not-stocked": "Not stocked where they come",
    "out-of-reach": "Out of reach by price",
    "substitute": "Buys a substitute",
    "only-reduced": "Only when reduced",
    "never-shown": "Never shown while they came",
    "shown-not-taken": "Shown and not taken",
    "unknown": "Not known",
}


def nonbuyers_page(view: NodeView, pages: Pages, concept: str) -> HTMLResponse:
    """The states of one concept, or of all together."""
    report: Report | None = None
    status, trouble = 200, ""
    try:
        report = view.nonbuyers(concept)
        opening = sentence(report)
    except (NoData, UnknownConcept) as error:
        opening, status, trouble = f"Nothing to show: {error.came}.", error.status, error.do
    values: dict[str, object] = {"concept": concept, "report": report, "trouble": trouble}
    if report is not None:
        title = finding(report)
        bars = [
            Bar(
                label=REASONS[row.state],
                value=100 * row.share,
                text=f"{100 * row.share:.1f}"
                + (f" (consortium: {row.consortium})" if row.consortium else ""),
                kind="main" if row.beside == "more often here" else "base",
            )
            for row in report.rows
        ]
        unit = "customers of 100" if report.concept else "of 100 pairs of a customer and a concept"
        values |= {
            "finding": title,
            "plot": bar_plot(bars, unit=unit, description=title),
            "rows": [(row, profile(row)) for row in report.rows],
            "reasons": REASONS,
            "fewest": FEWEST_HERE,
        }
    return pages.render(
        "nonbuyers.html",
        path="/nonbuyers",
        title="Non-buyers",
        sentence=opening,
        status=status,
        values=values,
    )


def sentence(report: Report) -> str:
    """The sentence that the page opens with: how many buy, and the likeliest reason of those who do not."""
    what = report.concept or "a concept, on average"
    buying = sum(row.share for row in report.rows if row.state == BUYS)
    reasons = [row for row in report.rows if row.state not in {BUYS, "unknown"}]
    if not reasons:
        return f"{100 * buying:.0f} of 100 customers buy {what}; no reason of the others is known yet."
    likeliest = max(reasons, key=lambda row: row.share)
    return (
        f"{100 * buying:.0f} of 100 customers buy {what}; the most frequent likely reason of the others is "
        f"\u201c{REASONS[likeliest.state].lower()}\u201d ({100 * likeliest.share:.0f} of 100)."
    )


def finding(report: Report) -> str:
    """The title of the plot: where this shop is unlike the others, claiming no more than the bands do."""
    above = [row for row in report.rows if row.beside == "more often here" and row.state != BUYS]
    if not report.release:
        return "Own customers only: the consortium has not been asked yet"
    if not above:
        return "No reason is more frequent here than the consortium's band"
    most = max(above, key=lambda row: row.share)
    return f"\u201c{REASONS[most.state]}\u201d is more frequent here than elsewhere ({most.consortium})"


def profile(row: Row) -> str:
    """Who is in a group, in one line; a dash for groups too small to describe."""
    if row.profile is None:
        return "–"
    who = row.profile
    return f"{who.breadth:.0f} kinds, {who.rhythm:.1f} days in 4 weeks, {100 * who.appetite:.0f} of 100 recent kinds new"
