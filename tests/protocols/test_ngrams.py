"""Hashed words: the same integers everywhere, never longer than one, and nearer for related words."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.limits import ROW_BITS
from protocols.ngrams import features, hashed


@given(st.text(max_size=60), st.integers(1, 300))
def test_no_row_is_longer_than_one(text, dimensions):
    row = hashed(text, dimensions)
    assert row.shape == (dimensions,)
    assert int((row * row).sum()) <= 1 << 2 * ROW_BITS


def test_a_text_with_one_feature_has_all_its_length_in_one_cell():
    row = hashed("a", 64)
    assert sorted(abs(row).tolist())[-2:] == [0, 1 << ROW_BITS]


def test_the_cells_are_pinned_so_that_companies_of_different_versions_agree():
    row = hashed("Oat milk", 16)
    assert row.tolist() == [0, 0, -2364, 1182, 0, 0, 0, 1182, 0, -1182, 0, -1182, 0, 0, 0, 2364]


def test_order_case_and_punctuation_do_not_matter_but_words_do():
    assert (hashed("MILK, oat!", 99) == hashed("oat milk", 99)).all()
    assert (hashed("oat milk", 99) != hashed("goat milk", 99)).any()


def test_words_of_one_stem_are_nearer_than_strangers():
    def likeness(one, other):
        return hashed(one, 1024) @ hashed(other, 1024) / 4**ROW_BITS

    assert likeness("strawberry yogurt", "strawberries yoghurt") > 0.3
    assert abs(likeness("strawberry yogurt", "motor oil")) < 0.1


def test_short_words_have_no_trigrams():
    assert features("tea") == [("tea", 2)]
    assert not hashed("... !", 8).any()
