"""What a question would cost, before anybody asks it: without noise, and with as much as a whole quarter buys."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Final

from participant.budget import left_after
from participant.node import Node
from participant.preparation import is_at_cap
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY
from protocols import ledger as ledgers
from protocols.errors import BadInput, BudgetSpent, RingOverflow, UnboundedSensitivity
from protocols.ledger import say_price
from protocols.privacy import multiplier_for
from protocols.questions import ask
from protocols.questions.parameters import Given
from protocols.vocabulary import Vocabulary

BOUNDED: Final[Mapping[str, Mapping[str, Given]]] = {
    "taste": {"row_scheme": "unit"},
    "evaluation": {"obvious": "pooled"},
    "encoder": {"mode": "gradient"},
    "rhythm": {"scheme": "unit"},
}
"""What to ask with noise instead, where the usual parameters bound nobody's share in the answer."""

DECIMALS: Final = 1000


def prices(
    node: Node, question: str, values: Mapping[str, Given], vocabulary: Vocabulary, members: int
) -> tuple[str, ...]:
    """One sentence without noise and one with it; nothing is debited."""
    policy = node.settings.policy.policy()
    plain = f"Without noise there is {NO_DIFFERENTIAL_PRIVACY}"
    plain += ", and the policy refuses it (require_dp)." if policy.require_dp else "; the policy allows that."
    wanted = multiplier_for(policy.epsilon_quarter, policy.delta)
    noise = float(Fraction(ceil(wanted * DECIMALS), DECIMALS))
    try:
        return plain, _with_noise(node, question, values, vocabulary, members, noise)
    except UnboundedSensitivity:
        bounded = {**values, **BOUNDED.get(question, {})}
    try:
        said = _with_noise(node, question, bounded, vocabulary, members, noise)
    except UnboundedSensitivity as error:
        return plain, f"No noise would hide a customer: expected {error.expected}; {error.do}."
    changed = ", ".join(f"{name}={value}" for name, value in BOUNDED[question].items())
    return plain, f"Asked like this no noise would hide a customer. With {changed}: {said}"


def _with_noise(
    node: Node,
    question: str,
    values: Mapping[str, Given],
    vocabulary: Vocabulary,
    members: int,
    noise: float,
) -> str:
    policy = node.settings.policy.policy()
    asked = {**values, "noise": f"{noise:.3f}"}
    try:
        spec = ask([(question, asked)], vocabulary, members=members, epoch="dry-run")
    except (RingOverflow, BadInput) as error:
        return f"noise={noise:.3f} cannot be asked: expected {error.expected}; {error.do}."
    quote = ledgers.quote_for(spec, len(vocabulary), delta=policy.delta, at_cap=is_at_cap(spec, node.records))
    if quote.price is None:
        return "There is no noise in it."
    said = (
        f"With noise={noise:.3f} (times what one account can change) it would cost {say_price(quote.price)}"
    )
    try:
        quarter, lifetime = left_after(node.db, policy, node.clock.now(), quote)
    except BudgetSpent as error:
        return f"{said}. It would be refused: {error}."
    return (
        f"{said}. This quarter would then stand at {quarter:.2f} of {policy.epsilon_quarter:g}, the lifetime of these "
        f"purchases at {lifetime:.2f} of {policy.epsilon_lifetime:g}."
    )
