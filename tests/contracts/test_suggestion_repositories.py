"""What the officer's rulings and customers' own words about appetite promise, on SQLite and on PostgreSQL."""

import pytest
from sqlalchemy import insert

from participant.store.appetites import Answered, SaidAppetites
from participant.store.erasures import Erasures
from participant.store.record_tables import customers
from participant.store.records import UnknownCustomer
from participant.store.rulings import Ruling, Rulings
from participant.store.schema import MIGRATIONS
from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import reading, transaction

FAR = 2**40
"""A time beyond 32 bits: a narrower column would lose it."""
KEYED = b"\x01" * 32


@pytest.fixture
def db(database):
    upgrade(database, MIGRATIONS)
    with transaction(database) as connection:
        for key, name in enumerate(("anna", "bob")):
            row = {"customer_key": key, "external_id": name, "opted_out": name == "bob", "first_seen": 1}
            connection.execute(insert(customers).values(**row))
    return database


def answered(customer="anna", at=FAR, **answers):
    return Answered(customer=customer, consented_at=at, **({"uniqueness": 4.5, "openness": 2.0} | answers))


def test_rulings_are_kept_in_order_and_their_number_grows(db):
    made = [Ruling(at=FAR + n, subject="red wine", named="Red  Wine", allowed=bool(n % 2)) for n in range(3)]
    with transaction(db) as connection:
        marks = [Rulings(connection).last()]
        for ruling in made:
            Rulings(connection).add(ruling)
            marks.append(Rulings(connection).last())
    assert marks == sorted(set(marks))
    with reading(db) as connection:
        assert list(Rulings(connection).all()) == made


def test_answers_are_kept_the_newest_consent_counts_and_a_removal_outlives_older_ones(db):
    said = SaidAppetites(db)
    assert (said.find("anna").removed, said.find("anna").answers, said.find("bob").opted_out) == (
        False,
        (),
        True,
    )
    assert said.keep(answered())
    assert (said.find("anna").consented_at, said.find("anna").answers) == (FAR, (4.5, 2.0))
    assert not said.keep(answered(at=FAR - 1, openness=5.0))
    assert said.find("anna").answers == (4.5, 2.0)
    said.remove("anna", at=FAR + 10)
    assert (said.find("anna").removed, said.find("anna").consented_at, said.find("anna").answers) == (
        True,
        0,
        (),
    )
    assert not said.keep(answered(at=FAR + 10))
    assert said.find("anna").removed
    assert said.keep(answered(at=FAR + 11))
    assert (said.find("anna").removed, said.find("anna").answers) == (False, (4.5, 2.0))
    assert said.find("bob").answers == ()


def test_nothing_is_kept_of_somebody_unknown(db):
    said = SaidAppetites(db)
    for call in (
        lambda: said.find("eve"),
        lambda: said.keep(answered("eve")),
        lambda: said.remove("eve", at=1),
    ):
        with pytest.raises(UnknownCustomer):
            call()


def test_an_erasure_takes_the_answers_of_that_customer_and_of_nobody_else(db):
    said, erasures = SaidAppetites(db), Erasures(db)
    for name in ("anna", "bob"):
        said.keep(answered(name))
    erasures.begin("anna", KEYED, at=1, receipt=lambda *_: "begun")
    erasures.finish(KEYED, "anna", at=2, receipt=lambda _: "done")
    with transaction(db) as connection:
        row = {"customer_key": 0, "external_id": "anna", "opted_out": False, "first_seen": 1}
        connection.execute(insert(customers).values(**row))
    assert said.find("anna").answers == ()
    assert said.find("bob").answers == (4.5, 2.0)
