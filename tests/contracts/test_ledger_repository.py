"""What the node's privacy ledger promises, on SQLite and on PostgreSQL: lines are added, and that is all."""

from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, inspect, text, update
from sqlalchemy.exc import IntegrityError

from participant.store.attempts import Attempts
from participant.store.exchange_tables import ledger
from participant.store.ledger import LedgerBook, Line
from participant.store.schema import MIGRATIONS
from protocols.ledger import NO_QUOTE, Debit, Quote
from protocols.privacy import Price
from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import reading, transaction

ANSWER, OTHER = b"\x01" * 32, b"\x02" * 32
FAR = 2**40
"""A time, a loss and a cap beyond 32 bits: a narrower column would lose them."""


@pytest.fixture
def db(database):
    upgrade(database, MIGRATIONS)
    return database


def a_debit(number=1, **changes):
    values = {
        "answer_id": ANSWER if number == 1 else OTHER,
        "questions": ("evaluation", "taste"),
        "round": number,
        "attempt": 1,
        "at": FAR,
        "quarter": 222,
        "quote": Quote(price=Price(loss=FAR, customers=FAR), since=5, until=FAR),
    }
    return Debit(**(values | changes))


def migrate_to(database, revision):
    """Run the migrations up to ``revision`` only."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with transaction(database) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_the_ledger_keeps_every_debit_and_what_was_given_back_in_order(db):
    second = a_debit(2, quote=Quote(price=None, since=FAR, until=FAR + 1))
    with transaction(db) as connection:
        book = LedgerBook(connection)
        assert (book.lines(), book.standing().debits) == ((), ())
        book.debit(a_debit(1))
        book.debit(second)
        book.give_back(a_debit(1), at=FAR + 5, reason="never left")
    with reading(db) as connection:
        book = LedgerBook(connection)
        assert book.lines() == (
            Line(debit=a_debit(1), returned_at=FAR + 5, reason="never left"),
            Line(debit=second, returned_at=0, reason=""),
        )
        assert book.standing().debits == (second,)
        assert book.standing().of(ANSWER) is None


def test_an_attempt_is_debited_once_and_given_back_once(db):
    with transaction(db) as connection:
        LedgerBook(connection).debit(a_debit(1))
        LedgerBook(connection).give_back(a_debit(1), at=1, reason="x")
    with pytest.raises(IntegrityError), transaction(db) as connection:
        LedgerBook(connection).debit(a_debit(1))
    with pytest.raises(IntegrityError), transaction(db) as connection:
        LedgerBook(connection).give_back(a_debit(1), at=2, reason="x")
    with transaction(db) as connection:
        LedgerBook(connection).debit(replace(a_debit(1), attempt=2))  # the same answer, after it came back
        assert LedgerBook(connection).standing().of(ANSWER).attempt == 2


@pytest.mark.parametrize(
    "change",
    [update(ledger).values(loss=1), delete(ledger), update(ledger).values(kind="returned")],
    ids=["cheaper", "gone", "given back"],
)
def test_no_line_of_the_ledger_can_be_changed_or_removed(db, change):
    with transaction(db) as connection:
        LedgerBook(connection).debit(a_debit(1))
    with pytest.raises(IntegrityError, match="append-only"), transaction(db) as connection:
        connection.execute(change)
    with reading(db) as connection:
        assert LedgerBook(connection).standing().debits == (a_debit(1),)


def test_a_database_of_the_first_version_gets_the_ledger_and_keeps_its_attempts(database):
    migrate_to(database, "0001")
    with transaction(database) as connection:
        columns = [c["name"] for c in inspect(connection).get_columns("attempts")]
        assert "loss" not in columns
        connection.execute(
            text(
                "INSERT INTO attempts (round, attempt, answer_id, config, config_hash, state, sealed_state, "
                "transcript, survivors, reason, opened_at) VALUES (1, 1, :answer, :config, :hash, 'Advertised', "
                ":sealed, :empty, :empty, '', :far)"
            ),
            {
                "answer": ANSWER,
                "config": b"config",
                "hash": bytes(32),
                "sealed": b"ciphertext",
                "empty": b"",
                "far": FAR,
            },
        )
    upgrade(database, MIGRATIONS)
    with reading(database) as connection:
        kept = Attempts(connection).find(1, 1)
        assert (kept.state, kept.opened_at, kept.concepts, kept.quote) == ("Advertised", FAR, 0, NO_QUOTE)
        assert LedgerBook(connection).lines() == ()
