"""The vocabulary: one order, one hash, one index for everybody."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import AltroveError, MalformedMessage, UnknownVersion, WrongVocabulary
from protocols.limits import CONCEPT_CHARS, CONCEPTS_MAX, NAME_CHARS
from protocols.vocabulary import Vocabulary, check_vocabulary, open_vocabulary
from tests.protocols.vector_files import is_bad, load

VECTORS = load("vocabulary")
words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=6)
FRUIT = Vocabulary.of("fruit", ["PEAR", "APPLE", "FIG"])


@given(st.lists(words, min_size=1, max_size=20))
def test_the_order_in_which_concepts_are_given_does_not_matter(concepts):
    vocabulary = Vocabulary.of("words", concepts)
    assert vocabulary == Vocabulary.of("words", reversed(concepts))
    assert vocabulary.digest == Vocabulary.of("words", [*concepts, *concepts]).digest
    assert decode(Vocabulary, encode(vocabulary)) == vocabulary


@given(st.lists(words, min_size=1, max_size=20))
def test_the_order_is_that_of_the_bytes_in_utf_8(concepts):
    vocabulary = Vocabulary.of("words", concepts)
    assert list(vocabulary.concepts) == sorted(vocabulary.concepts, key=lambda concept: concept.encode())


def test_the_index_of_a_concept_is_its_place():
    assert FRUIT.index() == {"APPLE": 0, "FIG": 1, "PEAR": 2}
    assert len(FRUIT) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"concepts": ()},
        {"concepts": ("B", "A")},
        {"concepts": ("A", "A")},
        {"concepts": ("",)},
        {"concepts": (" A",)},
        {"concepts": ("A\n",)},
        {"concepts": ("A" * (CONCEPT_CHARS + 1),)},
        {"concepts": tuple(f"{n:06}" for n in range(CONCEPTS_MAX + 1))},
        {"version": 0},
        {"name": ""},
        {"name": "n" * (NAME_CHARS + 1)},
    ],
)
def test_a_vocabulary_out_of_order_empty_or_unclean_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(FRUIT, **change)


@pytest.mark.parametrize(
    "other",
    [
        replace(FRUIT, version=2),
        replace(FRUIT, name="fruits"),
        Vocabulary.of("fruit", ["PEAR", "APPLE"]),
        Vocabulary.of("fruit", ["PEAR", "APPLE", "FIGS"]),
    ],
)
def test_a_vocabulary_of_another_version_name_or_content_is_refused_and_both_are_named(other):
    check_vocabulary(FRUIT, FRUIT.digest)
    with pytest.raises(WrongVocabulary, match=FRUIT.digest.hex()) as caught:
        check_vocabulary(other, FRUIT.digest)
    assert f"version {other.version}" in caught.value.came


def test_bytes_from_the_coordinator_are_opened_only_under_the_hash_that_the_round_names():
    assert open_vocabulary(encode(FRUIT), FRUIT.digest) == FRUIT
    with pytest.raises(WrongVocabulary):
        open_vocabulary(encode(FRUIT), bytes(32))
    with pytest.raises(UnknownVersion):
        open_vocabulary(encode(FRUIT).replace(b"/v1/", b"/v2/"), FRUIT.digest)


@pytest.mark.parametrize("operation", VECTORS["operations"], ids=lambda operation: operation["name"])
def test_vectors_hold_and_bad_ones_are_refused(operation):
    data, digest = bytes.fromhex(operation["encoding"]), bytes.fromhex(operation["digest"])
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            open_vocabulary(data, digest)
        assert caught.value.code == operation["code"]
    else:
        assert list(open_vocabulary(data, digest).concepts) == operation["concepts"]
