import numpy as np
import pytest

from participant.store.calendar import Calendar
from protocols.errors import BadInput
from protocols.questions.moments import HOURS, SEASONS, WEEK


def at(text):
    return np.array([int(np.datetime64(text, "s").astype(np.int64))])


@pytest.mark.parametrize(
    ("zone", "utc", "band"),
    [
        ("UTC", "2017-08-14T04:00", "Monday night"),
        ("America/New_York", "2017-08-14T03:59", "Sunday late evening"),  # summer time: four hours behind
        ("America/New_York", "2017-12-04T14:59", "Monday morning"),  # winter time: five
        ("America/New_York", "2017-12-04T15:00", "Monday midday"),
        ("Asia/Kolkata", "2017-08-13T18:30", "Monday night"),  # five and a half hours ahead
        ("Europe/Rome", "2017-10-29T00:59", "Sunday night"),
    ],
)
def test_the_hour_is_that_of_the_shops_wall_clock(zone, utc, band):
    calendar = Calendar(zone)
    assert WEEK[int(calendar.bands(calendar.local(at(utc)))["week"][0])] == band


def test_the_hour_that_comes_twice_and_the_one_that_never_comes_are_told_apart():
    rome = Calendar("Europe/Rome")
    autumn = rome.local(np.concatenate([at("2017-10-29T00:30"), at("2017-10-29T01:30")]))
    assert (autumn % 86_400 // 3_600).tolist() == [2, 2]
    spring = rome.local(np.concatenate([at("2017-03-26T00:30"), at("2017-03-26T01:30")]))
    assert (spring % 86_400 // 3_600).tolist() == [1, 3]


def test_january_is_summer_in_the_south():
    january = at("2017-01-15T12:00")
    assert SEASONS[int(Calendar().bands(january)["season"][0])] == "winter"
    assert SEASONS[int(Calendar(southern=True).bands(january)["season"][0])] == "summer"


def test_a_time_typed_on_the_page_is_the_shops_own():
    rome = Calendar("Europe/Rome")
    typed = rome.instant("2017-07-01T12:00")
    assert typed == int(at("2017-07-01T10:00")[0])
    assert HOURS[int(rome.bands(rome.local(np.array([typed])))["week"][0]) % len(HOURS)] == "midday"


@pytest.mark.parametrize("typed", ["noon", "2017-02-30T12:00", "2017-07-01", "2017-07-01T12:00Z"])
def test_a_time_that_is_none_is_one_clear_message(typed):
    with pytest.raises(BadInput, match="2017-08-14T09:30"):
        Calendar().instant(typed)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_one_clear_message(zone):
    with pytest.raises(BadInput, match="Europe/Rome"):
        Calendar(zone)
