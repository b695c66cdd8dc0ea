"""Start and steps of an encoder: the same on every machine, and exact where noise asks for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import BadInput, BadRelease, MalformedMessage
from protocols.questions import mixture, spectral
from protocols.questions.mixture import PLAIN, Arms, Mixture, standardise
from protocols.questions.network import Network, Shape, exact_product
from protocols.questions.server_step import FEDADAM, FEDAVG, MOMENTUM, SERVERS, begin, step
from protocols.questions.spectral import FAINTEST, start

M = 40
SHAPE = Shape(concepts=M, hidden=16, latent=6)


def rows(seed=0, customers=300):
    rng = np.random.default_rng(seed)
    taste = rng.random((customers, 3))
    concepts = rng.random((3, M)) ** 3
    return (rng.random((customers, M)) < 0.3 * taste @ concepts).astype(np.float32)


def gram(seed=0):
    found = rows(seed).astype(np.float64)
    return found.T @ found


def degenerate(kind):
    if kind == "alone":  # nobody buys two concepts: all directions are equal
        return np.diag(np.full(M, 5.0))
    if kind == "twins":  # pairs of concepts that are always bought together
        return np.kron(np.eye(M // 2), np.full((2, 2), 7.0))
    found = gram()
    found[30:, :] = found[:, 30:] = 0.0  # a quarter of the vocabulary that nobody sells
    return found


@pytest.mark.parametrize("kind", ["alone", "twins", "unsold"])
def test_a_last_bit_of_another_machine_does_not_change_the_start_even_where_directions_are_equal(kind):
    exact = degenerate(kind)
    wobble = np.random.default_rng(3).normal(0, 1e-12, exact.shape)
    other = exact * (1 + wobble + wobble.T)
    np.testing.assert_allclose(start(exact, SHAPE), start(other, SHAPE), atol=1e-4)
    assert np.isfinite(start(exact, SHAPE)).all()


def test_a_machine_that_gives_eigenvectors_the_other_way_round_has_the_same_start(monkeypatch):
    ours = start(gram(), SHAPE)
    real = spectral.eigh

    def other(*given, **named):
        values, vectors = real(*given, **named)
        return values, -vectors

    monkeypatch.setattr(spectral, "eigh", other)
    np.testing.assert_array_equal(start(gram(), SHAPE), ours)


def test_the_start_knows_what_goes_together_and_what_is_popular():
    found = rows()
    network = Network(shape=SHAPE, weights=start(gram(), SHAPE))
    scores = network.scores(found)
    assert np.corrcoef(network.shape.split(network.weights)["d2"], np.log(found.sum(0) + 1))[0, 1] > 0.95
    personal = scores - scores.mean(0)
    bought = found > 0
    assert personal[bought].mean() > personal[~bought].mean() + 0.5


def test_a_start_needs_something_bought_and_the_vocabulary_of_its_shape():
    for bad in (np.zeros((M, M)), np.eye(M - 1), np.full((M, M), np.nan)):
        with pytest.raises(BadRelease):
            start(bad, SHAPE)


def test_directions_below_the_faintest_are_left_out():
    one = np.outer(np.arange(1, M + 1.0), np.arange(1, M + 1.0))  # a single direction
    e1 = SHAPE.split(start(one, SHAPE))["E1"]
    strength = np.linalg.norm(e1, axis=0)
    assert strength[0] > 0.1
    assert (strength[1:] < 0.1).all()
    assert FAINTEST > 1e-5


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_fedavg_adds_up_what_the_releases_say(rounds, seed):
    changes = np.random.default_rng(seed).normal(0, 0.1, (rounds, 5))
    state = begin(np.zeros(5, np.float32))
    for change in changes:
        state = step(state, change, FEDAVG, 1.0)
    assert state.rounds == rounds
    np.testing.assert_allclose(state.weights, changes.sum(0), atol=1e-6)


@settings(max_examples=30)
@given(st.sampled_from(SERVERS), st.integers(0, 2**32 - 1))
def test_a_step_treats_every_cell_by_itself_and_is_the_same_to_the_bit_wherever_it_stands(server, seed):
    rng = np.random.default_rng(seed)
    weights, changes = rng.normal(0, 1, 37).astype(np.float32), rng.normal(0, 0.1, (3, 37))
    order = rng.permutation(37)
    whole, moved = begin(weights), begin(weights[order])
    for change in changes:
        whole, moved = step(whole, change, server, 0.5), step(moved, change[order], server, 0.5)
    np.testing.assert_array_equal(whole.weights[order], moved.weights)


def test_momentum_goes_on_where_it_went_and_fedadam_takes_steps_of_its_rate():
    once = np.array([0.3, -0.002, 0.0])
    rolling = step(step(begin(np.zeros(3, np.float32)), once, MOMENTUM, 1.0), np.zeros(3), MOMENTUM, 1.0)
    np.testing.assert_allclose(rolling.weights, 1.9 * once, rtol=1e-6)
    adam = step(begin(np.zeros(3, np.float32)), once, FEDADAM, 0.01)
    np.testing.assert_allclose(adam.weights, [0.01 * 0.3 / 0.301, -0.01 * 0.002 / 0.003, 0.0], rtol=1e-4)


def test_a_step_that_leaves_the_numbers_is_refused():
    state = begin(np.zeros(3, np.float32))
    for change in (np.full(3, 1e39), np.full(3, np.nan), np.zeros(4)):
        with pytest.raises(BadRelease):
            step(state, change, FEDAVG, 1.0)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_an_exact_product_of_a_row_does_not_depend_on_its_neighbours_or_on_the_order(inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    some = rng.normal(0, 10.0 ** rng.integers(-3, 4), (9, inputs))
    matrix = rng.normal(0, 1, (inputs, outputs))
    whole = exact_product(some, matrix)
    np.testing.assert_allclose(whole, some @ matrix, atol=1e-4 * np.abs(some).max() * inputs)
    for size in (1, 2, 5):
        np.testing.assert_array_equal(exact_product(some[:size], matrix), whole[:size])
    order = rng.permutation(inputs)
    np.testing.assert_array_equal(exact_product(some[:, order], matrix[order]), whole)


def test_one_request_many_and_exact_scores_are_the_same_network():
    network, found = Network(shape=SHAPE, weights=start(gram(), SHAPE)), rows()[:20]
    scores = network.scores(found)
    np.testing.assert_allclose(network.exact_scores(found), scores, atol=1e-4)
    for customer in range(20):
        one = network.scores_of(np.flatnonzero(found[customer]))
        np.testing.assert_allclose(one, scores[customer], atol=1e-4)
    nobody = network.scores(np.zeros((1, M), np.float32))[0]
    np.testing.assert_allclose(network.scores_of(np.zeros(0, np.int64)), nobody, atol=1e-5)


def test_a_mixture_adds_standardised_scores_and_ease_alone_is_left_as_it_is():
    rng = np.random.default_rng(1)
    encoder, ease = rng.random((4, 9)), rng.random((4, 9))
    buyers, mask = rng.integers(0, 50, 9).astype(float), rng.random((4, 9)) < 0.8
    assert PLAIN.apply(None, ease, buyers, mask) is ease
    mixed = Mixture.typed("100:30:60").apply(encoder, ease, buyers, mask)
    popular = np.broadcast_to(np.log1p(buyers), ease.shape)
    expected = standardise(encoder, mask) + 0.3 * standardise(ease, mask) + 0.6 * standardise(popular, mask)
    np.testing.assert_allclose(mixed, expected)
    with pytest.raises(BadInput, match="encoder"):
        Mixture.typed("1:1:1").apply(None, ease, buyers, mask)


def test_mixtures_of_shared_arms_are_to_the_bit_those_made_alone_and_each_arm_is_standardised_once(
    monkeypatch,
):
    rng = np.random.default_rng(2)
    encoder, ease, mask = rng.random((4, 9)), rng.random((4, 9)), rng.random((4, 9)) < 0.8
    buyers = rng.integers(0, 50, 9).astype(float)
    mixes = [
        Mixture.typed(each)
        for each in ("0:100:0", "100:0:0", "0:100:15", "100:60:30", "7:5:3", "0:100:0:5", "7:5:3:5")
    ]
    alone = [mix.apply(encoder, ease, buyers, mask) for mix in mixes]
    made = []
    monkeypatch.setattr(mixture, "standardise", lambda *given: made.append(1) or standardise(*given))
    arms = Arms(encoder=encoder, ease=ease, buyers=buyers, candidates=mask)
    for mix, expected in zip(mixes, alone, strict=True):
        np.testing.assert_array_equal(mix.of(arms), expected)
    assert len(made) == 4  # EASE with its tilt is another arm


@pytest.mark.parametrize("typed", ["", "1:2", "1:2:x", "-1:0:0", "1.5:0:0", "1:2:3:4:5"])
def test_a_mistyped_mixture_is_one_clear_message(typed):
    with pytest.raises(BadInput, match="100:30:0"):
        Mixture.typed(typed)


@pytest.mark.parametrize("typed", ["0:0:0", "10001:0:0", "0:100:0:10001", "100:0:0:5"])
def test_a_mixture_of_nothing_or_of_too_much_does_not_exist(typed):
    with pytest.raises(MalformedMessage):
        Mixture.typed(typed)
