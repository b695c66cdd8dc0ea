from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import AltroveError
from protocols.service.app import create_app
from tests.fuzz import __main__ as driver
from tests.fuzz import sockets
from tests.fuzz.seeds import made, seeds
from tests.fuzz.targets import KINDS, TARGETS, NotCanonical, outcome

REFUSED_SEEDS = {"proof", "chunk", "opened_shares", "reply", "dock_request", "answer"}
"""Targets whose seeds are not all valid: two proofs in one, a chunk's place, a share that cannot be forged,
replies and answers that are errors, bytes that nobody signed."""


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_a_short_run_breaks_a_decoder(target):
    run = driver.Run(target, seeds(target))
    run.batch(Random(2017), 60)
    assert not run.broken


@pytest.mark.parametrize("target", TARGETS)
def test_every_kept_input_is_accepted_or_refused_by_name(target):
    for data in seeds(target):
        outcome(target, data)


@pytest.mark.parametrize("target", sorted(set(TARGETS) - REFUSED_SEEDS))
def test_the_valid_seeds_are_accepted_so_that_mutations_start_deep_inside(target):
    assert {outcome(target, data) for data in made()[target]} == {"accepted"}


@given(st.integers(0, len(KINDS) - 1), st.binary(max_size=200))
def test_any_bytes_are_one_canonical_value_or_are_refused(kind, data):
    outcome("message", bytes([kind]) + data)


@pytest.mark.parametrize("target", ["bundle", "invitation_json"])
def test_json_that_nests_without_end_is_refused_by_name(target):
    assert outcome(target, b"[" * 100_000) == "BadInput"


def test_a_decoder_that_lets_another_error_out_is_found(monkeypatch):
    monkeypatch.setitem(TARGETS, "bundle", lambda data: data[10**6])
    run = driver.Run("bundle", [b"x"])
    run.batch(Random(1), 1)
    assert [each.split(" at ")[0] for each in run.broken] == ["IndexError"]


def test_a_decoder_with_two_encodings_of_one_value_is_found(monkeypatch):
    from tests.fuzz import targets

    monkeypatch.setattr(targets, "encode", lambda _: b"another")
    with pytest.raises(NotCanonical):
        outcome("vocabulary", seeds("vocabulary")[0])


def test_a_request_that_ends_in_a_defect_is_found(monkeypatch):
    monkeypatch.setattr(sockets, "_dock", lambda: create_app("broken", routers=()))
    with pytest.raises(AltroveError):
        sockets.dock_request(b"GET /nowhere\n")
    broken = create_app("broken", routers=())
    broken.add_api_route("/divides", lambda: 1 // 0)
    monkeypatch.setattr(sockets, "_dock", lambda: broken)
    with pytest.raises(ZeroDivisionError):
        sockets.dock_request(b"GET /divides\n")
