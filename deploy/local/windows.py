"""The demo's points in time, as unix seconds (UTC).

The data's weeks begin on Mondays at 04:00 UTC. Weeks 1 to 33 are for fitting, 34 to 40 for every
choice (lambda, blend, gate), 41 to 53 are only looked at by the headline.

>>> (FIT_UNTIL, VALIDATE_UNTIL, TEST_UNTIL)
(1502683200, 1506916800, 1514782800)
"""

from datetime import UTC, datetime
from typing import Final


def _unix_s(year: int, month: int, day: int, hour: int) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


FIT_UNTIL: Final = _unix_s(2017, 8, 14, 4)
"""End of week 33. Only customers first seen before it count."""

VALIDATE_UNTIL: Final = _unix_s(2017, 10, 2, 4)
"""End of week 40."""

TEST_UNTIL: Final = _unix_s(2018, 1, 1, 5)
"""After the last line of the data."""
