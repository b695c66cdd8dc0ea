"""`check`: the gate before serving. Says what is there and what to fix."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from participant.commands import shown
from participant.node import Node
from participant.overview import Overview
from participant.serving import Recommender
from participant.store.membership import Membership
from participant.store.records_check import Totals, totals
from protocols.errors import WrongVocabulary
from protocols.service.errors import Unreachable
from protocols.service.unit_of_work import reading

MOST_UNMAPPED: Final = 0.2
LONG_GAP_DAYS: Final = 3
MOST_REJECTED: Final = 0.05


def check(node: Node) -> bool:
    """Print the findings; True if nothing is to be fixed."""
    found = totals(node.home.root, node.db)
    with reading(node.db) as connection:
        vocabulary = Membership(connection).vocabulary()
    unmapped = None if vocabulary is None else node.records.unmapped_share(vocabulary)
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    todo = list(_todo(node, found, unmapped))
    shown.checked(found, Overview(node, recommender).status(), unmapped, todo)
    return not todo


def _todo(node: Node, found: Totals, unmapped: float | None) -> Iterator[str]:
    customers, floor = node.records.n_customers(), node.settings.policy.customers_floor
    if customers == 0:
        yield "no purchases yet: run `altrove-node connect FILES --catalogue FILE`"
    elif customers < floor:
        yield (
            f"{customers} customers, but the policy answers only from {floor} on: connect more data, or have the "
            "officer lower customers_floor in node.toml"
        )
    refused = sum(found.rejected.values())
    if found.rows_read and refused / found.rows_read > MOST_REJECTED:
        yield f"{refused:,} of {found.rows_read:,} rows were refused: look at the rejected files under data/"
    if unmapped is None:
        yield "no vocabulary yet: run `altrove-node connect` once the consortium has published one"
    elif unmapped > MOST_UNMAPPED:
        yield f"{unmapped:.0%} of the rows have no shared concept: check the catalogue's concept column"
    with suppress(Unreachable):  # the data can be checked without the coordinator; `serve` looks again
        try:
            node.standing.check_vocabulary()
        except WrongVocabulary as outdated:
            yield f"the consortium's vocabulary is {outdated.came} now: {outdated.do}"
        node.rosters.refresh()
    longest = max((gap.days for gap in found.gaps), default=0)
    if longest >= LONG_GAP_DAYS:
        yield f"{longest} days in a row without a sale: check that no file is missing"
    if not node.rosters.accepted():
        yield "no roster accepted: run `altrove-node roster`, compare the hash with other members, accept it"
    elif node.rosters.in_force() is None:
        yield "the accepted roster is not in force: other members have still to sign it; ask them, check again"
    if not node.door.switch.is_open():
        yield "STOP is on: `altrove-node stop --release` opens the door"
