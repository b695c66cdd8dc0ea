"""The comparison's parts: measured apart, joined as they are, by the product's own code where the product is measured."""

from dataclasses import replace

import numpy as np
import pytest

from participant.models import learn
from participant.models.holdout import hold_out
from protocols.questions.mixture import WITHOUT_ENCODER
from tests.benchmarks import blended, comparison, comparison_parts, trial
from tests.benchmarks.cases import CHECK
from tests.benchmarks.consortium import FIT_UNTIL, VALIDATION_UNTIL
from tests.benchmarks.encoder_side import Side
from tests.benchmarks.learners import Sample
from tests.benchmarks.purchases import Lines
from tests.benchmarks.shop_records import WINDOWS, ShopRecords, vocabulary_of

NAMES = ("local popularity", "local EASE", "pooled EASE", "local node")


@pytest.fixture(scope="module")
def shops():
    return CHECK.read().shops()


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setattr(comparison_parts, "KEPT", tmp_path)
    monkeypatch.setattr("tests.benchmarks.cases.PACKED", tmp_path)
    return {part.name: part for part in comparison_parts.parts(CHECK)}


def test_purchases_come_back_from_their_file_as_they_were(tmp_path):
    made = CHECK.read()
    made.save(tmp_path / "lines.npz")
    back = Lines.load(tmp_path / "lines.npz")
    for name in Lines.__slots__:
        assert np.array_equal(getattr(made, name), getattr(back, name))


def test_parts_measured_apart_are_joined_and_what_is_missing_is_left_out(kept):
    for name in NAMES:
        assert not kept[name].kept
        kept[name].measure()
        assert kept[name].kept
    found = comparison_parts.measured(CHECK)
    assert set(found) == {"local popularity", "local EASE", "federated EASE", blended.OWN}
    made = comparison.report(CHECK, found, CHECK.shops())
    rows = {row["arm"]: row for row in made["rows"] if row["metric"] == "explore nDCG@10"}
    assert rows["federated EASE"]["bound"] == "federated EASE"
    assert rows["federated EASE"]["closure"]["value"] == 1.0
    assert rows["federated EASE"]["value"] > rows["local EASE"]["value"] > rows["local popularity"]["value"]


@pytest.mark.usefixtures("kept")
def test_own_networks_are_an_arm_once_every_company_has_one():
    case = replace(CHECK, steps=(5,), once=True)
    first, *others = (part for part in comparison_parts.parts(case) if part.company is not None)
    for part in others:
        part.measure()
    assert not comparison_parts.measured(case)
    first.measure()
    found = comparison_parts.measured(case)
    assert set(found) == {"local autoencoder", "local autoencoder + 0.3 EASE"}
    network = comparison_parts.Autoencoder(steps=case.steps)
    network.random = False
    whole = trial.run(network, case.shops(), shared=False)["autoencoder"]
    apart = found["local autoencoder"]
    for scenario in ("explore", "surprise"):
        assert apart.seeds[scenario] == whole.seeds[scenario]
        assert len(apart.seeds[scenario]) == 1
        for company in range(case.companies):
            one, other = (each.test[company][scenario].ndcg for each in (apart, whole))
            assert np.array_equal(one, other)


def test_an_arm_is_measured_again_when_the_code_of_what_it_measures_changes(kept, monkeypatch, tmp_path):
    learner, node = kept["local EASE"], kept["local node"]
    before = learner.path("local EASE"), node.path(blended.OWN)
    (tmp_path / "other.py").write_text("another product")
    monkeypatch.setattr(comparison_parts, "PRODUCT", (*comparison_parts.PRODUCT, str(tmp_path)))
    assert node.path(blended.OWN) != before[1]
    assert learner.path("local EASE") == before[0]


def test_a_node_learns_from_a_company_of_the_comparison_what_it_would_from_its_records(shops):
    shop, words = shops[0], vocabulary_of(shops)
    held = hold_out(
        ShopRecords(shop),
        words,
        history_until=FIT_UNTIL,
        target_until=VALIDATION_UNTIL,
        customers_until=FIT_UNTIL,
    )
    assert np.array_equal(held.history, shop.fit.toarray())
    assert np.array_equal(held.future, shop.fresh.toarray() > 0)
    model = learn(ShopRecords(shop), words, windows=WINDOWS).model
    assert np.array_equal(model.buyers, np.asarray(shop.full.sum(0)).ravel())


def test_beyond_a_cap_the_same_customers_count_in_every_window(shops):
    records, words = ShopRecords(shops[0]), vocabulary_of(shops)
    asked = {"customers_until": FIT_UNTIL, "customers_cap": 20, "batch": 7}
    keys = [
        np.concatenate(
            [b.customer_keys for b in records.taste_rows(words, since=since, until=until, **asked)]
        )
        for since, until in ((0, FIT_UNTIL), (FIT_UNTIL, VALIDATION_UNTIL), (0, VALIDATION_UNTIL))
    ]
    assert len(keys[0]) == 20
    assert np.array_equal(keys[0], keys[1])
    assert np.array_equal(keys[0], keys[2])


def test_a_sum_taken_in_the_open_says_what_the_secure_sum_says(shops, tmp_path):
    records = [ShopRecords(shop) for shop in shops]
    grams = {blended.EARLY: np.sum([Sample(shop.fit).gram for shop in shops], axis=0)}
    readings = [
        Side(
            name=str(masked),
            answering=records,
            grams=grams,
            vocabulary=vocabulary_of(shops),
            folder=tmp_path,
            seed=0,
            masked=masked,
        ).evaluate(blended.EARLY, b"", records, lambdas=(10, 100), mixes=WITHOUT_ENCODER)
        for masked in (True, False)
    ]
    assert readings[0] == readings[1]
    assert min(readings[0].explore.means) > 0.1


def test_draws_of_one_arm_are_averaged_by_customer(shops):
    one, other = (
        trial.run(comparison_parts.Ease((ridge,)), shops, shared=True)["EASE"] for ridge in (10, 1_000)
    )
    both = trial.across([one, other])
    for company in range(len(shops)):
        expected = (one.test[company]["explore"].ndcg + other.test[company]["explore"].ndcg) / 2
        assert np.array_equal(both.test[company]["explore"].ndcg, expected)
    assert both.seeds["explore"] == [*one.seeds["explore"], *other.seeds["explore"]]
