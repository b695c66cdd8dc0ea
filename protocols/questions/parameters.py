"""Reading a question's parameters from what an admin typed, with one clear message per mistake.

Values come from a command line (text) or from JSON (text, integers, lists of integers). Instants are
unix seconds or ISO 8601 with a zone; a plain date is its midnight in UTC.

>>> instant({"until": "2017-08-14T04:00:00Z"}, "until")
1502683200
>>> instant({"until": "2017-08-14T00:00:00-04:00"}, "until")
1502683200
>>> instant({"until": "14 August"}, "until")
Traceback (most recent call last):
...
protocols.errors.BadInput: expected until as 2017-08-14T04:00:00Z or unix seconds; came '14 August'; correct until
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from protocols.errors import BadInput, MalformedMessage

Given = str | int | Sequence[int]
"""One value as typed: text, an integer, or a list of integers."""

_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:Z|([+-])(\d{2}):(\d{2})))?", re.ASCII
)
"""A date, or a date and a time with its zone; a time without a zone means nothing between companies."""

INSTANT_MAX: Final = 2**40
"""Unix seconds up to here: the year 36812, so that a value in milliseconds is noticed."""


def require(holds: bool, expected: str, came: object) -> None:
    """What a question's parameters have to be, whoever made them.

    Raises:
        MalformedMessage: it does not hold.
    """
    if not holds:
        raise MalformedMessage(expected=expected, came=str(came), do="correct the question's parameters")


def refuse_unknown(values: Mapping[str, Given], known: Collection[str]) -> None:
    """Refuse a parameter that the question does not have.

    Raises:
        BadInput: names the unknown ones and all known ones.
    """
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadInput(
            expected=f"parameters among {', '.join(known)}",
            came=", ".join(unknown),
            do="correct the spelling or leave it out",
        )


def whole(values: Mapping[str, Given], name: str, *, low: int, high: int, default: int | None = None) -> int:
    """A whole number from ``low`` to ``high``.

    Raises:
        BadInput: missing without a default, not whole, or out of range.
    """
    value = _given(values, name, default)
    number = _integer(value)
    if number is None or not low <= number <= high:
        raise _bad(name, f"a whole number from {low} to {high}", value)
    return number


def whole_list(
    values: Mapping[str, Given], name: str, *, low: int, default: Sequence[int]
) -> tuple[int, ...]:
    """Whole numbers from ``low``, typed as ``300,1000,3000`` or as a list.

    Raises:
        BadInput: empty, or an item that is not such a number.
    """
    value = _given(values, name, tuple(default))
    items = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else list(value)
    numbers = [_integer(item) for item in items]
    kept = tuple(number for number in numbers if number is not None and number >= low)
    if not kept or len(kept) != len(items):
        raise _bad(name, f"whole numbers from {low}, such as 300,1000,3000", value)
    return kept


def choice(values: Mapping[str, Given], name: str, among: Sequence[str], *, default: str) -> str:
    """One of the words ``among``.

    Raises:
        BadInput: another word.
    """
    value = _given(values, name, default)
    if not isinstance(value, str) or value not in among:
        raise _bad(name, f"one of {', '.join(among)}", value)
    return value


def hex_bytes(values: Mapping[str, Given], name: str, size: int) -> bytes:
    """Bytes typed as hexadecimal digits.

    Raises:
        BadInput: missing, not hexadecimal, or of another length.
    """
    value = _given(values, name, None)
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != size:
        raise _bad(name, f"{2 * size} hexadecimal digits", value)
    return data


def instant(values: Mapping[str, Given], name: str, *, default: int | None = None) -> int:
    """An instant in unix seconds.

    Raises:
        BadInput: missing without a default, without a zone, or not an instant.
    """
    value = _given(values, name, default)
    number = _integer(value)
    if number is None and isinstance(value, str):
        number = _from_iso(value.strip())
    if number is None or not 0 <= number <= INSTANT_MAX:
        raise _bad(name, "2017-08-14T04:00:00Z or unix seconds", value)
    return number


def say_instant(seconds: int) -> str:
    """An instant in words for an officer.

    >>> say_instant(1502683200)
    '2017-08-14 04:00 UTC'
    """
    return str(np.datetime64(seconds, "s")).replace("T", " ")[:16] + " UTC"


def _from_iso(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, clock, sign, hours, minutes = found.groups(default="")
    try:
        seconds = int(np.datetime64(f"{day}T{clock or '00:00'}", "s").astype(np.int64))
    except ValueError:  # 30 February, 25 o'clock
        return None
    offset = 3600 * int(hours or 0) + 60 * int(minutes or 0)
    return seconds + offset if sign == "-" else seconds - offset


def _integer(value: Given) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip())
    return None


def _given(values: Mapping[str, Given], name: str, default: Given | None) -> Given:
    value = values.get(name, default)
    if value is None:
        raise BadInput(expected=f"the parameter {name}", came="none", do=f"add {name}=...")
    return value


def _bad(name: str, expected: str, value: Given) -> BadInput:
    return BadInput(expected=f"{name} as {expected}", came=repr(value)[:80], do=f"correct {name}")
