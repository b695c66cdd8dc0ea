"""What a node refuses because of what it has seen before: every rule at its boundary, on both sides of it."""

from dataclasses import replace

import pytest

from protocols.errors import AlreadyUnmasked, BadProof, BehindRoster, ReplayedRound, RolledBack
from protocols.history import Seen, check_once, check_order, check_retry, check_seen
from protocols.merkle import consistency_proof, leaf_hash, root
from tests.protocols.message_values import answer, config, member


def members(*numbers):
    return tuple(member(number) for number in numbers)


LOG = [leaf_hash(bytes([number])) for number in range(9)]
SEEN = Seen(roster_height=3, roster_hash=bytes(32), audit_size=5, audit_head=root(LOG[:5]))


def asked_at(size, **change):
    return config(audit_size=size, audit_head=root(LOG[:size]), **change)


def test_a_round_may_name_a_longer_log_with_proof_and_the_node_remembers_it():
    now = check_seen(asked_at(8), SEEN, consistency_proof(LOG[:8], 5))
    assert now == replace(SEEN, audit_size=8, audit_head=root(LOG[:8]))
    assert check_seen(asked_at(5), SEEN) == SEEN
    with pytest.raises(BadProof):
        check_seen(asked_at(8), SEEN)


def test_a_retry_may_name_the_older_log_of_its_first_attempt_with_proof_and_nothing_is_forgotten():
    assert check_seen(asked_at(3), SEEN, consistency_proof(LOG[:5], 3)) == SEEN
    with pytest.raises(BadProof):
        check_seen(asked_at(3), SEEN)


def test_a_forked_log_is_refused_at_every_size():
    with pytest.raises(RolledBack):
        check_seen(config(audit_size=5, audit_head=root(LOG[1:6])), SEEN)
    fork = [*LOG[:4], *LOG[5:]]
    with pytest.raises(BadProof):
        check_seen(config(audit_size=8, audit_head=root(fork)), SEEN, consistency_proof(fork, 5))
    with pytest.raises(BadProof):
        check_seen(config(audit_size=3, audit_head=root(LOG[1:4])), SEEN, consistency_proof(LOG[:5], 3))


def test_a_lower_or_another_roster_is_a_rollback_and_a_higher_one_must_be_fetched_first():
    with pytest.raises(RolledBack):
        check_seen(asked_at(5, roster_height=2), SEEN)
    with pytest.raises(RolledBack):
        check_seen(asked_at(5, roster_hash=bytes([1]) * 32), SEEN)
    with pytest.raises(BehindRoster):
        check_seen(asked_at(5, roster_height=4), SEEN)


@pytest.mark.parametrize(("round_", "attempt"), [(7, 1), (7, 2), (8, 1)])
def test_round_and_attempt_numbers_only_increase(round_, attempt):
    with pytest.raises(ReplayedRound):
        check_order(config(), round_, attempt)
    check_order(config(), 6, 9)
    check_order(config(attempt=2), 7, 1)


def test_a_retry_is_the_first_attempt_but_for_attempt_and_deadlines():
    first = config()
    check_retry(first, replace(first, attempt=2, deadlines=(60, 70, 80, 90, 100)))
    check_retry(replace(first, attempt=2), replace(first, attempt=5))
    for attempt in (1, 2):
        with pytest.raises(ReplayedRound):
            check_retry(replace(first, attempt=2), replace(first, attempt=attempt))


@pytest.mark.parametrize("change", [
    {"consortium": bytes([1]) * 16}, {"round": 8}, {"answer": answer(epoch="2018")},
    {"cohort": members(1, 2, 3, 4, 6)}, {"cohort": members(2, 1, 3, 4, 5)}, {"threshold": 5},
    {"minimum_cohort": 3}, {"roster_hash": bytes([1]) * 32}, {"roster_height": 4},
    {"audit_head": bytes([1]) * 32}, {"audit_size": 13},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_a_retry_that_changes_anything_else_is_refused_and_the_change_is_named(change):
    with pytest.raises(ReplayedRound, match=next(iter(change))):
        check_retry(config(), config(attempt=2, **change))


def test_an_answer_is_unmasked_for_one_set_for_ever():
    check_once(members(1, 2, 3, 4), None)
    check_once(members(4, 3, 2, 1), members(1, 2, 3, 4))
    for other in (members(1, 2, 3, 4, 5), members(1, 2, 3), members(1, 2, 3, 5)):
        with pytest.raises(AlreadyUnmasked):
            check_once(other, members(1, 2, 3, 4))
