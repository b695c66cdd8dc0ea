"""Scores of this shop's items that no shared concept describes, from their texts alone.

The `content` sum says of a text how many baskets it is in and what its buyers buy. An item's score for a customer is

    share of baskets x (customer's taste . expected taste of its buyers / the mean of that over customers here)^boldness

Popularity first, since that is what most first purchases follow, and beside it what tells one customer from
another: with boldness 0 everybody gets the same list. A lift is taken over this company's customers, so that
an item is not preferred for being described in common words.

>>> tastes = np.array([[1.0, 1.0], [3.0, 1.0]])
>>> model = ContentModel(shares=np.array([2.0, 1.0]), tastes=tastes, usual=np.array([1.0, 2.0]), boldness=1.0)
>>> model.scores(np.array([[1.0, 0.0], [0.0, 1.0]])).round(2).tolist()  # the second item: 3 / 2 and 1 / 2
[[2.0, 1.5], [2.0, 0.5]]
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from participant.encoders import Encoder, text_of
from participant.store.records_items import Item
from protocols.limits import ROW_BITS
from protocols.questions.content import Content
from protocols.vocabulary import Vocabulary

Floats = NDArray[np.float64]
_LEAST: Final = 1e-3
"""No share or taste is taken to be below: a regression may say less than nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What validation chooses: both ridges of `protocols.questions.content`, and how much taste counts.

    ``own``: the weight of what this company's own sales say of a text, beside the share of all baskets.
    """

    share_ridge: float = 0.03
    taste_ridge: float = 10.0
    boldness: float = 1.0
    own: float = 0.0


BOLDNESS: Final = (0.0, 0.5, 1.0, 2.0)
BASES: Final = (
    *(Settings(share_ridge=share, own=own) for own in (0.0, 0.5) for share in (0.01, 0.03, 0.1, 0.3)),
    Settings(own=1.0),
)
"""Settings that differ in more than boldness: what is said elsewhere alone, half and half, and own sales alone."""
GRID: Final = tuple(replace(base, boldness=boldness) for base in BASES for boldness in BOLDNESS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextMap:
    """Both regressions of a `content` sum, ready for any text: what is kept of the sum to serve from.

    Attributes:
        shares: what each dimension of a text adds to its share of baskets, (dimensions,).
        tastes: and to the taste row of its buyers, (dimensions, n_concepts).
        mean_row: mean unit row of this company's customers, (n_concepts,).
        boldness: see :class:`ContentModel`.
    """

    shares: Floats
    tastes: NDArray[np.floating]
    mean_row: Floats
    boldness: float

    @classmethod
    def of(
        cls,
        content: Content,
        catalogue: Floats,
        *,
        mean_row: Floats,
        settings: Settings,
        own: Floats | None = None,
    ) -> "TextMap":
        """The map of ``content``; ``catalogue``: texts of what this company sells, (n, dimensions).

        ``own``: what each dimension of a text adds to this company's own sales, :func:`own_sales`.

        Raises:
            BadInput: ridges too small for a noisy sum.
        """
        each = np.eye(len(content.texts))
        shares = content.shares(each, catalogue, settings.share_ridge)
        return cls(
            shares=shares if own is None else mixed(shares, own, catalogue, settings.own),
            tastes=content.buyers(each, settings.taste_ridge),
            mean_row=mean_row,
            boldness=settings.boldness,
        )

    def model(self, rows: Floats) -> "ContentModel":
        """The model of items with these texts, (n_items, dimensions) in units of length."""
        tastes = np.maximum(rows.astype(self.tastes.dtype) @ self.tastes, 0.0)
        return ContentModel(
            shares=np.maximum(rows @ self.shares, _LEAST),
            tastes=tastes,
            usual=np.maximum(tastes @ self.mean_row, _LEAST),
            boldness=self.boldness,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContentModel:
    """What the sum says of the listed items.

    Attributes:
        shares: expected share of baskets, (n_items,).
        tastes: expected taste row of an item's buyers, (n_items, n_concepts).
        usual: what the mean customer here has in common with them, (n_items,).
        boldness: how much the last two count.
    """

    shares: Floats
    tastes: NDArray[np.floating]
    usual: Floats
    boldness: float

    def scores(self, history: Floats) -> Floats:
        """Scores of every item, (customers, n_items).

        Args:
            history: binary rows over the shared concepts, (customers, n_concepts); who bought nothing
                gets the shares.
        """
        lift = np.maximum(unit(history) @ self.tastes.T, _LEAST * self.usual) / self.usual
        lift[~history.any(1)] = 1.0
        scores: Floats = self.shares * lift**self.boldness
        return scores

    def scores_of(self, concepts: NDArray[np.int64]) -> Floats:
        """The same for one customer who bought these ``concepts``, (n_items,); reads their columns alone."""
        if not len(concepts):
            return self.shares
        common = self.tastes[:, concepts].sum(1, dtype=np.float64) / np.sqrt(len(concepts))
        ratio = np.maximum(common, _LEAST * self.usual) / self.usual
        return np.asarray(self.shares * ratio**self.boldness, np.float64)

    def packed(self) -> "ContentModel":
        """The same in half the memory, laid out for :meth:`scores_of`."""
        return replace(self, tastes=np.asfortranarray(self.tastes, np.float32))


def own_sales(rows: Floats, sales: Floats, ridge: float) -> Floats:
    """A regression of a company's own ``sales`` (n,) on texts (n, dimensions), over what it sold at all."""
    sold = rows[sales > 0]
    found = np.linalg.solve(sold.T @ sold + ridge * np.eye(rows.shape[1]), sold.T @ sales[sales > 0])
    return np.asarray(found, np.float64)


def mixed(shares: Floats, own: Floats, catalogue: Floats, weight: float) -> Floats:
    """``weight`` of ``own`` and the rest of ``shares``, both worth as much over the ``catalogue``; in units of shares.

    >>> mixed(np.array([2.0, 0.0]), np.array([0.0, 10.0]), np.eye(2), 0.5).round(
    ...     2
    ... )  # means of 1 and 5: not [1, 5]
    array([1., 1.])
    """
    of_shares, of_own = (float(np.maximum(catalogue @ each, _LEAST).mean()) for each in (shares, own))
    return np.asarray((1.0 - weight) * shares + weight * own * of_shares / of_own)


def unit(history: Floats) -> Floats:
    """Binary rows divided by their length."""
    rows: Floats = history / np.sqrt(np.maximum(history.sum(1, keepdims=True), 1.0))
    return rows


def learn(
    content: Content,
    listed: Sequence[Item],
    catalogue: Sequence[Item],
    encode: Encoder,
    *,
    mean_row: Floats,
    settings: Settings,
    own: Floats | None = None,
) -> ContentModel:
    """The model of the ``listed`` items.

    Args:
        content: the released sum.
        listed: what is to be scored.
        catalogue: what this company sells, the listed items included.
        encode: the encoder that the question named.
        mean_row: mean unit row of this company's customers, (n_concepts,).
        settings: see there.
        own: see :meth:`TextMap.of`.
    """
    known = TextMap.of(content, texts(catalogue, encode), mean_row=mean_row, settings=settings, own=own)
    return known.model(texts(listed, encode))


def unlisted(catalogue: Sequence[Item], vocabulary: Vocabulary) -> tuple[Item, ...]:
    """The items that are in no concept of the shared vocabulary."""
    known = vocabulary.index()
    return tuple(item for item in catalogue if item.concept_name not in known)


def texts(items: Sequence[Item], encode: Encoder) -> Floats:
    """Rows of the items in units of length, (n, dimensions)."""
    return np.ldexp(encode([text_of(item) for item in items]).astype(np.float64), -ROW_BITS)
