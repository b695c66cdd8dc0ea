"""From rounds of an encoder to what a node serves: three nodes, real answers, the fake coordinator's sums."""

import numpy as np
import pytest

from participant.commands.dry_run import rehearse
from participant.intake import read
from participant.models import load
from participant.settings import PolicySettings
from participant.store.releases import Releases
from protocols.messages import Phase
from protocols.questions import ask
from protocols.questions.mixture import PLAIN
from protocols.questions.network import Shape
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import reading
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.shop import NOW, VOCABULARY, made_up_lines, write_catalogue, write_sales
from tests.participant.test_training import FIT, VALIDATION, taste

ROUNDS = 2
LAYERS = {"hidden": 8, "latent": 4, "batch": 16}
MIXES = "100:100:0,100:0:30"
POLICY = nodes.PERMISSIVE.model_copy(update={"questions": ("taste", "evaluation", "encoder")})


class World:
    """Three nodes that answer everything, and what was released."""

    def __init__(self, folder):
        self.members, self.clock = companies(3), ManualClock(NOW)
        self.coordinator = FakeCoordinator(self.members, VOCABULARY, now=NOW)
        catalogue = write_catalogue(folder / "catalogue.parquet")
        self.nodes = []
        for number, company in enumerate(self.members):
            node = nodes.start(folder / company.name, company, self.coordinator, self.clock, policy=POLICY)
            sales = write_sales(folder / f"{number}.parquet", made_up_lines(60, seed=number))
            read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=NOW)
            self.nodes.append(node)
        self.turns = []

    def released(self, spec):
        attempt = self.coordinator.ask(spec)
        for _ in range(7):
            for node in self.nodes:
                node.exchange.turn()
        assert attempt.phase is Phase.RELEASED
        self.turns.append(self.nodes[0].trainer.turn())
        return next(reversed(self.coordinator.releases))

    def encoder(self, start, after, until):
        values = {
            "taste": start.hex(),
            "after": after.hex(),
            "until": until,
            "customers_until": FIT,
            **LAYERS,
        }
        return self.released(ask([("encoder", values)], VOCABULARY, members=3, epoch="1"))

    def evaluation(self, release, encoder):
        values = {
            "release": release.hex(),
            "encoder": encoder.hex(),
            "mixes": MIXES,
            "lambdas": "100,1000",
            "history_until": FIT,
            "target_until": VALIDATION,
        }
        return self.released(ask([("evaluation", values)], VOCABULARY, members=3, epoch="1"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    made.early = made.released(taste(FIT))
    made.rated, made.first, made.second = [], [], []
    for _ in range(ROUNDS):
        made.first.append(made.encoder(made.early, made.first[-1] if made.first else b"", FIT))
        made.rated.append(made.evaluation(made.early, made.first[-1]))
    made.late = made.released(taste(VALIDATION))
    made.without = made.nodes[0].trainer.plan()
    for _ in range(ROUNDS):
        made.second.append(made.encoder(made.late, made.second[-1] if made.second else b"", VALIDATION))
    yield made
    for node in made.nodes:
        node.db.dispose()


def test_every_node_computes_the_same_network_and_nobody_was_sent_one(world):
    networks = [node.releases.encoders.network(world.second[-1], 30).weights for node in world.nodes]
    for other in networks[1:]:
        np.testing.assert_array_equal(other, networks[0])
    start = world.nodes[0].releases.encoders.network(world.second[0], 30).weights
    assert np.abs(networks[0] - start).max() > 1e-4  # the second round moved it


def test_the_step_is_the_customer_weighted_mean_of_what_the_companies_answered(world):
    (said,) = world.nodes[0].releases.readings(world.first[0])
    assert said.customers == pytest.approx(180, abs=0.01)  # three shops of sixty
    assert 1e-4 < np.abs(said.change).max() < 0.25


def test_without_the_counterpart_on_the_later_sum_no_encoder_is_used(world):
    assert world.without.encoders == {}
    assert set(world.without.mixes.values()) <= {PLAIN}


def test_the_best_round_by_the_members_own_weeks_is_used_with_its_counterpart(world):
    plan = world.nodes[0].trainer.plan()
    said = [world.nodes[0].releases.readings(rated)[0] for rated in world.rated]
    for scenario in ("explore", "surprise"):
        means = [getattr(each, scenario).best for each in said]
        best = int(np.argmax(means))
        if len(set(means)) == ROUNDS:
            assert plan.encoders[scenario] == (world.first[best], world.second[best])
            assert plan.mixes[scenario] == getattr(said[best], scenario).best_mix
            assert plan.lambdas[scenario] == getattr(said[best], scenario).best_lambda


def test_a_node_trains_once_an_encoder_changes_its_plan_and_serves_the_mixture(world):
    assert any(world.turns[-ROUNDS:])
    node = world.nodes[0]
    _, model = node.trainer.in_use()
    with reading(node.db) as connection:
        kept = load(node.home.models / Releases(connection).in_use().folder)
    history = np.array([0, 2, 4])
    candidates = ~np.isin(np.arange(30), history)
    rows = np.zeros((1, 30), np.float32)
    rows[0, history] = 1
    for scenario, part in model.scenarios.items():
        assert part.encoder is not None
        assert part.mixture.encoder == 100
        other = kept.scenarios[scenario]
        np.testing.assert_array_equal(other.encoder.weights, part.encoder.weights)
        assert (other.mixture, other.encoder.shape) == (part.mixture, part.encoder.shape)
        one = model.scores(scenario, history, candidates)
        np.testing.assert_allclose(
            one, model.matrix_scores(scenario, rows, candidates[None, :])[0], atol=1e-4
        )
        np.testing.assert_array_equal(kept.scores(scenario, history, candidates), one)


def test_releases_that_change_no_plan_start_no_training(world):
    before = world.nodes[0].trainer.in_use()[0]
    world.encoder(world.late, world.second[-1], VALIDATION)  # a round that nobody evaluated
    assert world.turns[-1] is False
    assert world.nodes[0].trainer.in_use()[0] == before


def test_the_question_is_answered_only_where_an_officer_allowed_it_and_a_dry_run_says_what_would_leave(world):
    assert "encoder" not in PolicySettings().questions
    said = {each.question: each for each in rehearse(world.nodes[0])}["encoder"]
    assert "One round (the first) of training a network" in said.sentence
    assert said.elements == Shape(concepts=30, hidden=512, latent=128).size + 1
    assert 0 < said.largest <= said.bound
    assert any("mode=gradient" in line for line in said.prices)
