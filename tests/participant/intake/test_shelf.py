import duckdb
import pytest

from participant.intake import ColumnMapping, read, read_shelf
from participant.intake.faults import NothingKept, UnknownColumn
from participant.store.records import Records
from participant.store.records_writing import RecordsWriter
from tests.participant.nonbuyers.scene import ANN, UNTIL, VOCABULARY, scene, write
from tests.participant.shop import DAY, node

HEADER = "item,store,since,until,display,mailer,price\n"


def import_shelf(folder, text, **options):
    folder.mkdir(exist_ok=True)
    _, catalogue, shelf = write(folder / "files", ANN)
    shelf.write_text(text)
    db = node(folder / "home")
    report = read_shelf([shelf], home=folder / "home", engine=db, catalogue=[catalogue], **options)
    return report, Records(folder / "home", db)


def test_every_kind_of_bad_row_is_counted_by_its_reason(tmp_path):
    bad = {
        "missing-item": ",north,0,1000,,,",
        "missing-store": "milk,,0,1000,,,",
        "wrong-time": "milk,north,1000,1000,,,",
        "wrong-price": "milk,north,0,1000,,,-2",
        "unknown-item": "caviar,north,0,1000,,,",
    }
    report, _ = import_shelf(tmp_path, HEADER + "milk,north,0,1000,,,2\n" + "\n".join(bad.values()) + "\n")
    assert report.rejected == dict.fromkeys(bad, 1)
    assert (report.rows_read, report.kept) == (6, 1)


@pytest.mark.parametrize(
    ("display", "leaflet", "shown"),
    [
        ("", "", 0),
        ("0", "0", 0),
        ("no", "false", 0),
        ("A", "0", 1),
        ("0", "D", 1),
        ("1", "", 1),
        ("true", "no", 1),
    ],
)
def test_a_place_on_display_or_in_the_leaflet_means_shown_and_none_does_not(
    tmp_path, display, leaflet, shown
):
    report, records = import_shelf(tmp_path, f"{HEADER}milk,north,0,1000,{display},{leaflet},\n")
    assert report.shown == shown
    assert records.shelf(VOCABULARY, since=0, until=UNTIL).shown.sum() == shown


def test_a_row_that_does_not_say_until_when_holds_for_a_week(tmp_path):
    _, records = import_shelf(tmp_path, f"{HEADER}milk,north,{10 * DAY},,A,,\n")
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    assert (shelf.spell_since.tolist(), shelf.spell_until.tolist()) == ([10 * DAY], [17 * DAY])
    assert not records.shelf(VOCABULARY, since=17 * DAY, until=UNTIL).stores
    assert records.shelf(VOCABULARY, since=16 * DAY, until=UNTIL).stores == ("north",)


def test_an_item_that_nobody_has_bought_is_stocked_all_the_same(tmp_path):
    _, records = import_shelf(tmp_path, f"{HEADER}ghost,north,0,1000,,,\n")
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    assert shelf.stocked.toarray()[0, VOCABULARY.concepts.index("GHOST")] == 1


def test_the_usual_price_is_that_of_the_items_and_unknown_without(tmp_path):
    _, records = import_shelf(
        tmp_path, f"{HEADER}milk,north,0,9,,,2\nmilk,south,0,9,,,4\nbrie,north,0,9,,,\n"
    )
    price = records.shelf(VOCABULARY, since=0, until=UNTIL).price
    assert price[VOCABULARY.concepts.index("MILK")] == 3.0
    assert price[VOCABULARY.concepts.index("BRIE")] != price[VOCABULARY.concepts.index("BRIE")]  # NaN


def test_the_same_files_again_change_nothing_and_a_dry_run_stores_nothing(tmp_path):
    text = f"{HEADER}milk,north,0,1000,A,,\n"
    report, records = import_shelf(tmp_path, text, dry_run=True)
    assert (report.kept, records.shelf(VOCABULARY, since=0, until=UNTIL).stores) == (1, ())
    assert not import_shelf(tmp_path, text)[0].repeated
    assert import_shelf(tmp_path, text)[0].repeated
    assert len(list((tmp_path / "home" / "data" / "shelves").iterdir())) == 1


def test_a_crash_before_the_commit_leaves_nothing_visible_and_the_next_import_works(tmp_path, monkeypatch):
    text = f"{HEADER}milk,north,0,1000,A,,\n"
    real = RecordsWriter.store_shelf

    def crashing(self, record, *, before_commit, **rest):
        def crash():
            before_commit()
            raise KeyboardInterrupt

        real(self, record, before_commit=crash, **rest)

    monkeypatch.setattr(RecordsWriter, "store_shelf", crashing)
    with pytest.raises(KeyboardInterrupt):
        import_shelf(tmp_path, text)
    records = Records(tmp_path / "home", node(tmp_path / "home"))
    assert records.shelf(VOCABULARY, since=0, until=UNTIL).stores == ()
    monkeypatch.setattr(RecordsWriter, "store_shelf", real)
    assert import_shelf(tmp_path, text)[1].shelf(VOCABULARY, since=0, until=UNTIL).stores == ("north",)


def test_a_list_without_an_acceptable_row_or_without_a_store_is_refused(tmp_path):
    with pytest.raises(NothingKept, match="unknown-item"):
        import_shelf(tmp_path, f"{HEADER}caviar,north,0,1000,,,\n")
    with pytest.raises(UnknownColumn, match="store"):
        import_shelf(tmp_path, "item,since\nmilk,0\n")


def test_named_columns_win_and_complete_journey_s_are_guessed(tmp_path):
    (tmp_path / "files").mkdir()
    _, catalogue, shelf = write(tmp_path / "files", ANN)
    shelf.write_text("product_id,store_id,week_start,display_location,mailer_location,ean\nx,7,0,9,0,milk\n")
    db = node(tmp_path / "home")
    mapping = ColumnMapping.parse(["shelf.item=ean"])
    report = read_shelf([shelf], home=tmp_path / "home", engine=db, catalogue=[catalogue], mapping=mapping)
    assert (report.kept, report.shown, report.stores) == (1, 1, 1)


def test_purchases_read_in_without_stores_are_read_beside_later_ones_with(tmp_path):
    """Event files from before have no such columns: they count, and nothing is known of their stores."""
    home = tmp_path / "home"
    records, db, _, _ = scene(home)
    (old,) = (home / "data" / "events").glob("*/events.parquet")
    with duckdb.connect() as work:
        kept = f"SELECT customer_key, item_key, basket, seconds, units FROM read_parquet('{old}')"
        work.execute(f"CREATE TABLE kept AS {kept}")
        work.execute(f"COPY kept TO '{old}' (FORMAT parquet)")
    sales, catalogue, _ = write(tmp_path / "more", (("eve", "MILK", 399, "north", 1.0, 0.0),))
    assert read([sales], home=home, engine=db, catalogue=[catalogue], now=UNTIL).kept == 1
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    (batch,) = records.journeys(VOCABULARY, shelf, since=0, until=UNTIL, customers_until=UNTIL)
    assert batch.elsewhere.tolist() == [True, True, False]
    assert batch.reduced.sum() == 0


@pytest.mark.parametrize(
    ("off", "coupon", "reduced"), [("0", "0", 0), ("", "", 0), ("0.5", "", 1), ("-0.5", "", 1), ("0", "1", 1)]
)
def test_a_line_is_reduced_if_anything_was_taken_off_with_whatever_sign(tmp_path, off, coupon, reduced):
    _, catalogue, _ = write(tmp_path / "files", ANN)
    sales = tmp_path / "sales.csv"
    sales.write_text(
        "household_id,product_id,transaction_timestamp,quantity,store_id,sales_value,retail_disc,coupon_disc\n"
        f"h,milk,{DAY},2,7,5.0,{off},{coupon}\n"
    )
    db = node(tmp_path / "home")
    read([sales], home=tmp_path / "home", engine=db, catalogue=[catalogue], now=UNTIL)
    records = Records(tmp_path / "home", db)
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    (batch,) = records.journeys(VOCABULARY, shelf, since=0, until=UNTIL, customers_until=UNTIL)
    assert batch.reduced.tolist() == [reduced]
    assert batch.dearest.tolist() == [2.5]
