"""Models of a release: as it is without noise, beside the own exact statistics with it; a floor either way."""

from dataclasses import replace

import numpy as np
import pytest

from participant.models import Exchange, Windows, gate, learn
from participant.models import train as training
from participant.models.blend import choose
from participant.models.exchange import FITTED, WEIGHTS, Candidate, Own
from participant.models.gram import WholeGram
from participant.models.holdout import HoldOut
from participant.models.local import Setting
from participant.surprise import recommend, train
from participant.surprise.measures import MINIMUM_ELSEWHERE, appeal_elsewhere
from protocols.questions.ease import ease
from protocols.questions.shrinkage import shrink
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, made_up_lines, shop

WINDOWS = Windows(fit_until=150 * DAY, validation_until=220 * DAY, customers_until=150 * DAY)
M = len(CONCEPTS)
SIGMA = 3.0


def rows(seed, until, customers=60):
    """Binary rows of one made-up shop."""
    found = np.zeros((customers, M))
    for who, item, _, time, _ in made_up_lines(customers, seed=seed):
        if time < until:
            found[int(who[1:]), int(item[5:7])] = 1
    return found


def unit(binary):
    return binary / np.sqrt(np.maximum(binary.sum(1, keepdims=True), 1))


def own(seed=1, until=150 * DAY):
    binary = rows(seed, until)
    return Own(gram=WholeGram(matrix=binary.T @ binary), squares=np.square(unit(binary)).sum(0))


def noise(seed, sigma):
    drawn = np.random.default_rng(seed).normal(0, sigma, (M, M))
    upper = np.triu(drawn, 1)
    return upper + upper.T + np.diag(np.sqrt(2) * np.diagonal(drawn))


def of_others(sigma=SIGMA, seeds=(2, 3, 4)):
    """The unit rows of the other shops with noise, and the own part out of it."""
    sums = []
    for place, until in enumerate((150 * DAY, 220 * DAY)):
        found = sum(unit(rows(seed, until)).T @ unit(rows(seed, until)) for seed in seeds)
        sums.append(found + noise(place, sigma))
    return Exchange(
        fitted=WholeGram(matrix=sums[0]),
        refitted=WholeGram(matrix=sums[1]),
        lambdas={"explore": 60, "surprise": 60},
        sigmas=(sigma, sigma),
        of_others=True,
        row_scheme="unit",
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))[0]


def test_at_weight_0_it_is_the_own_model_ridge_and_all():
    mine = own()
    made = of_others().weights(FITTED, Candidate(weight=0.0, lam=300), mine)
    np.testing.assert_array_equal(made.matrix, ease(mine.gram.matrix, 300.0))


def test_the_own_part_is_exact_and_the_others_are_shrunk_and_brought_to_its_size():
    mine, exchange = own(), of_others()
    size = mine.gram.matrix.trace() / mine.squares.sum()
    assert size > 2
    made = exchange.weights(FITTED, Candidate(weight=0.3, lam=300), mine)
    expected = ease(mine.gram.matrix + 0.3 * size * shrink(exchange.fitted.matrix, SIGMA), 300.0)
    np.testing.assert_array_equal(made.matrix, expected)
    assert not np.array_equal(
        made.matrix, ease(mine.gram.matrix + 0.3 * size * exchange.fitted.matrix, 300.0)
    )
    assert not np.array_equal(
        made.matrix, ease(mine.gram.matrix + 0.3 * shrink(exchange.fitted.matrix, SIGMA), 300.0)
    )


def test_without_noise_there_is_one_candidate_the_sum_at_the_consortiums_ridge():
    whole = replace(of_others(0.0), of_others=False)
    (made,) = whole.candidates("explore", Setting(lam=300, tilt=0))
    assert made == Candidate(weight=0.0, lam=60)
    np.testing.assert_array_equal(whole.weights(FITTED, made, own()).matrix, ease(whole.fitted.matrix, 60.0))
    assert [each.weight for each in of_others().candidates("explore", Setting(lam=300, tilt=0))] == list(
        WEIGHTS
    )


def test_a_noisy_release_has_to_gain_by_a_standard_error_and_one_without_noise_to_gain(records, monkeypatch):
    seen = []
    monkeypatch.setattr(
        training,
        "judge",
        lambda *gains, noisy, prior: seen.append(noisy) or gate.judge(*gains, noisy=noisy, prior=prior),
    )
    for exchange in (of_others(), replace(of_others(0.0), of_others=False)):
        learn(records, VOCABULARY, windows=WINDOWS, exchange=exchange)
    assert seen == [True, True, False, False]
    rng = np.random.default_rng(0)
    own, gain = np.zeros(200), rng.normal(0.0, 1.0, 200)
    gain += 0.5 * gain.std() / 200**0.5 - gain.mean()  # above zero by half a standard error
    assert gate.judge(own, gain, gain).deployed
    assert not gate.judge(own, gain, gain, noisy=True).deployed
    assert gate.judge(own, gain + 0.1, gain + 0.1, noisy=True).deployed


def test_a_release_of_nothing_but_noise_leaves_a_node_with_its_own_model(records):
    alone = train(records, VOCABULARY, windows=WINDOWS)
    drowned = replace(
        of_others(),
        fitted=WholeGram(matrix=noise(7, 1e4)),
        refitted=WholeGram(matrix=noise(8, 1e4)),
        sigmas=(1e4, 1e4),
    )
    model = train(records, VOCABULARY, windows=WINDOWS, exchange=drowned)
    for name, part in model.scenarios.items():
        assert not part.deployed
        np.testing.assert_array_equal(part.local.matrix, alone.scenarios[name].local.matrix)


def test_what_is_deployed_is_not_below_the_own_model_on_validation_weeks(records):
    for sigma in (0.5, 3.0, 30.0):
        model = learn(records, VOCABULARY, windows=WINDOWS, exchange=of_others(sigma)).model
        for part in model.scenarios.values():
            assert part.others_weight in WEIGHTS
            assert part.verdict.difference.mean > 0 or not part.deployed


def test_the_gate_judges_the_best_of_many_models_by_what_the_other_folds_chose():
    rng = np.random.default_rng(3)
    history = (rng.random((400, 40)) < 0.2).astype(np.float32)
    held = HoldOut(
        history=history, future=rng.random((400, 40)) < 0.1, buyers=history.sum(0).astype(np.int64)
    )
    chance = [rng.random((400, 40)).astype(np.float32) for _ in range(30)]
    alone = [choose(held, "explore", chance[0], [each]).federated.mean() for each in chance]
    found = choose(held, "explore", chance[0], chance)
    assert found.place == int(np.argmax(alone))
    assert found.federated.mean() < max(alone) - 0.005  # the luckiest of thirty, without its luck
    knows = held.future + rng.random((400, 40)).astype(np.float32)
    assert choose(held, "explore", chance[0], [*chance, knows]).place == 30


def test_a_count_elsewhere_that_does_not_stand_out_of_the_noise_moves_nothing(records):
    loud, quiet = (
        learn(records, VOCABULARY, windows=WINDOWS, exchange=of_others(sigma)).model for sigma in (4.0, 0.0)
    )
    np.testing.assert_array_equal(quiet.least_elsewhere, quiet.elsewhere)
    assert (quiet.least_elsewhere >= MINIMUM_ELSEWHERE).sum() > 20
    assert (loud.least_elsewhere >= MINIMUM_ELSEWHERE).sum() < 5
    assert (loud.elsewhere >= MINIMUM_ELSEWHERE).sum() > 20  # the estimate alone would move these
    appeal = appeal_elsewhere(loud.buyers, loud.elsewhere, loud.least_elsewhere)
    assert (appeal[loud.least_elsewhere < MINIMUM_ELSEWHERE] == 1.0).all()
    for model in (quiet, loud):
        sure = set(np.flatnonzero(model.least_elsewhere >= MINIMUM_ELSEWHERE).tolist())
        loved = {
            item.concept_index
            for concept in range(M)
            for item in recommend(deployed(model), np.array([concept]), scenario="explore").items
            if "loved-elsewhere" in [why.code for why in item.reasons]
        }
        assert loved
        assert loved <= sure
    unsure = replace(deployed(loud), least_elsewhere=np.zeros(M, np.int64))
    many, none = (replace(unsure, elsewhere=np.full(M, count)) for count in (10**6, 0))
    assert recommend(many, np.array([3])) == recommend(none, np.array([3]))  # no word of support either


def deployed(model):
    """The same model with the exchange in use, whatever the gate said."""
    parts = {
        name: replace(part, verdict=replace(part.verdict, deployed=True))
        for name, part in model.scenarios.items()
    }
    return replace(model, scenarios=parts)
