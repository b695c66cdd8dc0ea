"""Which `rhythm` releases a training may use: none that counts what the node chooses and judges on."""

from collections.abc import Sequence

from participant.models.tilt import Rhythms
from participant.models.windows import Windows
from participant.release_shelf import ReleaseShelf, open_stored
from participant.store.releases import StoredRelease
from protocols.questions import question_named
from protocols.questions.rhythm import Rhythm


def rhythms_for(
    windows: Windows, releases: Sequence[StoredRelease], shelf: ReleaseShelf, vocabulary: bytes
) -> Rhythms:
    """The newest sums that end by the end of the fit window and by that of validation; None where there is none.

    Args:
        windows: what is trained on.
        releases: kept ones, newest first.
        shelf: reads them.
        vocabulary: digest of the one in use; sums over another cannot be compared.
    """
    found = [
        (until, each.release)
        for each in releases
        if "rhythm" in each.questions and open_stored(each.manifest).answer.vocabulary == vocabulary
        for until in (_until(each),)
    ]

    def newest(by: int) -> Rhythm | None:
        release = next((release for until, release in found if until <= by), None)
        return None if release is None else shelf.rhythm(release)

    return Rhythms(fitted=newest(windows.fit_until), refitted=newest(windows.validation_until))


def _until(stored: StoredRelease) -> int:
    block = next(each for each in open_stored(stored.manifest).answer.blocks if each.question == "rhythm")
    until: int = question_named("rhythm").open(block.parameters).until
    return until
