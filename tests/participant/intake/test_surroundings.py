import numpy as np
import pyarrow.parquet as pq
import pytest

from participant.intake import ColumnMapping, read, read_surroundings
from participant.intake.faults import NothingKept, UnknownColumn
from participant.intake.surroundings import REASONS
from participant.store.records import Records
from participant.store.surroundings import load
from protocols.questions.moments import EVENTS, FACETS, LOCATIONS, UNKNOWN, WEATHER
from tests.participant.shop import DAY, NOW, VOCABULARY, node, write_catalogue, write_sales

WEEK, WEATHER_AT, LOCATION_AT = (list(FACETS).index(name) for name in ("week", "weather", "location"))


def told(home, text, **options):
    home.mkdir(exist_ok=True, parents=True)
    path = home / "told.csv"
    path.write_text(text, encoding="utf-8")
    db = options.pop("engine", None) or node(home)
    return read_surroundings([path], home=home, engine=db, **options), db


def bands(db, day, store=""):
    known = load(db)
    place = known.stores.index(store) + 1 if store in known.stores else 0
    found = known.bands(np.array([day]), np.array([place]))
    return {kind: int(band[0]) for kind, band in found.items()}


def test_words_of_a_day_and_a_store_are_kept_and_the_nearest_one_counts(tmp_path):
    report, db = told(
        tmp_path,
        "day,store,weather,location,event\n"
        "1970-01-04,,hot-dry,,festival\n"
        "1970-01-04,north,COLD-wet,,\n"
        ",north,,station,\n",
    )
    assert (report.rows_read, report.kept, dict(report.known)) == (
        3,
        3,
        {"weather": 2, "location": 1, "event": 1},
    )
    north = bands(db, 3, "north")
    assert north == {
        "weather": WEATHER.index("cold-wet"),
        "location": LOCATIONS.index("station"),
        "event": EVENTS.index("festival"),
    }
    assert bands(db, 3)["weather"] == WEATHER.index("hot-dry")
    assert bands(db, 4, "north")["weather"] == UNKNOWN
    assert bands(db, 3)["location"] == UNKNOWN


def test_temperature_and_rain_become_a_band(tmp_path):
    _, db = told(tmp_path, "date,tmax,precipitation\n19700104,25.5,0\n19700105,-3,4.2\n")
    assert bands(db, 3)["weather"] == WEATHER.index("hot-dry")
    assert bands(db, 4)["weather"] == WEATHER.index("cold-wet")


def test_what_is_told_later_takes_the_place_of_what_was_known_and_nothing_else(tmp_path):
    _, db = told(tmp_path, "day,weather,event\n1970-01-04,hot-dry,sport\n1970-01-05,hot-dry,sport\n")
    told(tmp_path, "day,weather\n1970-01-04,cold-dry\n", engine=db)
    assert bands(db, 3) == {"weather": 0, "location": UNKNOWN, "event": EVENTS.index("sport")}
    assert bands(db, 4)["weather"] == WEATHER.index("hot-dry")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("tomorrow,,mild-dry,,,,", "wrong-day"),
        (",,mild-dry,,,,", "no-day-or-store"),
        ("1970-01-04,,sunny,,,,", "unknown-weather"),
        ("1970-01-04,,,warm,0,,", "wrong-temperature"),
        ("1970-01-04,,,12,,,", "wrong-temperature"),
        ("1970-01-04,,,,,moon,", "unknown-location"),
        ("1970-01-04,,,,,,eclipse", "unknown-event"),
        ("1970-01-04,north,,,,,", "nothing-said"),
    ],
)
def test_a_row_that_says_nothing_usable_is_counted_by_its_reason(tmp_path, row, reason):
    assert reason in REASONS
    head = "day,store,weather,temperature,rain,location,event\n"
    report, _ = told(tmp_path, f"{head}{row}\n1970-01-09,,hot-wet,,,,\n")
    assert dict(report.rejected) == {reason: 1}
    assert f"1 {reason}" in report.summary
    with pytest.raises(NothingKept, match=reason):
        told(tmp_path / "alone", f"{head}{row}\n")


def test_a_dry_run_keeps_nothing_and_a_column_can_be_named(tmp_path):
    report, db = told(
        tmp_path,
        "datum,weather\n1970-01-04,hot-dry\n",
        mapping=ColumnMapping.parse(["surroundings.day=datum"]),
        dry_run=True,
    )
    assert report.kept == 1
    assert load(db).kinds == ()
    with pytest.raises(UnknownColumn, match=r"`--column day=COLUMN`"):
        told(
            tmp_path,
            "day,weather\n1970-01-04,hot-dry\n",
            mapping=ColumnMapping.parse(["surroundings.day=datum"]),
            engine=db,
        )


def test_visits_have_the_bands_of_their_day_and_store_and_older_files_have_no_store(tmp_path):
    lines = [
        ("ann", "item-00a", "b1", 3 * DAY + 9 * 3600, 1.0),
        ("ann", "item-00b", "b1", 3 * DAY + 9 * 3600, 1.0),
    ]
    sales, catalogue = write_sales(tmp_path / "old.parquet", lines), write_catalogue(tmp_path / "c.parquet")
    db = node(tmp_path)
    read([sales], home=tmp_path, engine=db, catalogue=[catalogue], now=NOW)
    (old,) = tmp_path.glob("data/events/*/events.parquet")
    pq.write_table(
        pq.read_table(old).drop_columns(["store", "paid", "reduced"]), old
    )  # as it was once written
    (tmp_path / "new.csv").write_text(
        "customer,item,time,quantity,store\nbob,item-01a,1970-01-04 18:00,1,north\n"
    )
    read([tmp_path / "new.csv"], home=tmp_path, engine=db, catalogue=[catalogue], now=NOW)
    told(tmp_path, "day,store,weather\n1970-01-04,,hot-dry\n1970-01-04,north,cold-wet\n", engine=db)
    records = Records(tmp_path, db)
    (batch,) = records.visits(VOCABULARY, since=0, until=NOW, customers_until=NOW)
    assert batch.concepts.tolist() == [0, 1]  # two items of one concept in one visit count once
    assert batch.indptr.tolist() == [0, 1, 2]
    assert batch.bands[WEATHER_AT].tolist() == [WEATHER.index("hot-dry"), WEATHER.index("cold-wet")]
    assert [FACETS["week"][band] for band in batch.bands[WEEK]] == ["Sunday morning", "Sunday evening"]
    assert (batch.bands[LOCATION_AT] == UNKNOWN).all()
    assert records.bands_at(3 * DAY, "north")[WEATHER_AT] == WEATHER.index("cold-wet")
    assert records.bands_at(3 * DAY)[WEATHER_AT] == WEATHER.index("hot-dry")
    assert records.bands_at(5 * DAY)[WEATHER_AT] == UNKNOWN
    (rows,) = records.taste_rows(VOCABULARY, since=0, until=NOW, customers_until=NOW)
    assert rows.indices.tolist() == [0, 1]
    again = [
        list(b.seconds) for b in records.visits(VOCABULARY, since=0, until=NOW, customers_until=NOW, batch=1)
    ]
    assert again == [[3 * DAY + 9 * 3600], [3 * DAY + 18 * 3600]]


def test_an_opted_out_customer_is_in_no_visit(tmp_path):
    lines = [(who, "item-00a", "b", 3 * DAY, 1.0) for who in ("ann", "bob")]
    sales, catalogue = write_sales(tmp_path / "s.parquet", lines), write_catalogue(tmp_path / "c.parquet")
    db = node(tmp_path)
    read([sales], home=tmp_path, engine=db, catalogue=[catalogue], now=NOW)
    records = Records(tmp_path, db)
    records.opt_out("ann")
    (batch,) = records.visits(VOCABULARY, since=0, until=NOW, customers_until=NOW)
    assert len(batch) == len(batch.concepts) == 1
