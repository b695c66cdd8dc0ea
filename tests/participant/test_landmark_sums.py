"""From released sums of `landmarks` to a list over HTTP: three members, real secure sums, a gate, no square anywhere."""

import json

import numpy as np
import pytest
from structlog.testing import capture_logs

from participant.intake import read
from participant.models.weights import LowRankWeights
from participant.plan import UNIT_LAMBDA
from participant.settings import TrainingSettings
from participant.store.releases import Releases
from protocols.errors import BadRelease
from protocols.questions import ask
from protocols.questions.landmarks import Landmarks
from protocols.questions.low_rank import low_rank
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.shop import CONCEPTS, DAY, NOW, VOCABULARY, made_up_lines, write_catalogue, write_sales
from tests.participant.test_new_listings import asking
from tests.participant.test_training import evaluation, released
from tests.participant.test_training import taste as square

FIT, VALIDATION = 200 * DAY, 300 * DAY
PLACES = tuple(range(0, len(CONCEPTS), 2))
ALLOWED = nodes.PERMISSIVE.model_copy(update={"questions": ("taste", "evaluation", "landmarks")})
SMALL = TrainingSettings(square_max=len(CONCEPTS) - 1)
"""As if the vocabulary were too large for a square."""


def landmarks(until, *, places=PLACES, cap=1000, noise=""):
    values = {"until": until, "customers_until": FIT, "customers_cap": cap, "landmarks": list(places)}
    asked = values | ({"noise": noise} if noise else {})
    return ask([("landmarks", asked)], VOCABULARY, members=3, epoch=f"{until}{places}{cap}{noise}")


@pytest.fixture
def three(tmp_path):
    """A coordinator and three nodes with a made-up shop each."""
    members, clock = companies(3), ManualClock(NOW)
    coordinator = FakeCoordinator(members, VOCABULARY, now=NOW)
    catalogue = write_catalogue(tmp_path / "catalogue.parquet")
    made = []
    for number, company in enumerate(members):
        node = nodes.start(
            tmp_path / f"node-{number}", company, coordinator, clock, policy=ALLOWED, training=SMALL
        )
        sales = write_sales(tmp_path / f"{number}.parquet", made_up_lines(60, seed=number))
        read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=NOW)
        made.append(node)
    yield coordinator, made
    for node in made:
        node.db.dispose()


def test_a_pair_of_sums_is_trained_on_judged_and_served(three):
    coordinator, made = three
    node = made[0]
    first = released(coordinator, made, landmarks(FIT))
    assert not node.trainer.turn()
    rated = released(coordinator, made, evaluation(first))
    second = released(coordinator, made, landmarks(VALIDATION))
    assert node.trainer.turn()
    assert not node.trainer.turn()
    plan = node.trainer.plan()
    assert (plan.question, plan.fitted, plan.refitted) == ("landmarks", first, second)
    assert (plan.windows.fit_until, plan.windows.validation_until) == (FIT, VALIDATION)
    (said,) = node.releases.readings(rated)
    assert said.explore.count > 0
    assert len(set(said.explore.means)) > 1  # ridges differ, by columns as by squares
    assert plan.lambdas == {"explore": said.explore.best_lambda, "surprise": said.surprise.best_lambda}
    assert plan.gains["explore"] == said.explore.best - said.explore.own
    _, model = node.trainer.in_use()
    with reading(node.db) as connection:
        deployed = Releases(connection).in_use()
    report = json.loads(deployed.report)
    assert deployed.release == second
    for name, part in model.scenarios.items():
        assert isinstance(part.local, LowRankWeights)
        assert isinstance(part.federated, LowRankWeights)
        assert part.deployed == report[name]["deployed"]
        assert report[name]["customers"] > 0
    assert any(part.deployed for part in model.scenarios.values())
    _, found = node.releases.answered(second, "landmarks", Landmarks)
    gram = part.federated
    places = np.array(found.places)
    expected = low_rank(found.cross, found.squares, places, float(part.federated_lambda)).scores(
        np.eye(len(CONCEPTS))
    )
    np.testing.assert_allclose(gram.scores(np.eye(len(CONCEPTS), dtype=np.float32)), expected, atol=1e-4)
    items = asking(node, "c003", n=4)
    bought = {CONCEPTS[at] for at in node.records.history("c003", VOCABULARY).concepts}
    assert len(items) == 4
    assert not {item["concept"] for item in items} & bought
    assert {"goes-with"} <= {why["code"] for item in items for why in item["reasons"]}


def test_counts_elsewhere_come_from_the_squares_less_the_own_part(three):
    coordinator, made = three
    for until in (FIT, VALIDATION):
        release = released(coordinator, made, landmarks(until))
    model = made[0].trainer.train(made[0].trainer.plan())
    _, found = made[0].releases.answered(release, "landmarks", Landmarks)
    assert found.squares.sum() > 0
    elsewhere = [np.zeros(len(CONCEPTS)) for _ in made]
    for at, node in enumerate(made):
        for batch in node.records.taste_rows(VOCABULARY, since=0, until=VALIDATION, customers_until=FIT):
            elsewhere[at] += np.bincount(batch.indices, minlength=len(CONCEPTS))
    np.testing.assert_array_equal(model.buyers, elsewhere[0])
    others = elsewhere[1] + elsewhere[2]
    assert np.abs(model.elsewhere - others).max() < 0.25 * others.max()


def test_only_sums_that_count_alike_are_a_pair_and_the_newest_pair_is_taken(three):
    coordinator, made = three
    node = made[0]
    released(coordinator, made, landmarks(FIT, places=(0, 1)))
    released(coordinator, made, landmarks(VALIDATION))
    assert node.trainer.plan() is None  # other landmarks
    earlier, later = (released(coordinator, made, square(until)) for until in (FIT, VALIDATION))
    assert node.trainer.plan().question == "taste"
    assert (node.trainer.plan().fitted, node.trainer.plan().refitted) == (earlier, later)
    released(coordinator, made, landmarks(FIT, cap=900))
    assert node.trainer.plan().question == "taste"  # another cap
    again = released(coordinator, made, landmarks(VALIDATION, cap=900))
    assert (node.trainer.plan().question, node.trainer.plan().refitted) == ("landmarks", again)


def test_a_sum_of_landmarks_with_noise_is_passed_over_and_the_log_says_so_once(three):
    coordinator, made = three
    node = made[0]
    for until in (FIT, VALIDATION):
        noisy = released(coordinator, made, landmarks(until, noise="20"))
    with capture_logs() as said:
        assert node.trainer.plan() is None
        assert node.trainer.plan() is None
    assert ["noise" in line["event"] for line in said] == [True, True]  # once for each sum
    assert not node.trainer.turn()
    with pytest.raises(BadRelease, match="without noise"):
        node.releases.read_as_sum(noisy)


def test_sums_that_nobody_evaluated_are_read_at_the_ridge_of_unit_rows(three):
    coordinator, made = three
    for until in (FIT, VALIDATION):
        released(coordinator, made, landmarks(until))
    assert set(made[0].trainer.plan().lambdas.values()) == {UNIT_LAMBDA}


def test_a_vocabulary_too_large_for_a_square_has_an_own_model_without_any_release(three):
    _, made = three
    model = made[0].trainer.train(None)
    for part in model.scenarios.values():
        assert isinstance(part.local, LowRankWeights)
        assert part.federated is None
    assert asking(made[0], "c003", n=4)
