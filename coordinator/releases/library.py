"""Serving releases, collecting votes, and reading sums in words: the coordinator reads as members do."""

from pathlib import Path

from sqlalchemy import Engine

from coordinator.audit.log import AuditWriter
from coordinator.errors import UnknownRelease, UnknownVocabulary
from coordinator.plain import Plain, plain
from coordinator.releases.publishing import Payloads
from coordinator.store.members import Members
from coordinator.store.releases import Releases, StoredRelease, StoredVote
from coordinator.store.vocabularies import Vocabularies
from protocols.codec import encode
from protocols.errors import BadInput, BelowZero, Equivocation
from protocols.identity import PartnerId, Signed
from protocols.questions.landmarks import Landmarks, most_bought
from protocols.questions.registry import Reading, read
from protocols.questions.taste import Taste
from protocols.release import open_vote, unpack
from protocols.service.clock import Clock
from protocols.service.unit_of_work import reading, transaction
from protocols.vocabulary import Vocabulary


class Library:
    """Releases, votes and vocabularies as the edges need them."""

    def __init__(self, db: Engine, clock: Clock, *, audit: AuditWriter, payloads: Payloads) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._payloads = payloads

    def releases(self) -> tuple[StoredRelease, ...]:
        """Every release, oldest first."""
        with reading(self._db) as connection:
            return Releases(connection).all()

    def release(self, release: bytes) -> StoredRelease:
        """One release.

        Raises:
            UnknownRelease: there is none with this id.
        """
        with reading(self._db) as connection:
            found = Releases(connection).find(release)
        if found is None:
            raise UnknownRelease(
                expected="the id of a release", came=release.hex()[:64], do="list the releases"
            )
        return found

    def payload_file(self, release: bytes) -> Path:
        """The file with the numbers of one release (safetensors).

        Raises:
            UnknownRelease: there is none with this id, or its file is gone.
        """
        return self._payloads.file(self.release(release).manifest)

    def readings_of(self, release: bytes) -> tuple[Reading, ...]:
        """What the sum says, one reading a block, verified against the manifest.

        Raises:
            UnknownRelease, UnknownVocabulary, BadRelease: it cannot be read.
        """
        manifest = self.release(release).manifest
        vocabulary = self.vocabulary(manifest.answer.vocabulary)
        return read(manifest.answer, unpack(self._payloads.read(manifest), manifest), len(vocabulary))

    def most_bought(self, release: bytes, count: int) -> tuple[int, ...]:
        """Places of the concepts that most customers buy by a `taste` or `landmarks` sum, ascending.

        Raises:
            BadInput: the sum is of other questions, or has fewer concepts that are bought.
            UnknownRelease, UnknownVocabulary, BadRelease: as :meth:`readings_of`.
        """
        for found in self.readings_of(release):
            if isinstance(found, Taste):
                return most_bought(found.buyers, count)
            if isinstance(found, Landmarks):
                return most_bought(found.squares, count)
        asked = ", ".join(block.question for block in self.release(release).manifest.answer.blocks)
        raise BadInput(
            expected="a release of `taste` or `landmarks`",
            came=f"one of {asked}",
            do="take one from `altrove-coordinator releases`",
        )

    def readings(self, release: bytes) -> list[Plain]:
        """The readings in numbers and words; large arrays by their shape. Errors as :meth:`readings_of`.

        Of a sum to which no true answers add up, why it is none: its votes are to be seen, which say the same.
        """
        try:
            return [plain(reading) for reading in self.readings_of(release)]
        except BelowZero as error:
            return [str(error)]

    def vote(self, signed: Signed, sender: PartnerId, release: bytes) -> None:
        """Count a member's vote; the same again is no news.

        Raises:
            UnknownRelease, UnknownSigner, BadSignature: it does not count.
            BadInput: it is about another release than its address.
            Equivocation: the member voted otherwise before.
        """
        self.release(release)
        with reading(self._db) as connection:  # whoever is a member now may vote, also on earlier sums
            vote = open_vote(
                signed, {each.partner: each.identity_key for each in Members(connection).active()}
            )
        if vote.release != release or vote.voter != sender:
            raise BadInput(
                expected="a vote on this release by its sender", came="another", do="send it to its address"
            )
        with transaction(self._db) as connection:
            before = Releases(connection).vote(release, sender)
            if before is not None:
                if before.signed != signed:
                    raise Equivocation(
                        expected="the vote given before", came="another", do="a vote is given once"
                    )
                return
            Releases(connection).add_vote(StoredVote(vote=vote, signed=signed, at=self._clock.now()))
            self._audit.append(connection, "vote", signed.body)

    def votes(self, release: bytes) -> tuple[StoredVote, ...]:
        """The votes on one release."""
        with reading(self._db) as connection:
            return Releases(connection).votes(release)

    def vocabulary(self, digest: bytes) -> Vocabulary:
        """One vocabulary.

        Raises:
            UnknownVocabulary: none has this hash.
        """
        with reading(self._db) as connection:
            found = Vocabularies(connection).find(digest)
        if found is None:
            raise UnknownVocabulary(
                expected="the hash of a published vocabulary", came=digest.hex()[:64], do="ask for the latest"
            )
        return found

    def latest_vocabulary(self) -> Vocabulary | None:
        """The newest vocabulary, or None before the first."""
        with reading(self._db) as connection:
            return Vocabularies(connection).latest()

    def publish_vocabulary(self, name: str, concepts: list[str]) -> Vocabulary:
        """Publish the next version; the same concepts as the latest are not published again.

        Raises:
            MalformedMessage: no concepts, or names that are not clean.
        """
        with transaction(self._db) as connection:
            repository = Vocabularies(connection)
            latest = repository.latest()
            version = 1 if latest is None else latest.version + 1
            made = Vocabulary.of(name, concepts, version=version)
            if latest is not None and (latest.name, latest.concepts) == (made.name, made.concepts):
                return latest
            repository.add(made, self._clock.now())
            self._audit.append(connection, "vocabulary", encode(made))
            return made
