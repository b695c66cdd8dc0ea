"""Bold places by appetite: a customer who tries the unexpected is shown more of it, where that holds up.

The appetites are learned on the node's own validation weeks; whether lists may depend on them is decided there too,
with levels that other customers' purchases gave, on lists made as they are served.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.appetite import Appetites, Traits, learn
from participant.errors import RecordsChanged
from participant.models.boldness import PLACES, Boldness
from participant.models.gate import holds_up
from participant.models.holdout import HoldOut, Mask, cap_of
from participant.models.node_model import NodeModel
from participant.models.resampling import interval
from participant.models.train import Learned
from participant.store.records import Records
from participant.store.records_habits import Habits
from participant.surprise.judging import seekers, served_gains
from participant.surprise.lists import Setting
from protocols.vocabulary import Vocabulary

Ints = NDArray[np.int64]
MIDDLING: Final = 1
"""The level of an appetite of which nothing is known."""


def appetites(
    records: Records, vocabulary: Vocabulary, learned: Learned
) -> tuple[Appetites | None, Ints | None]:
    """Everybody's appetite to serve with, and the level of each validation customer by what others did.

    Raises:
        RecordsChanged: customers came or went since the hold-out was made.
    """
    windows, held = learned.model.windows, learned.held

    def habits(model: NodeModel, until: int, customers_until: int) -> Habits:
        hidden = np.flatnonzero(model.obvious)
        return records.habits(vocabulary, until=until, customers_until=customers_until, obvious=hidden)

    keys = records.counted(windows.customers_until, cap_of(vocabulary))
    if len(keys) != len(held.history):
        raise RecordsChanged(
            expected=f"the {len(held.history)} customers of the hold-out",
            came=f"{len(keys)}: purchases were read in meanwhile",
            do="train again",
        )
    earlier = habits(learned.rehearsal, windows.fit_until, windows.customers_until).only(keys)
    rows = np.searchsorted(keys, earlier.customer_keys)
    unexpected = np.asarray((held.soon & held.candidates("surprise"))[rows].any(1), np.bool_)
    now = habits(learned.model, windows.validation_until, windows.validation_until)
    found = learn(Traits.of(earlier), unexpected, Traits.of(now))
    if found is None:
        return None, None
    return found.appetites, np.array([found.levels.get(int(key), MIDDLING) for key in keys], np.int64)


def personal(
    rehearsal: NodeModel,
    held: HoldOut,
    scenario: str,
    found: Boldness,
    levels: Ints,
    denied: Mask | None = None,
) -> Boldness:
    """``found`` with bold places by appetite, one fewer and one more than for all, unless that is below it.

    ``levels`` are those of all validation customers. The mean paired difference of nDCG@10 has to be above zero.
    """
    by = tuple(min(max(found.places + step, 0), PLACES) for step in (-1, 0, 1))
    tried: tuple[Setting, ...] = tuple((found.tau, found.beta, found.diversity, places) for places in by)
    customers, _ = seekers(rehearsal, held, scenario, denied)
    if not len(customers):
        return found
    table, _ = served_gains(rehearsal, held, scenario, tried, denied, found.cap)
    gain = table[levels[customers], np.arange(len(customers))] - table[MIDDLING]
    return replace(found, by_appetite=by if holds_up(gain) else (), appetite_gain=interval(gain))
