"""Weather, kind of place and local events of days and stores, as far as the shop has told them.

A row names a day, a store, or both; where several speak of one moment, the one of this store on this day
goes first, then the one of the day at every store, then the one of the store on every day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Select, and_, bindparam, delete, insert, select

from participant.store.record_tables import surroundings
from protocols.questions.moments import FACETS, UNKNOWN
from protocols.service.unit_of_work import reading, transaction

Ints = NDArray[np.int64]

KINDS: Final = ("weather", "location", "event")
"""Facets that a clock does not know."""

EVERY_DAY: Final = -1
EVERY_STORE: Final = ""
_DAYS: Final = 1 << 20
"""Days since 1970 are fewer: room for one in a key beside the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingRow:
    """One word on one day (since 1970, local) at one store."""

    kind: str
    day: int
    store: str
    band: str


class Surroundings:
    """What is known, ready to be looked up for many moments."""

    def __init__(self, rows: Iterable[SurroundingRow]) -> None:
        held = list(rows)
        self.stores: tuple[str, ...] = tuple(sorted({row.store for row in held if row.store != EVERY_STORE}))
        """Named stores; a moment says at which by the place here plus one, 0 for another one."""
        places = {name: at + 1 for at, name in enumerate(self.stores)} | {EVERY_STORE: 0}
        self._known: dict[str, tuple[Ints, Ints]] = {}
        for kind in KINDS:
            mine = sorted(
                (places[row.store] * _DAYS + row.day + 1, FACETS[kind].index(row.band))
                for row in held
                if row.kind == kind
            )
            table = np.array(mine, np.int64).reshape(-1, 2)
            self._known[kind] = (table[:, 0].copy(), table[:, 1].copy())

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those of :data:`KINDS` of which anything is known."""
        return tuple(kind for kind in KINDS if len(self._known[kind][0]))

    def bands(self, days: Ints, stores: Ints) -> Mapping[str, Ints]:
        """The band of each moment in each of :data:`KINDS`, UNKNOWN where nothing is known.

        Args:
            days: local days since 1970.
            stores: places in :attr:`stores` plus one, or 0; same shape.

        >>> told = Surroundings(
        ...     [
        ...         SurroundingRow(kind="weather", day=3, store="", band="hot-dry"),
        ...         SurroundingRow(kind="weather", day=3, store="north", band="cold-wet"),
        ...     ]
        ... )
        >>> told.bands(np.array([3, 3, 4]), np.array([0, 1, 1]))["weather"].tolist()
        [4, 1, -1]
        """
        exact, of_day, of_store = stores * _DAYS + days + 1, days + 1, stores * _DAYS
        found: dict[str, Ints] = {}
        for kind, (keys, codes) in self._known.items():
            bands = np.full(len(days), UNKNOWN, np.int64)
            for wanted in (exact, of_day, of_store):
                at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
                hit = (keys[at] == wanted) & (bands == UNKNOWN) if len(keys) else np.zeros(len(days), bool)
                bands[hit] = codes[at[hit]]
            found[kind] = bands
        return found


def load(engine: Engine) -> Surroundings:
    """Everything that was told."""
    with reading(engine) as connection:
        return _read(connection, select(surroundings))


def load_for(connection: Connection, day: int, store: str) -> Surroundings:
    """What is known of one local day at one store, and of no other."""
    of_it = and_(surroundings.c.day.in_((day, EVERY_DAY)), surroundings.c.store.in_((store, EVERY_STORE)))
    return _read(connection, select(surroundings).where(of_it))


def _read(connection: Connection, query: Select[Any]) -> Surroundings:
    return Surroundings(
        SurroundingRow(kind=str(row.kind), day=int(row.day), store=str(row.store), band=str(row.band))
        for row in connection.execute(query)
    )


def tell(engine: Engine, rows: Sequence[SurroundingRow]) -> None:
    """Keep ``rows``, each in the place of what was told of its kind, day and store before."""
    if not rows:
        return
    one = and_(
        surroundings.c.kind == bindparam("of_kind"),
        surroundings.c.day == bindparam("of_day"),
        surroundings.c.store == bindparam("of_store"),
    )
    last = {(row.kind, row.day, row.store): row.band for row in rows}
    keys = [{"of_kind": kind, "of_day": day, "of_store": store} for kind, day, store in last]
    values = [
        {"kind": kind, "day": day, "store": store, "band": band} for (kind, day, store), band in last.items()
    ]
    with transaction(engine) as connection:
        connection.execute(delete(surroundings).where(one), keys)
        connection.execute(insert(surroundings), values)
