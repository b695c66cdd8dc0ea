import numpy as np
import pytest

from participant.errors import RecordsChanged
from participant.models.acceptance import UNTRAINED, fit
from participant.models.blend import FEDERATED, GRID, Mix, choose
from participant.models.gate import judge
from participant.models.holdout import HoldOut, hold_out
from participant.models.resampling import interval
from participant.models.windows import Windows
from protocols.errors import BadInput
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

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
    kinds = rng.integers(1, 200, 300)
    everything, nobody = np.ones((300, 200), bool), np.ones((0, 200), bool)
    truth = 1 / (1 + np.exp(-(-6 + 0.8 * scores + 0.9 * np.log1p(kinds)[:, None])))
    curve = fit(scores, everything, rng.random((300, 200)) < truth, kinds)
    assert curve.intercept == pytest.approx(-6, abs=0.4)
    assert curve.slope == pytest.approx(0.8, abs=0.15)
    assert curve.breadth == pytest.approx(0.9, abs=0.1)
    assert fit(scores[:0], nobody, nobody, kinds[:0]) == UNTRAINED


def test_a_chance_is_of_thirty_days_however_long_the_window(tmp_path):
    lines = [
        (f"c{u:03d}", f"item-{c:02d}a", f"b{u}-{c}", day * DAY, 1.0)
        for u in range(60)
        for c, day in ((u % 5, 10), (5 + u % 3, 110 + u % 60))
    ]
    records, _, _ = shop(tmp_path, lines)

    def hold(days):
        asked = {"history_until": 100 * DAY, "customers_until": 100 * DAY}
        return hold_out(records, VOCABULARY, target_until=(100 + days) * DAY, **asked)

    long, month, short = hold(70), hold(30), hold(15)
    assert (long.future.sum(), long.soon.sum(), long.days) == (60, 20, 30.0)
    np.testing.assert_array_equal(long.soon, month.future)
    assert short.soon.sum() == short.future.sum() == 5
    curves = [
        each.acceptance(np.zeros((60, len(CONCEPTS)), np.float32), np.ones((60, len(CONCEPTS)), bool))
        for each in (long, month, short)
    ]
    assert curves[0] == curves[1]
    assert (curves[0].stretch, curves[2].stretch) == (1.0, 2.0)
    chance = [float(curve.probability(np.zeros(1), 1)[0]) for curve in curves]
    assert chance[0] == pytest.approx(20 / 60 / len(CONCEPTS), rel=0.2)
    assert chance[2] == pytest.approx(2 * 5 / 60 / len(CONCEPTS), rel=0.3)


def test_a_customer_who_leaves_while_the_hold_out_is_read_is_noticed(tmp_path):
    records, _, _ = shop(tmp_path)

    class Leaving:
        """Somebody opts out before the third pass, that of the first 30 days."""

        passes = 0

        def taste_rows(self, *given, **asked):
            self.passes += 1
            if self.passes == 3:
                records.opt_out("c000")
            return records.taste_rows(*given, **asked)

    span = {"history_until": 100 * DAY, "target_until": 200 * DAY, "customers_until": 100 * DAY}
    with pytest.raises(RecordsChanged):
        hold_out(Leaving(), VOCABULARY, **span)


def test_windows_in_the_wrong_order_are_refused():
    with pytest.raises(BadInput):
        Windows(fit_until=20, validation_until=10, customers_until=5)
