"""The bands of a moment, the same at all companies: hour and weekday, season, weather, place, event.

A moment has one band in each *facet*, or none where a company does not know it. Hour and weekday are one
facet, so that Saturday morning is told from Saturday evening; its margins are the factors ``hour`` and
``weekday``. Times are local to the shop: the caller has added the offset of its zone.

>>> local = np.array([4 * 86_400 + 9 * 3_600])  # Monday, 5 January 1970, 9:00
>>> HOURS[int(hour_of(local)[0])], WEEKDAYS[int(weekday_of(local)[0])], SEASONS[int(season_of(local)[0])]
('morning', 'Monday', 'winter')
>>> week_band(1, 5), WEEK[week_band(1, 5)]  # the morning of a Saturday; not 1 * 7 + 5
(31, 'Saturday morning')
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.errors import BadInput

Ints = npt.NDArray[np.int64]

DAY_S: Final = 86_400
UNKNOWN: Final = -1
"""The band of a facet of which a company knows nothing at that moment."""

HOURS: Final = ("night", "morning", "midday", "afternoon", "evening", "late evening")
HOUR_STARTS: Final = (0, 6, 10, 14, 17, 20)
"""The local hour at which each of :data:`HOURS` begins."""

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS: Final = ("winter", "spring", "summer", "autumn")
"""December to February, and so on: of the north; in the south a node's calendar turns them round."""

WEATHER: Final = ("cold-dry", "cold-wet", "mild-dry", "mild-wet", "hot-dry", "hot-wet")
"""Of a day: below 10 °C, up to 22 °C and above at its warmest; wet from 1 mm of rain or snow."""

COLD_BELOW_C, HOT_ABOVE_C, WET_FROM_MM = 10.0, 22.0, 1.0

LOCATIONS: Final = ("city-centre", "suburb", "country", "station", "online")
EVENTS: Final = ("ordinary", "public-holiday", "school-holiday", "festival", "sport")

WEEK: Final = tuple(f"{day} {hour}" for day in WEEKDAYS for hour in HOURS)

FACETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"week": WEEK, "season": SEASONS, "weather": WEATHER, "location": LOCATIONS, "event": EVENTS}
)
"""What is counted apart, and its bands in the order of the answer."""

FACTORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "hour": HOURS,
        "weekday": WEEKDAYS,
        "season": SEASONS,
        "weather": WEATHER,
        "location": LOCATIONS,
        "event": EVENTS,
    }
)
"""What moves a ranking, each by itself."""


def week_band(hour: int, weekday: int) -> int:
    """The band of facet ``week`` of an hour band on a weekday."""
    return weekday * len(HOURS) + hour


def hour_of(local: Ints) -> Ints:
    """The hour band of local seconds."""
    hours = (local % DAY_S) // 3_600
    return np.searchsorted(np.array(HOUR_STARTS), hours, side="right").astype(np.int64) - 1


def weekday_of(local: Ints) -> Ints:
    """The weekday of local seconds, Monday 0: the first of January 1970 was a Thursday."""
    return (local // DAY_S + 3) % len(WEEKDAYS)


def season_of(local: Ints) -> Ints:
    """The season of local seconds in the north: December, January and February are 0.

    >>> season_of(np.array([0, 59, 150, 334]) * DAY_S).tolist()  # January, March, May 31st, December
    [0, 1, 1, 0]
    """
    months = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
    return (months + 1) % 12 // 3


def weather_of(warmest_c: float, rain_mm: float) -> str:
    """The weather band of a day.

    >>> weather_of(9.9, 0.0), weather_of(10.0, 1.0), weather_of(22.1, 0.9)
    ('cold-dry', 'mild-wet', 'hot-dry')
    """
    warmth = "cold" if warmest_c < COLD_BELOW_C else "hot" if warmest_c > HOT_ABOVE_C else "mild"
    return f"{warmth}-{'wet' if rain_mm >= WET_FROM_MM else 'dry'}"


def band_named(factor: str, name: str) -> int:
    """The place of band ``name`` among those of ``factor``.

    Raises:
        BadInput: another word.

    >>> band_named("weather", "hot-dry")
    4
    """
    bands = FACTORS[factor]
    if name not in bands:
        raise BadInput(
            expected=f"{factor} as one of {', '.join(bands)}", came=repr(name)[:60], do=f"correct {factor}"
        )
    return bands.index(name)
