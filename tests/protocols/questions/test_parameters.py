"""What an admin may type, and the message for each mistake."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import BadInput
from protocols.questions.parameters import (
    choice,
    hex_bytes,
    instant,
    refuse_unknown,
    say_instant,
    whole,
    whole_list,
)

moments = st.integers(86_400, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_an_instant_with_any_zone_is_the_same_second_everywhere(moment, zone):
    there = moment.astimezone(zone)
    assert instant({"at": there.isoformat()}, "at") == int(there.timestamp())


def test_a_date_is_its_midnight_in_utc_and_numbers_are_seconds():
    assert instant({"at": "1970-01-02"}, "at") == 86_400
    assert instant({"at": 86_400}, "at") == instant({"at": "86400"}, "at") == 86_400
    assert instant({}, "at", default=7) == 7
    assert say_instant(86_400) == "1970-01-02 00:00 UTC"


@pytest.mark.parametrize("typed", [
    "2017-08-14T04:00:00", "14/08/2017", "2017-13-01", "2017-02-30T00:00Z", "2017-08-14T25:00Z", "", "-1", -1,
    1502683200000000, True, [1], "2017-08-14T04:00:00.5Z", "\u0661\u0662",
])  # fmt: skip
def test_an_instant_without_a_zone_or_sense_is_refused(typed):
    with pytest.raises(BadInput, match="2017-08-14T04:00:00Z or unix seconds"):
        instant({"at": typed}, "at")


def test_a_missing_parameter_is_named_with_how_to_add_it():
    with pytest.raises(BadInput, match="add until="):
        instant({}, "until")


def test_an_unknown_parameter_is_named_beside_the_known_ones():
    with pytest.raises(BadInput, match=r"among since, until; came untill"):
        refuse_unknown({"untill": 1, "since": 2}, ["since", "until"])


@pytest.mark.parametrize("typed", ["0", "11", "ten", "1.5", " ", True, [3]])
def test_a_number_out_of_range_or_not_whole_is_refused(typed):
    with pytest.raises(BadInput, match="a whole number from 1 to 10"):
        whole({"n": typed}, "n", low=1, high=10)


@pytest.mark.parametrize(
    ("typed", "numbers"), [("300,1000", (300, 1000)), ([1, 2], (1, 2)), (5, (5,)), ("7", (7,))]
)
def test_a_list_of_numbers_is_read_from_text_or_json(typed, numbers):
    assert whole_list({"n": typed}, "n", low=1, default=(1,)) == numbers


@pytest.mark.parametrize("typed", ["", "1,,2", "1;2", [], [0], "1,x"])
def test_a_list_with_anything_else_in_it_is_refused(typed):
    with pytest.raises(BadInput, match="such as 300,1000,3000"):
        whole_list({"n": typed}, "n", low=1, default=(1,))


@pytest.mark.parametrize("typed", ["abc", "zz" * 4, "00" * 3, 4])
def test_bytes_are_exactly_their_hexadecimal_digits(typed):
    assert hex_bytes({"b": "00ff10aa"}, "b", 4) == b"\x00\xff\x10\xaa"
    with pytest.raises(BadInput, match="8 hexadecimal digits"):
        hex_bytes({"b": typed}, "b", 4)


def test_a_choice_is_one_of_its_words():
    assert choice({}, "c", ("a", "b"), default="b") == "b"
    with pytest.raises(BadInput, match="one of a, b"):
        choice({"c": "x"}, "c", ("a", "b"), default="b")
