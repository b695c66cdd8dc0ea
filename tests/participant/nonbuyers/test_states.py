import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.nonbuyers import states
from participant.nonbuyers.tally import tally, traits
from protocols.codec import encode
from protocols.limits import FRACTION_BITS
from protocols.questions import nonbuyers
from protocols.questions.nonbuyers import STATES
from tests.participant.nonbuyers.scene import ANN, BOB, EXPECTED, UNTIL, VOCABULARY, scene
from tests.participant.shop import DAY

NAMES = VOCABULARY.concepts


def found(records, batch=10):
    """State by customer key and concept."""
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    journeys = records.journeys(VOCABULARY, shelf, since=0, until=UNTIL, customers_until=UNTIL, batch=batch)
    return {
        int(key): dict(zip(NAMES, (STATES[code] for code in row), strict=True))
        for part in journeys
        for key, row in zip(part.customer_keys, states(part, shelf, until=UNTIL), strict=True)
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return scene(tmp_path_factory.mktemp("shop"))[0]


def answer(records, **changes):
    asked = nonbuyers.parse({"until": UNTIL} | changes)
    context = AnswerContext(records=records, vocabulary=VOCABULARY, released=lambda _: np.zeros((0, 0)))
    cells = fill("nonbuyers", encode(asked), context)
    return (cells >> FRACTION_BITS).reshape(len(STATES), -1)


@pytest.mark.parametrize("concept", EXPECTED)
def test_each_reason_is_told_from_the_others(shop, concept):
    assert found(shop)[0][concept] == EXPECTED[concept]


def test_the_scene_knows_every_state():
    assert set(EXPECTED.values()) | {"unknown"} == set(STATES)


def test_of_a_customer_whose_store_is_not_known_the_shelves_say_nothing(shop):
    bob = found(shop)[1]
    assert bob["MILK"] == "buys"
    assert {bob[name] for name in ("GHOST", "HIDDEN", "POSTER", "DAILY", "SNACK C")} == {"unknown"}
    assert bob["BRIE"] == "out-of-reach"


def test_without_shelves_only_what_customers_did_gives_a_reason(tmp_path):
    ann = found(scene(tmp_path, with_shelf=False)[0])[0]
    own = {"buys", "lapsed", "tried-once"}
    assert {name: ann[name] for name, state in EXPECTED.items() if state in own} == {
        name: state for name, state in EXPECTED.items() if state in own
    }
    assert ann["DEAL"] == "only-reduced"
    assert {ann[name] for name in ("GHOST", "HIDDEN", "POSTER", "BRIE", "YOGURT")} == {"unknown"}


def test_nobody_elses_purchases_move_a_customers_reasons(shop, tmp_path):
    """What noise for one customer rests on: not even somebody who buys what is not known to be stocked."""
    crowd = tuple(
        (f"d{number}", concept, day, "north", 0.1, 0.1)
        for number in range(5)
        for concept in EXPECTED
        for day in (100, 390)
    )
    crowded = scene(tmp_path, (*ANN, *BOB, *crowd))[0]
    assert found(crowded)[0] == found(shop)[0]
    assert found(crowded)[1] == found(shop)[1]


def test_the_batch_does_not_matter(shop):
    assert found(shop, batch=1) == found(shop, batch=2)


def test_a_customer_counts_once_for_every_concept_and_not_at_all_once_opted_out(tmp_path):
    records = scene(tmp_path)[0]
    both = answer(records)
    assert (both.sum(axis=0) == 2).all()
    records.opt_out("bob")
    alone = answer(records)
    assert (alone.sum(axis=0) == 1).all()
    assert {NAMES[c]: STATES[s] for s, c in np.argwhere(alone)} == EXPECTED


def test_the_answer_about_some_concepts_is_that_part_of_the_whole(shop):
    some = [NAMES.index("BRIE"), NAMES.index("POSTER")]
    assert (answer(shop, concepts=some) == answer(shop)[:, some]).all()


def test_customers_first_seen_too_late_do_not_count(shop):
    assert not answer(shop, customers_until=190 * DAY).any()
    assert (answer(shop, customers_until=191 * DAY).sum(axis=0) == 1).all()


def test_a_later_end_makes_a_lapse_of_what_was_bought(shop):
    ann = STATES.index("lapsed")
    assert answer(shop)[ann, NAMES.index("DAILY")] == 0
    assert answer(shop, until=UNTIL + 90 * DAY)[ann, NAMES.index("DAILY")] == 1


def test_no_group_below_ten_is_described_and_a_larger_one_is(tmp_path):
    lines = tuple(
        (f"c{number:02d}", concept, day, "north", 1.0, 0.0)
        for number in range(10)
        for concept, days in (("MILK", (100, 200, 380)), ("ONCE", (390,)))
        for day in days
    )
    ten = tally(scene(tmp_path / "ten", lines)[0], VOCABULARY, nonbuyers.parse({"until": UNTIL}))
    profile = ten.profile("buys", NAMES.index("MILK"))
    assert (profile.breadth, profile.appetite) == (2.0, 0.5)
    assert profile.rhythm == pytest.approx(4 / (300 / 28))
    nine = tally(scene(tmp_path / "nine", lines[:-4])[0], VOCABULARY, nonbuyers.parse({"until": UNTIL}))
    assert nine.customers == 9
    assert nine.profile("buys", NAMES.index("MILK")) is None


def test_whoever_came_for_the_first_time_has_no_appetite_yet(tmp_path):
    records = scene(tmp_path, BOB)[0]
    shelf = records.shelf(VOCABULARY, since=0, until=UNTIL)
    (batch,) = records.journeys(VOCABULARY, shelf, since=0, until=UNTIL, customers_until=UNTIL)
    assert traits(batch, until=UNTIL)[0, 3:].tolist() == [0, 0]
