import numpy as np
import pytest

from participant.intake import read
from participant.store.metadata import metadata
from participant.store.records import Records, UnknownCustomer
from tests.participant.shop import CONCEPTS, DAY, NOW, VOCABULARY, made_up_lines, write_catalogue, write_sales

LINES = [
    ("anna", "item-00a", "b1", 10 * DAY, 1.0),
    ("anna", "item-00b", "b1", 10 * DAY, 1.0),
    ("anna", "item-05a", "b2", 30 * DAY, 1.0),
    ("anna", "loose", "b2", 30 * DAY, 1.0),
    ("bruno", "item-00b", "b3", 12 * DAY, 1.0),
    ("bruno", "item-00b", "b4", 20 * DAY, 1.0),
    ("carla", "item-00b", "b5", 40 * DAY, 1.0),
    ("carla", "item-00b", "b6", 60 * DAY, 1.0),
]


@pytest.fixture
def make(database, tmp_path):
    def build(lines):
        metadata.create_all(database)
        sales = write_sales(tmp_path / "sales.parquet", lines)
        catalogue = write_catalogue(tmp_path / "catalogue.parquet")
        read([sales], home=tmp_path, engine=database, catalogue=[catalogue], now=NOW)
        return Records(tmp_path, database)

    return build


def rows(records, **window):
    found = list(
        records.taste_rows(VOCABULARY, **({"since": 0, "until": NOW, "customers_until": NOW} | window))
    )
    return np.concatenate([batch.dense(len(CONCEPTS)) for batch in found]) if found else np.zeros((0, 30))


def test_a_row_counts_concepts_and_not_items_and_leaves_unmapped_items_out(make):
    (batch,) = make(LINES).taste_rows(VOCABULARY, since=0, until=NOW, customers_until=NOW)
    assert batch.indptr.tolist() == [0, 2, 3, 4]
    assert batch.indices.tolist() == [0, 5, 0, 0]
    assert batch.counts.tolist() == [2, 1, 2, 2]


def test_a_window_is_closed_on_the_left_and_open_on_the_right(make):
    records = make(LINES)
    assert rows(records, since=10 * DAY, until=12 * DAY).sum(1).tolist() == [1, 0, 0]
    assert rows(records, since=10 * DAY + 1, until=12 * DAY + 1).sum(1).tolist() == [0, 1, 0]


def test_customers_count_from_their_first_purchase(make):
    records = make(LINES)
    assert len(rows(records, customers_until=40 * DAY)) == 2
    assert records.n_customers(first_seen_before=40 * DAY) == 2
    assert records.n_customers() == 3


def test_two_windows_line_up_customer_by_customer_at_any_batch(make):
    records = make(made_up_lines(customers=23))
    for batch in (1, 4, 1000):
        pair = [
            [b.customer_keys.tolist() for b in records.taste_rows(VOCABULARY, **window, batch=batch)]
            for window in (
                {"since": 0, "until": 2 * DAY, "customers_until": NOW},
                {"since": 290 * DAY, "until": NOW, "customers_until": NOW},
            )
        ]
        assert pair[0] == pair[1]
        assert [key for keys in pair[0] for key in keys] == list(range(23))


def test_an_opted_out_customer_is_in_no_row_until_it_opts_in_again(make):
    records = make(LINES)
    whole = rows(records)
    records.opt_out("bruno")
    assert records.n_customers() == 2
    assert np.array_equal(rows(records), whole[[0, 2]])
    records.opt_out("bruno", opted_out=False)
    assert np.array_equal(rows(records), whole)


def test_a_history_is_what_one_customer_bought(make):
    history = make(LINES).history("anna", VOCABULARY)
    assert history.concepts.tolist() == [0, 5]
    assert not history.opted_out


def test_an_unknown_customer_is_an_error_that_names_no_person(make):
    with pytest.raises(UnknownCustomer) as caught:
        make(LINES).history("somebody-private", VOCABULARY)
    assert "somebody-private" not in str(caught.value)


def test_the_starter_product_is_the_one_whose_newcomers_stay(make):
    best = make(LINES).starter_products(VOCABULARY, until=NOW)
    assert best[0].item_id == "item-00b"
    assert (best[0].starters, best[0].stayed) == (2, 2)
    assert best[5].item_id == "item-05a"


def test_a_node_without_imports_answers_with_nothing(database, tmp_path):
    metadata.create_all(database)
    records = Records(tmp_path, database)
    assert rows(records).shape == (0, 30)
    assert records.span() == (0, 0)
    assert records.unmapped_share(VOCABULARY) == 0.0
