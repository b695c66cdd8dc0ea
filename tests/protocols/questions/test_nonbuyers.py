"""The question of who does not buy: its layout, its price, and that others' shares are only ever read as bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import BadInput, MalformedMessage, UnknownVersion
from protocols.limits import FRACTION_BITS
from protocols.questions import ask
from protocols.questions.bands import EDGES, FEWEST, SURE, band_of
from protocols.questions.nonbuyers import (
    NONBUYERS,
    PRECEDENCE,
    STATES,
    WORDS,
    Parameters,
    bound,
    describe,
    length,
    pack,
    parse,
    sensitivity2,
)
from protocols.vocabulary import Vocabulary

counts_of = st.lists(st.lists(st.integers(0, 500), min_size=3, max_size=3), min_size=10, max_size=10)


@given(st.lists(counts_of, min_size=1, max_size=4))
def test_the_reading_is_the_sum_of_customers_by_state_and_concept(companies):
    arrays = [np.array(company, np.int64) for company in companies]
    total = sum(pack(each) for each in arrays) / 2.0**FRACTION_BITS
    reading = NONBUYERS.read(total, parse({"until": 1, "concepts": "1,4,5"}), 9)
    assert np.array_equal(reading.counts, sum(arrays))
    assert reading.count("lapsed", 4) == sum(arrays)[STATES.index("lapsed"), 1]
    assert reading.count("lapsed", 3) is None


def test_every_state_has_a_place_in_the_order_and_words():
    assert set(PRECEDENCE) == set(STATES) == set(WORDS)


@pytest.mark.parametrize(("concepts", "cells"), [("", 10 * 9), ("3", 10), ("8,0,8", 20), (0, 10), ((), 90)])
def test_a_cell_for_each_state_of_each_concept_and_a_price_for_each_concept(concepts, cells):
    asked = parse({"until": 1, "concepts": concepts})
    assert length(asked, 9) == cells
    assert sensitivity2(asked, 9) == (cells // 10) << 2 * FRACTION_BITS
    assert bound(asked) == 100_000


@pytest.mark.parametrize("typed", ["9", "0,9", "-1", "bread"])
def test_a_concept_that_the_vocabulary_does_not_have_is_one_clear_message(typed):
    words = Vocabulary.of("words", [f"w{i}" for i in range(9)])
    with pytest.raises(BadInput, match="concepts"):
        ask([("nonbuyers", {"until": 5, "concepts": typed})], words, members=5, epoch="1")


def test_counts_of_another_definition_are_refused():
    values = {name: getattr(parse({"until": 5}), name) for name in Parameters.__slots__}
    with pytest.raises(MalformedMessage, match="definition 1"):
        Parameters(**(values | {"definition": 2}))
    with pytest.raises(BadInput):
        parse({"until": 5, "definition": 1})


@pytest.mark.parametrize(
    "change", [{"concepts": (2, 1)}, {"concepts": (1, 1)}, {"since": 9}, {"customers_cap": 0}]
)
def test_parameters_that_make_no_sense_are_refused_when_they_are_made(change):
    values = {name: getattr(parse({"until": 5}), name) for name in Parameters.__slots__}
    with pytest.raises(MalformedMessage):
        Parameters(**(values | change))


def test_parameters_survive_the_wire_and_another_questions_do_not():
    asked = parse({"until": 5, "concepts": "3,1"})
    assert decode(Parameters, encode(asked)) == asked
    with pytest.raises((MalformedMessage, UnknownVersion)):
        NONBUYERS.open(b"\x00" + encode(asked))


def test_the_officer_is_told_that_reasons_are_hypotheses():
    assert "a hypothesis" in describe(parse({"until": 5}))
    assert "every concept" in describe(parse({"until": 5}))
    assert "2 concepts" in describe(parse({"until": 5, "concepts": "1,2"}))


@given(st.integers(0, 5000), st.integers(1, 5000), st.floats(0, 500))
def test_a_band_holds_every_count_that_the_noise_leaves_room_for_and_is_no_count(count, more, sigma):
    customers = float(count + more)
    band = band_of(float(count), customers, sigma)
    if not band.said:
        assert customers < FEWEST or count + SURE * sigma < FEWEST
        return
    assert {band.low, band.high} <= set(EDGES)
    assert band.low <= max(count - SURE * sigma, 0) / customers
    assert min(count + SURE * sigma, customers) / customers <= band.high
    assert str(count) not in band.words.replace("of 100", "") or count in {1, 3, 6, 10, 30, 60, 0, 100}


def test_of_fewer_than_twenty_customers_nothing_is_said():
    assert band_of(19.0, 100.0, 0.0).words == "too few to say"
    assert band_of(20.0, 100.0, 0.0).said
    assert band_of(15.0, 19.0, 0.0).words == "too few to say"


def test_an_own_share_is_above_within_or_below_a_band():
    band = band_of(50.0, 1000.0, 0.0)
    assert [band.beside(share) for share in (0.02, 0.03, 0.1, 0.11)] == [
        "less often here",
        "as elsewhere",
        "as elsewhere",
        "more often here",
    ]
    assert band_of(None, 1000.0, 0.0).beside(0.9) == ""
