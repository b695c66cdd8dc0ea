"""Where this node stands: the vocabulary it maps to, the audit log it saw, the attempts it accepted."""

from sqlalchemy import Engine

from participant.consortium import Consortium
from participant.store.attempts import Attempts
from participant.store.membership import Membership
from participant.store.rosters import Rosters
from protocols.codec import decode
from protocols.errors import IllegalMove, WrongVocabulary
from protocols.identity import Signed
from protocols.messages import RoundConfig
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary


class Standing:
    """Small look-ups that the exchange needs before it asks the door."""

    def __init__(self, *, db: Engine, link: Consortium) -> None:
        self._db = db
        self._link = link

    def vocabulary(self) -> Vocabulary:
        """The vocabulary in use; the consortium's is taken once, when there is none yet.

        Raises:
            WrongVocabulary: neither this node nor the consortium has one.
        """
        with reading(self._db) as connection:
            known = Membership(connection).vocabulary()
        return known if known is not None else self.renew_vocabulary()

    def vocabulary_of(self, config: RoundConfig) -> Vocabulary:
        """The vocabulary in use, if it is the one that ``config`` asks in.

        Raises:
            WrongVocabulary: the round asks in another one, usually a newer version.
        """
        known = self.vocabulary()
        if known.digest != config.answer.vocabulary:
            raise _outdated(known, self._link.vocabulary(config.answer.vocabulary))
        return known

    def check_vocabulary(self) -> None:
        """Ask the coordinator whether the vocabulary in use is still the consortium's.

        Raises:
            WrongVocabulary: the consortium has published another one since `connect`.
            Unreachable: the coordinator is silent.
        """
        with reading(self._db) as connection:
            digest = Membership(connection).vocabulary_digest().hex()
        named = self._link.card().vocabulary
        if digest and named is not None and digest != named:
            raise _outdated(self.vocabulary(), self._link.vocabulary(bytes.fromhex(named)))

    def renew_vocabulary(self) -> Vocabulary:
        """Fetch the consortium's vocabulary and use it from now on: what `connect` does."""
        named = self._link.card().vocabulary
        if named is None:
            raise WrongVocabulary(
                expected="a vocabulary published by the consortium",
                came="none yet",
                do="ask the coordinator's operator to publish one, then run `altrove-node connect` again",
            )
        vocabulary = self._link.vocabulary(bytes.fromhex(named))
        with transaction(self._db) as connection:
            Membership(connection).use_vocabulary(vocabulary)
        return vocabulary

    def audit_proof(self, config: RoundConfig) -> tuple[bytes, ...]:
        """The proof that joins the audit log last seen here and the one that ``config`` names."""
        with reading(self._db) as connection:
            size = Rosters(connection).seen().size
        return self._link.consistency(*sorted((size, config.audit_size)))

    def config(self, round_number: int, attempt: int) -> RoundConfig:
        """The configuration that this node accepted.

        Raises:
            IllegalMove: it accepted none.
        """
        with reading(self._db) as connection:
            found = Attempts(connection).find(round_number, attempt)
        if found is None:
            raise IllegalMove(
                expected="an attempt that this node has accepted",
                came=f"round {round_number}, attempt {attempt}",
                do="let it pass; the node joins at the next attempt",
            )
        return decode(RoundConfig, decode(Signed, found.config).body)


def _outdated(here: Vocabulary, there: Vocabulary) -> WrongVocabulary:
    return WrongVocabulary(
        expected=f"the vocabulary that this node maps its items to: {here.name!r} version {here.version}",
        came=f"{there.name!r} version {there.version} with {len(there):,} concepts",
        do="run `altrove-node connect` (no files are needed) to map to it, then `altrove-node check`; "
        "until then rounds in it go on without this company",
    )
