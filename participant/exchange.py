"""The loop of a node: wait for the next phase, let the door act, submit, and again.

It holds no secret and decides nothing that the door decides. Whatever fails on the way is one of three:
worth another try with the same bytes (network, a busy coordinator, a full disk, a wrong clock), the end
of this attempt for this node (a refusal of ours, or a peer that broke the protocol), or too late.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

import structlog

from participant.consortium import Consortium
from participant.door import Door
from participant.door.words import MASKED_VECTOR
from participant.errors import SecretsErased
from participant.fallback import Fallbacks
from participant.peer_counters import PeerCounters
from participant.preparation import Preparation
from participant.release_desk import ReleaseDesk
from participant.roster_desk import RosterDesk
from participant.standing import Standing
from protocols.errors import AltroveError, BehindRoster, Fault, IllegalMove, MalformedMessage, Stopped
from protocols.messages import PHASES, Phase, PhaseInput, RoundConfig
from protocols.printable import printable
from protocols.service.clock import Clock
from protocols.service.errors import BadCertificate, ClientCertificateRefused, Unreachable
from protocols.service.jobs import Stop
from protocols.service.problems import Refused
from protocols.service.waiting import Bell

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.5
SERVER_FAULT: Final = 500
TRY_AGAIN: Final = frozenset(
    {"clock-skew", "replayed-request", "too-many-requests", "unknown-signer", "bad-signature", "http-429"}
)
"""Refusals of the coordinator that say nothing about the payload: the same bytes are sent again."""

NO_LONGER_WANTED: Final = frozenset({"attempt-gone", "phase-closed", "not-in-cohort", "unknown-round"})
"""Refusals of a vector that end its sending; after any other the same bytes are sent again in a while."""

CHECK_POLL_S: Final = 2
"""How long a poll waits while a linear check goes on: its messages come without a call."""

REMEMBERED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A round that this node did not go on with, and why; shown on its page, never sent."""

    round: int
    attempt: int
    phase: str
    code: str
    reason: str
    at: int


class Exchange:
    """One node's part in the rounds."""

    def __init__(
        self,
        *,
        link: Consortium,
        door: Door,
        peers: PeerCounters,
        rosters: RosterDesk,
        standing: Standing,
        preparation: Preparation,
        releases: ReleaseDesk,
        fallbacks: Fallbacks,
        clock: Clock,
        bell: Bell,
        poll_s: int,
        backoff_max_s: float,
    ) -> None:
        self._link = link
        self._door = door
        self._peers = peers
        self._rosters = rosters
        self._standing = standing
        self._preparation = preparation
        self._releases = releases
        self._fallbacks = fallbacks
        self._clock = clock
        self._bell = bell
        self._poll_s = poll_s
        self._backoff_max_s = backoff_max_s
        self._after = 0
        self._pause_s = FIRST_PAUSE_S
        self._lock = threading.Lock()
        self._refusals: deque[Refusal] = deque(maxlen=REMEMBERED)
        self._over: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._begun: set[tuple[int, int]] = set()
        self._is_checking = False
        self.last_contact = 0
        self.trouble = ""
        self.courier_was_silent = threading.Event()
        """Set where a vector had to go over the API because no courier came for it; the daemon clears it."""

    def run(self, stop: Stop) -> None:
        """Work until ``stop``: the daemon's job."""
        while not stop:
            if not self.turn():
                stop.wait(self._pause_s)
                self._pause_s = min(2 * self._pause_s, self._backoff_max_s)
            else:
                self._pause_s = FIRST_PAUSE_S
        self._preparation.close()

    def turn(self) -> bool:
        """One poll and what follows from it. False: wait a little, then try the same again."""
        try:
            self._send_due()
            delivery = self._link.next(self._after, self._wait_s())
            self._heard()
            if delivery is None:
                self._look_at_releases()
                return True
            self._act(delivery.given)
            self._after = delivery.sequence
        except (Unreachable, BadCertificate, ClientCertificateRefused, Stopped) as error:
            return self._again(error)
        except Refused as refused:
            # A refusal of the poll itself: nothing to give up, ask again.
            return self._again(refused)
        except AltroveError as error:
            return self._again(error)
        return True

    def is_over(self, round_number: int, attempt: int) -> bool:
        """Whether a courier that waits for this attempt's vector waits in vain."""
        with self._lock:
            return (round_number, attempt) in self._over

    def fetched(self, round_number: int, attempt: int, *, is_last: bool) -> None:
        """The courier took a piece of the vector."""
        now_s = self._clock.monotonic_s()
        self._fallbacks.fetched((round_number, attempt), now_s=now_s, is_last=is_last)
        if is_last:
            self._door.handed(round_number, attempt, MASKED_VECTOR)

    def without_courier(self) -> None:
        """The consortium runs no fleet: send vectors over the API at once."""
        self._fallbacks.without_courier()

    def refusals(self) -> tuple[Refusal, ...]:
        """The newest refusals first, since the daemon started."""
        with self._lock:
            return tuple(reversed(self._refusals))

    def _act(self, given: PhaseInput) -> None:
        """Act on one delivery; returns when it is dealt with, raises when it should come again."""
        try:
            self._step(given)
        except BehindRoster:
            self._rosters.refresh()
            self._step(given)
        except Refused as refused:
            if refused.problem.status >= SERVER_FAULT or refused.problem.code in TRY_AGAIN:
                raise
            self._give_up(given, refused, refused.problem.code)
        except (Unreachable, BadCertificate, ClientCertificateRefused, Stopped):
            raise
        except (SecretsErased, IllegalMove) as error:
            self._give_up(given, error, error.code)
        except AltroveError as error:
            if error.fault is Fault.OURS:
                raise
            self._give_up(given, error, error.code)

    def _step(self, given: PhaseInput) -> None:
        match Phase(given.phase):
            case Phase.ADVERTISE:
                self._advertise(given)
            case Phase.MASK:
                self._mask(given)
            case Phase.SHARE | Phase.CHECK | Phase.UNMASK:
                self._fallbacks.settled((given.round, given.attempt))
                submission = self._door.answer(given)
                if given.phase == Phase.SHARE:
                    answer_id = self._standing.config(given.round, given.attempt).answer_id
                    self._peers.note(given.items, answer_id)
                self._link.submit(submission)
                _log.info("submitted", round=given.round, attempt=given.attempt, phase=given.phase)
            case Phase.RELEASED:
                self._end(given, "released")
                self._look_at_releases()
            case Phase.ABORTED:
                self._end(given, printable(given.reason) or "aborted by the coordinator")

    def _advertise(self, given: PhaseInput) -> None:
        if len(given.items) != 1:
            raise MalformedMessage(
                expected="one configuration", came=f"{len(given.items)} messages", do="refuse the attempt"
            )
        (signed,) = given.items
        self._rosters.refresh()
        config = self._door.look_at(signed)
        vocabulary = self._standing.vocabulary_of(config)
        submission = self._door.advertise(
            signed,
            vocabulary=vocabulary,
            proof=self._standing.audit_proof(config),
            customers=self._preparation.customers(config, vocabulary),
            at_cap=self._preparation.at_cap(config),
        )
        self._preparation.begin(config, vocabulary)
        self._link.submit(submission)
        _log.info("submitted", round=given.round, attempt=given.attempt, phase=given.phase)

    def _mask(self, given: PhaseInput) -> None:
        config = self._standing.config(given.round, given.attempt)
        self._preparation.finish(config, self._standing.vocabulary_of(config))
        submission = self._door.answer(given)
        key = (given.round, given.attempt)
        self._bell.ring()
        self._link.submit(submission)
        self._fallbacks.expect(key, now_s=self._clock.monotonic_s(), left_s=self._left_s(config, Phase.MASK))
        _log.info("submitted", round=given.round, attempt=given.attempt, phase=given.phase)
        self._send_due()

    def _send_due(self) -> None:
        for key in self._fallbacks.ready(self._clock.monotonic_s()):
            try:
                if not self._send(key):
                    self._fallbacks.again(key, now_s=self._clock.monotonic_s())
                    continue
                if not self._fallbacks.was_fetched(key):
                    self.courier_was_silent.set()
            except Refused as refused:
                if refused.problem.status >= SERVER_FAULT or refused.problem.code in TRY_AGAIN:
                    raise
                _log.warning("vector refused", round=key[0], attempt=key[1], code=refused.problem.code)
                if refused.problem.code not in NO_LONGER_WANTED:
                    self._fallbacks.again(key, now_s=self._clock.monotonic_s())
                    continue
            except IllegalMove:
                _log.info("vector no longer needed", round=key[0], attempt=key[1])
            self._fallbacks.settled(key)

    def _send(self, key: tuple[int, int]) -> bool:
        """Send what the coordinator lacks of a vector, piece by piece; False when it takes nothing more.

        A short vector is one request. Of a long one, or when the way broke before, part may be there.
        """
        piece = self._door.piece(*key)
        have = 0
        if key in self._begun or not piece.is_last:
            have = self._link.vector_bytes(*key)
        self._begun.add(key)
        first = have
        while have < piece.vector_bytes:
            piece = self._door.piece(*key, offset=have)
            now_have = self._link.put_vector(
                *key, offset=have, sha256=piece.sha256(), size_bytes=piece.size_bytes, parts=piece.read()
            )
            if now_have <= have:
                return False
            have = now_have
        self._door.handed(*key, MASKED_VECTOR)
        _log.info("vector sent over the API", round=key[0], attempt=key[1], size_bytes=have - first)
        return True

    def _look_at_releases(self) -> None:
        self._releases.catch_up()
        self._is_checking = self._releases.settle()

    def _wait_s(self) -> int:
        poll_s = min(self._poll_s, CHECK_POLL_S) if self._is_checking else self._poll_s
        due_s = self._fallbacks.next_in_s(self._clock.monotonic_s())
        return poll_s if due_s is None else min(poll_s, max(1, int(due_s)))

    def _left_s(self, config: RoundConfig, phase: Phase) -> float:
        return float(config.deadlines[PHASES.index(phase)] - self._clock.now())

    def _end(self, given: PhaseInput, reason: str) -> None:
        self._fallbacks.settled((given.round, given.attempt))
        self._begun.discard((given.round, given.attempt))
        self._door.close(given.round, given.attempt, reason)
        with self._lock:
            self._over.append((given.round, given.attempt))
        self._bell.ring()

    def _give_up(self, given: PhaseInput, error: AltroveError, code: str) -> None:
        """This attempt goes on without this node; the reason stays here."""
        _log.warning(
            "not taking part",
            round=given.round,
            attempt=given.attempt,
            phase=given.phase,
            code=code,
            detail=str(error),
        )
        with self._lock:
            self._refusals.append(
                Refusal(
                    round=given.round,
                    attempt=given.attempt,
                    phase=given.phase,
                    code=code,
                    reason=str(error),
                    at=self._clock.now(),
                )
            )
        if code not in ("phase-closed", "equivocation"):
            self._end(given, str(error))

    def _heard(self) -> None:
        self.last_contact = self._clock.now()
        self.trouble = ""

    def _again(self, error: AltroveError) -> bool:
        if str(error) != self.trouble:
            _log.warning("trying again", code=error.code, detail=str(error))
        self.trouble = str(error)
        return False
