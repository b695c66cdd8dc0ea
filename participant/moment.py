"""When and in which surroundings a list is shown: what a request says, and what the node knows by itself.

Nothing is asked of anybody: without a time it is now, weather and events are those that were read in for the day
and store, and what is not known does not count. Nothing of it leaves the node.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from participant.models.sway import named
from participant.store.records import Records
from protocols.errors import BadInput
from protocols.questions.moments import FACTORS, band_named

TIME_MAX: Final = 4_102_444_800
"""The first of January 2100: calendars know no offset of a zone in the year 36812, and milliseconds are noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """``time`` in unix seconds, None for now; words of a request go before what was read in, "" says nothing.

    Raises:
        BadInput: a word that names no band, or a time before 1970 or after 2099.
    """

    time: int | None = None
    store: str = ""
    weather: str = ""
    location: str = ""
    event: str = ""

    def __post_init__(self) -> None:
        self._words()
        if self.time is not None and not 0 <= self.time < TIME_MAX:
            raise BadInput(
                expected="a time from 1970 to 2099",
                came=str(self.time)[:40],
                do="check that it is in seconds",
            )

    def bands(self, records: Records, now: int) -> dict[str, int]:
        """Band by factor, as far as anything is known."""
        return named(records.bands_at(now if self.time is None else self.time, self.store)) | self._words()

    def _words(self) -> dict[str, int]:
        said = {"weather": self.weather, "location": self.location, "event": self.event}
        return {factor: band_named(factor, word) for factor, word in said.items() if word}


NOW: Final = Moment()
"""The present, and nothing else said."""


def in_words(bands: Mapping[str, int]) -> dict[str, str]:
    """The names of bands by factor.

    >>> in_words({"hour": 1, "weather": 4})
    {'hour': 'morning', 'weather': 'hot-dry'}
    """
    return {factor: FACTORS[factor][band] for factor, band in bands.items()}
