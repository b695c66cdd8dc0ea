import numpy as np
import pytest

from protocols.codec import decode, encode
from protocols.errors import BadInput, MalformedMessage, UnboundedSensitivity
from protocols.questions.moments import FACETS, FACTORS, WEEK, week_band
from protocols.questions.rhythm import RHYTHM, Parameters, Rhythm, length, parse
from protocols.questions.sway import log_ratios

M = 3


def reading(facets="week,season", **cells):
    asked = parse({"until": 9, "facets": facets})
    total = np.zeros(length(asked, M))
    for at, value in cells.items():
        total[int(at[1:])] = value
    return RHYTHM.read(total, asked, M)


def test_cells_are_facet_by_facet_band_by_band_and_concept_by_concept():
    found = reading(c1=5.0, c3=7.0, c127=2.0)
    assert found.counts["week"][0].tolist() == [0, 5, 0]
    assert found.counts["week"][1, 0] == 7
    assert found.counts["season"][0].tolist() == [0, 2, 0]  # 42 bands of the week before it


def test_hour_and_weekday_are_the_two_margins_of_the_week():
    week = np.zeros((len(WEEK), M))
    week[week_band(2, 5), 0] = 3.0  # Saturday midday
    week[week_band(2, 0), 0] = 1.0  # Monday midday
    both = Rhythm(counts={"week": week})
    assert both.factor("hour")[:, 0].tolist() == [0, 0, 4, 0, 0, 0]
    assert both.factor("weekday")[:, 0].tolist() == [1, 0, 0, 0, 0, 3, 0]
    assert both.factors == ("hour", "weekday")
    assert both.factor("weather") is None


@pytest.mark.parametrize("typed", ["", "week,week", "tide", "week;season", 5])
def test_facets_that_are_none_twice_or_unknown_are_one_clear_message(typed):
    with pytest.raises(BadInput, match="week,season,weather,location,event"):
        parse({"until": 9, "facets": typed})


def test_facets_are_in_one_order_however_they_are_typed_and_another_one_is_malformed():
    asked = parse({"until": 9, "facets": "season,week"})
    assert asked.facets == ("week", "season")
    assert decode(Parameters, encode(asked)) == asked
    values = {name: getattr(asked, name) for name in Parameters.__slots__}
    for wrong in (("season", "week"), ("week", "week"), (), ("tide",)):
        with pytest.raises(MalformedMessage):
            Parameters(**{**values, "facets": wrong})


def test_plain_purchases_of_any_number_of_concepts_have_no_price():
    with pytest.raises(UnboundedSensitivity, match="scheme=unit"):
        RHYTHM.sensitivity2(parse({"until": 9}), M)


def test_a_concept_that_noise_drowns_sways_nothing_and_one_that_stands_out_keeps_its_sway():
    season = 100 * np.array([[4000.0, 9.0], [1000.0, -8.0], [1000.0, 4.0], [1000.0, 3.0]])
    plain, aware = (
        log_ratios(each.factor("season"))
        for each in (
            Rhythm(counts={"season": np.maximum(season, 0)}),
            Rhythm(counts={"season": season}).noise_aware(1000.0),
        )
    )
    assert abs(aware[:, 1]).max() < 0.05 < abs(plain[:, 1]).max()
    assert np.allclose(aware[:, 0], plain[:, 0], atol=0.02)


def test_the_officers_sentence_names_what_is_counted_and_until_when():
    said = RHYTHM.describe(parse({"until": "2017-08-14", "facets": "week,weather", "scheme": "unit"}))
    assert "hour of the day and weekday, weather, each customer's part divided" in said
    assert "2017-08-14 00:00 UTC" in said
    assert "event" not in said


def test_every_facet_but_the_week_is_a_factor_with_the_same_bands():
    assert {name: bands for name, bands in FACTORS.items() if name in FACETS} == {
        name: bands for name, bands in FACETS.items() if name != "week"
    }
