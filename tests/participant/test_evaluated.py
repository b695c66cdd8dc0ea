"""Which chain of rounds stands in for the one that was evaluated: nobody has judged it, so it has to be made alike."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from participant.evaluated import Evaluated
from participant.store.releases import StoredRelease
from protocols.codec import encode
from protocols.identity import PartnerId, Signed
from protocols.questions import ask
from protocols.questions.encoder import parse
from protocols.questions.evaluation import EVALUATION
from protocols.release import ReleaseManifest
from protocols.vocabulary import Vocabulary

WORDS = Vocabulary.of("test words", ["BREAD", "TEA"])
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
        return found._pair(b"2" * 32, EARLY, LATE, 9)


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


@pytest.mark.parametrize("known", [{"until": 10}, {"taste": LATE}])
def test_an_encoder_that_knows_the_weeks_that_judge_it_is_not_used(known):
    found = Evaluated(None, ())
    found._rounds[b"1" * 32] = replace(ASKED, taste=EARLY), 0
    found._rounds[b"2" * 32] = replace(ASKED, taste=LATE, until=99), 0
    assert found._pair(b"1" * 32, EARLY, LATE, 9) == (b"1" * 32, b"2" * 32)
    found._rounds[b"1" * 32] = replace(ASKED, **{"taste": EARLY} | known), 0
    assert found._pair(b"1" * 32, EARLY, LATE, 9) == ()


MEMBERS = tuple(PartnerId(bytes([each]) * 16) for each in range(4))


@dataclass
class Shelf:
    """Released evaluations of four customers, newest first: what each brings, and what own models do."""

    kept: list = field(default_factory=list)
    said: dict = field(default_factory=dict)

    def add(self, mean, own=None, members=MEMBERS, **more):
        values = {"release": EARLY.hex(), "history_until": 9, "target_until": 19, "lambdas": "300"}
        values |= {"beside": "nothing" if own is None else "own"} | more
        answer = ask([("evaluation", values)], WORDS, members=4, epoch="1")
        manifest = ReleaseManifest(
            consortium=bytes(16),
            round=len(self.kept),
            attempt=0,
            survivors=members,
            **dict.fromkeys(("config", "transcript", "sum_sha256", "previous"), bytes(32)),
            answer=answer,
        )
        name = bytes([len(self.kept)]) * 32
        signed = encode(Signed(signer=MEMBERS[0], body=encode(manifest), signature=bytes(64)))
        kept = StoredRelease(
            release=name,
            round=len(self.kept),
            attempt=0,
            questions=("evaluation",),
            manifest=signed,
            file="",
            witnessed=True,
            received_at=0,
        )
        cells = np.array([4.0, 4 * mean, *([] if own is None else [4 * own])] * 2)
        self.said[name] = (EVALUATION.read(cells, EVALUATION.parse(values), len(WORDS)),)
        self.kept.insert(0, kept)
        return self

    def readings(self, release):
        return self.said[release]

    def gain(self, counted_until=9):
        found = Evaluated(self, tuple(self.kept)).choices(EARLY, LATE, counted_until=counted_until)
        return {round(each.gain, 6) for each in found.values()}


def test_a_gain_is_what_the_best_setting_brings_beside_own_models_wherever_those_were_measured():
    assert Shelf().add(0.25, own=0.125).gain() == {0.125}
    assert Shelf().add(0.25, own=0.125).add(0.5, lambdas="1000").gain() == {0.375}
    assert Shelf().add(0.25).gain() == {0}


def test_weeks_that_the_sum_has_in_it_say_nothing_of_what_it_brings():
    assert Shelf().add(0.25, own=0.125).gain(counted_until=10) == {0}


def test_what_own_models_do_at_some_members_is_not_compared_with_what_a_setting_does_at_others():
    some = {"members": MEMBERS[:3], "lambdas": "1000"}
    assert Shelf().add(0.25, own=0.125).add(0.5, **some).gain() == {0}
    assert Shelf().add(0.25, own=0.125).add(0.5, own=0.4375, **some).gain() == {0.0625}


@pytest.mark.parametrize("other", [{"obvious": "pooled", "lambdas": "1000"}, {"top": 20}])
def test_nor_are_means_of_another_kind(other):
    shelf = Shelf().add(0.25, own=0.125) if "top" not in other else Shelf()
    assert shelf.add(0.5, own=0.25 if "top" in other else None, **other).gain() == {0}
