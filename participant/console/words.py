"""How things stand, in one sentence: the opening of every page of a node's console."""

from collections.abc import Sequence

from participant.console.view import Departure, NodeStatus, Outcome, ScenarioResult, Suggestions
from protocols.service.pages import clock, day, size

STOP_WORD = "STOP"
"""What the officer types to close the door."""

NO_PRIVACY = (
    "No differential privacy: each masked answer is unreadable by itself, but the sum that everybody receives carries "
    "no noise. A member that subtracts its own answer learns much of what the others sell, and whoever knows the "
    "purchases of all candidates learns which of them are customers."
)

SCENARIOS = {
    "explore": "Something new",
    "surprise": "Something new that the shop would not have shown",
}


def what_left(status: NodeStatus, today: Sequence[Departure], now: int) -> str:
    """The sentence of the start page: what left today, or that the door is closed."""
    if status.stopped:
        since = _moment(status.stopped_at, now)
        return f"The door is closed{since}: nothing leaves {status.company}."
    if not today:
        return f"Nothing has left {status.company} today; the door is open."
    total = sum(departure.bytes_sent for departure in today)
    if len(today) == 1:
        return f"One masked answer, {size(total)}, left {status.company} today{_fate(today)}."
    return f"{len(today)} masked answers, {size(total)} in all, left {status.company} today{_fate(today)}."


def results_finding(results: Sequence[ScenarioResult]) -> str:
    """The title of the plot of figures: what it shows, claiming no more than the intervals do."""
    clear = [r for r in results if r.deployed and r.exchange.low > r.local.high]
    better = [r for r in results if r.deployed and r.exchange.value > r.local.value]
    if not better:
        return "The exchange does not help here yet, so the local model stays in use"
    best = max(better, key=lambda r: r.exchange.value - r.local.value)
    gain = 100 * (best.exchange.value / best.local.value - 1) if best.local.value > 0 else 0.0
    plainly = "" if best in clear else "; the intervals overlap"
    return f"The exchange improves {best.scenario} by {gain:.0f}% over the local model alone{plainly}"


def suggestions_sentence(found: Suggestions) -> str:
    """The sentence above a customer's recommendations."""
    n = len(found.items)
    if found.degraded:
        return f"Customer {found.customer} would be shown what is popular: there is no model for them yet."
    things = "one suggestion" if n == 1 else f"{n} suggestions"
    return f"Customer {found.customer} would be shown {things} never bought here before."


def moved_by(found: Suggestions) -> str:
    """What the moment did to the order of a customer's recommendations."""
    if not found.moved_by:
        return (
            "The order is the same at any moment: nothing that is known of this one was found to help on this "
            "company's own validation weeks."
        )
    bands = ", ".join(f"{factor} {band}" for factor, band in found.moved_by.items())
    return f"Ordered for this moment: {bands}."


def contact(status: NodeStatus, now: int) -> str:
    """When the coordinator last answered."""
    if not status.last_contact:
        return "never"
    ago = now - status.last_contact
    if ago < 30:
        return "just now"
    if ago < 3600:
        return f"{ago // 60 + 1} min ago"
    return f"{day(status.last_contact)}, {clock(status.last_contact)}"


def _fate(departures: Sequence[Departure]) -> str:
    summed = [len(d.summed_with) for d in departures if d.outcome is Outcome.IN_SUM]
    if len(summed) == len(departures):
        return f", readable only as part of a sum of {min(summed)} companies"
    pending = sum(d.outcome is Outcome.PENDING for d in departures)
    if pending:
        return f"; {'one is' if pending == 1 else f'{pending} are'} not in a sum yet"
    return ""


def _moment(at: int, now: int) -> str:
    if not at:
        return ""
    return f" since {clock(at)}" if day(at) == day(now) else f" since {day(at)}"
