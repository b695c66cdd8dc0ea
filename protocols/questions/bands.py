"""A share of all companies' customers as a band: what may be said of others, where a count may not.

A band is as wide as noise leaves room for, and nothing is said where it could stand for fewer than
:data:`FEWEST` customers.

>>> band_of(90.0, 1000.0, 0.0).words, band_of(90.0, 1000.0, 10.0).words  # within 3 sigma: 60 to 120
('3 to 10 of 100 customers', '3 to 30 of 100 customers')
>>> band_of(19.0, 1000.0, 0.0).words, band_of(None, 1000.0, 0.0).words
('too few to say', 'not asked')
"""

from dataclasses import dataclass
from typing import Final

EDGES: Final = (0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
"""Shares at which one band ends and the next begins: about three times from one to the next."""

FEWEST: Final = 20
"""Of fewer customers, all companies together, nothing is said."""

SURE: Final = 3.0
"""Standard deviations of noise that a band leaves room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Shares from ``low`` to ``high`` in [0, 1]; ``said`` is False where nothing may be said, with ``words`` why."""

    low: float
    high: float
    said: bool
    words: str

    def beside(self, share: float) -> str:
        """How an own ``share`` stands beside the band: above, within or below; empty where nothing is said.

        >>> band_of(90.0, 1000.0, 0.0).beside(0.2)
        'more often here'
        """
        if not self.said:
            return ""
        if share > self.high:
            return "more often here"
        return "less often here" if share < self.low else "as elsewhere"


def band_of(count: float | None, customers: float, sigma: float) -> Band:
    """The band of ``count`` of ``customers``, each known up to noise of ``sigma``; None: was not asked."""
    if count is None:
        return _silent("not asked")
    least, most = count - SURE * sigma, count + SURE * sigma
    if customers < FEWEST or most < FEWEST:
        return _silent("too few to say")
    low = max(edge for edge in EDGES[:-1] if edge <= max(least, 0.0) / customers or edge == 0.0)
    high = min(edge for edge in EDGES[1:] if edge > most / customers or edge == 1.0)
    return Band(low=low, high=high, said=True, words=_words(low, high))


def _silent(words: str) -> Band:
    return Band(low=0.0, high=1.0, said=False, words=words)


def _words(low: float, high: float) -> str:
    if low == 0.0 and high == 1.0:
        return "lost in the noise"
    if low == 0.0:
        return f"under {100 * high:.0f} of 100 customers"
    if high == 1.0:
        return f"over {100 * low:.0f} of 100 customers"
    return f"{100 * low:.0f} to {100 * high:.0f} of 100 customers"
