"""What stands in the place of the door's own rules when they are taken out of a node.

A door keeps to one answer a phase by four rules, one behind the other: it knows the question, the attempt has not
ended, the state is gone once it was left, and there is one record of a kind. Here is a door without memory of each.
"""

from typing import Any

from sqlalchemy import delete

from participant.door.attempt_keys import AttemptKeys
from participant.door.payloads import Payloads
from participant.door.steps import Step, Steps
from participant.errors import SecretsErased
from participant.store.exchange_tables import outbox
from participant.store.outbox import Outbox, OutboxRecord
from protocols.errors import Equivocation
from protocols.messages import Phase
from tests.attacks.member import BEFORE, Key

_again, _open, _take, _add = Payloads.again, AttemptKeys.open, Steps.take, Outbox.add
"""The door as it is, before anything is taken out."""

_left: dict[tuple[Key, Phase], bytes] = {}
"""Every state that the door was in, by the phase that led to it: what it forgets otherwise."""


def answered_anew(payloads: Payloads, *given: Any) -> Any:
    """The bytes that were sent before, if the question is the same; another question is taken as a first one."""
    try:
        return _again(payloads, *given)
    except Equivocation:
        return None


def from_any_state(steps: Steps, phase: Phase, *, config: Any, state: bytes, **given: Any) -> Step:
    """A step from the state that its phase needs, whatever came since."""
    key = (config.round, config.attempt)
    before = _left.get((key, BEFORE[phase]), state)
    step = _take(steps, phase, config=config, state=before, **given)
    _left[key, phase] = step.plain
    return step


def not_erased(keys: AttemptKeys, *given: Any) -> bytes:
    """The secrets; of an attempt that has ended :func:`from_any_state` has them."""
    try:
        return _open(keys, *given)
    except SecretsErased:
        return b""


def in_its_place(records: Outbox, record: OutboxRecord) -> None:
    """A record takes the place of the one of its kind."""
    same = (outbox.c.round, record.round), (outbox.c.attempt, record.attempt), (outbox.c.kind, record.kind)
    records._db.execute(delete(outbox).where(*(column == value for column, value in same)))
    _add(records, record)
