"""What is new on the shelves is judged on validation weeks: used where it holds up, and only there."""

from dataclasses import replace

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.encoders import encoder_named
from participant.intake import read
from participant.models import Windows, load, save
from participant.models.newcomer_trial import Contents
from participant.newcomer_shelf import Asked, NewcomerShelf
from participant.store.records import Records
from participant.surprise import Dial, train
from protocols.codec import encode
from protocols.limits import FRACTION_BITS
from protocols.questions import content
from tests.participant.loose_shop import AMBER, SILVER, catalogue_of, loose_lines
from tests.participant.shop import (
    CONCEPTS,
    DAY,
    NOW,
    VOCABULARY,
    exchange,
    made_up_lines,
    node,
    shop,
    write_sales,
)

FIT, VALIDATION = 200 * DAY, 300 * DAY
WINDOWS = Windows(fit_until=FIT, validation_until=VALIDATION, customers_until=FIT)
RELEASED = replace(exchange(), release="ab" * 32)
HIDDEN = (6, 7, 8, 9, 10, 11)
"""Concepts that the shop lists from day 200 on, in both tastes."""


def company(home, number):
    """Records of shop ``number`` of `tests.participant.loose_shop`."""
    db = node(home)
    sales = write_sales(home / "sales.parquet", loose_lines(number))
    read([sales], home=home, engine=db, catalogue=[catalogue_of(home / "items.parquet", number)], now=NOW)
    return Records(home, db), db


def summed(everybody, until):
    """The `content` sum of ``everybody`` until then."""
    asked = content.parse({"until": until, "customers_until": FIT, "dimensions": 128})
    total = 0
    for records in everybody:
        context = AnswerContext(records=records, vocabulary=VOCABULARY, released=None)
        total = total + fill("content", encode(asked), context)
    return content.CONTENT.read(total / 2.0**FRACTION_BITS, asked, len(VOCABULARY))


@pytest.fixture(scope="module")
def companies(tmp_path_factory):
    made = [company(tmp_path_factory.mktemp("shop") / "home", number) for number in range(3)]
    yield [records for records, _ in made]
    for _, db in made:
        db.dispose()


@pytest.fixture(scope="module")
def contents(companies):
    fitted, refitted = summed(companies, FIT), summed(companies, VALIDATION)
    return Contents(
        fitted=fitted, refitted=refitted, encoder="ngrams", dimensions=128, noisy=False, release="cd" * 32
    )


def trained(records, contents):
    return train(records, VOCABULARY, windows=WINDOWS, exchange=RELEASED, contents=contents)


@pytest.fixture(scope="module")
def model(companies, contents):
    return trained(companies[0], contents)


def test_texts_are_used_where_they_rank_what_was_new_better_than_own_sales_do(model):
    rules = model.newcomers.rules
    assert rules.release == "cd" * 32
    assert rules.text_gain.low > 0
    assert rules.text_gain.customers > 30
    assert 0.01 < rules.text_chance < 1


def test_of_a_larger_vocabulary_fewer_customers_are_held_out_and_the_same_for_everything(
    companies, contents, monkeypatch
):
    monkeypatch.setattr("participant.models.holdout.CELLS", 40 * len(VOCABULARY))
    found = trained(companies[0], contents)
    assert 20 < found.newcomers.rules.text_gain.customers <= 40
    assert 20 < found.scenarios["explore"].verdict.local.customers <= 40


def test_the_chance_is_that_of_thirty_days_and_not_of_the_weeks_it_was_seen_in(
    model, companies, contents, monkeypatch
):
    monkeypatch.setattr("participant.models.newcomer_trial.soon", lambda chance, days: (chance, days))
    seen, days = trained(companies[0], contents).newcomers.rules.text_chance
    assert days == (VALIDATION - FIT) / DAY
    assert model.newcomers.rules.text_chance == pytest.approx(1 - (1 - seen) ** (30 / days))


def test_texts_that_praise_what_nobody_took_to_are_not_used(companies, contents):
    least = encoder_named("ngrams", 128)([*AMBER[3:], *SILVER[3:]]).sum(0).astype(np.float64)
    wrong = replace(contents.fitted, baskets=least, tastes=0 * contents.fitted.tastes)
    rules = trained(companies[0], replace(contents, fitted=wrong)).newcomers.rules
    assert (rules.release, rules.encoder) == ("", "")
    assert rules.text_gain.mean <= 0 < rules.text_gain.customers


def test_a_shop_where_nothing_was_new_has_no_evidence_and_does_without(companies, contents):
    newcomers = trained(companies[1], contents).newcomers  # sells its loose items from the first day
    assert newcomers.texts is None
    assert newcomers.rules.text_gain.customers == 0
    assert not newcomers.rules.by_taste


def test_an_encoder_that_is_not_here_is_done_without(companies, contents, monkeypatch):
    monkeypatch.setattr("participant.encoders.find_spec", lambda _name: None)
    asked = replace(contents, encoder="sentences", dimensions=384)
    assert trained(companies[0], asked).newcomers.texts is None


def test_a_sentence_model_that_went_away_takes_its_items_with_it(model, companies, monkeypatch):
    rules = replace(model.newcomers.rules, encoder="sentences", dimensions=384)
    monkeypatch.setattr("participant.encoders.find_spec", lambda _name: None)
    changed = replace(model, newcomers=replace(model.newcomers, rules=rules))
    assert offered(companies[0], changed, "c002") == ()


def test_a_kept_model_offers_the_same(model, companies, tmp_path):
    save(model, tmp_path)
    again = load(tmp_path)
    assert again.newcomers.rules == model.newcomers.rules
    np.testing.assert_allclose(again.newcomers.texts.tastes, model.newcomers.texts.tastes, rtol=1e-6)
    before, after = (offered(companies[0], each, "c002") for each in (model, again))
    assert [each.item_id for each in before] == [each.item_id for each in after] != []
    (tmp_path / "plain").mkdir()
    save(replace(model, newcomers=None), tmp_path / "plain")
    assert load(tmp_path / "plain").newcomers is None


def offered(records, model, customer, *, places=3, reads_texts=True, refuses=lambda _: False):
    shelf = NewcomerShelf(records=records, reads_texts=reads_texts)
    asked = Asked(
        scenario="explore",
        places=places,
        dial=Dial(),
        language="en",
        denied=np.zeros(len(model.concepts), np.bool_),
        refuses=refuses,
    )
    known = records.history(customer, VOCABULARY)
    return shelf.offers("version", model, known, asked)


def test_what_is_refused_leaves_its_place_to_the_next(model, companies):
    first, second, *_ = offered(companies[0], model, "c002")
    found = offered(companies[0], model, "c002", places=1, refuses=lambda it: it.external_id == first.item_id)
    assert [each.item_id for each in found] == [second.item_id]


def test_nothing_is_offered_that_the_customer_bought(model, companies):
    offers = offered(companies[0], model, "c002", places=50)
    keys = set(companies[0].history("c002", VOCABULARY).item_keys.tolist())
    bought = {item.external_id for item in companies[0].every_item() if item.key in keys}
    loose = [item for item in companies[0].every_item() if item.concept_name is None]
    assert bought & {item.external_id for item in loose}
    assert {each.item_id for each in offers} == {item.external_id for item in loose} - bought


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    """A shop that sells some concepts from day 200 on and lists two that it never sold."""
    hidden = {f"item-{concept:02d}" for concept in HIDDEN}
    never = {"item-03", "item-04"}
    lines = [
        line
        for line in made_up_lines(60)
        if line[1][:7] not in never and (line[1][:7] not in hidden or line[3] >= FIT)
    ]
    records, db, _ = shop(tmp_path_factory.mktemp("late"), lines)
    yield records
    db.dispose()


def test_a_concept_that_nobody_bought_here_is_offered_with_what_is_known_of_it_elsewhere(late):
    learned = trained(late, None)
    rules = learned.newcomers.rules
    assert rules.by_taste == (rules.concept_gain.mean > 0)
    assert rules.concept_gain.customers > 10
    offers = offered(late, learned, "c002", places=5)
    assert {each.concept for each in offers} == {CONCEPTS[3], CONCEPTS[4]}
    assert [why.code for why in offers[0].reasons] == ["loved-elsewhere", "new-here"]
    assert all(each.relevance == rules.concept_chance for each in offers)


def test_new_concepts_go_by_popularity_elsewhere_unless_taste_was_better(late):
    learned = trained(late, None)
    order = {}
    for by_taste in (False, True):
        rules = replace(learned.newcomers.rules, by_taste=by_taste)
        changed = replace(learned, newcomers=replace(learned.newcomers, rules=rules))
        order[by_taste] = {
            u: tuple(each.concept for each in offered(late, changed, f"c{u:03d}")) for u in range(20)
        }
    most = sorted((3, 4), key=lambda concept: -learned.elsewhere[concept])
    assert set(order[False].values()) == {tuple(CONCEPTS[concept] for concept in most)}
    assert len(set(order[True].values())) == 2


def test_without_a_release_nothing_is_known_of_a_concept_that_nobody_bought(late):
    alone = train(late, VOCABULARY, windows=WINDOWS)
    assert offered(late, alone, "c002") == ()
