"""The hostile coordinator: it holds the consortium's key, one member's keys, and every wire.

It founds the consortium honestly with four companies and admits a fifth, so that there is a roster to roll
back to. From then on it says what an attack wants, to whom it wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from protocols import merkle
from protocols.codec import tagged_hash
from protocols.identity import COORDINATOR, IdentityKey, PartnerId, Signed
from protocols.messages import AnswerSpec, RoundConfig
from protocols.policy import threshold
from protocols.roster import Change, RosterEntry, RosterVersion, SignedRoster, approve, roll, roster_hash
from protocols.vocabulary import Vocabulary
from tests.participant.fake_coordinator import COURIER_KEYS, Attempt, Company, FakeCoordinator, companies

FOUNDERS = 4
OTHER_WORDS = Vocabulary.of("other words", ["BREAD", "CHEESE", "MILK", "RUM"])
"""A vocabulary that the consortium never agreed on."""


class Hostile(FakeCoordinator):
    """``chain`` is the roster as it grew, ``shown`` what a node is served of it."""

    def __init__(self, vocabulary: Vocabulary, *, now: int) -> None:
        everybody = companies(FOUNDERS + 1)
        super().__init__(everybody[:FOUNDERS], vocabulary, now=now)
        self.chain = [self.signed_roster]
        self.companies = everybody
        self.grow(admitting(self.roster, everybody[FOUNDERS]), everybody)
        self.proofs: tuple[bytes, ...] | None = None

    def grow(self, version: RosterVersion, approving: tuple[Company, ...], *more: Signed) -> None:
        """Publish a roster version, approved by whom the attack has."""
        signed = SignedRoster(
            version=self.key.sign(COORDINATOR, version),
            approvals=(*(approve(version, each.id, each.key) for each in approving), *more),
        )
        self.chain.append(signed)
        self.roster, self.roll, self.shown = version, roll(version), list(self.chain)

    @contextmanager
    def forked(self) -> Iterator[None]:
        """What is published in here is withdrawn again, so that the consortium can be attacked once more."""
        kept = (self.chain, self.roster, self.roll, self.shown, self.log)
        self.chain, self.log = list(self.chain), list(self.log)
        try:
            yield
        finally:
            self.chain, self.roster, self.roll, self.shown, self.log = kept
            self.proofs = None

    def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        """The proof between two sizes of the log, or what the attack shows instead."""
        if self.proofs is not None or first in (0, second):
            return self.proofs or ()
        return merkle.consistency_proof(self.log[:second], first)

    def config(self, spec: AnswerSpec, *, cohort: tuple[PartnerId, ...], **changes: object) -> Attempt:
        """Ask ``cohort``; everything else as an honest coordinator would, but for ``changes``."""
        return self.ask(spec, cohort=cohort, **({"threshold": threshold(len(cohort))} | changes))

    def again(self, last: RoundConfig, **changes: object) -> Attempt:
        """The next attempt, whether or not the last one came to its end."""
        self.log.append(merkle.leaf_hash(b"aborted"))
        later = replace(last, attempt=last.attempt + 1, deadlines=tuple(end + 600 for end in last.deadlines))
        return self.open(replace(later, **changes))


def admitting(previous: RosterVersion, newcomer: Company) -> RosterVersion:
    """The version with one more company."""
    return _following(previous, Change.ADMIT, newcomer.id, (*previous.entries, entry(newcomer)))


def rekeying(previous: RosterVersion, subject: PartnerId, key: IdentityKey) -> RosterVersion:
    """The version in which ``subject`` has another identity key."""
    entries = [
        replace(each, identity_key=key.public) if each.partner == subject else each
        for each in previous.entries
    ]
    return _following(previous, Change.REKEY, subject, tuple(entries))


def entry(company: Company) -> RosterEntry:
    """The roster entry of a company."""
    return RosterEntry(
        partner=company.id,
        name=company.name,
        identity_key=company.key.public,
        courier_key=COURIER_KEYS + company.id.hex().encode(),
        certificate=tagged_hash("test-certificate", company.id),
    )


def _following(
    previous: RosterVersion, change: Change, subject: PartnerId, entries: tuple[RosterEntry, ...]
) -> RosterVersion:
    return replace(
        previous,
        height=previous.height + 1,
        previous=roster_hash(previous),
        entries=tuple(sorted(entries, key=lambda each: each.partner)),
        change=change.value,
        subject=subject,
    )
