"""What the node's memory of erased customers promises, on SQLite and on PostgreSQL."""

import pytest
from sqlalchemy import insert, select

from participant.store.erasures import ErasedIds, Erasures
from participant.store.record_tables import customers
from participant.store.schema import MIGRATIONS
from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import reading, transaction

FAR = 2**40
"""A time beyond 32 bits: a narrower column would lose it."""

KEYED, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def erasures(database):
    upgrade(database, MIGRATIONS)
    with transaction(database) as connection:
        for key, name in enumerate(("anna", "bob")):
            row = {"customer_key": key, "external_id": name, "opted_out": name == "bob", "first_seen": 1}
            connection.execute(insert(customers).values(**row))
    return Erasures(database)


def mark(erasures):
    with reading(erasures._engine) as connection:
        return Erasures.mark(connection)


def stored(erasures):
    with reading(erasures._engine) as connection:
        return [
            tuple(row) for row in connection.execute(select(customers.c.external_id, customers.c.opted_out))
        ]


def test_an_erasure_begins_once_is_scrubbed_and_takes_the_row_with_it_at_the_end(erasures):
    told, marks = [], [mark(erasures)]

    def receipt(_connection, counted):
        told.append(counted)
        return "begun"

    assert erasures.customer("anna") == 0
    for _ in range(2):
        erasures.begin("anna", KEYED, at=FAR, receipt=receipt)
    marks.append(mark(erasures))
    begun = erasures.find(KEYED)
    assert (told, begun.at, begun.customer_key, begun.finished, begun.receipt) == (
        [True],
        FAR,
        0,
        False,
        "begun",
    )
    assert erasures.until() == {KEYED: FAR}
    assert erasures.unfinished() == 1
    assert ("anna", True) in stored(erasures)
    erasures.scrubbed(KEYED, at=FAR + 1)
    marks.append(mark(erasures))
    erasures.finish(KEYED, "anna", at=FAR + 2, receipt=lambda _: "whole")
    done = erasures.find(KEYED)
    assert (done.customer_key, done.finished, done.receipt) == (None, True, "whole")
    assert (erasures.customer("anna"), stored(erasures)) == (None, [("bob", True)])
    assert len(set(marks)) == 3
    assert mark(erasures) == marks[-1]  # what was trained after the scrubbing is as it should be
    assert erasures.unfinished() == 0
    assert erasures.settle_pages()


def test_who_comes_back_is_erased_again_and_who_opted_out_closes_nothing(erasures):
    told = []
    for at in (FAR, FAR + 9):
        erasures.begin("bob", OTHER, at=at, receipt=lambda _, counted: str(told.append(counted)))
        erasures.finish(OTHER, "nobody", at=at, receipt=lambda _: str(FAR))
    assert told == [False, False]
    assert erasures.until() == {OTHER: FAR + 9}
    assert erasures.find(KEYED) is None


def test_an_id_is_known_by_a_hash_under_a_key_of_this_node(tmp_path):
    hashes = []
    for name in ("one", "other"):
        (tmp_path / name / "keys").mkdir(parents=True)
        ids = ErasedIds(tmp_path / name)
        ids.make_key(lambda count, name=name: name.encode().ljust(count))
        ids.make_key(bytes)  # there is one already
        hashes += [ids.keyed("anna"), ids.keyed("anna"), ids.keyed("bob")]
    assert hashes[0] == hashes[1]
    assert len({*hashes}) == 4
