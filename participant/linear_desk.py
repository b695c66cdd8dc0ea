"""Was it the right sum, of more companies than anybody recomputes? One company's part in the linear check.

A release that is to be checked is held: it is neither voted on nor used until every survivor has opened and
answered, or the time for that is over. The door makes both messages; here they are carried to the coordinator
and everybody's are fetched. Four things can come of it. *Checked*: the answers of all survivors fit the sum.
*Disputed*: they do not, or they contradict one another; the sum or somebody's message is wrong, and only
recomputing tells which. *Unverified*: somebody kept silent, a member or the coordinator, and only recomputing
tells. Nothing yet: ask again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog
from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.door import Door
from participant.door.admission import accepted
from participant.door.linear import roll_of
from participant.errors import AnswerMissing, AnswerVoided, NoRoster, SecretsErased
from participant.store.attempts import Attempts
from participant.store.checks import Checks, StoredCheck
from participant.verdicts import Outcome, Verdict, Verdicts
from protocols.codec import decode, digest, encode
from protocols.errors import MalformedMessage, NotTheSum, PeerFault, TooLarge, UnknownVersion
from protocols.identity import COORDINATOR, Roll, Signed
from protocols.limits import LINEAR_CHECK_S
from protocols.messages import RoundConfig
from protocols.release import ReleaseManifest
from protocols.ring import Fixed
from protocols.secure_sum.admission import agree
from protocols.secure_sum.attempts import open_config
from protocols.secure_sum.linear_check import Claim, Dispute, binds, check, claim_of
from protocols.service.clock import Clock, iso
from protocols.service.problems import Refused
from protocols.service.unit_of_work import reading, transaction

WATCHING: Final = "Watching"
"""State of a check in which this company has no part: it is not in the sum, or was away when it was unmasked."""

NO_CHECK: Final = "too large to be recomputed unasked, and there is no linear check of it"
CHECKED: Final = (
    "the linear answers of all {count} survivors fit these numbers; nobody recomputed them, and one survivor "
    "that helps a lying coordinator can cover a wrong sum"
)
DISPUTED: Final = (
    "the linear answers of the {count} survivors do not fit these numbers: the sum is wrong, or an answer is, and "
    "nothing in them tells whose; recomputing tells whether it is the sum"
)
CONTRADICTED: Final = (
    "the signed messages of the linear check contradict one another: members were shown different releases, or one "
    "of them lies"
)
SILENT: Final = (
    "the linear check met silence: until {until} the coordinator handed out no complete set of {what}. A member "
    "kept silent, or the coordinator keeps it back; nobody here looked at the numbers"
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check that has ended, and with what."""

    check: StoredCheck
    verdict: Verdict


class LinearDesk:
    """The linear checks of one node."""

    def __init__(self, *, db: Engine, link: Consortium, door: Door, verdicts: Verdicts, clock: Clock) -> None:
        self._db = db
        self._link = link
        self._door = door
        self._verdicts = verdicts
        self._clock = clock
        self._sent: set[tuple[bytes, str]] = set()
        self._openings: dict[bytes, tuple[Signed, ...]] = {}

    def hold(self, release: bytes, signed: Signed) -> bool:
        """Let a release wait for its check, in which this company takes part or which it only watches.

        ``signed`` is its manifest, which was verified. False: it has no check, and the verdict says so.

        Raises:
            Unreachable: the coordinator does not answer; ask again.
        """
        manifest = decode(ReleaseManifest, signed.body)
        held = StoredCheck(
            round=manifest.round,
            attempt=manifest.attempt,
            state=WATCHING,
            sealed=b"",
            until=0,
            release=release,
            manifest=encode(signed),
        )
        if not binds(manifest.answer, len(manifest.survivors)):
            self._keep(held, Outcome.UNVERIFIED, f"{NO_CHECK}: its numbers are too large for one")
            return False
        with reading(self._db) as connection:
            is_armed = Checks(connection).find(held.key) is not None
        try:
            config = None if is_armed else self._theirs(held)[0]
        except (Refused, PeerFault, NoRoster) as error:
            self._keep(held, Outcome.UNVERIFIED, f"{NO_CHECK}: {error}")
            return False
        with transaction(self._db) as connection:
            if config is not None:
                until = config.deadlines[-1] + LINEAR_CHECK_S
                Checks(connection).add(replace(held, until=until))
            Checks(connection).hold(held.key, release=release, manifest=held.manifest)
        _log.info(
            "release waits for its linear check",
            release=release.hex(),
            round=manifest.round,
            part="looks on" if config is not None else "opens and answers",
        )
        return True

    def held(self) -> tuple[StoredCheck, ...]:
        """The checks whose release has come, oldest first."""
        with reading(self._db) as connection:
            return tuple(check for check in Checks(connection).all() if check.release)

    def turn(self, total_of: Callable[[StoredCheck], Fixed]) -> tuple[Finding, ...]:
        """Do what can be done in every check now; returns those that have ended.

        ``total_of`` reads the numbers of a held release.

        Raises:
            Unreachable: the coordinator does not answer; ask again.
            Stopped: STOP was pressed; nothing was sent.
        """
        with reading(self._db) as connection:
            waiting = [each for each in Checks(connection).all() if not each.release]
        for each in waiting:
            if self._clock.now() > each.until:
                self._door.linear.end(each.key)  # no release came in time: nothing will be said of it
        found = []
        for each in self.held():
            verdict = self._verdicts.find(bytes(each.release)) or self._look(each, total_of)
            if verdict is not None:
                found.append(Finding(check=each, verdict=verdict))
        return tuple(found)

    def _look(self, held: StoredCheck, total_of: Callable[[StoredCheck], Fixed]) -> Verdict | None:
        openings: tuple[Signed, ...] = ()
        answers: tuple[Signed, ...] = ()
        try:
            openings = self._open(held)
            answers = self._answer(held, openings) if openings else ()
            if answers:
                config, claim, roll = self._theirs(held) if held.state == WATCHING else self._ours(held)
                check(claim, config, openings, answers, total_of(held), roll=roll)
                return self._keep(held, Outcome.CHECKED, CHECKED.format(count=len(answers)))
        except NotTheSum as error:
            return self._dispute(held, DISPUTED.format(count=len(answers)), error, openings, answers)
        except (Refused, MalformedMessage, TooLarge, UnknownVersion) as error:
            _log.warning("linear check goes on later", round=held.round, code=error.code, detail=str(error))
        except PeerFault as error:
            return self._dispute(held, f"{CONTRADICTED}: {error}", error, openings, answers)
        except (SecretsErased, AnswerMissing, AnswerVoided) as error:
            return self._keep(
                held, Outcome.UNVERIFIED, f"this company could not go on with the check: {error}"
            )
        if self._clock.now() <= held.until:
            return None
        what = "answers" if openings else "openings"
        return self._keep(held, Outcome.UNVERIFIED, SILENT.format(until=iso(held.until), what=what))

    def _open(self, held: StoredCheck) -> tuple[Signed, ...]:
        """Open our part, once a process (after a restart the same bytes again); all openings, or none yet."""
        if self._speaks(held) and (held.release, "opening") not in self._sent:
            self._link.open_check(held.release, self._door.linear.open(held.key, held.release))
            self._sent.add((held.release, "opening"))
        if not self._openings.get(held.release):
            self._openings[held.release] = self._link.check_openings(held.release)
        return self._openings[held.release]

    def _answer(self, held: StoredCheck, openings: tuple[Signed, ...]) -> tuple[Signed, ...]:
        """Answer them, once a process; all answers, or none yet."""
        if self._speaks(held) and (held.release, "answer") not in self._sent:
            self._link.answer_check(held.release, self._door.linear.answer(held.key, openings))
            self._sent.add((held.release, "answer"))
        return self._link.check_answers(held.release)

    def _speaks(self, held: StoredCheck) -> bool:
        """Whether this company says anything in a check: after its time it only looks at what others said."""
        return held.state != WATCHING and self._clock.now() <= held.until

    def _ours(self, held: StoredCheck) -> tuple[RoundConfig, Claim, Roll]:
        with reading(self._db) as connection:
            attempt = Attempts(connection).find(*held.key)
            if attempt is None:
                raise SecretsErased(expected="an attempt accepted here", came=f"{held.key}", do="let it pass")
            config = accepted(attempt)
            roll = roll_of(connection, config)
        return config, self._door.linear.claim(held.key), roll

    def _theirs(self, held: StoredCheck) -> tuple[RoundConfig, Claim, Roll]:
        """The same for a sum that this company is not in, from what its survivors signed."""
        manifest = decode(ReleaseManifest, decode(Signed, held.manifest).body)
        grounds = self._link.check_grounds(held.release)
        with reading(self._db) as connection:
            roll = roll_of(connection, decode(RoundConfig, grounds.config.body))
        config = open_config(grounds.config, roll)
        agree("the configuration of the release", digest(config), manifest.config, COORDINATOR)
        claim = claim_of(
            config,
            grounds.confirmations,
            transcript=manifest.transcript,
            survivors=manifest.survivors,
            release=held.release,
            roll=roll,
        )
        return config, claim, roll

    def _dispute(
        self,
        held: StoredCheck,
        reason: str,
        error: PeerFault,
        openings: tuple[Signed, ...],
        answers: tuple[Signed, ...],
    ) -> Verdict:
        _log.error("linear check failed", release=held.release.hex(), code=error.code, detail=str(error))
        signed = decode(Signed, held.manifest)
        dispute = Dispute(release=signed, openings=openings, answers=answers)
        return self._keep(held, Outcome.DISPUTED, reason, encode(dispute))

    def _keep(self, held: StoredCheck, outcome: Outcome, reason: str, evidence: bytes = b"") -> Verdict:
        verdict = Verdict(
            release=held.release.hex(),
            round=held.round,
            attempt=held.attempt,
            outcome=outcome,
            reason=reason,
            at=self._clock.now(),
        )
        _log.info("linear check ended", release=verdict.release, outcome=outcome.value, reason=reason)
        self._openings.pop(held.release, None)
        return self._verdicts.keep(verdict, evidence)
