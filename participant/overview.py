"""The console's view of a node: reads the stores, and can do one thing, stop."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from participant.budget import BudgetStanding, standing
from participant.console.view import (
    Departure,
    Estimate,
    NodeStatus,
    NoModelYet,
    Outcome,
    ScenarioResult,
    Suggestion,
    Suggestions,
    UnknownCustomer,
    When,
)
from participant.console.view import Reason as ShownReason
from participant.door.words import MASKED_VECTOR, SEALED_VECTOR
from participant.errors import NoData
from participant.moment import Moment
from participant.node import Node
from participant.nonbuyers.report import Report
from participant.release_shelf import open_stored
from participant.serving import Recommender, Wish
from participant.store.attempts import OPEN_STATES, Attempts, StoredAttempt
from participant.store.checks import Checks
from participant.store.erasures import Erasures
from participant.store.outbox import Outbox, OutboxRecord
from participant.store.releases import Releases
from participant.verdicts import Outcome as Outcomes
from protocols.codec import decode
from protocols.identity import PartnerId, Signed
from protocols.messages import PHASES, RoundConfig
from protocols.printable import printable
from protocols.questions import describe, say_privacy
from protocols.service.clock import iso
from protocols.service.unit_of_work import reading

MEASURE: Final = "nDCG@10 on own validation weeks"
REFUSALS_SHOWN: Final = 5

PER_ANSWER: Final = len(PHASES) + 5
"""Outbox records of one answer: its phases, the sealed and the masked vector, the check's two, the vote."""


class Overview:
    """Implements ``participant.console.view.NodeView``."""

    def __init__(self, node: Node, recommender: Recommender) -> None:
        self._node = node
        self._recommender = recommender

    def status(self) -> NodeStatus:
        """The node, its data, its release."""
        node = self._node
        roster = node.rosters.in_force()
        first, last = node.records.span()
        with reading(node.db) as connection:
            deployed = Releases(connection).in_use()
            release = Releases(connection).find(deployed.release) if deployed is not None else None
        stopped = not node.door.switch.is_open()
        return NodeStatus(
            company=node.member.name,
            partner=node.member.partner.hex(),
            members=tuple(entry.name for entry in roster.entries) if roster is not None else (),
            stopped=stopped,
            stopped_at=node.door.switch.stopped_at() if stopped else 0,
            last_contact=node.exchange.last_contact,
            customers=node.records.n_customers(),
            opted_out=node.records.n_opted_out(),
            first_purchase=first,
            last_purchase=last,
            release=release.release.hex() if release is not None else "",
            release_round=release.round if release is not None else 0,
            courier=node.courier.sentence(),
            looked_at=self._looked_at(release.release) if release is not None else "",
            privacy=say_privacy(open_stored(release.manifest).answer) if release is not None else "",
            waiting=tuple(self._waiting()),
            alarms=tuple(self._alarms()),
            undone=tuple(self._undone()),
            refused=tuple(self._refused()),
        )

    def _looked_at(self, release: bytes) -> str:
        verdict = self._node.verification.verdicts.find(release)
        return Outcomes.UNVERIFIED.words if verdict is None else verdict.outcome.words

    def _waiting(self) -> Iterator[str]:
        with reading(self._node.db) as connection:
            held = [check for check in Checks(connection).all() if check.release]
        for check in held:
            yield (
                f"Round {check.round}.{check.attempt}: its sum is not used before all its companies have checked "
                f"it together, or until {iso(check.until)}."
            )
        for verdict in self._node.releases.withheld.values():
            yield (
                f"Round {verdict.round}.{verdict.attempt}: its sum is neither used nor voted on, since nobody could "
                f"tell whether it is right ({verdict.reason}). `altrove-node verify {verdict.round}` recomputes it; "
                "`accept_unrecomputed` in the policy would use it as it is."
            )

    def _alarms(self) -> Iterator[str]:
        verification = self._node.verification
        for verdict in verification.verdicts.all():
            if verdict.outcome is Outcomes.WRONG:
                proof = verification.verdicts.evidence(verdict)
                yield (
                    f"Round {verdict.round}.{verdict.attempt}: the coordinator signed a wrong sum; it is not used. "
                    f"{verdict.reason}. The proof is {proof}."
                )
            if verdict.outcome is Outcomes.DISPUTED:
                yield (
                    f"Round {verdict.round}.{verdict.attempt}: the sum did not pass the linear check and is not used. "
                    f"{verdict.reason}: `altrove-node verify {verdict.round}`. The messages of the check are in "
                    f"{verification.verdicts.evidence(verdict)}."
                )
        for (number, attempt), why in self._node.releases.below_zero.items():
            yield (
                f"Round {number}.{attempt}: its sum is not used, since no true answers add up to it: {why}. Nothing tells "
                "whose answer it was. Agree with the members to ask smaller cohorts that have no company in common, which "
                "narrows it down."
            )
        with reading(self._node.db) as connection:
            deployed = Releases(connection).in_use()
        reports = {} if deployed is None else json.loads(deployed.report)
        yield from dict.fromkeys(said for each in reports.values() for said in each.get("held_back", ()))
        for number, attempt in verification.unreleased():
            yield (
                f"Round {number}.{attempt}: this company helped to open a sum more than an hour ago, and the "
                "coordinator has published nothing."
            )

    def _undone(self) -> Iterator[str]:
        if Erasures(self._node.db).unfinished():
            yield "An erasure was interrupted: run `altrove-node erase` for the same customer again."
        if failed := self._node.trainer.failed.sentence:
            yield failed
        for each in self._node.releases.missing():
            yield (
                f"Round {each.round}.{each.attempt}: the kept file of its sum ({each.file}) is damaged or gone, and models "
                "are made without it. Put it back from a backup; answers that start from it are not given until then."
            )

    def _refused(self) -> Iterator[str]:
        for each in self._node.exchange.refusals()[:REFUSALS_SHOWN]:
            yield (
                f"Round {each.round}.{each.attempt}, {each.phase}, {iso(each.at)}: this node did not go on "
                f"({each.code}). {printable(each.reason)}"
            )

    def departures(self, since: int, limit: int) -> tuple[Departure, ...]:
        """What left from unix second ``since`` on, newest first: one line an answer."""
        with reading(self._node.db) as connection:
            found = Outbox(connection).recent(limit * PER_ANSWER, since=since)
            attempts = {
                (record.round, record.attempt): Attempts(connection).find(record.round, record.attempt)
                for record in found
            }
            released = {(kept.round, kept.attempt) for kept in Releases(connection).all()}
        names = self._names()
        lines = []
        for record in found:
            attempt = attempts[record.round, record.attempt]
            if record.kind != MASKED_VECTOR or attempt is None:
                continue
            same = [r for r in found if (r.round, r.attempt) == (record.round, record.attempt)]
            in_sum = (record.round, record.attempt) in released
            lines.append(_departure(record, attempt, same, names, in_sum=in_sum))
        return tuple(lines[:limit])

    def results(self) -> tuple[ScenarioResult, ...]:
        """The figures of the newest training, empty before the first."""
        with reading(self._node.db) as connection:
            deployed = Releases(connection).in_use()
        if deployed is None:
            return ()
        verdicts = json.loads(deployed.report)
        return tuple(
            ScenarioResult(
                scenario=scenario,
                measure=MEASURE,
                local=_estimate(verdict["local"]),
                exchange=_estimate(verdict["blend"]),
                customers=int(verdict["customers"]),
                deployed=bool(verdict["deployed"]),
                reason=str(verdict["sentence"]),
            )
            for scenario, verdict in verdicts.items()
        )

    def budget(self) -> BudgetStanding:
        """What of the privacy budget is spent, and on what."""
        return standing(self._node.db, self._node.settings.policy.policy(), self.now())

    def suggestions(self, customer: str, scenario: str, count: int, when: When) -> Suggestions:
        """Suggestions for the customer with this external id, shown at that moment.

        Raises:
            UnknownCustomer: nobody with this id bought here.
            NoModelYet: this shop has no data at all.
            BadInput: no such time, or a word that names no band.
        """
        at = self._node.records.calendar.instant(when.at) if when.at else None
        moment = Moment(time=at, weather=when.weather, location=when.location, event=when.event)
        try:
            served = self._recommender.serve(
                Wish(customer=customer, scenario=scenario, n=count, moment=moment)
            )
        except NoData as error:
            raise NoModelYet(expected=error.expected, came=error.came, do=error.do) from None
        if served.degraded and not served.bought:
            raise UnknownCustomer(
                expected="a customer who has bought here",
                came="an id that is in no import, or of one who opted out",
                do="check the id",
            )
        return Suggestions(
            customer=customer,
            scenario=scenario,
            bought=served.bought,
            items=tuple(
                Suggestion(
                    item_id=item.item_id,
                    name=item.item_name,
                    concept=item.concept,
                    score=item.score,
                    surprise=item.surprise,
                    relevance=item.relevance,
                    reasons=tuple(
                        ShownReason(code=why.code, text=why.text, support_band=why.support_band)
                        for why in item.reasons
                    ),
                )
                for item in served.items
            ),
            degraded=served.degraded,
            moved_by=served.moved_by,
        )

    def nonbuyers(self, concept: str) -> Report:
        """Who buys a concept and who does not; "" for all together.

        Raises:
            NoData: nothing was read in yet.
            UnknownConcept: the vocabulary has no such concept.
        """
        return self._node.nonbuyers.report(concept)

    def stop(self) -> None:
        """Close the door: durable before it returns, without asking anybody."""
        self._node.door.switch.stop()
        self._node.bell.ring()

    def now(self) -> int:
        """Unix seconds of the node's clock."""
        return self._node.clock.now()

    def _names(self) -> dict[PartnerId, str]:
        roster = self._node.rosters.in_force()
        return {} if roster is None else {entry.partner: entry.name for entry in roster.entries}


def _departure(
    record: OutboxRecord,
    attempt: StoredAttempt,
    same: Iterable[OutboxRecord],
    names: dict[PartnerId, str],
    *,
    in_sum: bool,
) -> Departure:
    config = decode(RoundConfig, decode(Signed, attempt.config).body)
    outcome = Outcome.UNUSED
    if in_sum:
        outcome = Outcome.IN_SUM
    elif attempt.state in OPEN_STATES or attempt.state == "Unmasked":
        outcome = Outcome.PENDING
    summed_with = tuple(names.get(member, member.hex()) for member in attempt.survivors) if in_sum else ()
    return Departure(
        answer=config.answer_id.hex(),
        round=record.round,
        attempt=record.attempt,
        question=record.questions,
        sentence=" ".join(describe(config.answer)),
        at=record.handed_at or record.committed_at,
        elements=config.answer.elements,
        ring_bits=config.answer.ring_bits,
        bytes_sent=sum(each.size_bytes for each in same if each.kind != SEALED_VECTOR),
        sha256=record.sha256.hex(),
        recipients=("the coordinator",),
        summed_with=summed_with,
        outcome=outcome,
        differentially_private=attempt.quote.price is not None,
        privacy=record.privacy,
    )


def _estimate(interval: dict[str, float]) -> Estimate:
    return Estimate(value=interval["mean"], low=interval["low"], high=interval["high"])
