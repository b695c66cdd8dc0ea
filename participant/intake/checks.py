"""What makes a row acceptable: one SQL expression that gives the first reason against it, or NULL.

Rows are looked at as text, so that a wrong type is a reason and never a crash.
"""

from collections.abc import Mapping
from typing import Final

from participant.intake.sources import identifier

REASONS: Final = {
    "erased": "the customer was erased, and this was bought before",
    "malformed-line": "the line does not have the columns of its header",
    "missing-customer": "no customer id",
    "missing-item": "no item id",
    "missing-time": "no time of purchase",
    "wrong-time": "the time is not a date, a timestamp or a unix time",
    "future-time": "the time lies in the future",
    "missing-quantity": "no quantity",
    "wrong-quantity": "the quantity is not a number",
    "zero-quantity": "the quantity is zero",
    "negative-quantity": "the quantity is negative (a return?)",
    "unknown-item": "the item is not in the catalogue",
    "duplicate-line": "the same customer, basket, item and time came before",
}

_SPACES: Final = "".join(map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))
"""What DuckDB's TRIM takes off: Unicode's category Zs."""

_INTEGER_TYPES: Final = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "HUGEINT")


def text(column: str) -> str:
    """A column as trimmed text, empty text as NULL."""
    return f"NULLIF(TRIM(CAST({identifier(column)} AS VARCHAR)), '')"


def trimmed(value: str) -> str:
    r"""A value as :func:`text` trims it: customers' ids are compared by it, letter by letter, wherever they come from.

    >>> trimmed("\u00a0c1 "), trimmed("c1\t")  # a tab is part of an id in every import
    ('c1', 'c1\t')
    """
    return value.strip(_SPACES)


def seconds(column: str, kind: str) -> str:
    """Unix seconds (UTC) of a time column, NULL where it cannot be read.

    Timestamps and dates as they are; whole numbers as unix seconds, milli-, micro- or nanoseconds
    by their size, or as YYYYMMDD; text as an ISO timestamp (with or without offset) or as such a
    number. Times without a zone are taken as UTC. Eight digits are a day: unix seconds of 1970 are not.
    """
    name = identifier(column)
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"CAST(floor(epoch({name})) AS BIGINT)"
    if kind in _INTEGER_TYPES:
        return _number_seconds(f"CAST({name} AS BIGINT)")
    words = text(column)
    stamp = f"CAST(floor(epoch(TRY_CAST({words} AS TIMESTAMPTZ))) AS BIGINT)"
    return f"COALESCE({_number_seconds(f'TRY_CAST({words} AS BIGINT)')}, {stamp})"


def _number_seconds(number: str) -> str:
    day = f"CAST(epoch(TRY_STRPTIME(CAST({number} AS VARCHAR), '%Y%m%d')) AS BIGINT)"
    return (
        f"CASE WHEN {number} IS NULL THEN NULL WHEN {number} BETWEEN 19000101 AND 21001231 THEN {day} "
        f"WHEN {number} < 100000000000 THEN {number} WHEN {number} < 100000000000000 THEN {number} // 1000 "
        f"WHEN {number} < 100000000000000000 THEN {number} // 1000000 ELSE {number} // 1000000000 END"
    )


def normalised(mapping: Mapping[str, str], kinds: Mapping[str, str], source: str) -> str:
    """SELECT of the fields of every row of ``source`` as text, with numbers where they can be read."""
    basket, store = (text(mapping[name]) if name in mapping else "NULL" for name in ("basket", "store"))
    paid = number(mapping["paid"]) if "paid" in mapping else "CAST(NULL AS DOUBLE)"
    return f"""
        SELECT row_number() OVER () AS line, filename AS file,
               {text(mapping["customer"])} AS customer, {text(mapping["item"])} AS item, {basket} AS basket,
               {text(mapping["time"])} AS time, {seconds(mapping["time"], kinds[mapping["time"]])} AS seconds,
               {text(mapping["quantity"])} AS quantity,
               {number(mapping["quantity"])} AS units,
               CAST({store} AS VARCHAR) AS store, {paid} AS paid, {reduced(mapping)} AS reduced
        FROM {source}"""


def number(column: str) -> str:
    """A column as a number, NULL where it is none."""
    return f"TRY_CAST({text(column)} AS DOUBLE)"


def reduced(mapping: Mapping[str, str]) -> str:
    """Whether anything was taken off the price of a line, with whatever sign; NULL where no column says so."""
    off = [
        f"coalesce({number(mapping[name])}, 0) <> 0" for name in ("reduction", "coupon") if name in mapping
    ]
    return f"({' OR '.join(off)})" if off else "CAST(NULL AS BOOLEAN)"


def reason(now: int, *, with_catalogue: bool) -> str:
    """SQL CASE over the table ``raw`` of :func:`normalised`: the first of :data:`REASONS` that applies."""
    unknown = "WHEN item NOT IN (SELECT item FROM catalogue) THEN 'unknown-item'" if with_catalogue else ""
    return f"""CASE
        WHEN EXISTS (SELECT 1 FROM erased e WHERE e.customer = raw.customer
                     AND (raw.seconds IS NULL OR raw.seconds <= e.until)) THEN 'erased'
        WHEN customer IS NULL OR length(customer) > 255 THEN 'missing-customer'
        WHEN item IS NULL OR length(item) > 255 THEN 'missing-item'
        WHEN time IS NULL THEN 'missing-time'
        WHEN seconds IS NULL OR seconds <= 0 THEN 'wrong-time'
        WHEN seconds > {int(now)} THEN 'future-time'
        WHEN quantity IS NULL THEN 'missing-quantity'
        WHEN units IS NULL OR NOT isfinite(units) THEN 'wrong-quantity'
        WHEN units = 0 THEN 'zero-quantity'
        WHEN units < 0 THEN 'negative-quantity'
        {unknown}
        END"""
