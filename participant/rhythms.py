"""Which `rhythm` releases a training may use: none that counts what the node chooses and judges on."""

from collections.abc import Sequence

from participant.counting import pair_of
from participant.evaluated import block_of
from participant.models.sway import Rhythms
from participant.models.windows import Windows
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.releases import StoredRelease


def rhythms_for(
    windows: Windows, releases: Sequence[StoredRelease], shelf: ReleaseShelf, vocabulary: bytes
) -> Rhythms:
    """A pair of sums that count alike: one until the end of the fit window, and the newest until that of validation.

    How much a moment may move is judged with the first and served with the second; what counts alike,
    :mod:`participant.counting` says. Without such a pair there is neither.

    Args:
        windows: what is trained on.
        releases: kept ones, newest first.
        shelf: reads them.
        vocabulary: digest of the one in use; sums over another cannot be compared.
    """
    blocks = {
        each.release: block_of(each, "rhythm")
        for each in releases
        if "rhythm" in each.questions and open_stored(each.manifest).answer.vocabulary == vocabulary
    }
    pair = pair_of(
        blocks, fit_until=windows.fit_until, validation_until=windows.validation_until, later=False
    )
    return Rhythms(fitted=shelf.rhythm(pair[0]), refitted=shelf.rhythm(pair[1])) if pair else Rhythms()
