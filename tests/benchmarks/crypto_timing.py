"""CPU seconds with their spread, and ratios of two things that were measured in turns."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

REPEATS = 7
"""Of everything that takes less than ``LONG_S``."""

LONG_REPEATS = 5
LONG_S = 2.0
FEWEST_REPEATS = 3
LONGEST_S = 10.0


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process while ``work`` runs."""
    began = time.process_time()
    work()
    return time.process_time() - began


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Median, lowest, highest and how many.

    >>> spread([3.0, 1.0, 2.0])
    {'median_s': 2.0, 'lowest_s': 1.0, 'highest_s': 3.0, 'repeats': 3}
    """
    return {
        "median_s": _short(statistics.median(seconds)),
        "lowest_s": _short(min(seconds)),
        "highest_s": _short(max(seconds)),
        "repeats": len(seconds),
    }


def alone(work: Callable[[], object]) -> dict[str, Any]:
    """Spread of ``work``, after one run that does not count."""
    count = repeats(cpu_s(work))
    return spread([cpu_s(work) for _ in range(count)])


def in_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, Any]:
    """Spreads of both and how many times as long ``theirs`` takes; one after the other in each repeat.

    What else the machine does meanwhile slows both alike. The ratio is that of the medians; its spread
    is over the repeats.
    """
    cpu_s(ours)
    count = repeats(cpu_s(theirs))
    pairs = [(cpu_s(ours), cpu_s(theirs)) for _ in range(count)]
    ratios = [their / our for our, their in pairs]
    mine, other = spread([our for our, _ in pairs]), spread([their for _, their in pairs])
    return {
        "altrove": mine,
        "flower": other,
        "ratio": round(other["median_s"] / mine["median_s"], 2),
        "ratio_lowest": round(min(ratios), 2),
        "ratio_highest": round(max(ratios), 2),
    }


def repeats(first_s: float) -> int:
    """How often to measure what took ``first_s`` at first."""
    if first_s > LONGEST_S:
        return FEWEST_REPEATS
    return LONG_REPEATS if first_s > LONG_S else REPEATS


def _short(seconds: float) -> float:
    return float(f"{seconds:.4g}")
