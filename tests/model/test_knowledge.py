from itertools import combinations, product

from tests.model.knowledge import PRIME, least_support, revealed, span
from tests.model.party import Cohort, Local, World

FOUR = World(honest=3, colluders=1)
COHORT = Cohort(members=0b1111, threshold=3, minimum=3)
ALL = 0b1111


def opens(u3, u2=ALL, u1=ALL):
    return Local(u1, 0, u2, u3, True)


def test_two_openers_and_a_colluder_reveal_the_sum_of_their_survivors():
    assert revealed(FOUR, COHORT, (opens(0b1011), opens(0b1011), Local(ALL, 0, ALL))) == ((1, 1, 0),)


def test_one_opener_and_a_colluder_are_below_the_threshold():
    assert revealed(FOUR, COHORT, (opens(ALL), Local(ALL, 0, ALL), Local(ALL, 0, ALL))) == ()


def test_nothing_is_known_of_a_vector_whose_pair_mask_has_no_counterpart():
    shorter = Local(ALL, 0, 0b1110, 0b1110, True)
    assert revealed(FOUR, COHORT, (Local(ALL, 0, ALL), shorter, Local())) == ()


def test_both_secrets_of_a_member_reveal_its_answer_alone():
    two = World(honest=2, colluders=2)
    split = (opens(0b1101), opens(0b1110))
    assert revealed(two, COHORT, split) == ((1, 0), (0, 1))


def test_the_least_support_is_that_of_the_rarest_combination_and_not_of_the_basis():
    basis = span([(1, 1, 1, 0), (0, 1, 1, 1)])
    combos = [
        [sum(c * row[i] for c, row in zip(take, basis, strict=True)) % PRIME for i in range(4)]
        for take in product(range(-2, 3), repeat=2)
        if any(take)
    ]
    assert least_support(basis) == min(sum(map(bool, each)) for each in combos) == 2
    assert least_support(()) == 0


def test_a_span_does_not_depend_on_the_order_of_its_rows():
    rows = [(1, 1, 0), (0, 1, 1), (1, 0, PRIME - 1), (1, 1, 1)]
    assert {span([*pair, rows[3]]) for pair in combinations(rows[:3], 2)} == {span(rows)}
