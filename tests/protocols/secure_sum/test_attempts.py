from dataclasses import replace

import pytest

from protocols.errors import BadSignature, ReplayedRound, UnknownSigner
from protocols.identity import COORDINATOR, IdentityKey
from protocols.secure_sum.attempts import check_retry, open_config
from tests.protocols.secure_sum.stage import Stage

CONFIG = Stage(4).config


def test_a_retry_may_change_its_number_and_its_deadlines():
    check_retry(CONFIG, replace(CONFIG, attempt=2, deadlines=(1, 2, 3, 4, 5)))


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 1},
        {"attempt": 2, "threshold": 4},
        {"attempt": 2, "minimum_cohort": 4},
        {"attempt": 2, "cohort": tuple(reversed(CONFIG.cohort))},
        {"attempt": 2, "cohort": CONFIG.cohort[:3]},
        {"attempt": 2, "answer": replace(CONFIG.answer, epoch="2018")},
        {"attempt": 2, "roster_height": 1},
        {"attempt": 2, "round": 2},
    ],
)
def test_a_retry_that_changes_anything_else_is_refused(change):
    with pytest.raises(ReplayedRound):
        check_retry(CONFIG, replace(CONFIG, **change))


def test_an_earlier_attempt_is_never_accepted_again():
    with pytest.raises(ReplayedRound):
        check_retry(replace(CONFIG, attempt=3), replace(CONFIG, attempt=2))


def test_a_configuration_counts_only_with_the_coordinators_signature():
    key, other = IdentityKey(bytes(32)), IdentityKey(bytes([1]) * 32)
    roll = {COORDINATOR: key.public, CONFIG.cohort[0]: other.public}
    assert open_config(key.sign(COORDINATOR, CONFIG), roll) == CONFIG
    with pytest.raises(UnknownSigner):
        open_config(other.sign(CONFIG.cohort[0], CONFIG), roll)
    with pytest.raises(BadSignature):
        open_config(other.sign(COORDINATOR, CONFIG), roll)
