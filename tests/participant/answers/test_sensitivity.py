"""Every question's declared sensitivity, held against its real answers on neighbouring data, in integers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from participant.answers import ANSWERS, AnswerContext, fill
from protocols.codec import encode
from protocols.errors import UnboundedSensitivity
from protocols.privacy import LOSS_BITS
from protocols.questions import QUESTIONS, ask, noise_for, price, taste
from protocols.ring import encode_vector
from tests.participant.answers.neighbours import (
    AFTER,
    BEFORE,
    CUT,
    END,
    MIXES,
    NEIGHBOURS,
    RELEASE,
    WORDS,
    Encoders,
    M,
    MemoryRecords,
    customers,
    released,
)
from tests.participant.shop import DAY, VOCABULARY, made_up_lines, shop


class Everybody(MemoryRecords):
    """Asked for all customers too, of which there is no bound: an own model is everybody's."""

    def taste_rows(self, vocabulary, *, customers_cap=0, **span):
        return super().taste_rows(vocabulary, customers_cap=customers_cap or len(self.customers), **span)


def answers(spec, bought, batch=3, records=MemoryRecords):
    """The company's answer to ``spec``, by the code that makes real ones."""
    context = AnswerContext(
        records=records(customers=tuple(bought), batch=batch),
        vocabulary=WORDS,
        released=released,
        encoders=Encoders(released),
    )
    return np.concatenate([fill(block.question, block.parameters, context) for block in spec.blocks])


def moved2(kind, before, after, n_concepts=M):
    """Twice the square of what the noise has to hide, exactly: loud cells count half."""
    weights = np.full(len(before), 2, dtype=object)
    weights[kind.loud(n_concepts)] = 1
    change = (after - before).astype(object)
    return int((weights * change * change).sum())


def check(kind, typed, bought, extra, place):
    """That one customer more, anywhere among the others, stays within what ``kind`` declares."""
    parameters = kind.parse(typed)
    context = [
        AnswerContext(
            records=MemoryRecords(customers=tuple(some)),
            vocabulary=WORDS,
            released=released,
            encoders=Encoders(released),
        )
        for some in (bought, [*bought[:place], extra, *bought[place:]])
    ]
    before, after = (ANSWERS[kind.name](encode(parameters), one) for one in context)
    assert moved2(kind, before, after) <= 2 * kind.sensitivity2(parameters, M)


def typed(question):
    return ask([(question, NEIGHBOURS[question].worst[0])], WORDS, members=5, epoch="2017")


def test_every_question_has_joined_the_harness():
    assert set(NEIGHBOURS) == set(QUESTIONS) == set(ANSWERS)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
@settings(max_examples=40)
@given(data=st.data())
def test_one_customer_changes_an_answer_by_no_more_than_its_question_declares(name, data):
    bought = data.draw(st.lists(customers, max_size=6))
    place = data.draw(st.integers(0, len(bought)))
    check(QUESTIONS[name], data.draw(NEIGHBOURS[name].typed), bought, data.draw(customers), place)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_bound_that_is_a_hundredth_too_small_is_caught(name):
    kind, (parameters, extra) = QUESTIONS[name], NEIGHBOURS[name].worst
    others = [{(BEFORE, 2): 1, (AFTER, 7): 3}, {(BEFORE, 0): 2, (AFTER, 2): 1}]
    check(kind, parameters, others, extra, 1)
    smaller = replace(kind, sensitivity2=lambda asked, n: kind.sensitivity2(asked, n) * 98 // 100)
    with pytest.raises(AssertionError):
        check(smaller, parameters, others, extra, 1)


@settings(max_examples=20)
@given(data=st.data())
def test_all_questions_in_one_vector_cost_one_customer_no_more_than_the_price(data):
    names = data.draw(st.permutations(sorted(QUESTIONS)))
    asked = [(name, {**data.draw(NEIGHBOURS[name].typed), "noise": "2.45"}) for name in names]
    spec = ask(asked, WORDS, members=5, epoch="2017")
    bought, extra = data.draw(st.lists(customers, max_size=4)), data.draw(customers)
    before, after = answers(spec, bought), answers(spec, [*bought, extra])
    start, loss = 0, Fraction(0)
    for block in spec.blocks:
        cells = slice(start, start + block.length)
        kind = QUESTIONS[block.question]
        loss += Fraction(moved2(kind, before[cells], after[cells]), 2 * block.noise_sigma**2)
        start += block.length
    assert loss * 2**LOSS_BITS <= price(spec, M).loss


def test_a_sealed_vector_depends_on_a_customer_only_through_answer_plus_noise():
    """So that rounding to the ring is a post-processing: what one customer adds, noise could have added."""
    spec = ask(
        [(n, {**NEIGHBOURS[n].worst[0], "noise": "2.45"}) for n in sorted(QUESTIONS)],
        WORDS,
        members=5,
        epoch="1",
    )
    before = answers(spec, [])
    after = answers(
        spec, [dict.fromkeys(((BEFORE, i) for i in range(7)), 1), {(BEFORE, 0): 1, (AFTER, 1): 1}]
    )
    noise = noise_for(spec, M, bytes(32))
    starts = np.cumsum([0, *(block.length for block in spec.blocks)])

    def absorbing(number, start, count):
        cells = slice(starts[number] + start, starts[number] + start + count)
        return noise(number, start, count) + after[cells] - before[cells]

    assert (after != before).any()
    assert (encode_vector(after, spec, noise) == encode_vector(before, spec, absorbing)).all()


EVALUATED = {"release": RELEASE, "history_until": CUT, "target_until": END, "lambdas": "30"}


def test_a_company_with_its_own_obvious_list_would_show_more_than_one_customer_and_gets_no_noise():
    """The attack: one customer more changes which concepts are obvious, and so everybody's gains."""
    own = {**EVALUATED, "obvious": "own", "beside": "nothing"}
    asked = QUESTIONS["evaluation"].parse(own)
    others = [*[{(BEFORE, 0): 1, (AFTER, 1): 1}] * 9, *({(BEFORE, at): 1} for at in (1, 2, 3))]
    spec = ask([("evaluation", own)], WORDS, members=5, epoch="2017")
    before, after = answers(spec, others), answers(spec, [*others, {(BEFORE, 1): 1}])
    pooled = QUESTIONS["evaluation"].sensitivity2(replace(asked, obvious="pooled"), M)
    assert moved2(QUESTIONS["evaluation"], before, after) > 10 * 2 * pooled
    with pytest.raises(UnboundedSensitivity, match="obvious=pooled"):
        ask([("evaluation", {**own, "noise": "2.45"})], WORDS, members=5, epoch="2017")


def test_the_own_model_would_show_more_than_one_customer_and_gets_no_noise():
    """The attack: one customer more changes the own model, and so everybody's gains."""
    own = {**EVALUATED, "obvious": "pooled", "beside": "own"}
    asked = QUESTIONS["evaluation"].parse(own)
    others = [{(BEFORE, 0): 1, (AFTER, M - 1): 1}] * 30
    spec = ask([("evaluation", own)], WORDS, members=5, epoch="2017")
    more = [*others, {(BEFORE, 0): 1, (BEFORE, M - 1): 1}]
    before, after = (answers(spec, each, records=Everybody) for each in (others, more))
    without = QUESTIONS["evaluation"].sensitivity2(replace(asked, beside="nothing"), M)
    assert moved2(QUESTIONS["evaluation"], before, after) > 10 * 2 * without
    with pytest.raises(UnboundedSensitivity, match="beside=nothing"):
        ask([("evaluation", {**own, "noise": "2.45"})], WORDS, members=5, epoch="2017")


@pytest.mark.parametrize("scheme", ["binary", "logarithmic"])
def test_rows_without_a_cap_get_no_noise(scheme):
    with pytest.raises(UnboundedSensitivity, match="items_cap"):
        ask([("taste", {"until": 5, "row_scheme": scheme, "noise": "9"})], WORDS, members=5, epoch="2017")


def test_no_customers_gains_depend_on_who_is_in_the_batch():
    rng = np.random.default_rng(8)
    bought = [
        {
            (int(t), int(c)): 1
            for t, c in zip(rng.choice((BEFORE, AFTER), 14), rng.integers(0, M, 14), strict=True)
        }
        for _ in range(40)
    ]
    values = {**NEIGHBOURS["evaluation"].worst[0], "encoder": RELEASE, "mixes": MIXES}
    spec = ask([("evaluation", values)], WORDS, members=5, epoch="2017")
    whole = answers(spec, bought, batch=40)
    assert whole.any()
    for batch in (1, 2, 7, 39):
        assert (answers(spec, bought, batch=batch) == whole).all()


def test_what_a_training_changes_can_be_bent_by_one_customer_and_gets_no_noise():
    """The attack: one customer more moves the weights by far more than one clipped gradient would."""
    change = {**NEIGHBOURS["encoder"].worst[0], "mode": "change", "limit": 1_000_000, "batch": 2}
    others = [{(BEFORE, 0): 1, (BEFORE, 2): 1}] * 8
    spec = ask([("encoder", change)], WORDS, members=5, epoch="2017")
    before, after = answers(spec, others), answers(spec, [*others, {(BEFORE, 7): 1}])
    one = QUESTIONS["encoder"].parse({**change, "mode": "gradient", "limit": 10_000}).clip ** 2
    assert moved2(QUESTIONS["encoder"], before, after) > 2 * one
    with pytest.raises(UnboundedSensitivity, match="mode=gradient"):
        ask([("encoder", {**change, "noise": "2.45"})], WORDS, members=5, epoch="2017")


def test_the_bound_holds_in_a_real_shop_too(tmp_path):
    lines = made_up_lines()
    parameters = taste.parse({"until": 300 * DAY, "row_scheme": "unit"})
    both = []
    for folder, some in (("with", lines), ("without", [line for line in lines if line[0] != "c007"])):
        records, _, _ = shop(tmp_path / folder, some)
        context = AnswerContext(records=records, vocabulary=VOCABULARY, released=released)
        both.append(fill("taste", encode(parameters), context))
    moved, declared = (
        moved2(taste.TASTE, *both, len(VOCABULARY)),
        2 * taste.sensitivity2(parameters, len(VOCABULARY)),
    )
    assert 0.9 * declared < moved <= declared
