"""Items without a shared concept: scored from their texts, by a sum of companies' real answers."""

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.encoders import encoder_named
from participant.errors import RecordsChanged
from participant.models.content import ContentModel, Settings, learn, unit, unlisted
from participant.store.records_items import Item
from protocols.codec import encode
from protocols.limits import FRACTION_BITS
from protocols.questions import content
from protocols.questions.taste import unpack_triangle
from tests.participant.answers.neighbours import BEFORE, CUT, WORDS, M, MemoryRecords, released
from tests.participant.shop import DAY, NOW, VOCABULARY, shop

TEA, OIL = (
    Item(key=90, name="goat milk cheese", brand="", category=""),
    Item(key=91, name="word 3 of another kind", brand="", category=""),
)
ENCODE = encoder_named("ngrams", 256)
ASKED = content.parse({"until": CUT, "dimensions": 256})


def answer(customers):
    context = AnswerContext(
        records=MemoryRecords(customers=tuple(customers)), vocabulary=WORDS, released=released
    )
    return fill("content", encode(ASKED), context)


def test_a_customer_who_comes_between_two_passes_is_noticed_and_shifts_nobody():
    class Growing(MemoryRecords):
        """One customer more whenever rows are asked for again."""

        __slots__ = ()
        passes = 0

        def taste_rows(self, *given, **asked):
            Growing.passes += 1
            return MemoryRecords(customers=self.customers * Growing.passes).taste_rows(*given, **asked)

    context = AnswerContext(
        records=Growing(customers=({(BEFORE, 4): 1},)), vocabulary=WORDS, released=released
    )
    with pytest.raises(RecordsChanged):
        fill("content", encode(ASKED), context)


def two_tastes():
    """Ten who buy goat milk with concepts 0 and 1, and five who buy a word with concepts 7 and 8."""
    dairy = [{(BEFORE, 4): 1, (BEFORE, 3): 1, (BEFORE, 0): 1, (BEFORE, 1): 1}] * 10
    words = [{(BEFORE, 9): 1, (BEFORE, 7): 1, (BEFORE, 8): 1}] * 5
    return dairy, words


def model(boldness=1.0):
    dairy, words = two_tastes()
    total = (answer(dairy) + answer(words)) / 2.0**FRACTION_BITS
    catalogue = (*MemoryRecords(customers=()).every_item(), TEA, OIL)
    return learn(
        content.CONTENT.read(total, ASKED, M),
        (TEA, OIL),
        catalogue,
        ENCODE,
        mean_row=np.full(M, 0.2),
        settings=Settings(boldness=boldness, taste_ridge=1.0),
    )


def history(*concepts):
    row = np.zeros((1, M))
    row[0, list(concepts)] = 1
    return row


def test_what_others_buy_under_like_words_is_recommended_to_those_of_like_taste():
    dairy, wordy = model().scores(np.vstack([history(0, 1), history(7, 8)]))
    assert dairy[0] / dairy[1] > 2 * wordy[0] / wordy[1]


def test_without_boldness_and_without_a_history_everybody_gets_the_shares():
    plain = model(0.0)
    assert (plain.scores(history(0, 1)) == plain.shares).all()
    assert (model().scores(history()) == model().shares).all()


def test_one_customer_scores_as_among_many_from_the_packed_model_too():
    whole = model()
    for concepts in ((0, 1), (7,), ()):
        expected = whole.scores(history(*concepts))[0]
        for made in (whole, whole.packed()):
            np.testing.assert_allclose(made.scores_of(np.array(concepts, np.int64)), expected, rtol=1e-5)


def test_a_lift_below_its_floor_does_not_turn_negative():
    made = ContentModel(shares=np.ones(1), tastes=np.zeros((1, 2)), usual=np.ones(1), boldness=0.5)
    assert made.scores(np.array([[1.0, 1.0]]))[0, 0] == pytest.approx(1e-3**0.5)


def test_an_answer_of_all_customers_is_the_sum_of_the_answers_but_for_rounding():
    dairy, words = two_tastes()
    apart = answer(dairy) + answer(words)
    together = answer([*dairy, *words])
    assert together.any()
    assert abs(together - apart).max() <= 1


def test_the_answer_is_what_its_formula_says():
    dairy, words = two_tastes()
    bought = [*dairy, *words]
    rows = np.zeros((len(bought), M))
    for u, customer in enumerate(bought):
        rows[u, [concept for _, concept in customer]] = 1
    texts = ENCODE([item.name for item in MemoryRecords(customers=()).every_item()]) / 4096
    share = rows / rows.sum(1, keepdims=True)
    a = texts.T @ (share.sum(0)[:, None] * texts)
    c = (share @ texts).T @ np.hstack([unit(rows), np.ones((len(rows), 1))])
    found = answer(bought) / 2.0**FRACTION_BITS
    np.testing.assert_allclose(unpack_triangle(found[: content.triangle(ASKED)]), a, atol=0.01)
    np.testing.assert_allclose(found[content.triangle(ASKED) :].reshape(256, M + 1), c, atol=0.01)


def test_the_answer_does_not_depend_on_batches_and_an_empty_company_answers_zeros():
    dairy, words = two_tastes()
    whole = answer([*dairy, *words])
    context = AnswerContext(
        records=MemoryRecords(customers=(*dairy, *words), batch=4), vocabulary=WORDS, released=released
    )
    assert (fill("content", encode(ASKED), context) == whole).all()
    assert not answer([]).any()
    assert answer([]).shape == whole.shape


def test_a_real_shop_answers_with_items_that_have_no_concept(tmp_path):
    lines = [("c1", "loose", "b1", DAY, 1.0), ("c1", "item-00a", "b1", DAY, 1.0)]
    records, _, _ = shop(tmp_path, lines)
    catalogue = records.every_item()
    assert [item.name for item in unlisted(catalogue, VOCABULARY)] == ["loose"]
    asked = content.parse({"until": NOW, "dimensions": 32})
    answered = fill(
        "content", encode(asked), AnswerContext(records=records, vocabulary=VOCABULARY, released=released)
    )
    reading = content.CONTENT.read(answered / 2.0**FRACTION_BITS, asked, len(VOCABULARY))
    texts = encoder_named("ngrams", 32)(["loose", "item-00a"]) / 4096
    np.testing.assert_allclose(reading.baskets, texts.mean(0), atol=0.001)
    np.testing.assert_allclose(np.trace(reading.texts), 1.0, atol=0.01)


def test_a_customer_who_opted_out_is_in_no_row_of_items(tmp_path):
    records, _, _ = shop(tmp_path)
    span = {"since": 0, "until": NOW, "customers_until": NOW}
    before = sum(len(batch) for batch in records.item_rows(records.every_item(), **span))
    records.opt_out("c007")
    assert sum(len(batch) for batch in records.item_rows(records.every_item(), **span)) == before - 1
