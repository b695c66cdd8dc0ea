"""Which `rhythm` releases a training may use: none that counts what the node chooses and judges on."""

from collections.abc import Sequence

from participant.counting import way_of
from participant.evaluated import block_of
from participant.models.sway import Rhythms
from participant.models.windows import Windows
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.releases import StoredRelease
from protocols.messages import Block
from protocols.questions.rhythm import RHYTHM


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
    found = [
        (block_of(each, "rhythm"), each.release)
        for each in releases
        if "rhythm" in each.questions and open_stored(each.manifest).answer.vocabulary == vocabulary
    ]
    for block, release in found:
        if _until(block) > windows.validation_until:
            continue
        for other, earlier in found:
            if _until(other) <= windows.fit_until and way_of(other) == way_of(block):
                return Rhythms(fitted=shelf.rhythm(earlier), refitted=shelf.rhythm(release))
    return Rhythms()


def _until(block: Block) -> int:
    return RHYTHM.open(block.parameters).until
