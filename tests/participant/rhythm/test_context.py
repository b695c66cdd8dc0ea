"""From files to a list: every covariate, turned on, changes what is measured and what is shown."""

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.intake import read_surroundings
from participant.models.holdout import hold_out
from participant.models.sway import Rhythms, own_rhythm, ratios_of
from participant.models.swaying import Judged, gains
from participant.models.visits import HeldVisits, held_visits
from participant.surprise import recommend, train
from protocols.codec import encode
from protocols.limits import FRACTION_BITS
from protocols.questions import rhythm
from protocols.questions.moments import FACTORS
from tests.participant.rhythm.scene import (
    CONCEPTS,
    CUSTOMERS,
    FACTOR_OF,
    FIT,
    LATE,
    NAMES,
    TEST,
    VALID,
    WANTS_EARLY,
    WINDOWS,
    WORDS,
    World,
    company,
    early,
)

TOLD = ("weather", "location", "event")


def answer(records, until):
    asked = rhythm.parse({"until": until, "customers_until": FIT})
    context = AnswerContext(records=records, vocabulary=WORDS, released=lambda _release: np.eye(len(WORDS)))
    return fill("rhythm", encode(asked), context).astype(np.float64) / 2**FRACTION_BITS, asked


def released(members, until):
    """The sum over companies, read as every node reads it."""
    parts = [answer(records, until) for records in members]
    return rhythm.RHYTHM.read(np.sum([cells for cells, _ in parts], axis=0), parts[0][1], len(WORDS))


@pytest.fixture(scope="module")
def world():
    return World.made_up()


@pytest.fixture(scope="module")
def members(tmp_path_factory, world):
    folder = tmp_path_factory.mktemp("companies")
    return [company(folder / str(seed), world, seed, told=TOLD)[0] for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def model(members):
    sums = Rhythms(fitted=released(members, FIT), refitted=released(members, VALID))
    return train(members[0], WORDS, windows=WINDOWS, rhythms=sums)


@pytest.fixture(scope="module")
def test_weeks(members, model):
    """What is ranked on weeks that no choice has seen, and the visits of those weeks."""
    held = hold_out(members[0], WORDS, history_until=VALID, target_until=TEST, customers_until=FIT)
    judged = Judged(
        scores=model.matrix_scores("explore", held.history, held.candidates("explore")),
        history=held.history > 0,
        excluded=np.zeros(len(WORDS), np.bool_),
    )
    span = {"since": VALID, "until": TEST, "customers_until": FIT, "customers_cap": CUSTOMERS}
    return judged, held_visits(members[0], WORDS, **span)


def strengths(model, scenario="explore"):
    return {each.factor: each.strength for each in model.sway.strengths[scenario].each}


@pytest.mark.parametrize("factor", NAMES)
def test_a_covariate_turned_on_finds_more_of_what_is_bought_then(factor, model, test_weeks):
    judged, visits = test_weeks
    assert factor in model.sway.moving("explore"), "validation visits of this company ask for it"
    setting = {factor: model.sway.moving("explore")[factor]}
    off, on = gains(judged, visits, model.sway.ratios, [{}, setting])
    moved = HeldVisits(
        customer=visits.customer,
        indptr=visits.indptr,
        concepts=visits.concepts,
        bands=visits.bands[:, np.random.default_rng(0).permutation(len(visits))],
    )
    (elsewhen,) = gains(judged, moved, model.sway.ratios, [setting])
    for difference in (on - off, on - elsewhen):
        assert difference.mean() > 2 * difference.std(ddof=1) / len(difference) ** 0.5


@pytest.mark.parametrize("factor", NAMES)
def test_what_is_loved_at_a_moment_stands_higher_in_its_list(factor, model):
    favoured = np.flatnonzero((NAMES.index(factor) == FACTOR_OF) & WANTS_EARLY)
    history = np.arange(0, len(CONCEPTS), 17)

    def standing(band):
        """The mean place of the concepts that are loved in the early bands."""
        found = recommend(model, history, n=90, scenario="explore", moment={factor: band}).items
        return np.flatnonzero(np.isin([item.concept_index for item in found], favoured)).mean()

    assert standing(0) < standing(LATE[factor]) - 5
    assert recommend(model, history, scenario="explore", moment={}) == recommend(
        model, history, scenario="explore"
    )


def test_a_moment_is_judged_by_what_may_be_suggested(members):
    sums = Rhythms(fitted=released(members, FIT), refitted=released(members, VALID))
    denied = NAMES.index("hour") == FACTOR_OF
    found = strengths(train(members[0], WORDS, windows=WINDOWS, rhythms=sums, denied=denied))
    assert found["hour"] == 0
    assert found["weather"] > 0


def test_without_the_file_there_is_nothing_of_weather_place_or_event(tmp_path, world, model):
    records, _ = company(tmp_path, world, 1)
    alone = train(records, WORDS, windows=WINDOWS)
    assert set(strengths(model)) == set(NAMES)
    assert set(strengths(alone)) == set(alone.sway.ratios) == {"hour", "weekday", "season"}


def test_a_company_that_knows_little_learns_the_rhythm_from_the_others(tmp_path, world, members):
    few, _ = company(tmp_path, world, 7, told=TOLD, visits=4)
    own = own_rhythm(few, WORDS, until=FIT, customers_until=FIT)

    def told(ratios, factor):
        """How far the ratios of the concepts that follow the factor go with what is true of them."""
        mine = np.flatnonzero(NAMES.index(factor) == FACTOR_OF)
        loved = early(np.arange(len(FACTORS[factor])), factor)[:, None] == WANTS_EARLY[mine]
        return float(np.corrcoef(ratios[factor][:, mine].ravel(), loved.ravel())[0, 1])

    alone, beside = ratios_of(own, None), ratios_of(own, released(members, FIT))
    for factor in ("hour", "weather", "event"):
        assert told(beside, factor) > 0.9
        assert told(alone, factor) < 0.8


def test_weather_that_moves_nobody_gets_no_strength(tmp_path, world):
    rng = np.random.default_rng(4)
    other = World(weather=rng.permuted(world.weather, axis=0), event=rng.permuted(world.event))
    records, db = company(tmp_path, world, 1)
    read_surroundings([other.write(tmp_path / "wrong.csv", "weather", "event")], home=tmp_path, engine=db)
    found = strengths(train(records, WORDS, windows=WINDOWS))
    assert found["weather"] == found["event"] == 0
    assert found["hour"] > 0
