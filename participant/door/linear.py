"""The door's part in the linear check: two small messages after the release, each committed before it is sent.

What it takes was sealed when the answer was unmasked, under a key of its own. One release an attempt, one
opening and one answer, for ever: asked again about the same the door gives the same bytes, asked about another
release or other openings it refuses. The key is deleted when the check has ended or its time is over.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine

from participant.door import admission, sealing, words
from participant.door.attempt_keys import AttemptKeys
from participant.door.payloads import Payloads
from participant.door.withdrawal import erase_closed
from participant.errors import AnswerMissing, SecretsErased
from participant.store.attempts import Attempts
from participant.store.checks import Checks, StoredCheck
from participant.store.rosters import Rosters
from participant.store.sealed_answers import SealedAnswers
from participant.switch import StopSwitch
from protocols import ring
from protocols.codec import decode, encode, tagged_hash
from protocols.identity import IdentityKey, Roll, Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import RoundConfig
from protocols.ring import Fixed
from protocols.roster import roll
from protocols.secure_sum import linear_contributor
from protocols.secure_sum.linear_check import Claim, openings_hash
from protocols.secure_sum.linear_contributor import Armed, Opened
from protocols.service.unit_of_work import reading, transaction

OPENED = "Opened"
"""State of a linear check that is bound to its release."""

Key = tuple[int, int]


class LinearDoor:
    """One company's fifth and sixth messages. Every method may be called again after a crash."""

    def __init__(
        self,
        *,
        switch: StopSwitch,
        vectors: Path,
        db: Engine,
        key: IdentityKey,
        secrets: AttemptKeys,
        payloads: Payloads,
    ) -> None:
        self._switch = switch
        self._vectors = vectors
        self._db = db
        self._key = key
        self._secrets = secrets
        self._payloads = payloads

    def open(self, attempt: Key, release: bytes) -> Signed:
        """Fifth message: open rho for the release of an attempt, and for no other from then on.

        Raises:
            Stopped: STOP was pressed.
            Equivocation: it was opened for another release of this attempt.
            SecretsErased: there is no check of this attempt, or it has ended.
        """
        self._switch.require_open()
        with transaction(self._db) as connection:
            earlier = self._payloads.said(connection, attempt, words.OPENING, release)
            if earlier is not None:
                return earlier
            check = _present(connection, attempt)
            armed = decode(Armed, self._secrets.open(attempt, check.state, check.sealed))
            opened, signed = linear_contributor.open_rho(armed, release, key=self._key)
            sealed = self._secrets.seal(attempt, OPENED, encode(opened))
            Checks(connection).move(attempt, state=OPENED, sealed=sealed)
            self._payloads.say(connection, _config(connection, attempt), words.OPENING, release, signed)
            self._switch.require_open()
        return signed

    def answer(self, attempt: Key, openings: Sequence[Signed]) -> Signed:
        """Sixth message: this company's masked linear answer to the openings of all survivors.

        Raises:
            Stopped: STOP was pressed.
            Equivocation: it answered other openings before.
            SecretsErased: the check has ended, or its release was never opened.
            AnswerMissing, AnswerVoided: the sealed vector is gone.
            PeerFault: an opening that is refused, or one is missing.
        """
        self._switch.require_open()
        with transaction(self._db) as connection:
            opened = self._opened(connection, attempt)
            asked = tagged_hash("check-asked", opened.release, openings_hash(openings))
            earlier = self._payloads.said(connection, attempt, words.LINEAR_ANSWER, asked)
            if earlier is not None:
                return earlier
            config = _config(connection, attempt)
            sealed = SealedAnswers(connection).find(config.answer_id)
            if sealed is None:
                raise AnswerMissing(expected="the vector that was summed", came="none", do="stay silent")
            signed = linear_contributor.answer(
                opened,
                config,
                openings,
                _lifted(sealing.open_sealed(self._vectors, sealed), config),
                key=self._key,
                roll=roll_of(connection, config),
            )
            self._payloads.say(connection, config, words.LINEAR_ANSWER, asked, signed)
            self._switch.require_open()
        return signed

    def claim(self, attempt: Key) -> Claim:
        """What this company's check is about, once it opened it.

        Raises:
            SecretsErased: it did not, or the check has ended.
        """
        with reading(self._db) as connection:
            return self._opened(connection, attempt).claim

    def end(self, attempt: Key) -> None:
        """The check is over, however it went: forget it, erase its key, and a vector kept for nothing else."""
        with transaction(self._db) as connection:
            Checks(connection).end(attempt)
        self._secrets.erase(attempt)
        with reading(self._db) as connection:
            erase_closed(self._vectors, connection)

    def end_all(self) -> None:
        """No check goes on: after a restore nobody here knows what was said in it."""
        with reading(self._db) as connection:
            keys = [check.key for check in Checks(connection).all()]
        for key in keys:
            self.end(key)

    def recover(self) -> None:
        """Erase the keys of checks that a crash left behind."""
        with reading(self._db) as connection:
            needed = [check.key for check in Checks(connection).all()]
        self._secrets.sweep(needed)

    def _opened(self, connection: Connection, attempt: Key) -> Opened:
        check = _present(connection, attempt)
        if check.state != OPENED:
            raise SecretsErased(
                expected="a check whose release was opened here", came=check.state, do="open it first"
            )
        return decode(Opened, self._secrets.open(attempt, check.state, check.sealed))


def roll_of(connection: Connection, config: RoundConfig) -> Roll:
    """The keys that the roster of a round pins.

    Raises:
        NoRoster: this node has not seen that version in force.
    """
    stored = admission.present(Rosters(connection).at(config.roster_height))
    return roll(admission.open_roster(stored))


def _present(connection: Connection, attempt: Key) -> StoredCheck:
    check = Checks(connection).find(attempt)
    if check is None:
        raise SecretsErased(
            expected=f"a linear check of round {attempt[0]}, attempt {attempt[1]}",
            came="none, or one that has ended",
            do="let it end without this node; `altrove-node verify` recomputes the sum",
        )
    return check


def _config(connection: Connection, attempt: Key) -> RoundConfig:
    found = Attempts(connection).find(*attempt)
    if found is None:
        raise SecretsErased(expected="an attempt accepted here", came=f"{attempt}", do="let it pass")
    return admission.accepted(found)


def _lifted(path: Path, config: RoundConfig) -> Iterator[Fixed]:
    """The sealed vector as signed integers, one chunk in memory at a time."""
    bits = config.answer.ring_bits
    with path.open("rb") as file:
        while part := file.read(CHUNK_BYTES):
            yield ring.lift(np.frombuffer(part, dtype=ring.word_dtype(bits)), bits)
