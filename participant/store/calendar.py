"""What time it is at the shop: local seconds of a zone, and the bands that follow from the time alone."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from protocols.errors import BadInput
from protocols.questions import moments

Ints = NDArray[np.int64]

STEP_S: Final = 1_800
"""Zones change their offset on the half-hour of UTC, if not on the hour."""

_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)

HALF_YEAR: Final = 2
"""Seasons by which the south is ahead."""


class Calendar:
    """The calendar of a shop in ``zone``; ``southern`` where January is summer."""

    def __init__(self, zone: str = "UTC", *, southern: bool = False) -> None:
        self._zone = zone_named(zone)
        self._southern = southern
        self._offsets: dict[int, int] = {}

    def local(self, seconds: Ints) -> Ints:
        """Seconds on the shop's clock of instants in unix seconds.

        >>> Calendar("Europe/Rome").local(np.array([0, 15_552_000])).tolist()  # January and June 30th
        [3600, 15559200]
        """
        steps, place = np.unique(np.asarray(seconds, np.int64) // STEP_S, return_inverse=True)
        offsets = np.fromiter((self._offset(int(step)) for step in steps), np.int64, len(steps))
        return np.asarray(seconds, np.int64) + offsets[place.reshape(-1)]

    def instant(self, typed: str) -> int:
        """Unix seconds of a date and time on the shop's clock, such as 2017-08-14T09:30.

        Raises:
            BadInput: not a date and time.

        >>> Calendar("Europe/Rome").instant("1970-01-01T01:00")
        0
        """
        try:
            if not _LOCAL.fullmatch(typed.strip()):
                raise ValueError(typed)
            return int(datetime.fromisoformat(typed.strip()).replace(tzinfo=self._zone).timestamp())
        except (ValueError, OverflowError):  # 30 February, the year 1
            raise BadInput(
                expected="a date and time such as 2017-08-14T09:30", came=repr(typed)[:40], do="correct it"
            ) from None

    def bands(self, local: Ints) -> Mapping[str, Ints]:
        """The bands of local seconds in the facets that need nothing but a clock."""
        season = moments.season_of(local)
        if self._southern:
            season = (season + HALF_YEAR) % len(moments.SEASONS)
        weekday, hour = moments.weekday_of(local), moments.hour_of(local)
        return {"week": weekday * len(moments.HOURS) + hour, "season": season}

    def _offset(self, step: int) -> int:
        held = self._offsets.get(step)
        if held is None:
            found = datetime.fromtimestamp(step * STEP_S, tz=self._zone).utcoffset()
            held = self._offsets[step] = 0 if found is None else int(found.total_seconds())
        return held


def zone_named(name: str) -> ZoneInfo:
    """The time zone ``name``.

    Raises:
        BadInput: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            expected="a time zone such as Europe/Rome or America/New_York",
            came=repr(name)[:60],
            do="correct calendar.zone",
        ) from None
