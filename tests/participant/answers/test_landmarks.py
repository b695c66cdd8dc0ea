"""The landmarks answer: columns of the taste answer, whatever the batches."""

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from protocols.codec import encode
from protocols.questions import landmarks, taste
from tests.participant.answers.neighbours import released
from tests.participant.shop import CONCEPTS, DAY, VOCABULARY, shop

M = len(CONCEPTS)
CUT = 150 * DAY


@pytest.fixture
def context(tmp_path):
    records, _, _ = shop(tmp_path)
    return AnswerContext(records=records, vocabulary=VOCABULARY, released=released)


def test_it_is_the_diagonal_and_some_columns_of_the_taste_answer_of_unit_rows(context):
    asked = landmarks.parse({"until": CUT, "landmarks": [0, 2, 5]})
    found = fill("landmarks", encode(asked), context)
    whole = fill("taste", encode(taste.parse({"until": CUT, "row_scheme": "unit"})), context)
    gram = taste.unpack_triangle(whole)
    assert found.any()
    assert (found[:M] == np.diagonal(gram)).all()
    assert (found[M:].reshape(M, 3) == gram[:, [0, 2, 5]]).all()
