"""Putting a question to a cohort: from names and parameters to a signed configuration.

The planner knows no question by name: ``protocols.questions`` says what the parameters mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from coordinator.audit.log import AuditWriter
from coordinator.errors import NoRoster, RoundInProgress, UnknownMember, UnknownVocabulary
from coordinator.rounds.news import News
from coordinator.store.rosters import Rosters
from coordinator.store.rounds import OPEN, Attempt, Round, Rounds
from coordinator.store.vocabularies import Vocabularies
from protocols.codec import digest
from protocols.errors import BadInput
from protocols.identity import COORDINATOR, IdentityKey, PartnerId
from protocols.messages import CLASSICAL, HYBRID, PHASES, Phase, RoundConfig
from protocols.policy import DEFAULT_MINIMUM_COHORT, threshold
from protocols.questions.parameters import Given
from protocols.questions.registry import ask as specify
from protocols.questions.registry import describe
from protocols.roster import RosterVersion, roster_hash
from protocols.secure_sum.encapsulation import check_available
from protocols.service.clock import Clock
from protocols.service.unit_of_work import transaction
from protocols.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an administrator asks. Empty ``cohort``: everybody in the roster; empty ``vocabulary``: the latest.

    ``minimum_cohort`` 0 means the policy's default, or the whole cohort where that is smaller;
    ``suite``: of key agreement, 1 or 2; ``phase_seconds``: how long each phase may last; ``retries``: how many attempts may follow a failed one.
    """

    question: str
    parameters: Mapping[str, Given]
    phase_seconds: tuple[int, ...]
    retries: int
    cohort: tuple[str, ...] = ()
    minimum_cohort: int = 0
    suite: int = CLASSICAL
    ring_bits: int = 32
    epoch: str = "1"
    vocabulary: bytes = b""

    def __post_init__(self) -> None:
        if len(self.phase_seconds) != len(PHASES) or not all(0 < s <= 604_800 for s in self.phase_seconds):
            raise BadInput(
                expected=f"{len(PHASES)} durations of 1 second to 7 days",
                came=" ".join(map(str, self.phase_seconds)),
                do="give seconds for advertise, share, mask, check, unmask",
            )
        if not 0 <= self.retries <= 20:
            raise BadInput(expected="0 to 20 retries", came=str(self.retries), do="choose fewer")
        if self.suite == HYBRID:
            check_available()  # who adds up takes the masks of dropped members off


def deadlines_from(now: int, phase_seconds: tuple[int, ...]) -> tuple[int, ...]:
    """Unix seconds at which each phase closes, if each takes all of its time.

    >>> deadlines_from(100, (10, 20, 30, 5, 5))
    (110, 130, 160, 165, 170)
    """
    return tuple(now + sum(phase_seconds[: place + 1]) for place in range(len(phase_seconds)))


class Planner:
    """Opens rounds, and their later attempts."""

    def __init__(self, db: Engine, clock: Clock, *, key: IdentityKey, audit: AuditWriter, news: News) -> None:
        self._db = db
        self._clock = clock
        self._key = key
        self._audit = audit
        self._news = news

    def ask(self, asked: Asked) -> int:
        """Open a round and return its number; its first phase is open when this returns.

        Raises:
            RoundInProgress: another round is open.
            NoRoster, UnknownVocabulary, UnknownMember: nothing to ask, or nobody.
            BadInput, QuestionNotAllowed, RingOverflow, MalformedMessage: the question does not fit.
        """
        with transaction(self._db) as connection:
            number = self._open(connection, asked)
        self._news.changed()
        return number

    def retry(self, connection: Connection, failed: Attempt, phase_seconds: tuple[int, ...]) -> None:
        """Open the next attempt: the same configuration but for the attempt and the deadlines."""
        config = replace(
            failed.config,
            attempt=failed.config.attempt + 1,
            deadlines=deadlines_from(self._clock.now(), phase_seconds),
        )
        self._begin(connection, config)

    def _open(self, connection: Connection, asked: Asked) -> int:
        rounds = Rounds(connection)
        if running := rounds.open():
            raise RoundInProgress(
                expected="no open round",
                came=f"round {running[0].round}",
                do="wait for it (`rounds`), or abort it (`rounds --abort`)",
            )
        roster = _roster(connection)
        cohort = _cohort(roster, asked.cohort)
        vocabulary = _vocabulary(connection, asked.vocabulary)
        answer = specify(
            [(asked.question, asked.parameters)],
            vocabulary,
            members=len(cohort),
            epoch=asked.epoch,
            ring_bits=asked.ring_bits,
        )
        place, number = self._audit.place(connection), rounds.next_number()
        config = RoundConfig(
            consortium=roster.consortium,
            round=number,
            attempt=1,
            answer=answer,
            cohort=cohort,
            threshold=threshold(len(cohort)),
            minimum_cohort=asked.minimum_cohort or min(DEFAULT_MINIMUM_COHORT, len(cohort)),
            suite=asked.suite,
            roster_hash=roster_hash(roster),
            roster_height=roster.height,
            audit_head=place.root,
            audit_size=place.size,
            deadlines=deadlines_from(self._clock.now(), asked.phase_seconds),
        )
        rounds.add(
            Round(
                round=number,
                question=", ".join(block.question for block in answer.blocks),
                description=" ".join(describe(answer)),
                retries_left=asked.retries,
                phase_seconds=asked.phase_seconds,
                state=OPEN,
                asked_at=self._clock.now(),
                ended_at=0,
            )
        )
        self._begin(connection, config)
        return number

    def _begin(self, connection: Connection, config: RoundConfig) -> None:
        attempt = Attempt(
            signed=self._key.sign(COORDINATOR, config),
            config=config,
            config_hash=digest(config),
            phase=Phase.ADVERTISE,
            expected=config.cohort,
        )
        rounds = Rounds(connection)
        rounds.add_attempt(attempt)
        rounds.move(attempt, self._clock.now_ms(), config.cohort)
        self._audit.append(connection, "round", attempt.signed.body)


def _roster(connection: Connection) -> RosterVersion:
    signed = Rosters(connection).latest()
    if signed is None:
        raise NoRoster(
            expected="a roster in force", came="none", do="found the consortium and let every founder approve"
        )
    return signed.claimed


def _cohort(roster: RosterVersion, names: tuple[str, ...]) -> tuple[PartnerId, ...]:
    if not names:
        return roster.partners
    wanted = set()
    for name in names:
        match = [entry.partner for entry in roster.entries if name in (entry.name, entry.partner.hex())]
        if not match:
            raise UnknownMember(
                expected="members of the roster",
                came=name[:80],
                do="list them with `altrove-coordinator members`",
            )
        wanted.add(match[0])
    return tuple(partner for partner in roster.partners if partner in wanted)


def _vocabulary(connection: Connection, digest_: bytes) -> Vocabulary:
    repository = Vocabularies(connection)
    found = repository.find(digest_) if digest_ else repository.latest()
    if found is None:
        raise UnknownVocabulary(
            expected="a published vocabulary",
            came=digest_.hex() or "none",
            do="publish one: `altrove-coordinator vocabulary FILE`",
        )
    return found
