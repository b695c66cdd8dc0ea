"""A shop with more customers than a question's cap: one account more or less, through the intake that ships.

There one account displaces another, and `protocols.ledger.DISPLACED` is charged: the answer may move by twice what
the question declares, its square by four times, and never by more.
"""

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.errors import RecordsChanged
from participant.intake import read
from participant.models.gram import WholeGram
from participant.store.pairs import paired_rows
from participant.store.records import Records
from participant.store.records_cap import KEY_FILE, CapOrder
from protocols.codec import encode
from protocols.ledger import DISPLACED
from protocols.questions import QUESTIONS
from tests.benchmarks.consortium import customer_ids
from tests.participant.answers.neighbours import END, NEIGHBOURS, WORDS, Encoders, MemoryRecords
from tests.participant.answers.test_sensitivity import moved2
from tests.participant.shop import (
    CONCEPTS,
    DAY,
    NOW,
    VOCABULARY,
    made_up_lines,
    node,
    shop,
    write_catalogue,
    write_sales,
)

pytestmark = pytest.mark.timeout(300)

CAP = 20
CHANGES = {
    "without c000": True,
    "without c023": True,
    "without c039": False,
    "with a000": True,
    "with c0205": False,
    "with z999": True,
}
"""The first account less, one in the middle and the last; and one more before, between and after all others. With
the secret of these tests an account is within the cap and displaces another (True), or it is beyond."""


def released(_release):
    """A Gram matrix over the concepts of the made-up shop."""
    rows = np.random.default_rng(4).random((80, len(CONCEPTS)))
    return WholeGram(matrix=rows.T @ rows / 8 + np.diag(np.full(len(CONCEPTS), 10.0)))


def opened(home, lines, later=()):
    """A shop whose node has always the same secret, with what it read in at first and later."""
    (home / "keys").mkdir(parents=True)
    (home / KEY_FILE).write_bytes(bytes(range(32)))
    records, db, _ = shop(home, lines)
    if later:
        read([write_sales(home / "later.parquet", later)], home=home, engine=db, now=NOW)
    return records


def changed(lines, change):
    which, who = change.split()
    if which == "without":
        return [line for line in lines if line[0] != who]
    bought = [
        (who, item, f"{who}-{basket}", at, count) for c, item, basket, at, count in lines if c == "c007"
    ]
    return sorted([*lines, *bought])


def answers(records):
    context = AnswerContext(
        records=records, vocabulary=VOCABULARY, released=released, encoders=Encoders(released)
    )
    return {
        name: fill(
            name, encode(QUESTIONS[name].parse({**NEIGHBOURS[name].shop, "customers_cap": CAP})), context
        )
        for name in sorted(QUESTIONS)
    }


def counted(records):
    """Ids of the customers within the cap."""
    names = customer_ids(records)
    rows = records.taste_rows(VOCABULARY, since=0, until=NOW, customers_until=NOW, customers_cap=CAP)
    return {names[key] for batch in rows for key in batch.customer_keys.tolist()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Answers of the whole shop, and who is counted in them."""
    records = opened(tmp_path_factory.mktemp("capped") / "whole", made_up_lines(40))
    return answers(records), counted(records)


@pytest.mark.parametrize(("change", "displaces"), CHANGES.items())
def test_beyond_the_cap_one_account_moves_an_answer_by_no_more_than_is_charged(
    whole, tmp_path, change, displaces
):
    before, kept = whole
    assert len(kept) == CAP
    records = opened(tmp_path / "changed", changed(made_up_lines(40), change))
    after = answers(records)
    assert len(counted(records) - kept) == len(kept - counted(records)) == displaces
    for name, kind in QUESTIONS.items():
        declared = 2 * kind.sensitivity2(kind.parse(NEIGHBOURS[name].shop), len(VOCABULARY))
        moved = moved2(kind, before[name], after[name], len(VOCABULARY))
        assert displaces <= moved <= DISPLACED * declared, name


def test_who_came_in_an_earlier_import_moves_nobody_of_a_later_one_either(tmp_path):
    lines = made_up_lines(40)
    late = {f"c{number:03d}" for number in range(0, 40, 2)}
    both = []
    for change in ("without nobody", "without c001"):
        mine = changed(lines, change)
        home = tmp_path / change.replace(" ", "-")
        first, later = ([line for line in mine if (line[0] in late) is is_late] for is_late in (False, True))
        both.append(counted(opened(home, first, later)))
    assert len(both[1] - both[0]) <= 1


def test_the_order_is_a_nodes_own_secret_and_stays(tmp_path):
    names = [f"c{number}" for number in range(50)]

    def order(home):
        place = CapOrder(home).places()
        return sorted(names, key=place)

    first = order(tmp_path / "one")
    assert order(tmp_path / "one") == first != order(tmp_path / "two")
    assert ((tmp_path / "one" / KEY_FILE).stat().st_mode & 0o777) == 0o600
    assert first != sorted(names)


def test_a_customer_who_comes_between_two_windows_is_noticed_and_shifts_nobody():
    class Growing(MemoryRecords):
        """One customer more at every pass."""

        __slots__ = ()
        passes = 0

        def taste_rows(self, *given, **asked):
            Growing.passes += 1
            return MemoryRecords(customers=self.customers * Growing.passes).taste_rows(*given, **asked)

    span = {"history_until": 100, "target_until": END, "customers_until": 100, "customers_cap": 9}
    with pytest.raises(RecordsChanged):
        list(paired_rows(Growing(customers=({(50, 1): 1},)), WORDS, **span))


@pytest.mark.parametrize("described", [0, 1])
def test_what_one_customer_buys_never_decides_what_the_purchases_of_others_are(tmp_path, described):
    """One of two imports has a catalogue, and only one customer buys an item in it that another buys in the other."""
    anna = ("anna", "item-03a", "a", 5 * DAY, 1.0)
    carla = ("carla", "item-07b", "c", 8 * DAY, 1.0)
    zoe = ("zoe", "item-03a", "z", 9 * DAY, 1.0)

    def concepts(home, *described_lines):
        db = node(home)
        catalogue = [write_catalogue(home / "catalogue.parquet")]
        for number in (0, 1):
            lines = described_lines if number == described else [anna]
            sales = write_sales(home / f"{number}.parquet", list(lines))
            read([sales], home=home, engine=db, catalogue=catalogue if number == described else (), now=NOW)
        return Records(home, db).history("anna", VOCABULARY).concepts.tolist()

    assert concepts(tmp_path / "with", carla, zoe) == concepts(tmp_path / "without", carla) == [3]
