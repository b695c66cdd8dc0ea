"""The catalogue: what the shop's items are called, and which concept of a vocabulary each stands for."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from participant.store.record_tables import imports, items, shelves
from participant.store.records_items import Item
from participant.store.records_products import CatalogueLine, Product
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary

Ints = NDArray[np.int64]


class Catalogue:
    """Reads every item that was ever sold or listed here; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mapped: tuple[Vocabulary, tuple[int, int], Ints, Ints] | None = None

    def items(self) -> tuple[Item, ...]:
        """Every item that was ever sold or listed here, in order of key, with or without a concept."""
        named = (items.c.item_key, items.c.name, items.c.brand, items.c.category, items.c.concept_name)
        query = select(*named, items.c.external_id).order_by(items.c.item_key)
        with reading(self._engine) as connection:
            return tuple(
                Item(
                    key=int(key),
                    name=str(name),
                    brand=str(brand),
                    category=str(category),
                    concept_name=concept,
                    external_id=str(external_id),
                )
                for key, name, brand, category, concept, external_id in connection.execute(query)
            )

    def lines(self) -> tuple[CatalogueLine, ...]:
        """What the catalogue calls its items that have a concept, with how many are called so."""
        names = (items.c.concept_name, items.c.category, items.c.name)
        query = select(*names, func.count()).where(names[0].is_not(None)).group_by(*names)
        with reading(self._engine) as connection:
            return tuple(
                CatalogueLine(concept=str(row[0]), category=str(row[1]), name=str(row[2]), items=int(row[3]))
                for row in connection.execute(query)
            )

    def products(self, best: dict[int, tuple[int, int, int]]) -> dict[int, Product]:
        """What the catalogue says of (item key, starters, stayed) by concept index."""
        query = select(items.c.item_key, items.c.external_id, items.c.name, items.c.category)
        with reading(self._engine) as connection:
            rows = {int(row.item_key): row for row in connection.execute(query)}
        return {
            concept: Product(
                item_id=str(rows[key].external_id),
                name=str(rows[key].name),
                starters=starters,
                stayed=stayed,
                category=str(rows[key].category),
            )
            for concept, (key, starters, stayed) in best.items()
        }

    def stamp(self) -> tuple[int, int]:
        """Grows whenever purchases, a catalogue or shelves are read in."""
        with reading(self._engine) as connection:
            return self.stamp_in(connection)

    def stamp_in(self, connection: Connection) -> tuple[int, int]:
        """The same inside a transaction that is open already."""
        return _stamp(connection)

    def mapping(self, vocabulary: Vocabulary) -> tuple[Ints, Ints]:
        """Item keys (ascending) and their concept indices under ``vocabulary``."""
        with reading(self._engine) as connection:
            return self.mapping_in(connection, vocabulary)

    def mapping_in(self, connection: Connection, vocabulary: Vocabulary) -> tuple[Ints, Ints]:
        """The same inside a transaction that is open already."""
        stamp = _stamp(connection)
        held = self._mapped
        if held is not None and held[1] == stamp and (held[0] is vocabulary or held[0] == vocabulary):
            return held[2], held[3]
        index = vocabulary.index()
        query = (
            select(items.c.item_key, items.c.concept_name)
            .where(items.c.concept_name.is_not(None))
            .order_by(items.c.item_key)
        )
        pairs = [(int(key), index[name]) for key, name in connection.execute(query) if name in index]
        table = np.array(pairs, np.int64).reshape(-1, 2)
        keys, concepts = np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
        self._mapped = (vocabulary, stamp, keys, concepts)
        return keys, concepts


def _stamp(connection: Connection) -> tuple[int, int]:
    newest = (func.max(imports.c.import_id), func.max(shelves.c.shelf_id))
    version, shelf = connection.execute(select(*(select(each).scalar_subquery() for each in newest))).one()
    return int(version or 0), int(shelf or 0)
