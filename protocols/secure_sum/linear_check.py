"""Was it the right sum, without the vectors: one random linear function of everybody's answer.

For consortia in which nobody wants to fetch everybody's vector. After the release each survivor opens the
rho that it committed to in its confirmation (fifth message); all rho together and the release fix a
vector r that nobody could choose; each survivor sends z_i = <r, x_i> mod q, masked by pairs (sixth
message). The masks vanish in the sum of all z_i, which must be <r, S>. A wrong S passes with probability
1/q, q = 2**61 - 1, if no two sums within the bounds differ by a multiple of q (:func:`binds`). Silence of any
survivor leaves the release unverified.

Here is what travels and what anybody makes of it, without a secret: the coordinator before it passes a
message on, every member before it believes the sum. What a survivor sends is made in
:mod:`protocols.secure_sum.linear_contributor`.

What a failed check says: the sum is wrong or some z_i is. Which, and whose, nobody can tell, because each
z_i hides under its masks; recomputation tells whether it was the sum. What names its sender by its own
signature: a rho other than the one it committed to, an opening for another release, two answers.

What a passed check does not say: **one member that helps a lying coordinator** can shift its z_i by what is
missing, since nothing ties z_i to the vector that it masked. Then the released numbers are the sum of the
others' answers and of anything. Recomputation (:mod:`protocols.secure_sum.recomputation`) has no such gap.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.codec import digest, enc, tagged_hash
from protocols.errors import MalformedMessage, NotTheSum, WrongMembers
from protocols.identity import PartnerId, Roll, Signed
from protocols.keystream import Keystream
from protocols.limits import HASH_BYTES, KEY_BYTES
from protocols.messages import AnswerSpec, Confirmation, RoundConfig
from protocols.ring import Fixed, fits
from protocols.secure_sum.admission import Frame, admit_all, agree
from protocols.secure_sum.linear_function import Q, inner
from protocols.secure_sum.transcript import in_order, members_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What a survivor committed its rho to."""

    TAG: ClassVar[str] = "check-commitment"
    member: PartnerId
    rho: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is checked: a release, and what its survivors committed to before it was made, in cohort order."""

    TAG: ClassVar[str] = "check-claim"
    transcript: bytes
    release: bytes
    commitments: tuple[Commitment, ...]

    @property
    def survivors(self) -> tuple[PartnerId, ...]:
        """U3: who has to open and to answer."""
        return tuple(each.member for each in self.commitments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Fifth message: the release that the sender was shown, and its rho."""

    TAG: ClassVar[str] = "check-opening"
    config: bytes
    transcript: bytes
    sender: PartnerId
    release: bytes
    rho: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAnswer:
    """Sixth message: z_i, and the hash of the openings that it answers."""

    TAG: ClassVar[str] = "check-answer"
    config: bytes
    transcript: bytes
    sender: PartnerId
    openings: bytes
    z: int

    def __post_init__(self) -> None:
        if self.z >= Q or len(self.openings) != HASH_BYTES:
            raise MalformedMessage(
                expected=f"a hash and a number below {Q}", came=str(self.z), do="refuse the message"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What the coordinator hands out: the openings of all survivors, or their answers; or nothing yet."""

    TAG: ClassVar[str] = "check-board"
    items: tuple[Signed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a member that has no part in the sum checks it on: configuration and confirmations as they were signed."""

    TAG: ClassVar[str] = "check-grounds"
    config: Signed
    confirmations: tuple[Signed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A signed release beside the messages of a check that it did not pass."""

    TAG: ClassVar[str] = "check-dispute"
    release: Signed
    openings: tuple[Signed, ...]
    answers: tuple[Signed, ...]


def binds(answer: AnswerSpec, survivors: int) -> bool:
    """Whether sums of ``answer`` are so small that no two of them differ by a multiple of q.

    In the ring of 64 bits a sum may exceed q / 2; the one that is q larger has the same linear function.
    """
    return all(
        fits(block.bound, block.scale_bits, survivors, Q.bit_length(), block.noise_tail)
        for block in answer.blocks
    )


def committed(
    survivors: Collection[PartnerId], confirmations: Iterable[Confirmation]
) -> tuple[Commitment, ...]:
    """The commitments of all survivors, in their order.

    Raises:
        WrongMembers: a survivor did not confirm: without its commitment there is no check.
    """
    said = {each.sender: each.rho_commitment for each in confirmations}
    silent = [member for member in survivors if member not in said]
    if silent:
        raise WrongMembers(
            expected="a confirmation of every survivor",
            came=f"none of {silent[0].hex()}",
            do="recompute the sum",
        )
    return tuple(Commitment(member=member, rho=said[member]) for member in survivors)


def claim_of(
    config: RoundConfig,
    confirmations: Sequence[Signed],
    *,
    transcript: bytes,
    survivors: Sequence[PartnerId],
    release: bytes,
    roll: Roll,
) -> Claim:
    """The claim as it follows from signed confirmations alone, for whoever did not take part in the round.

    Raises:
        WrongMembers: as :func:`committed`.
        WrongTranscript: confirmations of another attempt or of other survivors.
        UnknownSigner, BadSignature, Equivocation: a confirmation that is refused.
    """
    read = admit_all(confirmations, Confirmation, Frame.of(config, roll))
    for each in read:
        agree("the same advertisements", each.transcript, transcript, each.sender)
        agree("the survivors of the release", each.survivors, members_hash(survivors), each.sender)
    return Claim(transcript=transcript, release=release, commitments=committed(survivors, read))


def opened(
    claim: Claim, config: RoundConfig, openings: Sequence[Signed], roll: Roll
) -> Mapping[PartnerId, bytes]:
    """Every rho in ``openings``, verified; some of the survivors' or all.

    Raises:
        WrongTranscript: a survivor was shown another release, or opens another rho than it committed to.
        WrongMembers: an opening by somebody who is no survivor.
        Equivocation, UnknownSigner, BadSignature: an opening that is refused.
    """
    frame = Frame.of(config, roll)
    read = admit_all(openings, Opening, frame)
    known = {each.member: each.rho for each in claim.commitments}
    _none_but(claim, {each.sender for each in read})
    for each in read:
        agree("the same advertisements", each.transcript, claim.transcript, each.sender)
        agree("the release that is checked", each.release, claim.release, each.sender)
        commitment = tagged_hash("rho-commitment", frame.config_hash, each.sender, each.rho)
        agree("the rho that was committed to", commitment, known[each.sender], each.sender)
    return {each.sender: each.rho for each in read}


def answered(
    claim: Claim, config: RoundConfig, openings: Sequence[Signed], answers: Sequence[Signed], roll: Roll
) -> Mapping[PartnerId, int]:
    """Every z in ``answers``, admitted; some of the survivors' or all.

    Raises:
        WrongTranscript: an answer to other openings.
        WrongMembers: an answer by somebody who is no survivor.
        MalformedMessage, Equivocation, UnknownSigner, BadSignature: an answer that is refused.
    """
    said = openings_hash(openings)
    read = admit_all(answers, LinearAnswer, Frame.of(config, roll))
    _none_but(claim, {each.sender for each in read})
    for each in read:
        agree("the same advertisements", each.transcript, claim.transcript, each.sender)
        agree("the same openings", each.openings, said, each.sender)
    return {each.sender: each.z for each in read}


def check(
    claim: Claim,
    config: RoundConfig,
    openings: Sequence[Signed],
    answers: Sequence[Signed],
    total: Fixed,
    *,
    roll: Roll,
) -> None:
    """Whether ``total``, the released sum in ring units, is the sum of what the survivors hold.

    Raises:
        NotTheSum: it is not, or a survivor answered wrongly: recompute the sum to learn which.
        WrongMembers: a survivor is silent: the release stays unverified.
        WrongTranscript, Equivocation, UnknownSigner, BadSignature: a message that is refused.
    """
    stream = challenge(claim, config, openings, roll)
    said = answered(claim, config, openings, answers, roll)
    _everybody(claim, said, "answer")
    _compare(said.values(), stream, total)


def challenge(claim: Claim, config: RoundConfig, openings: Sequence[Signed], roll: Roll) -> Keystream:
    """The stream of r: fixed by the release and by the rho of every survivor, which nobody chose last.

    Raises:
        WrongMembers: not one opening of each survivor.
        As :func:`opened`.
    """
    rho = opened(claim, config, openings, roll)
    _everybody(claim, rho, "opening")
    material = b"".join(rho[member] for member in in_order(config, rho))
    info = enc("linear-check", digest(config))
    return Keystream(
        HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=claim.release, info=info).derive(material)
    )


def openings_hash(openings: Iterable[Signed]) -> bytes:
    """What an answer is bound to, whatever the order in which the openings came."""
    return tagged_hash("check-openings", *sorted(each.body for each in openings))


def _compare(said: Iterable[int], stream: Keystream, total: Fixed) -> None:
    if sum(said) % Q != inner(stream, [total]) % Q:
        raise NotTheSum(
            expected="a sum of which the survivors' linear answers are the linear function",
            came="another",
            do="recompute the sum from the masked vectors: that tells whether the sum or an answer is wrong",
        )


def _none_but(claim: Claim, came: set[PartnerId]) -> None:
    strangers = sorted(came - set(claim.survivors))
    if strangers:
        raise WrongMembers(
            expected="messages of survivors", came=f"one by {strangers[0].hex()}", do="refuse it"
        )


def _everybody(claim: Claim, came: Collection[PartnerId], what: str) -> None:
    if len(came) != len(claim.survivors):
        raise WrongMembers(
            expected=f"one {what} of each of {len(claim.survivors)} survivors",
            came=f"{len(came)}",
            do="leave the release unverified, or recompute the sum",
        )
