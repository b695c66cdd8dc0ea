"""The privacy budget in words: the same sentences on the console and in the terminal."""

from participant.budget import BudgetStanding, Spending
from protocols.service.pages import day

UNIT = (
    "Epsilon bounds what one account of this company adds to what anybody can learn from its answers with noise: the "
    "smaller, the less; at 8 the bound by itself excludes next to nothing. It holds whatever the others do or know, and it does "
    "not bound what a person with accounts at several companies tells by all of them, nor what an answer without noise "
    "tells."
)

LEAKS = (
    "Not counted by any epsilon: that this company takes part, when it falls silent (a refusal, an opt-out, fewer "
    "customers than its floor, a spent budget), and how long it takes to answer. Votes on releases do not depend on a "
    "customer."
)


def standing(budget: BudgetStanding) -> str:
    """What is spent and what is allowed, in one sentence."""
    return (
        f"Spent in {budget.quarter}: epsilon {budget.quarter_epsilon:.2f} of {budget.quarter_limit:g}; over the lifetime "
        f"of the data {budget.lifetime_epsilon:.2f} of {budget.lifetime_limit:g}, at delta {budget.delta:.2g}."
    )


def notes(budget: BudgetStanding) -> tuple[str, ...]:
    """What must be said beside the figures: answers without noise first of all."""
    said = []
    if budget.without_privacy:
        answers = "One answer" if budget.without_privacy == 1 else f"{budget.without_privacy} answers"
        said.append(
            f"{answers} left with no differential privacy: for what these tell about a customer no epsilon holds."
        )
    elif budget.noise_required:
        said.append("Questions without noise are refused (require_dp).")
    else:
        said.append(
            "Questions without noise are allowed (require_dp is false): they have no differential privacy."
        )
    said.append(f"The next quarter begins on {day(budget.renewed_at)}. The lifetime is not renewed by it.")
    return tuple(said)


def costs(spending: Spending, budget: BudgetStanding) -> tuple[str, str, str]:
    """One answer's cost, and what it made of its quarter and of the lifetime."""
    if spending.returned:
        return "nothing: it never left", "", ""
    if not spending.is_private:
        return "no differential privacy", "", ""
    return (
        f"epsilon {spending.epsilon:.2f}",
        f"{spending.quarter_epsilon:.2f} of {budget.quarter_limit:g}",
        f"{spending.lifetime_epsilon:.2f} of {budget.lifetime_limit:g}",
    )


def opening(budget: BudgetStanding) -> str:
    """The sentence that opens the page: how much of the quarter is left."""
    if budget.lifetime_epsilon >= budget.lifetime_limit:
        return "The lifetime budget of the data is spent: no further answer with noise leaves."
    if budget.quarter_epsilon >= budget.quarter_limit:
        return (
            f"The budget of {budget.quarter} is spent; the next quarter begins on {day(budget.renewed_at)}."
        )
    if not budget.quarter_epsilon:
        return f"Nothing of the privacy budget of {budget.quarter} is spent."
    return f"Epsilon {budget.quarter_epsilon:.2f} of {budget.quarter_limit:g} is spent in {budget.quarter}."


def plot_finding(budget: BudgetStanding) -> str:
    """The title of the plot: what all answers together come to."""
    if not budget.lifetime_epsilon:
        return "No answer with noise counts against the lifetime of the data"
    return (
        f"All answers together come to epsilon {budget.lifetime_epsilon:.2f}, of {budget.lifetime_limit:g} in the lifetime "
        "of the data"
    )
