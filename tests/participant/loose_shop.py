"""Shops that sell things under names of their own: no shared concept, but words that others use as well."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.participant.shop import CONCEPTS, DAY, Line, made_up_lines

AMBER = tuple(f"amber ale {word}" for word in ("dry", "old", "pale", "dark", "mild", "strong"))
SILVER = tuple(f"silver tea {word}" for word in ("dry", "old", "pale", "dark", "mild", "strong"))
"""What customers of even and of odd concepts buy."""
LISTED = ("listed-yesterday", "amber ale keg")
"""Item and name; at other shops the most bought of its kind. Alcohol by its name: an officer has to allow it."""
KEG = LISTED[1]


def loose_lines(number: int) -> list[Line]:
    """Shop 0 sells the loose items from day 205 on, the others from the first day, and mostly the keg."""
    rng = np.random.default_rng(100 + number)
    lines = made_up_lines(60, seed=number)
    for u in range(60):
        taste = AMBER if u % 2 == 0 else SILVER
        for n in range(4):
            name = (
                KEG
                if number and u % 2 == 0 and n < 2
                else taste[int(rng.integers(len(taste) // (1 + n % 2)))]
            )
            day = int(rng.integers(2, 280)) if number else int(rng.integers(205, 290))
            lines.append((f"c{u:03d}", loose_id(name, number), f"loose-{u}-{n}", day * DAY + n, 1.0))
    lines.append(("cold", "item-02a", "only", 250 * DAY, 1.0))
    return lines


def loose_id(name: str, number: int) -> str:
    """What shop ``number`` calls it: no two shops alike."""
    return f"{number}-{name.replace(' ', '-')}"


def catalogue_of(path: Path, number: int, *listed: tuple[str, str]) -> Path:
    """The items of `tests.participant.shop`, the loose ones of shop ``number``, and (item, name) listed since."""
    shared = [
        (f"item-{i:02d}{half}", concept, f"item-{i:02d}{half}")
        for i, concept in enumerate(CONCEPTS)
        for half in "ab"
    ]
    names = [*AMBER, *SILVER, *([KEG] if number else [])]
    loose = [(loose_id(name, number), None, name) for name in names]
    rows = [*shared, *loose, *((item, None, name) for item, name in listed)]
    item, concept, name = zip(*rows, strict=True)
    pq.write_table(pa.table({"item": list(item), "concept": list(concept), "name": list(name)}), path)
    return path
