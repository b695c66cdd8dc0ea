import csv
import os

import pytest
from sqlalchemy import select

from participant.intake import ColumnMapping, read, staging
from participant.intake.faults import DiskFull, EmptyFile, NothingKept, UnknownColumn, UnreadableFile
from participant.intake.staging import ImportRunning
from participant.store.record_tables import customers, imports
from participant.store.records import Records
from protocols.service.unit_of_work import reading
from tests.participant.shop import (
    DAY,
    NOW,
    VOCABULARY,
    made_up_lines,
    node,
    shop,
    write_catalogue,
    write_sales,
)

HEADER = "customer,item,basket,time,quantity\n"
BAD_ROWS = {
    "missing-customer": ",item-00a,b,2000000,1",
    "missing-item": "c,,b,2000000,1",
    "missing-time": "c,item-00a,b,,1",
    "wrong-time": "c,item-00a,b,yesterday,1",
    "future-time": f"c,item-00a,b,{NOW + 1},1",
    "missing-quantity": "c,item-00a,b,2000000,",
    "wrong-quantity": "c,item-00a,b,2000000,two",
    "zero-quantity": "c,item-00a,b,2000000,0",
    "negative-quantity": "c,item-00a,b,2000000,-1",
    "unknown-item": "c,item-99z,b,2000000,1",
    "duplicate-line": "good,item-00a,b,2000000,1",
}
GOOD_ROW = "good,item-00a,b,2000000,1\n"


def import_csv(tmp_path, text, **kwargs):
    tmp_path.mkdir(exist_ok=True)
    source = tmp_path / "sales.csv"
    source.write_text(text)
    db = node(tmp_path / "home")
    catalogue = write_catalogue(tmp_path / "catalogue.parquet")
    options = {"home": tmp_path / "home", "engine": db, "catalogue": [catalogue], "now": NOW} | kwargs
    return read([source], **options), db


def test_every_kind_of_bad_row_is_rejected_with_its_reason_and_its_line(tmp_path):
    report, _ = import_csv(tmp_path, HEADER + GOOD_ROW + "\n".join(BAD_ROWS.values()) + "\n")
    assert report.kept == 1
    assert report.rejected == dict.fromkeys(BAD_ROWS, 1)
    assert report.rows_read == report.kept + report.already_stored + report.excluded + len(BAD_ROWS)
    with report.rejected_file.open() as stream:
        written = {row["reason"]: int(row["line"]) for row in csv.DictReader(stream)}
    assert written == {reason: line for line, reason in enumerate(BAD_ROWS, start=2)}


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2017-08-14T04:00:00Z", 1502683200),
        ("2017-08-14 06:00:00+02:00", 1502683200),
        ("2017-08-14 04:00:00", 1502683200),
        ("1502683200", 1502683200),
        ("1502683200000", 1502683200),
        ("1502683200000000", 1502683200),
        ("20170814", 1502668800),
    ],
)
def test_times_are_read_in_every_usual_form(tmp_path, time, seconds):
    report, _ = import_csv(tmp_path, HEADER + f"c,item-00a,b,{time},1\n", now=2_000_000_000)
    assert (report.first, report.last) == (seconds, seconds)


def test_complete_journey_and_ga4_columns_are_guessed(tmp_path):
    for names in (
        "household_id,product_id,basket_id,transaction_timestamp,quantity",
        "user_pseudo_id,item_id,transaction_id,event_timestamp,quantity",
    ):
        report, _ = import_csv(tmp_path / names[:4], names + "\n" + GOOD_ROW)
        assert report.kept == 1


def test_a_named_column_wins_over_a_guess_and_an_unknown_one_is_refused(tmp_path):
    text = "customer,who,item,time,quantity\nwrong,right,item-00a,2000000,1\n"
    _, db = import_csv(tmp_path, text, mapping=ColumnMapping.parse(["customer=who"]))
    with reading(db) as connection:
        assert connection.execute(select(customers.c.external_id)).scalar_one() == "right"
    with pytest.raises(UnknownColumn, match="whom"):
        import_csv(tmp_path / "other", text, mapping=ColumnMapping.parse(["customer=whom"]))


def test_a_missing_column_names_the_columns_there_are(tmp_path):
    with pytest.raises(UnknownColumn, match="colour"):
        import_csv(tmp_path, "customer,item,time,colour\nc,item-00a,2000000,red\n")


@pytest.mark.parametrize(("text", "fault"), [("", EmptyFile), (HEADER, EmptyFile)])
def test_an_empty_file_is_refused(tmp_path, text, fault):
    with pytest.raises(fault):
        import_csv(tmp_path, text)


def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path):
    fake = tmp_path / "sales.parquet"
    fake.write_text("no parquet")
    with pytest.raises(UnreadableFile):
        read([fake], home=tmp_path, engine=node(tmp_path))
    with pytest.raises(UnreadableFile, match="not there"):
        read([tmp_path / "nothing.csv"], home=tmp_path, engine=node(tmp_path))


def test_when_every_row_is_rejected_nothing_is_written(tmp_path):
    with pytest.raises(NothingKept, match="zero-quantity"):
        import_csv(tmp_path, HEADER + BAD_ROWS["zero-quantity"] + "\n")
    assert not list((tmp_path / "home/data").glob("events/*"))
    assert not list((tmp_path / "home/data").glob(".staging-*"))


def test_the_same_file_again_changes_nothing(tmp_path):
    records, db, first = shop(tmp_path)
    before = taste(records)
    again = read(
        [tmp_path / "sales.parquet"],
        home=tmp_path,
        engine=db,
        catalogue=[tmp_path / "catalogue.parquet"],
        now=NOW,
    )
    assert (again.kept, again.already_stored, again.repeated) == (0, first.kept, True)
    assert taste(records) == before


def test_an_extended_file_adds_only_what_is_new(tmp_path):
    lines = made_up_lines(customers=5)
    records, db, _ = shop(tmp_path, lines)
    write_sales(tmp_path / "more.parquet", [*lines, ("c000", "item-29a", "late", 350 * DAY, 1.0)])
    report = read(
        [tmp_path / "more.parquet"],
        home=tmp_path,
        engine=db,
        catalogue=[tmp_path / "catalogue.parquet"],
        now=NOW,
    )
    assert (report.kept, report.already_stored) == (1, len(lines))
    assert records.n_customers() == 5


def test_an_earlier_purchase_in_a_later_file_moves_first_seen(tmp_path):
    _, db, _ = shop(tmp_path, [("c", "item-00a", "b", 50 * DAY, 1.0)])
    write_sales(tmp_path / "old.parquet", [("c", "item-01a", "a", 2 * DAY, 1.0)])
    read([tmp_path / "old.parquet"], home=tmp_path, engine=db, now=NOW)
    with reading(db) as connection:
        assert connection.execute(select(customers.c.first_seen)).scalar_one() == 2 * DAY


def test_a_crash_before_the_commit_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(5, "broken disk")

    monkeypatch.setattr(staging, "place", fail)
    with pytest.raises(OSError, match="broken disk"):
        shop(tmp_path)
    db = node(tmp_path)
    with reading(db) as connection:
        assert connection.execute(select(imports)).first() is None
        assert connection.execute(select(customers)).first() is None
    assert not list((tmp_path / "data").glob("events/*"))
    assert not list((tmp_path / "data").glob(".staging-*"))


def test_a_full_disk_is_said_in_words(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging, "place", full)
    with pytest.raises(DiskFull, match="free some space"):
        shop(tmp_path)


def test_a_folder_left_by_a_crash_after_the_rename_is_invisible_and_swept(tmp_path):
    records, db, _ = shop(tmp_path)
    before = taste(records)
    orphan = tmp_path / "data/events/orphan"
    orphan.mkdir()
    os.link(next((tmp_path / "data/events").glob("*/events.parquet")), orphan / "events.parquet")
    assert taste(records) == before
    write_sales(tmp_path / "more.parquet", [("new", "item-00a", "b", DAY, 1.0)])
    read([tmp_path / "more.parquet"], home=tmp_path, engine=db, now=NOW)
    assert not orphan.exists()


def test_a_second_import_at_the_same_time_is_refused(tmp_path):
    with (
        staging.staged(tmp_path / "data", visible=frozenset),
        pytest.raises(ImportRunning),
        staging.staged(tmp_path / "data", visible=frozenset),
    ):
        pass


def test_a_dry_run_reports_and_stores_nothing(tmp_path):
    report, db = import_csv(tmp_path, HEADER + GOOD_ROW, dry_run=True)
    assert (report.kept, report.dry_run) == (1, True)
    assert Records(tmp_path / "home", db).n_customers() == 0


def test_excluded_categories_are_counted_and_left_out(tmp_path):
    catalogue = tmp_path / "c.csv"
    catalogue.write_text("item,concept,category\nitem-00a,x,Fuel\nitem-01a,y,Bread\n")
    text = HEADER + GOOD_ROW + "good,item-01a,b,2000000,1\n"
    report, _ = import_csv(tmp_path, text, catalogue=[catalogue], excluded=["FUEL"])
    assert (report.kept, report.excluded) == (1, 1)


def test_what_the_vocabulary_does_not_know_stays_local_and_is_counted(tmp_path):
    text = HEADER + GOOD_ROW + "good,loose,b,2000000,1\n"
    report, db = import_csv(tmp_path, text, concepts=frozenset(VOCABULARY.concepts))
    assert report.unmapped_share == 0.5
    assert Records(tmp_path / "home", db).unmapped_share(VOCABULARY) == 0.5


def taste(records):
    batches = records.taste_rows(VOCABULARY, since=0, until=NOW, customers_until=NOW)
    return [
        (b.customer_keys.tolist(), b.indptr.tolist(), b.indices.tolist(), b.counts.tolist()) for b in batches
    ]
