"""A made-up company whose customers buy by the moment: each concept is loved in one half of one factor's bands.

The purchases, the weather and the events are invented, and the effect is large: what is tested is that it is
found, carried and used, and nothing about real weather.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from participant.intake import read, read_surroundings
from participant.models.windows import Windows
from participant.store.calendar import Calendar
from participant.store.metadata import metadata
from participant.store.records import Records
from protocols.questions.moments import FACTORS, hour_of, season_of, weekday_of
from protocols.service.unit_of_work import engine
from protocols.vocabulary import Vocabulary

DAY = 86_400
NAMES = tuple(FACTORS)
WORDS = Vocabulary.of(
    "made up", [f"{factor} {'early' if n % 2 else 'late'} {n:02d}" for factor in NAMES for n in range(16)]
)
CONCEPTS = WORDS.concepts
FACTOR_OF = np.array([NAMES.index(concept.split()[0]) for concept in CONCEPTS])
WANTS_EARLY = np.array([concept.split()[1] == "early" for concept in CONCEPTS])
CUSTOMERS, VISITS, LOVE = 150, 60, 12.0
FIT, VALID, TEST = 500 * DAY, 620 * DAY, 740 * DAY
WINDOWS = Windows(fit_until=FIT, validation_until=VALID, customers_until=FIT, test_until=TEST)
ZONE = "America/New_York"
STORES = ("centre", "travel")


LATE = {"hour": 4, "weekday": 5, "season": 3, "weather": 5, "location": 3, "event": 4}
"""A band in the second half of each factor's that occurs."""


def early(bands: np.ndarray, factor: str) -> np.ndarray:
    """Whether each band is in the first half of its factor's."""
    return bands < len(FACTORS[factor]) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Weather by day and store, events by day: the same for all companies."""

    weather: np.ndarray
    event: np.ndarray

    @classmethod
    def made_up(cls) -> "World":
        rng = np.random.default_rng(99)
        days = TEST // DAY + 2
        return cls(weather=rng.integers(0, 6, (days, 2)), event=rng.integers(0, 5, days))

    def write(self, path: Path, *columns: str) -> Path:
        """A CSV of the named columns, a row per day and store, and the stores' kinds of place."""
        lines = ["day,store," + ",".join(columns)]
        for day in range(len(self.event)):
            for place, store in enumerate(STORES):
                words = {
                    "weather": FACTORS["weather"][self.weather[day, place]],
                    "event": FACTORS["event"][self.event[day]],
                    "location": ("city-centre", "station")[place],
                }
                date = np.datetime64(day, "D")
                lines.append(f"{date},{store}," + ",".join(words[column] for column in columns))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def lines(world: World, seed: int, visits: int = VISITS) -> list[tuple[str, str, str, int]]:
    """Customer, item, store, unix seconds: two concepts a visit, drawn by what is loved at the moment."""
    rng = np.random.default_rng(seed)
    calendar = Calendar(ZONE)
    made = []
    for customer in range(CUSTOMERS):
        seconds = np.sort(rng.integers(2 * DAY, TEST, visits))
        seconds[0] = 2 * DAY + customer
        local = calendar.local(seconds)
        place = rng.integers(0, 2, visits)
        day = local // DAY
        bands = {
            "hour": hour_of(local),
            "weekday": weekday_of(local),
            "season": season_of(local),
            "weather": world.weather[day, place],
            "location": np.array([0, 3])[place],  # city-centre in the first half, station in the second
            "event": world.event[day],
        }
        is_early = np.stack([early(bands[name], name) for name in NAMES])
        for v in range(visits):
            weight = np.where(is_early[FACTOR_OF, v] == WANTS_EARLY, LOVE, 1.0)
            bought = rng.choice(len(CONCEPTS), 2, replace=False, p=weight / weight.sum())
            made += [(f"c{customer:03d}", f"item-{c:02d}", STORES[place[v]], int(seconds[v])) for c in bought]
    return made


def fill_in(
    home: Path, db: Engine, world: World, seed: int, *, told: tuple[str, ...] = (), visits: int = VISITS
) -> None:
    """Read sales with their stores into the node at ``home``, and what is ``told`` of the surroundings."""
    names = ("customer", "item", "store", "time")
    columns = zip(*lines(world, seed, visits), strict=True)
    table = pa.table(dict(zip(names, map(list, columns), strict=True)))
    table = table.append_column("quantity", pa.array([1] * len(table)))
    pq.write_table(table, home / "sales.parquet")
    items = [f"item-{at:02d}" for at in range(len(CONCEPTS))]
    pq.write_table(pa.table({"item": items, "concept": CONCEPTS, "name": items}), home / "catalogue.parquet")
    read(
        [home / "sales.parquet"], home=home, engine=db, catalogue=[home / "catalogue.parquet"], now=TEST + DAY
    )
    if told:
        read_surroundings([world.write(home / "told.csv", *told)], home=home, engine=db)


def company(
    home: Path, world: World, seed: int, *, told: tuple[str, ...] = (), visits: int = VISITS
) -> tuple[Records, Engine]:
    """A company of its own, without a node."""
    home.mkdir(parents=True, exist_ok=True)
    db = engine(f"sqlite:///{home / 'node.db'}")
    metadata.create_all(db)
    fill_in(home, db, world, seed, told=told, visits=visits)
    return Records(home, db, Calendar(ZONE)), db
