"""The catalogue against a node's daemon: a process of its own, led by a hostile coordinator over TLS.

One daemon lives through all attacks, one after the other, as it would; then it must still add up honestly.
"""

import sys
import time

import numpy as np
import pytest

from tests.attacks.attack import as_expected, attempt
from tests.attacks.catalogue import ATTACKS
from tests.attacks.live import live

pytestmark = pytest.mark.timeout(1800)
QUICK = [each for each in ATTACKS if "live" in each.stands and not each.slow]


def test_a_daemon_survives_every_attack_and_adds_up_afterwards(tmp_path):
    with live(tmp_path) as scene:
        outcomes = [(each, attempt(each, scene, "live", time.monotonic)) for each in QUICK]
        assert not [outcome for attack, outcome in outcomes if not as_expected(attack, outcome)]
        run = scene.run().advertise().share().mask()
        total = run.sum_over(scene.cohort)
    assert np.array_equal(total, sum(run.truth(member) for member in scene.cohort))


def test_a_daemon_without_the_rule_of_one_unmasking_gives_another_companys_numbers_away(tmp_path):
    """The attack can win: what it gets is compared with the numbers of the company that it is after."""
    guards = "one answer, one unmasking"
    (attack,) = (each for each in ATTACKS if each.name == "a renamed round with other survivors")
    assert attack.guard == (guards,)
    program = (sys.executable, "-m", "tests.attacks.daemon", guards)
    with live(tmp_path, program=program) as scene:
        outcome = attempt(attack, scene, "broken", time.monotonic)
    assert outcome.won, outcome
