"""Which chain of rounds stands in for the one that was evaluated: nobody has judged it, so it has to be made alike."""

from dataclasses import dataclass, field, replace

import pytest

from participant.evaluated import Evaluated
from protocols.questions.encoder import parse

EARLY, LATE = b"e" * 32, b"l" * 32
ASKED = parse({"taste": EARLY.hex(), "until": 9, "mode": "gradient", "hidden": 5, "latent": 3})


@dataclass
class Chains:
    """Two rounds on the early sum, two on the later one that are ``changed`` in place ``at``."""

    changed: dict = field(default_factory=dict)
    at: int = 0
    noise: int = 0

    def pair(self):
        found = Evaluated(None, ())
        for taste, names in ((EARLY, (b"1" * 32, b"2" * 32)), (LATE, (b"3" * 32, b"4" * 32))):
            before = b""
            for number, name in enumerate(names):
                more = self.changed if taste == LATE and number == self.at else {}
                found._rounds[name] = (
                    replace(ASKED, taste=taste, after=before, **more),
                    self.noise if more else 0,
                )
                before = name
        return found._pair(b"2" * 32, LATE)


def test_the_counterpart_has_as_many_rounds_of_the_same_kinds():
    assert Chains().pair() == (b"2" * 32, b"4" * 32)
    assert Chains(changed={"until": 99, "customers_until": 98}).pair() == (b"2" * 32, b"4" * 32)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize(
    "changed",
    [
        {"expected": 1},
        {"limit": 100_000_000},
        {"rate": 1_000_000},
        {"beta": 0},
        {"since": 1},
        {"customers_cap": 9},
    ],
)
def test_a_chain_with_a_single_round_of_another_kind_is_no_counterpart(changed, at):
    assert Chains(changed=changed, at=at).pair() == ()


def test_nor_is_one_with_a_single_round_of_other_noise():
    assert Chains(changed={"until": 99}, noise=7).pair() == ()
