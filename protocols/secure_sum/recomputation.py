"""Was it the right sum? What any member recomputes it from, and how.

The coordinator keeps the signed messages of an attempt and the masked vectors, and hands them to any
member. Nothing of that is believed: every message is admitted as the collector admitted it, whoever
took part compares sets and vectors with what it confirmed itself, every chunk is compared with its
signed header. What then comes out is the one sum that those vectors have; a release of any other is
proved wrong by the same messages. None of them says more than the coordinator knew: an answer opens one
secret of each member, and the vectors stay masked towards one another.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from protocols.errors import BadShare, WrongTranscript
from protocols.identity import PartnerId, Roll, Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import (
    Advertisement,
    Confirmation,
    InputHeader,
    Phase,
    RoundConfig,
    SealedShare,
    Submission,
)
from protocols.ring import Fixed
from protocols.secure_sum.admission import (
    Frame,
    admit,
    admit_all,
    agree,
    check_floor,
    check_header,
    check_keys,
)
from protocols.secure_sum.attempts import open_config
from protocols.secure_sum.collector import Context, check_submission, context
from protocols.secure_sum.transcript import in_order, members_hash
from protocols.secure_sum.unmasking import combine, sum_chunks

ChunkOf = Callable[[PartnerId, int], bytes]
"""One chunk of one member's masked vector, by member and index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The signed messages of one released attempt; ``members`` is U2, ``headers`` are those of U3.

    The sealed shares are left out: they are needed only where a secret comes out wrong, to tell who lied, and
    in suite 2 for the capsules between who dropped out and who stayed.
    """

    TAG: ClassVar[str] = "sum-evidence"
    config: Signed
    ads: tuple[Signed, ...]
    members: tuple[PartnerId, ...]
    headers: tuple[Signed, ...]
    answers: tuple[Signed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A signed release beside the signed messages that contradict it."""

    TAG: ClassVar[str] = "wrong-sum"
    release: Signed
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Evidence of which every message was checked."""

    config: RoundConfig
    settled: Context
    answers: tuple[Signed, ...]
    roll: Roll


def admit_evidence(evidence: Evidence, roll: Roll, confirmed: Confirmation | None = None) -> Admitted:
    """Check every message; ``confirmed`` is what this company signed itself, where it took part.

    Raises:
        PeerFault: a message that the collector should not have admitted (its class says why).
        TooFewSurvivors: fewer members than any node would have gone on with.
        WrongTranscript: other advertisements, sets or vectors than this company confirmed.
    """
    config = open_config(evidence.config, roll)
    frame = Frame.of(config, roll)
    check_keys(admit_all(evidence.ads, Advertisement, frame), config.suite)
    u2 = in_order(config, evidence.members)
    headers = admit_all(evidence.headers, InputHeader, frame)
    settled = context(config, ads=evidence.ads, u2=u2, headers=evidence.headers)
    for header in headers:
        check_header(header, config, settled.transcript, members_hash(u2))
    if not frozenset(settled.u3) <= frozenset(u2) <= frozenset(settled.u1):
        raise _unlike("U3 within U2 within U1")
    check_floor(config, settled.u3, "U3")
    if confirmed is not None:
        _compare(settled, confirmed)
    for answer in evidence.answers:
        submission = Submission(
            round=config.round, attempt=config.attempt, phase=Phase.UNMASK.value, items=(answer,)
        )
        check_submission(config, Phase.UNMASK, submission, answer.signer, roll=roll, context=settled)
    return Admitted(config=config, settled=settled, answers=evidence.answers, roll=roll)


def recompute(admitted: Admitted, chunk_of: ChunkOf, *, bundles: Iterable[Signed]) -> Iterator[Fixed]:
    """The sum in ring units, one chunk after the other; one chunk of one member is held at a time.

    ``bundles`` are the sealed shares of U2; they are asked for only if a combined secret is wrong, and in
    suite 2 if a member dropped out.

    Raises:
        TooFewSurvivors, BadShare: the answers do not open the masks.
        BadChunk, while it is read: bytes that their owner did not sign.
    """
    config, settled = admitted.config, admitted.settled
    frame = Frame.of(config, admitted.roll)
    try:
        unmasking = combine(config, settled, admitted.answers, bundles=_signed(bundles, frame))
    except ValueError:
        raise BadShare(
            expected="the sealed shares of every member of U2", came="fewer", do="ask for them again"
        ) from None
    for index in range(-(-config.answer.vector_bytes // CHUNK_BYTES)):
        chunks = (chunk_of(member, index) for member in unmasking.survivors)
        yield sum_chunks(config, unmasking, index, chunks)


def _signed(bundles: Iterable[Signed], frame: Frame) -> Iterator[Signed]:
    """Every bundle, once its dealer's signature was verified: they tell who lied."""
    for bundle in bundles:
        admit(bundle, SealedShare, frame)
        yield bundle


def _compare(settled: Context, confirmed: Confirmation) -> None:
    here = {
        "the advertisements": (settled.transcript, confirmed.transcript),
        "the members of U2": (members_hash(settled.u2), confirmed.members),
        "the survivors": (members_hash(settled.u3), confirmed.survivors),
        "the masked vectors": (settled.roots, confirmed.roots),
    }
    agree("the configuration of this attempt", settled.config_hash, confirmed.config, confirmed.sender)
    for what, (came, ours) in here.items():
        if came != ours:
            raise _unlike(f"{what} that this company confirmed")


def _unlike(expected: str) -> WrongTranscript:
    return WrongTranscript(
        expected=expected, came="others", do="keep the evidence, and ask other members what they were shown"
    )
