import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.answers import evaluation as answer_evaluation
from participant.models import Windows, learn
from participant.models.gram import WholeGram
from participant.models.local import Setting, TunedLocal
from participant.models.weights import SquareWeights
from participant.store.records import UnknownCustomer
from participant.tallies.taste import gram
from protocols.codec import encode
from protocols.errors import QuestionNotAllowed
from protocols.limits import FRACTION_BITS
from protocols.questions import evaluation, taste
from protocols.questions.ease import ease
from protocols.questions.mixture import Mixture
from protocols.questions.ranking import ndcg, obvious
from tests.participant.shop import CONCEPTS, DAY, NOW, VOCABULARY, made_up_lines, shop

CUT, END = 150 * DAY, 301 * DAY
M = len(CONCEPTS)


def dense(lines, low, high, customers=60):
    rows = np.zeros((customers, M), np.float32)
    for who, item, _, time, _ in lines:
        if low <= time < high:
            rows[int(who[1:]), int(item[5:7])] = 1
    return rows


def asked_taste(**changes):
    return encode(taste.parse({"until": CUT, "customers_until": CUT} | changes))


def asked_evaluation(**changes):
    asked = {"release": "ab" * 32, "history_until": CUT, "target_until": END, "lambdas": "10,100"} | changes
    return encode(evaluation.parse(asked))


@pytest.fixture
def context(tmp_path):
    records, _, _ = shop(tmp_path)
    whole = dense(made_up_lines(), 0, CUT)
    square = (whole.T @ whole).astype(np.float64)
    return AnswerContext(
        records=records, vocabulary=VOCABULARY, released=lambda release: WholeGram(matrix=square)
    )


def test_the_binary_answer_is_the_exact_gram_matrix_of_the_rows(context):
    rows = dense(made_up_lines(), 0, CUT).astype(np.int64)
    answer = fill("taste", asked_taste(), context)
    assert answer.dtype == np.int64
    assert np.array_equal(taste.unpack_triangle(answer), (rows.T @ rows) << FRACTION_BITS)


@pytest.mark.parametrize("scheme", ["binary", "logarithmic", "unit"])
@pytest.mark.parametrize("cap", [0, 3])
def test_the_answer_does_not_depend_on_the_batch(context, scheme, cap):
    def total(batch):
        rows = context.records.taste_rows(VOCABULARY, since=0, until=END, customers_until=NOW, batch=batch)
        return gram(rows, M, scheme, cap)

    whole = total(1000)
    assert whole.any()
    assert all(np.array_equal(total(batch), whole) for batch in (1, 7, 59))


def test_an_opted_out_customer_changes_no_answer(tmp_path, context):
    without = [line for line in made_up_lines() if line[0] != "c007"]
    absent, _, _ = shop(tmp_path / "absent", without)
    reference = AnswerContext(records=absent, vocabulary=VOCABULARY, released=context.released)
    for question, parameters in (("taste", asked_taste()), ("evaluation", asked_evaluation())):
        assert not np.array_equal(fill(question, parameters, context), fill(question, parameters, reference))
    context.records.opt_out("c007")
    for question, parameters in (("taste", asked_taste()), ("evaluation", asked_evaluation())):
        assert np.array_equal(fill(question, parameters, context), fill(question, parameters, reference))


def test_opting_out_an_unknown_customer_is_an_error(context):
    with pytest.raises(UnknownCustomer):
        context.records.opt_out("nobody")


def test_a_cap_on_customers_bounds_every_cell_and_always_keeps_the_same_ones(context):
    first = fill("taste", asked_taste(customers_cap=10), context)
    assert first.max() <= 10 << FRACTION_BITS
    assert np.array_equal(first, fill("taste", asked_taste(customers_cap=10), context))


def test_customers_first_seen_too_late_do_not_count(context):
    early = fill("taste", asked_taste(customers_until=DAY), context)
    assert not early.any()


def test_the_evaluation_answer_is_the_sum_of_ndcg_of_own_customers(context):
    history, future = dense(made_up_lines(), 0, CUT), dense(made_up_lines(), CUT, END)
    excluded = (np.zeros(M, bool), obvious(history.sum(0)))
    expected = []
    for out in excluded:
        gains = [
            ndcg(history @ ease(context.released(b"").matrix, lam), history > 0, future > 0, out).gains
            for lam in (10, 100)
        ]
        expected += [len(gains[0]), *(g.sum() for g in gains)]
    answer = fill("evaluation", asked_evaluation(beside="nothing"), context)
    np.testing.assert_allclose(answer / 2.0**FRACTION_BITS, expected, atol=60 * 2.0**-FRACTION_BITS)


def test_every_setting_of_an_evaluation_has_its_own_place_by_ridge_and_then_by_mixture(context):
    history, future = dense(made_up_lines(), 0, CUT), dense(made_up_lines(), CUT, END)
    gram = context.released(b"").matrix
    mixes = [Mixture.typed(each) for each in ("0:100:30", "0:0:100", "0:100:0:50")]
    expected = []
    for out in (np.zeros(M, bool), obvious(history.sum(0))):
        candidates = (history == 0) & ~out
        gains = [
            ndcg(mix.apply(None, history @ ease(gram, lam), np.diagonal(gram), candidates), history > 0, future > 0, out)
            for lam in (10, 100)
            for mix in mixes
        ]  # fmt: skip
        expected += [len(gains[0].gains), *(each.gains.sum() for each in gains)]
    answer = fill(
        "evaluation", asked_evaluation(mixes="0:100:30,0:0:100,0:100:0:50", beside="nothing"), context
    )
    np.testing.assert_allclose(answer / 2.0**FRACTION_BITS, expected, atol=60 * 2.0**-FRACTION_BITS)
    assert len(set(answer[1:7].tolist())) == 5  # popularity alone is the same at both ridges


def test_beside_the_settings_stands_the_model_that_the_gate_compares_with(context):
    windows = Windows(fit_until=CUT, validation_until=END, customers_until=CUT)
    own = learn(context.records, VOCABULARY, windows=windows).model.scenarios
    plain, beside = (
        (fill("evaluation", asked_evaluation(beside=each), context) / 2.0**FRACTION_BITS).reshape(2, -1)
        for each in ("nothing", "own")
    )
    np.testing.assert_array_equal(beside[:, :-1], plain)
    for (count, *_, total), part in zip(beside, own.values(), strict=True):
        assert total / count == pytest.approx(part.verdict.local.mean, abs=1e-7)


def test_each_metric_has_the_own_model_of_its_scenario(context, monkeypatch):
    rng, buyers = np.random.default_rng(5), np.arange(M)
    tuned = TunedLocal(
        chosen={"explore": Setting(lam=100, tilt=10), "surprise": Setting(lam=300, tilt=0)},
        scores={},
        weights={
            name: SquareWeights(matrix=rng.normal(size=(M, M)).astype(np.float32))
            for name in ("explore", "surprise")
        },
        buyers=buyers,
    )
    monkeypatch.setattr(answer_evaluation, "tune", lambda *_: tuned)
    answer = (fill("evaluation", asked_evaluation(), context) / 2.0**FRACTION_BITS).reshape(2, -1)[:, -1]
    history, future = dense(made_up_lines(), 0, CUT), dense(made_up_lines(), CUT, END)
    scores = {
        "explore": history @ tuned.weights["explore"].matrix + 0.1 * np.log1p(buyers).astype(np.float32),
        "surprise": history @ tuned.weights["surprise"].matrix,
    }
    excluded = {"explore": np.zeros(M, bool), "surprise": obvious(history.sum(0))}
    expected = [ndcg(scores[n], history > 0, future > 0, excluded[n]).gains.sum() for n in scores]
    assert answer == pytest.approx(expected, abs=1e-4)


def test_an_unknown_question_is_refused(context):
    with pytest.raises(QuestionNotAllowed, match="taste, evaluation"):
        fill("prices", b"", context)
