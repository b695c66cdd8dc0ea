"""The rules that stand in the attacks' way, each of which can be taken away: an attack must win without it.

A guard is removed in this process by :func:`without`, in a node's daemon by ``python -m tests.attacks.daemon``.
Every guard is a place in the product. Where the pure stand has the same rule once more (``tests.attacks.pure``), that
is taken out beside it: a pure victory then shows that the script works, the live one that the product's rule matters.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from protocols.codec import decode
from tests.attacks import broken_door
from tests.attacks.member import BEFORE


def _nothing(*_arguments: object, **_options: object) -> None:
    """A check that passes everything."""


def _unverified(signed: Any, kind: Any, _roll: object) -> Any:
    return decode(kind, signed.body)


def _any_state(node: Any, key: Any, phase: Any) -> Any:
    return node.states[key, BEFORE[phase]]


def _as_it_was(_config: object, seen: Any, _proof: object = ()) -> Any:
    return seen


Change = tuple[str, str, Callable[..., Any]]
"""Module (and class), name, and what stands there instead."""

GUARDS: dict[str, tuple[Change, ...]] = {
    "pinned keys": (("protocols.secure_sum.admission", "open_signed", _unverified),),
    "policy floors": (("protocols.policy", "check_config", _nothing),),
    "one answer, one unmasking": (
        ("protocols.history", "check_once", _nothing),
        ("protocols.secure_sum.contributor", "check_once", _nothing),
    ),
    "no differencing": (("protocols.policy", "check_differencing", _nothing),),
    "one question a phase": (
        ("participant.door.payloads.Payloads", "again", broken_door.answered_anew),
        ("tests.attacks.pure.PureNode", "_once_a_phase", _nothing),
    ),
    "what has ended stays ended": (("participant.door.admission", "check_open", _nothing),),
    "a state that was left is gone": (
        ("participant.door.steps.Steps", "take", broken_door.from_any_state),
        ("participant.door.attempt_keys.AttemptKeys", "open", broken_door.not_erased),
        ("tests.attacks.pure.PureNode", "_state_before", _any_state),
    ),
    "one record a phase": (("participant.store.outbox.Outbox", "add", broken_door.in_its_place),),
    "a newer round closes older ones": (
        ("participant.door.exit.Door", "_close_earlier", lambda *_: set()),
        ("tests.attacks.pure.PureNode", "_close_earlier", _nothing),
    ),
    "the same view": (("protocols.secure_sum.contributor", "agree", _nothing),),
    "quorum of confirmations": (("protocols.secure_sum.contributor", "check_quorum", _nothing),),
    "numbers increase": (
        ("protocols.history", "check_order", _nothing),
        ("protocols.history", "check_retry", _nothing),
    ),
    "the roster shown only grows": (
        ("participant.roster_desk", "_check_grown", _nothing),
        ("tests.attacks.pure.PureNode", "_no_rollback", _nothing),
    ),
    "on the roster and log last seen": (("protocols.history", "check_seen", _as_it_was),),
    "roster quorum": (("protocols.roster.Electorate", "satisfied_by", lambda *_: True),),
    "sound keys": (("protocols.secure_sum.contributor", "check_keys", _nothing),),
    "vectors of one shape": (("protocols.secure_sum.contributor", "check_header", _nothing),),
    "one release an attempt": (
        ("protocols.secure_sum.linear_contributor", "compare_digest", lambda *_: True),
        ("participant.release_desk", "check_newer", _nothing),
        ("participant.door.payloads.Payloads", "said", _nothing),
        ("participant.door.payloads.Payloads", "say", _nothing),
        ("participant.store.checks.Checks", "move", _nothing),
    ),
    "one view of a check": (("protocols.secure_sum.linear_check", "agree", _nothing),),
    "one attempt a check": (
        ("protocols.secure_sum.linear_check", "agree", _nothing),
        ("protocols.secure_sum.admission", "agree", _nothing),
    ),
    "everybody's word in a check": (("protocols.secure_sum.linear_check", "_everybody", _nothing),),
    "the comparison of a check": (("protocols.secure_sum.linear_check", "_compare", _nothing),),
    "the release that was signed": (
        ("protocols.release", "check_manifest", _nothing),
        ("participant.release_desk", "check_manifest", _nothing),
    ),
    "enough survivors": (
        ("protocols.secure_sum.contributor", "check_floor", _nothing),
        ("protocols.policy", "check_survivors", _nothing),
    ),
}


def in_the_product(name: str) -> bool:
    """Whether taking this guard out changes what companies run, and not only a stand of these tests."""
    return any(place.startswith(("protocols.", "participant.")) for place, *_ in GUARDS[name])


@contextmanager
def without(names: Sequence[str]) -> Iterator[None]:
    """Everything as it is, but for the guards ``names``."""
    with ExitStack() as stack:
        for name in names:
            for place, attribute, instead in GUARDS[name]:
                stack.enter_context(mock.patch.object(_found(place), attribute, instead))
        yield


def _found(place: str) -> Any:
    """A module, or a class in one."""
    module, _, last = place.rpartition(".")
    if last[:1].isupper():
        return getattr(importlib.import_module(module), last)
    return importlib.import_module(place)
