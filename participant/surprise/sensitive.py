"""What is never suggested unless an officer allows it: denied by default, by words, by item and by name.

A *ruling* of the officer names a concept, a category of the catalogue, or a group of words, and allows or denies
it. The most exact one counts: of the concept before the category before the groups. Where nothing is ruled, an
item is denied if its concept, its category or its own name holds a word of a denied group, whether anybody has
looked at that category or not.

A concept is denied if at least half of its items here are, so that one misfiled shampoo does not take all of them
away; and if the product that stands for it is. A denied concept is not suggested, is no reason for anything else,
and does not move the order of a list: the customer's purchases of it are left out before anything is scored. Only
how many bold places a list has may follow from habits (`participant.appetite`) that count every purchase.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.store.records_products import CatalogueLine, Product
from participant.surprise.sensitive_words import WORDS, groups_of, plain
from protocols.errors import BadInput
from protocols.vocabulary import Vocabulary

Mask = NDArray[np.bool_]
HALF: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """What the company denies: ``groups`` by setting, and ``rulings`` by plain name (True allows).

    >>> alcohol = Sensitive(groups=("alcohol",), rulings={"cooking wines": True, "imported wine": True})
    >>> [
    ...     alcohol.denies(*item)
    ...     for item in (("BOX WINES", "DOMESTIC WINE", ""), ("COOKING WINES", "SAUCES", ""))
    ... ]
    [True, False]
    >>> alcohol.denies("ITALIAN WINES", "IMPORTED WINE", ""), alcohol.denies("GLASSES", "BAR", "for wine")
    (False, True)
    """

    groups: tuple[str, ...] = tuple(WORDS)
    rulings: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.groups) - set(WORDS)
        if unknown:
            raise BadInput(
                expected="groups of " + ", ".join(WORDS),
                came=", ".join(sorted(unknown))[:80],
                do="correct suggestions.deny in node.toml; single words are denied by `altrove-node sensitive deny`",
            )

    def denies(self, concept: str, category: str, name: str) -> bool:
        """Whether an item of ``concept`` in ``category`` may not be suggested."""
        for ruled in (concept, category):
            verdict = self.rulings.get(plain(ruled))
            if verdict is not None:
                return not verdict
        found = {group for text in (concept, category, name) for group in groups_of(text)}
        return any(not self.rulings.get(group, group not in self.groups) for group in found)

    def concepts(self, vocabulary: Vocabulary, catalogue: Iterable[CatalogueLine]) -> Mask:
        """The denied concepts, (n_concepts,), by their names and by their items in this shop's catalogue."""
        index = vocabulary.index()
        items, denied = np.zeros(len(vocabulary)), np.zeros(len(vocabulary))
        for line in catalogue:
            at = index.get(line.concept)
            if at is not None:
                items[at] += line.items
                denied[at] += line.items * self.denies(line.concept, line.category, line.name)
        by_name = np.array([self.denies(concept, "", "") for concept in vocabulary.concepts])
        return np.asarray(np.where(items > 0, HALF * denied >= items, by_name), np.bool_)

    def products(self, concepts: tuple[str, ...], starters: Mapping[int, Product]) -> Mask:
        """The concepts whose product here is denied, (n_concepts,)."""
        mask = np.zeros(len(concepts), np.bool_)
        for at, product in starters.items():
            mask[at] = self.denies(concepts[at], product.category, product.name)
        return mask
