"""CSV as shops export it: several files, columns in another order, broken lines, other separators."""

import csv

import duckdb
import pytest
from sqlalchemy import select

from participant.intake import checks, read
from participant.store.record_tables import customers
from protocols.service.unit_of_work import reading
from tests.participant.shop import NOW, node, write_catalogue

HEADER = "customer,item,basket,time,quantity\n"
ONE = "ann,item-00a,b1,2000000,1\n"


def take(tmp_path, *texts, catalogue=None):
    """Import CSV files with these contents; the report and who bought."""
    files = [tmp_path / f"sales-{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, newline="")
    db = node(tmp_path / "home")
    known = catalogue or write_catalogue(tmp_path / "catalogue.parquet")
    report = read(files, home=tmp_path / "home", engine=db, catalogue=[known], now=NOW)
    with reading(db) as connection:
        return report, sorted(connection.execute(select(customers.c.external_id)).scalars())


@pytest.mark.parametrize(
    "second",
    [
        HEADER + "bob,item-01a,b2,2000000,1\n",
        "item,customer,basket,time,quantity\nitem-01a,bob,b2,2000000,1\n",
        "customer,item,basket,time,quantity,till\nbob,item-01a,b2,2000000,1,9\n",
    ],
    ids=["same columns", "another order", "one more column"],
)
def test_several_files_are_joined_by_the_names_of_their_columns(tmp_path, second):
    report, who = take(tmp_path, HEADER + ONE, second)
    assert (report.kept, report.rejected) == (2, {})
    assert who == ["ann", "bob"]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (HEADER.replace(",", ";") + ONE.replace(",", ";"), "ann"),
        (HEADER.replace(",", "\t") + ONE.replace(",", "\t"), "ann"),
        ("\ufeff" + HEADER + ONE, "ann"),
        ((HEADER + ONE).replace("\n", "\r\n"), "ann"),
        (HEADER + '"Ann, ""the first""",item-00a,b1,2000000,1\n', 'Ann, "the first"'),
        (HEADER + "0012,item-00a,b1,2000000,1\n", "0012"),
    ],
    ids=["semicolons", "tabs", "byte order mark", "windows lines", "quotes", "leading zeros"],
)
def test_what_spreadsheets_write_is_read_as_it_was_meant(tmp_path, text, who):
    report, found = take(tmp_path, text)
    assert (report.kept, report.rejected, found) == (1, {}, [who])


def test_broken_lines_are_refused_each_with_its_own_file_and_line(tmp_path):
    report, _ = take(
        tmp_path,
        HEADER + ONE + "too,few\n",
        HEADER + "bob,item-01a,b2,2000000,1\n" + "one,too,many,2000000,1,7\n" + "too,few\n",
    )
    assert (report.kept, report.rejected) == (2, {"malformed-line": 3})
    with report.rejected_file.open() as stream:
        written = [(row["file"].rsplit("/", 1)[1], int(row["line"])) for row in csv.DictReader(stream)]
    assert written == [("sales-0.csv", 3), ("sales-1.csv", 3), ("sales-1.csv", 4)]


def test_a_broken_line_of_the_catalogue_is_no_refused_purchase(tmp_path):
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("item,concept,name\nitem-00a,bread,Bread\nitem-01a,milk\n")
    report, _ = take(tmp_path, HEADER + ONE, catalogue=catalogue)
    assert (report.rows_read, report.kept, report.rejected) == (1, 1, {})


def test_what_is_trimmed_in_python_is_what_is_trimmed_in_an_import():
    spaces = [chr(code) for code in range(1, 0x3100) if chr(code).isspace()]
    with duckdb.connect() as work:
        for each in spaces:
            row = work.execute(
                f"SELECT {checks.text('id')} FROM (SELECT ? AS id)", [f"{each}a{each}"]
            ).fetchone()
            assert row == (checks.trimmed(f"{each}a{each}"),), hex(ord(each))
