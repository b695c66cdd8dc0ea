"""All attacks, family by family. To add one, add an entry to its family's ``ATTACKS``."""

from tests.attacks import checks, floors, keys, once, order, partner, suites, views, wire
from tests.attacks.attack import Attack

FAMILIES: dict[str, tuple[Attack, ...]] = {
    "Who says it: keys, signatures, Sybils": keys.ATTACKS,
    "Split views": views.ATTACKS,
    "A second sum": once.ATTACKS,
    "Floors": floors.ATTACKS,
    "Replay, rollback, order, restart": order.ATTACKS,
    "Bytes": wire.ATTACKS,
    "A malicious member": partner.ATTACKS,
    "After the release: the linear check": checks.ATTACKS,
    "Suites": suites.ATTACKS,
}

ATTACKS: tuple[Attack, ...] = tuple(attack for family in FAMILIES.values() for attack in family)
