"""Which `rhythm` releases a training may use: none that counts what the node chooses and judges on."""

from collections.abc import Sequence

from participant.models.tilt import Rhythms
from participant.models.windows import Windows
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.releases import StoredRelease
from protocols.questions.rhythm import RHYTHM, Parameters


def rhythms_for(
    windows: Windows, releases: Sequence[StoredRelease], shelf: ReleaseShelf, vocabulary: bytes
) -> Rhythms:
    """A pair of sums that count alike: one until the end of the fit window, and the newest until that of validation.

    How much a moment may move is judged with the first and served with the second; what was not counted alike
    would be served unjudged. Without such a pair there is neither.

    Args:
        windows: what is trained on.
        releases: kept ones, newest first.
        shelf: reads them.
        vocabulary: digest of the one in use; sums over another cannot be compared.
    """
    found = [
        (_asked(each), each.release)
        for each in releases
        if "rhythm" in each.questions and open_stored(each.manifest).answer.vocabulary == vocabulary
    ]
    for asked, release in found:
        if asked.until > windows.validation_until:
            continue
        for before, earlier in found:
            if before.until <= windows.fit_until and _counting(before) == _counting(asked):
                return Rhythms(fitted=shelf.rhythm(earlier), refitted=shelf.rhythm(release))
    return Rhythms()


def _asked(stored: StoredRelease) -> Parameters:
    block = next(each for each in open_stored(stored.manifest).answer.blocks if each.question == "rhythm")
    return RHYTHM.open(block.parameters)


def _counting(asked: Parameters) -> tuple[tuple[str, ...], str, int, int]:
    return asked.facets, asked.scheme, asked.purchases_cap, asked.items_cap
