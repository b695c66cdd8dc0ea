"""The catalogue as an answer or a model reads it: what an item is called, and its concept if it has one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of the shop; ``concept_name`` is None where the catalogue names none.

    ``external_id`` is what the shop itself calls it.
    """

    key: int
    name: str
    brand: str
    category: str
    concept_name: str | None = None
    external_id: str = ""
