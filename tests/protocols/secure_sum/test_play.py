from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import TooFewSurvivors
from protocols.messages import PHASES, Phase
from protocols.ring import encode_vector, lift
from protocols.secure_sum.play import fitted, play
from tests.protocols.secure_sum.stage import SEED, counting

NEVER = len(PHASES)


def leaves(pattern):
    """Who drops out in which phase, from the phase number of each member (5 = never)."""
    return {phase: {i for i, at in enumerate(pattern) if at == k} for k, phase in enumerate(PHASES)}


def outcome(pattern, threshold, minimum):
    """What the specification says about a pattern: the survivors U3, or None if it must abort."""
    u3 = tuple(i for i, at in enumerate(pattern) if at > PHASES.index(Phase.MASK))
    confirmed = sum(at > PHASES.index(Phase.CHECK) for at in pattern)
    answered = sum(at > PHASES.index(Phase.UNMASK) for at in pattern)
    completes = len(u3) >= max(threshold, minimum) and confirmed >= threshold and answered >= threshold
    return u3 if completes else None


def run(pattern, spec, inputs, minimum=3):
    n = len(pattern)
    threshold = 2 * n // 3 + 1
    u3 = outcome(pattern, threshold, minimum)
    if u3 is None:
        with pytest.raises(TooFewSurvivors):
            play(inputs, spec=spec, seed=SEED, minimum_cohort=minimum, dropouts=leaves(pattern))
        return
    result = play(inputs, spec=spec, seed=SEED, minimum_cohort=minimum, dropouts=leaves(pattern))
    plain = sum(lift(encode_vector(inputs[i], spec), spec.ring_bits) for i in u3)
    assert result.survivors == u3
    assert np.array_equal(result.sum, plain)


@pytest.mark.parametrize("n", [3, 4])
def test_every_dropout_pattern_completes_or_aborts_as_the_specification_says(n):
    spec = fitted(counting(length=3), n)
    inputs = [np.array([i, -i, 1000], dtype=np.int64) << 24 for i in range(n)]
    outcomes = set()
    for pattern in product(range(NEVER + 1), repeat=n):
        if n == 4 and sum(at < NEVER for at in pattern) > 2 and list(pattern) != sorted(pattern):
            continue  # three of four lost always abort, whoever they are: played in one order
        run(pattern, spec, inputs)
        outcomes.add(outcome(pattern, 2 * n // 3 + 1, 3))
    assert len(outcomes) == n * (n == 4) + 2


@settings(max_examples=60)
@given(data=st.data())
def test_the_sum_is_exact_for_any_size_ring_cohort_and_dropouts(data):
    n = data.draw(st.integers(3, 9), label="members")
    length = data.draw(st.integers(1, 70), label="length")
    bound = data.draw(st.integers(1, 10**6), label="bound")
    ring_bits = data.draw(st.sampled_from([32, 64]), label="ring")
    spec = fitted(counting(length, bound, ring_bits), n)
    limit = bound << 24
    cells = st.lists(st.integers(-limit, limit), min_size=length, max_size=length)
    inputs = [np.array(data.draw(cells), dtype=np.int64) for _ in range(n)]
    lost = data.draw(st.dictionaries(st.integers(0, n - 1), st.integers(0, NEVER), max_size=n // 3 + 1))
    minimum = data.draw(st.integers(3, n), label="minimum cohort")
    run([lost.get(i, NEVER) for i in range(n)], spec, inputs, minimum)


def test_a_vector_of_several_chunks_is_summed_chunk_by_chunk():
    spec = fitted(counting(length=2**18 * 2 + 3), 3)
    inputs = [np.full(spec.elements, i + 1, dtype=np.int64) << 24 for i in range(3)]
    result = play(inputs, spec=spec, seed=SEED)
    assert np.array_equal(result.sum, np.full(spec.elements, 6 << spec.blocks[0].scale_bits))
    assert min(result.upload_bytes) > spec.vector_bytes
    assert max(result.upload_bytes) < spec.vector_bytes + 4000


def test_the_clock_gives_seconds_by_phase():
    ticks = iter(range(10))
    inputs = [np.zeros(5, dtype=np.int64)] * 3
    result = play(inputs, spec=fitted(counting(), 3), seed=SEED, clock=lambda: float(next(ticks)))
    assert result.seconds == dict.fromkeys(PHASES, 1.0)


def test_another_seed_gives_other_identities_and_the_same_sum():
    spec = fitted(counting(), 3)
    inputs = [np.arange(5, dtype=np.int64) << 24] * 3
    one = play(inputs, spec=spec, seed=SEED)
    two = play(inputs, spec=spec, seed=bytes(32))
    assert np.array_equal(one.sum, two.sum)
