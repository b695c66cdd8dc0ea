"""What the repository of weather, places and events promises, on SQLite and on PostgreSQL."""

import numpy as np
import pytest

from participant.store.schema import MIGRATIONS
from participant.store.surroundings import EVERY_DAY, EVERY_STORE, SurroundingRow, load, load_for, tell
from protocols.questions.moments import FACETS, UNKNOWN
from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import reading

FAR = 40_000
"""A day in the year 2079."""


@pytest.fixture
def db(database):
    upgrade(database, MIGRATIONS)
    return database


def row(kind, band, day=FAR, store=EVERY_STORE):
    return SurroundingRow(kind=kind, day=day, store=store, band=band)


def known(told, day, store=EVERY_STORE):
    place = told.stores.index(store) + 1 if store in told.stores else 0
    found = told.bands(np.array([day]), np.array([place]))
    return {kind: FACETS[kind][int(at[0])] for kind, at in found.items() if at[0] != UNKNOWN}


def test_what_was_told_is_known_of_its_day_and_store_and_of_no_other(db):
    assert load(db).kinds == ()
    tell(db, [])
    tell(
        db,
        [
            row("weather", "hot-wet"),
            row("weather", "cold-dry", store="north ünder"),
            row("location", "station", day=EVERY_DAY, store="north ünder"),
            row("event", "festival", day=FAR + 1),
        ],
    )
    told = load(db)
    assert known(told, FAR) == {"weather": "hot-wet"}
    assert known(told, FAR, "north ünder") == {"weather": "cold-dry", "location": "station"}
    assert known(told, FAR + 1, "north ünder") == {"location": "station", "event": "festival"}
    assert known(told, FAR + 2) == {}
    with reading(db) as connection:
        for day, store in ((FAR, "north ünder"), (FAR + 1, EVERY_STORE), (FAR, "south")):
            assert known(load_for(connection, day, store), day, store) == known(told, day, store)


def test_what_is_told_later_takes_the_place_of_what_was_known_of_the_same_kind_day_and_store(db):
    tell(db, [row("weather", "hot-wet"), row("event", "sport"), row("weather", "mild-dry", store="north")])
    tell(db, [row("weather", "cold-wet"), row("weather", "cold-dry")])  # the last of one telling counts
    told = load(db)
    assert known(told, FAR) == {"weather": "cold-dry", "event": "sport"}
    assert known(told, FAR, "north") == {"weather": "mild-dry", "event": "sport"}
