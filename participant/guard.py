"""Keeps what is sensitive out of every list of this node: the setting, and what its officer ruled by name."""

import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Engine

from participant.store.records import Records
from participant.store.records_products import Product
from participant.store.rulings import Ruling, Rulings
from participant.surprise.sensitive import Sensitive
from participant.surprise.sensitive_words import plain
from protocols.errors import BadInput
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary

Mask = NDArray[np.bool_]
NAME_CHARS: Final = 255

_log = structlog.get_logger(__name__)


class Guard:
    """What may not be suggested now. A ruling counts from the next request on; safe to share between threads."""

    def __init__(self, *, db: Engine, records: Records, groups: tuple[str, ...], clock: Clock) -> None:
        self._db = db
        self._records = records
        self._groups = groups
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[Vocabulary, tuple[tuple[int, int], int], Sensitive, Mask] | None = None
        self._with_products: tuple[Mapping[int, Product], Sensitive, Mask] | None = None
        Sensitive(groups=groups)

    def rule(self, named: str, *, allowed: bool) -> Ruling:
        """Allow or deny a concept, a category of the catalogue or a group of words from now on.

        Raises:
            BadInput: no name, or too long a one.
        """
        subject = plain(named)
        if not 0 < len(subject) <= NAME_CHARS:
            raise BadInput(
                expected=f"a name of 1 to {NAME_CHARS} letters and digits",
                came=f"{len(subject)} of them",
                do="name a concept, a category of the catalogue, or a group",
            )
        ruling = Ruling(at=self._clock.now(), subject=subject, named=named.strip(), allowed=allowed)
        with transaction(self._db) as connection:
            Rulings(connection).add(ruling)
        _log.info("sensitive category ruled", subject=subject, allowed=allowed)
        return ruling

    def rulings(self) -> tuple[Ruling, ...]:
        """Everything the officer ruled, oldest first."""
        with reading(self._db) as connection:
            return Rulings(connection).all()

    def denied(self, vocabulary: Vocabulary, starters: Mapping[int, Product] | None = None) -> Mask:
        """The concepts that may not be suggested, (n_concepts,); see :meth:`now`."""
        return self.now(vocabulary, starters)[1]

    def now(
        self, vocabulary: Vocabulary, starters: Mapping[int, Product] | None = None
    ) -> tuple[Sensitive, Mask]:
        """What decides on a single item at this moment, and the concepts that may not be suggested, (n_concepts,).

        ``starters``: the products that would stand for them; one that is sensitive denies its concept as well.
        """
        rules, mask = self._look(vocabulary)
        if starters is None:
            return rules, mask
        with self._lock:
            held = self._with_products
            if held is None or held[0] is not starters or held[1] is not rules:
                held = (starters, rules, mask | rules.products(vocabulary.concepts, starters))
                self._with_products = held
            return rules, held[2]

    def _look(self, vocabulary: Vocabulary) -> tuple[Sensitive, Mask]:
        """The rules in force and what they deny by the catalogue: read again after a ruling or an import."""
        with reading(self._db) as connection:
            stamp = (self._records.catalogue.stamp_in(connection), Rulings(connection).last())
        with self._lock:
            held = self._held
            if held is None or held[0] is not vocabulary or held[1] != stamp:
                found = {ruling.subject: ruling.allowed for ruling in self.rulings()}
                rules = Sensitive(groups=self._groups, rulings=found)
                held = (vocabulary, stamp, rules, rules.concepts(vocabulary, self._records.catalogue.lines()))
                self._held = held
            return held[2], held[3]
