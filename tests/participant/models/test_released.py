"""Released models as a mixture: the same for one request and for many, kept on disk, and behind the gate."""

import json
from dataclasses import replace

import numpy as np
import pytest

from participant.models import Exchange, Windows, learn, load, save
from participant.models.gram import WholeGram
from participant.models.released import Released
from protocols.errors import BadInput
from protocols.questions.mixture import PLAIN, Mixture
from protocols.questions.network import Network, Shape
from protocols.questions.spectral import start
from tests.participant.models.test_exchange import rows
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

M = len(CONCEPTS)
WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
MIXED = Mixture.typed("100:50:20")


def gram(until):
    made = [rows(seed, until) for seed in (2, 3, 4)]
    return sum(each.T @ each for each in made)


def network(until, gain=1.0):
    shape = Shape(concepts=M, hidden=16, latent=6)
    weights = start(gram(until), shape)
    shape.split(weights)["D2"][:] *= gain
    return Network(shape=shape, weights=weights)


def exchange(mixture, gain=1.0):
    early, late = 150 * DAY, 220 * DAY
    return Exchange(
        fitted=WholeGram(matrix=gram(early)),
        refitted=WholeGram(matrix=gram(late)),
        lambdas={"explore": 100, "surprise": 100},
        mixes={"explore": mixture, "surprise": mixture},
        encoders={name: (network(early, gain), network(late, gain)) for name in ("explore", "surprise")}
        if mixture.encoder
        else {},
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


@pytest.fixture(scope="module")
def mixed(records):
    return learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange(MIXED))


def test_one_request_and_many_customers_get_the_same_scores():
    found = Released(
        ease=WholeGram(matrix=gram(150 * DAY)).weights(100.0), encoder=network(150 * DAY), mixture=MIXED
    )
    history = rows(5, 150 * DAY).astype(np.float32)[:20]
    everywhere = np.arange(M)
    many = found.scores(history, history == 0, everywhere)
    for row in range(20):
        one = found.scores_of(np.flatnonzero(history[row]), history[row] == 0, everywhere)
        np.testing.assert_allclose(one, many[row], atol=1e-4)
    assert np.abs(many - replace(found, mixture=PLAIN).scores(history, history == 0, everywhere)).max() > 0.1


def test_the_refit_serves_from_the_later_network_and_the_rehearsal_from_the_earlier(mixed):
    for scenario in ("explore", "surprise"):
        late, early = mixed.model.scenarios[scenario], mixed.rehearsal.scenarios[scenario]
        np.testing.assert_array_equal(late.encoder.weights, network(220 * DAY).weights)
        np.testing.assert_array_equal(early.encoder.weights, network(150 * DAY).weights)
        assert late.mixture == early.mixture == MIXED


def test_the_gate_judges_the_mixture_and_not_ease_alone(records, mixed):
    alone = learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange(PLAIN)).model
    upside_down = learn(
        records, VOCABULARY, windows=WINDOWS, exchange=exchange(Mixture.typed("100:0:0"), -1.0)
    )
    for scenario in ("explore", "surprise"):
        means = [
            each.scenarios[scenario].verdict.federated.mean
            for each in (mixed.model, alone, upside_down.model)
        ]
        assert means[0] != means[1]
        assert means[2] < means[1]
        assert not upside_down.model.scenarios[scenario].deployed
        assert upside_down.model.scenarios[scenario].released is None


def test_a_mixture_of_a_network_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="encoder"):
        replace(exchange(MIXED), encoders={})


def test_a_kept_model_has_its_network_and_one_from_before_there_were_any_still_loads(mixed, tmp_path):
    kept = load(save(mixed.model, tmp_path).parent)
    for scenario, part in mixed.model.scenarios.items():
        np.testing.assert_array_equal(kept.scenarios[scenario].encoder.weights, part.encoder.weights)
        assert (kept.scenarios[scenario].mixture, kept.scenarios[scenario].encoder.shape) == (
            MIXED,
            part.encoder.shape,
        )
    choices = json.loads((tmp_path / "model.json").read_text())
    for part in choices["scenarios"].values():
        for name in ("encoder", "layers", "mixture"):
            del part[name]
    (tmp_path / "model.json").write_text(json.dumps(choices))
    older = load(tmp_path)
    assert {part.encoder for part in older.scenarios.values()} == {None}
    assert {part.mixture for part in older.scenarios.values()} == {PLAIN}
