"""The shared vocabulary: which concept stands behind which index of every answer.

It is published by the consortium, versioned and content-addressed: a round names its hash, and two
nodes with the same hash agree on every index. Mapping a company's own items to concepts is local
business and happens elsewhere.

>>> words = Vocabulary(version=1, name="product types", concepts=("BREAD", "MILK"))
>>> words.index()
{'BREAD': 0, 'MILK': 1}
>>> Vocabulary(version=1, name="product types", concepts=("MILK", "BREAD"))
Traceback (most recent call last):
...
protocols.errors.MalformedMessage: expected distinct concepts in order; came 'BREAD' after 'MILK'; sort them
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hmac import compare_digest
from typing import ClassVar, Self

from protocols.codec import decode, digest
from protocols.errors import MalformedMessage, WrongVocabulary
from protocols.limits import CONCEPT_CHARS, CONCEPTS_MAX, NAME_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Concepts in code-point order (which is the bytewise order of their UTF-8); the index is the place."""

    TAG: ClassVar[str] = "vocabulary"
    version: int
    name: str
    concepts: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.version < 1 or not 0 < len(self.name) <= NAME_CHARS:
            raise MalformedMessage(
                expected=f"a version from 1 and a name of up to {NAME_CHARS} characters",
                came=f"version {self.version}, {len(self.name)} characters",
                do="give it both",
            )
        if not 0 < len(self.concepts) <= CONCEPTS_MAX:
            raise MalformedMessage(
                expected=f"1 to {CONCEPTS_MAX} concepts",
                came=str(len(self.concepts)),
                do="use a coarser level",
            )
        for concept in self.concepts:
            if (
                not 0 < len(concept) <= CONCEPT_CHARS
                or not concept.isprintable()
                or concept != concept.strip()
            ):
                raise MalformedMessage(
                    expected=f"printable concepts of 1 to {CONCEPT_CHARS} characters without outer spaces",
                    came=repr(concept[:CONCEPT_CHARS]),
                    do="clean the list",
                )
        for before, after in zip(self.concepts, self.concepts[1:], strict=False):
            if before >= after:
                raise MalformedMessage(
                    expected="distinct concepts in order", came=f"{after!r} after {before!r}", do="sort them"
                )

    @classmethod
    def of(cls, name: str, concepts: Iterable[str], *, version: int = 1) -> Self:
        """A vocabulary of the distinct ``concepts``, put in order."""
        return cls(version=version, name=name, concepts=tuple(sorted(set(concepts))))

    def __len__(self) -> int:
        return len(self.concepts)

    @property
    def digest(self) -> bytes:
        """What a round and a release name."""
        return digest(self)

    def index(self) -> dict[str, int]:
        """Every concept's index. Build it once and keep it."""
        return {concept: place for place, concept in enumerate(self.concepts)}


def check_vocabulary(vocabulary: Vocabulary, expected: bytes) -> None:
    """Refuse a vocabulary that is not the one a round or a release names.

    Raises:
        WrongVocabulary: another hash, which means another order or number of concepts.
    """
    if not compare_digest(vocabulary.digest, expected):
        raise WrongVocabulary(
            expected=f"vocabulary {expected.hex()}",
            came=f"{vocabulary.name!r} version {vocabulary.version}, {vocabulary.digest.hex()}",
            do="fetch the named vocabulary from the coordinator and map your catalogue to it",
        )


def open_vocabulary(data: bytes, expected: bytes) -> Vocabulary:
    """The vocabulary with hash ``expected`` from its canonical bytes.

    Raises:
        MalformedMessage, UnknownVersion, TooLarge: not the encoding of a vocabulary.
        WrongVocabulary: another one.
    """
    vocabulary = decode(Vocabulary, data)
    check_vocabulary(vocabulary, expected)
    return vocabulary
