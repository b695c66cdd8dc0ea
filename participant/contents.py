"""Which `content` releases a training reads: one that ends by the end of the fit window, and a later one alike."""

from collections.abc import Sequence
from typing import Final

from participant.counting import pair_of
from participant.evaluated import block_of
from participant.models.newcomer_trial import Contents
from participant.release_shelf import ReleaseShelf
from participant.store.releases import StoredRelease
from protocols.questions import question_named
from protocols.questions.content import Content, Parameters

CONTENT: Final = "content"


def paired(kept: Sequence[StoredRelease], fit_until: int, validation_until: int) -> tuple[bytes, ...]:
    """The newest pair of sums, (fitted, refitted), or nothing: see :func:`participant.counting.pair_of`.

    ``kept`` are releases over one vocabulary, newest first. The second counts later weeks than the first.
    """
    blocks = {each.release: block_of(each, CONTENT) for each in kept if CONTENT in each.questions}
    return pair_of(blocks, fit_until=fit_until, validation_until=validation_until, later=True)


def contents_for(shelf: ReleaseShelf, pair: tuple[bytes, ...]) -> Contents | None:
    """The sums of :func:`paired`, read; None without a pair.

    Raises:
        BadRelease: a release that this node does not hold any more.
    """
    if not pair:
        return None
    (fitted, asked, noise), (refitted, _, later) = (_read(shelf, release) for release in pair)
    return Contents(
        fitted=fitted,
        refitted=refitted,
        encoder=asked.encoder,
        dimensions=asked.dimensions,
        noisy=noise or later,
        release=pair[1].hex(),
    )


def _read(shelf: ReleaseShelf, release: bytes) -> tuple[Content, Parameters, bool]:
    """The sum, its parameters, and whether there is noise in it."""
    block, found = shelf.answered(release, CONTENT, Content)
    return found, question_named(CONTENT).open(block.parameters), block.noise_sigma > 0
