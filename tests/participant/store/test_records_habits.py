import numpy as np
import pytest

from participant.models import Windows, learn
from participant.store.records_habits import Habits
from participant.surprise.measures import MINIMUM_ELSEWHERE, appeal_elsewhere
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, exchange, made_up_lines, shop


def test_habits_are_counted_as_their_names_say(tmp_path):
    lines = [
        ("a", f"item-{c:02d}a", f"b{c}-{d}", d * DAY, 1.0)
        for c, d in ((0, 1), (0, 100), (1, 100), (2, 100), (2, 150))
    ]
    lines += [("b", "item-00a", "b", 50 * DAY, 1.0), ("late", "item-00a", "b", 120 * DAY, 1.0)]
    records, _, _ = shop(tmp_path, lines)
    found = records.habits(VOCABULARY, until=151 * DAY, customers_until=119 * DAY, obvious=np.array([0]))
    assert len(found) == 2
    a = {name: getattr(found, name)[0] for name in Habits.__slots__}
    expected = {"kinds": 3, "tail": 2, "visits": 3, "recent_visits": 2, "purchases": 4, "fresh": 2, "bold": 2}
    assert {name: a[name] for name in expected} == expected
    b = {name: getattr(found, name)[1] for name in Habits.__slots__}
    assert (b["kinds"], b["tail"], b["purchases"], b["fresh"]) == (1, 0, 0, 0)
    assert (a["timed"], a["late"]) == (0, 0.0)  # nothing has twenty buyers
    assert (
        records.habits(VOCABULARY, until=DAY, customers_until=DAY, obvious=np.array([0])).kinds.tolist() == []
    )


def test_lateness_is_the_share_of_buyers_who_were_earlier(tmp_path):
    lines = [(f"c{u:02d}", "item-05a", f"b{u}", (u + 1) * DAY, 1.0) for u in range(21)]
    records, _, _ = shop(tmp_path, lines)
    found = records.habits(VOCABULARY, until=99 * DAY, customers_until=99 * DAY, obvious=np.array([0]))
    assert found.late.tolist() == pytest.approx([u / 20 for u in range(21)])


def test_a_concept_was_on_sale_from_the_day_of_its_first_sale_on(tmp_path):
    lines = [(f"c{u}", "item-00a", f"b{u}", (10 + u) * DAY, 1.0) for u in range(6)]
    lines += [("c0", "item-01a", "new", 14 * DAY, 1.0), ("c1", "item-01b", "new", 15 * DAY, 1.0)]
    records, _, _ = shop(tmp_path, lines)
    found = records.on_sale(VOCABULARY, until=99 * DAY, customers_until=99 * DAY)
    assert found[:3].tolist() == [1.0, 4 / 8, 0.0]
    earlier = records.on_sale(VOCABULARY, until=14 * DAY, customers_until=99 * DAY)
    assert earlier[:2].tolist() == [1.0, 0.0]
    assert len(found) == len(CONCEPTS)
    assert not records.on_sale(VOCABULARY, until=0, customers_until=99 * DAY).any()


def test_a_new_listing_is_compared_with_the_time_that_it_was_on_sale(tmp_path):
    windows = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
    lines = [line for line in made_up_lines() if line[1][:7] != "item-00" or line[3] > 120 * DAY]
    records, _, _ = shop(tmp_path, lines)
    model = learn(records, VOCABULARY, windows=windows, exchange=exchange()).model
    assert model.on_sale[0] < 0.8
    assert model.least_elsewhere[0] >= MINIMUM_ELSEWHERE
    here = (model.buyers, model.elsewhere, model.least_elsewhere)
    assert appeal_elsewhere(*here, on_sale=model.on_sale)[0] < appeal_elsewhere(*here)[0]
