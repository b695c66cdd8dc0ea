import numpy as np
import pytest

from participant.models.acceptance import UNTRAINED, fit
from participant.models.blend import FEDERATED, GRID, Mix, choose
from participant.models.gate import judge
from participant.models.holdout import HoldOut
from participant.models.resampling import interval
from participant.models.windows import Windows
from protocols.errors import BadInput

M, N = 40, 400


def held(seed=0):
    rng = np.random.default_rng(seed)
    history = (rng.random((N, M)) < 0.2).astype(np.float32)
    return HoldOut(history=history, future=rng.random((N, M)) < 0.1, buyers=history.sum(0).astype(np.int64))


def test_noise_on_either_side_keeps_the_plain_federated_model():
    rng = np.random.default_rng(3)
    arms = [rng.random((N, M)).astype(np.float32) for _ in "lf"]
    assert choose(held(), "explore", arms[0], arms[1:]).mix == FEDERATED


def test_a_local_model_that_knows_the_future_gets_weight():
    data = held()
    rng = np.random.default_rng(4)
    knows = data.future + rng.random((N, M)).astype(np.float32)
    chosen = choose(data, "explore", knows, [rng.random((N, M)).astype(np.float32)])
    assert chosen.mix.local == max(mix.local for mix in GRID)


def test_the_gate_judges_a_lucky_mix_by_what_the_other_folds_chose():
    data = held()
    rng = np.random.default_rng(6)
    scores = rng.random((N, M)).astype(np.float32)
    chosen = choose(data, "explore", scores, [rng.random((N, M)).astype(np.float32)])
    assert len(chosen.cross_fitted) == len(chosen.federated) == len(chosen.local)


def test_the_gate_refuses_what_is_below_local_and_what_rests_on_one_customer():
    better, worse = np.full(50, 0.2), np.full(50, 0.1)
    assert judge(worse, better, better).deployed
    assert not judge(better, worse, worse).deployed
    assert not judge(np.zeros(1), np.ones(1), np.ones(1)).deployed
    assert not judge(np.zeros(0), np.zeros(0), np.zeros(0)).deployed


def test_a_mix_outside_its_bounds_is_refused():
    with pytest.raises(BadInput):
        Mix(local=1.2, popularity=0.0)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        found = interval(rng.normal(size=80), resamples=300)
        hits += found.low <= 0 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_acceptance_is_calibrated_on_what_happened():
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(300, 200)).astype(np.float32)
    truth = 1 / (1 + np.exp(-(-3 + 0.8 * scores)))
    curve = fit(scores, np.ones((300, 200), bool), rng.random((300, 200)) < truth)
    assert curve.intercept == pytest.approx(-3, abs=0.15)
    assert curve.slope == pytest.approx(0.8, abs=0.15)
    assert fit(scores[:0], np.ones((0, 200), bool), np.ones((0, 200), bool)) == UNTRAINED


def test_windows_in_the_wrong_order_are_refused():
    with pytest.raises(BadInput):
        Windows(fit_until=20, validation_until=10, customers_until=5)
