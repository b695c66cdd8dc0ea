"""What the door may still spend: an answer's quote, its debit, and the one case in which a debit comes back.

Every method works within the caller's transaction, so that a debit and what it pays for are committed
together or not at all. The price is this company's own: it is computed here, from what was asked.

An answer is paid for when its vector is sealed, and asked again it is free. The debit comes back only when
nothing of phase 2 was ever committed for that answer (no masked vector, no header of one) and no attempt may
still want it. It stays after an opt-out, which closed the answer: a refund would tell who asked when.
"""

from sqlalchemy import Connection

from participant.door.admission import accepted
from participant.door.words import MASKED_VECTOR
from participant.errors import PriceRose
from participant.store.attempts import OPEN_STATES, Attempts, StoredAttempt
from participant.store.ledger import LedgerBook
from participant.store.outbox import Outbox
from participant.store.releases import Releases
from participant.store.sealed_answers import SealedAnswers
from protocols import ledger as ledgers
from protocols.ledger import Debit, Ledger, Quote
from protocols.messages import RoundConfig
from protocols.policy import Policy
from protocols.service.clock import Clock
from protocols.vocabulary import Vocabulary


class Purse:
    """One company's budget at its door."""

    def __init__(self, *, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock

    def quote(
        self, connection: Connection, config: RoundConfig, vocabulary: Vocabulary, *, at_cap: bool
    ) -> Quote:
        """What the answer to ``config`` costs, if it may be given at all: before anything is computed.

        Raises:
            BudgetSpent: this quarter or the lifetime of these rows does not hold it any more.
            TooManyUnreleased: too much of this quarter went into answers that came to nothing.
            QuestionNotAllowed: for more customers than this company's delta allows.
            UnboundedSensitivity: noise that hides nobody.
        """
        quote = ledgers.quote_for(config.answer, len(vocabulary), delta=self._policy.delta, at_cap=at_cap)
        ledger = LedgerBook(connection).standing()
        if ledger.of(config.answer_id) is None:
            self._check(connection, ledger, quote)
        return quote

    def check_quote(self, attempt: StoredAttempt, *, at_cap: bool) -> None:
        """That the answer of ``attempt`` costs no more now that it is made than was quoted before.

        Raises:
            PriceRose: the cap was reached since, by a restart, a retry or an import in between.
        """
        made = ledgers.quote_for(
            accepted(attempt).answer, attempt.concepts, delta=self._policy.delta, at_cap=at_cap
        )
        if not attempt.quote.covers(made):
            raise PriceRose(
                expected="an answer that costs what it was priced at when the round began",
                came="one from as many customers as its cap, which costs more",
                do="let this attempt end without this node; at the next one it is priced anew",
            )

    def pay(self, connection: Connection, attempt: StoredAttempt) -> None:
        """Debit the answer of ``attempt``, unless it is paid for: once, whatever asks for it.

        Raises:
            BudgetSpent, TooManyUnreleased: as :meth:`quote`; nothing was spent since, or time was set back.
        """
        book = LedgerBook(connection)
        ledger = book.standing()
        if ledger.of(attempt.answer_id) is not None:
            return
        self._check(connection, ledger, attempt.quote)
        now = self._clock.now()
        book.debit(
            Debit(
                answer_id=attempt.answer_id,
                questions=tuple(block.question for block in accepted(attempt).answer.blocks),
                round=attempt.round,
                attempt=attempt.attempt,
                at=now,
                quarter=ledger.quarter(now),
                quote=attempt.quote,
            )
        )

    def give_back(self, connection: Connection, answer_id: bytes, reason: str) -> None:
        """Give the debit of an answer back if nothing of phase 2 can have left, and nothing may leave any more."""
        book = LedgerBook(connection)
        debit = book.standing().of(answer_id)
        answer = SealedAnswers(connection).find(answer_id)
        if debit is None or (answer is not None and answer.voided):
            return
        attempts, outbox = Attempts(connection).of_answer(answer_id), Outbox(connection)
        wanted = any(each.state in OPEN_STATES for each in attempts)
        if not wanted and not any(outbox.find(each.round, each.attempt, MASKED_VECTOR) for each in attempts):
            book.give_back(debit, at=self._clock.now(), reason=reason)

    def _check(self, connection: Connection, ledger: Ledger, quote: Quote) -> None:
        if quote.price is None:
            return
        now = self._clock.now()
        quarter = ledger.quarter(now)
        lost = (
            debit.quote.price
            for debit in ledger.debits
            if debit.quarter == quarter and _came_to_nothing(connection, debit)
        )
        ledgers.check_unreleased(self._policy.epsilon_unreleased, ledgers.total(lost))
        ledger.check(self._policy.budget, quote, now=now, months=self._policy.lifetime_months)


def _came_to_nothing(connection: Connection, debit: Debit) -> bool:
    """Whether an answer that was paid for was neither unmasked here nor released, nor closed by this company."""
    if debit.note:  # booked after a restore, which closed it
        return False
    answer = SealedAnswers(connection).find(debit.answer_id)
    if answer is not None and (answer.voided or answer.bound_to):
        return False
    released = {(kept.round, kept.attempt) for kept in Releases(connection).all()}
    attempts = Attempts(connection).of_answer(debit.answer_id)
    return not any((each.round, each.attempt) in released for each in attempts)
