"""Every attack of the catalogue on the pure machines; and each guarded one again without its guard."""

from dataclasses import replace

import pytest

from tests.attacks import pure
from tests.attacks.attack import as_expected, attempt
from tests.attacks.catalogue import ATTACKS
from tests.attacks.guards import GUARDS, in_the_product, without


def ticks() -> float:
    return 0.0


PURE = [attack for attack in ATTACKS if "pure" in attack.stands]


@pytest.mark.parametrize("attack", PURE, ids=lambda attack: attack.name)
def test_the_pure_machines_hold(attack):
    outcome = attempt(attack, pure.scene(attack.policy), "pure", ticks)
    assert as_expected(attack, outcome), outcome


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.guard], ids=lambda attack: attack.name
)
def test_without_its_guard_the_attack_wins(attack):
    with without(attack.guard):
        outcome = attempt(attack, pure.scene(attack.policy), "broken", ticks)
    assert outcome.won, outcome


def test_every_guard_is_what_some_attack_fails_at():
    assert set(GUARDS) == {name for attack in ATTACKS for name in attack.guard}


def test_a_rule_that_refuses_nothing_by_itself_is_not_as_expected():
    (attack,) = (each for each in ATTACKS if each.name == "rewritten audit log")
    padded = replace(attack, guard=(*attack.guard, "pinned keys"))
    *_, only_keys_left = padded.all_but_one
    with without(only_keys_left):
        outcome = attempt(padded, pure.scene(padded.policy), "weak", ticks, without=only_keys_left)
    assert outcome.won
    assert not as_expected(padded, outcome)


@pytest.mark.parametrize("name", GUARDS)
def test_every_guard_is_a_rule_of_the_product(name):
    """A rule that only the pure stand has would be tested by nothing but itself."""
    assert in_the_product(name)


def test_attacks_have_names_of_their_own():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
