"""Was it the right sum, without the vectors: one random linear function of everybody's answer.

For consortia in which nobody wants to fetch everybody's vector. After the release each survivor opens the
rho that it committed to in its confirmation (fifth message); all rho together and the release fix a
vector r that nobody could choose; each survivor sends z_i = <r, x_i> mod q, masked by pairs (sixth
message). The masks vanish in the sum of all z_i, which must be <r, S>. A wrong S passes with probability
1/q, q = 2**61 - 1. Silence of any survivor leaves the release unverified.

What it does not prove: **one member that helps a lying coordinator** can shift its z_i by what is missing,
since nothing ties z_i to the vector that it masked. Then the released numbers are the sum of the others'
answers and of anything. Recomputation (:mod:`protocols.secure_sum.recomputation`) has no such gap.

Every mask is bound to the release and to the opened rho: a second z_i, for another release of the same
attempt, would be masked afresh, and says nothing of x_i either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import ClassVar, Final

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.codec import decode, digest, enc, tagged_hash
from protocols.errors import Equivocation, NotTheSum, WrongMembers
from protocols.identity import IdentityKey, PartnerId, Roll, Signed
from protocols.keystream import Keystream
from protocols.limits import KEY_BYTES
from protocols.messages import Confirmation, RoundConfig, SealedShare
from protocols.ring import Fixed
from protocols.secure_sum.admission import Frame, admit_all, agree
from protocols.secure_sum.agreement import check_key
from protocols.secure_sum.dealing import pair_secrets
from protocols.secure_sum.hybrid import private_key, split_public
from protocols.secure_sum.states import Confirmed, Shared
from protocols.secure_sum.transcript import in_order

Q: Final = 2**61 - 1
"""A Mersenne prime: a random linear function misses a difference with probability 1/q."""

_LIMB: Final = 21
"""r is cut into three limbs of 21 bits, x into two halves of 32: 1,024 products fit an int64."""

_BLOCK: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKey:
    """The key from which masks with ``member`` are derived."""

    TAG: ClassVar[str] = "check-peer-key"
    member: PartnerId
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What a survivor committed its rho to."""

    TAG: ClassVar[str] = "check-commitment"
    member: PartnerId
    rho: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """What a survivor keeps after its unmask answer until the check; never a share, never a mask of phase 2.

    ``commitments`` are those of every survivor, in cohort order.
    """

    TAG: ClassVar[str] = "check-armed"
    config: bytes
    transcript: bytes
    me: PartnerId
    commitments: tuple[Commitment, ...]
    keys: tuple[PeerKey, ...] = field(repr=False)
    rho: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """After the fifth message: bound to one release, for ever."""

    TAG: ClassVar[str] = "check-opened"
    armed: Armed
    release: bytes


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


def keys(state: Shared, config: RoundConfig, shares: Sequence[Signed]) -> tuple[PeerKey, ...]:
    """A key with every other member of U2; derived at MaskedInput, before the mask secret is forgotten.

    ``shares`` are the bundles for us that were admitted then.
    """
    messages = {m.sender: m for m in (decode(SealedShare, signed.body) for signed in shares)}
    own = private_key(config.suite, state.mask_secret, state.config)
    pairs = pair_secrets(state, config, own, messages)
    place = {m: i for i, m in enumerate(config.cohort)}
    found = []
    for peer in state.peers:
        if peer.member not in messages:
            continue
        low, high = sorted((state.me, peer.member), key=place.__getitem__)
        key = check_key(
            own.x25519,
            split_public(peer.mask_key)[0],
            transcript=state.transcript,
            config=state.config,
            low=low,
            high=high,
            pair=pairs[peer.member],
        )
        found.append(PeerKey(member=peer.member, key=key))
    return tuple(found)


def arm(state: Confirmed, pairs: Sequence[PeerKey], confirmations: Sequence[Signed]) -> Armed:
    """What to keep, from the state in which the unmask answer was made and the confirmations it checked.

    Raises:
        WrongMembers: a survivor did not confirm: without its commitment there is no check.
    """
    said = {each.sender: each for each in (decode(Confirmation, signed.body) for signed in confirmations)}
    silent = [member for member in state.survivors if member not in said]
    if silent:
        raise WrongMembers(
            expected="a confirmation of every survivor",
            came=f"none of {silent[0].hex()}",
            do="recompute the sum",
        )
    alive = frozenset(state.survivors)
    return Armed(
        config=state.config,
        transcript=state.transcript,
        me=state.me,
        commitments=tuple(Commitment(member=m, rho=said[m].rho_commitment) for m in state.survivors),
        keys=tuple(pair for pair in pairs if pair.member in alive),
        rho=state.rho,
    )


def open_rho(state: Armed | Opened, release: bytes, *, key: IdentityKey) -> tuple[Opened, Signed]:
    """Fifth message, for the release with this id; again for the same one, never for another.

    Raises:
        Equivocation: rho was opened for another release: the coordinator signed two.
    """
    armed = state.armed if isinstance(state, Opened) else state
    if isinstance(state, Opened) and not compare_digest(state.release, release):
        raise Equivocation(
            expected="the release for which this company opened its check",
            came="another of the same attempt",
            do="keep both as evidence: the coordinator signed two sums of one attempt",
        )
    opening = Opening(
        config=armed.config, transcript=armed.transcript, sender=armed.me, release=release, rho=armed.rho
    )
    return Opened(armed=armed, release=release), key.sign(armed.me, opening)


def answer(
    state: Opened,
    config: RoundConfig,
    openings: Sequence[Signed],
    words: Fixed,
    *,
    key: IdentityKey,
    roll: Roll,
) -> Signed:
    """Sixth message: the masked <r, x_i>; ``words`` is the sealed vector as signed integers (``ring.lift``).

    Raises:
        WrongTranscript: a survivor was shown another release, or opens another rho than it committed to.
        WrongMembers: not exactly one opening of each survivor.
        Equivocation, UnknownSigner, BadSignature: an opening that is refused.
    """
    armed = state.armed
    stream = challenge(state, config, openings, roll)
    said = tagged_hash("check-openings", *(each.body for each in _sorted(openings)))
    z = inner(stream, words)
    place = {member: position for position, member in enumerate(config.cohort)}
    for pair in armed.keys:
        mask = _mask(pair.key, state.release, said)
        z += mask if place[armed.me] < place[pair.member] else -mask
    message = LinearAnswer(
        config=armed.config, transcript=armed.transcript, sender=armed.me, openings=said, z=z % Q
    )
    return key.sign(armed.me, message)


def check(
    state: Opened,
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
    stream = challenge(state, config, openings, roll)
    said = tagged_hash("check-openings", *(each.body for each in _sorted(openings)))
    read = admit_all(answers, LinearAnswer, Frame.of(config, roll))
    _all_of(state.armed, {each.sender for each in read}, "answer")
    for each in read:
        agree("the same advertisements", each.transcript, state.armed.transcript, each.sender)
        agree("the same openings", each.openings, said, each.sender)
    if sum(each.z for each in read) % Q != inner(stream, total) % Q:
        raise NotTheSum(
            expected="a sum of which the survivors' linear answers are the linear function",
            came="another",
            do="recompute the sum from the masked vectors: that tells whether the sum or an answer is wrong",
        )


def challenge(state: Opened, config: RoundConfig, openings: Sequence[Signed], roll: Roll) -> Keystream:
    """The stream of r: fixed by the release and by the rho of every survivor, which nobody chose last.

    Raises:
        As :func:`answer`.
    """
    armed = state.armed
    read = admit_all(openings, Opening, Frame.of(config, roll))
    _all_of(armed, {each.sender for each in read}, "opening")
    committed = {each.member: each.rho for each in armed.commitments}
    rho: Mapping[PartnerId, bytes] = {each.sender: each.rho for each in read}
    for each in read:
        agree("the same advertisements", each.transcript, armed.transcript, each.sender)
        agree("the release that this company was shown", each.release, state.release, each.sender)
        opened = tagged_hash("rho-commitment", armed.config, each.sender, each.rho)
        agree("the rho that was committed to", opened, committed[each.sender], each.sender)
    material = b"".join(rho[member] for member in in_order(config, rho))
    info = enc("linear-check", digest(config))
    return Keystream(
        HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=state.release, info=info).derive(material)
    )


def inner(stream: Keystream, values: Fixed) -> int:
    """<r, values> over the integers: r_k is the low 61 bits of word k of ``stream``, which is q with 2**-61.

    >>> stream = Keystream(bytes(32))
    >>> r = [int(word) % 2**61 for word in stream.words(0, 24, 64)]
    >>> x = [3, -(2**63), 2**63 - 1]
    >>> inner(stream, np.array(x)) == sum(a * b for a, b in zip(r, x))
    True
    """
    total = 0
    for start in range(0, len(values), _BLOCK):
        part = values[start : start + _BLOCK]
        r = (stream.words(8 * start, 8 * len(part), 64) & np.uint64(Q)).astype(np.int64)
        halves = ((part >> 32, 32), (part & 0xFFFFFFFF, 0))
        for shift in range(0, 3 * _LIMB, _LIMB):
            limb = (r >> shift) & (2**_LIMB - 1)
            total += sum(int(np.dot(limb, half)) << (shift + up) for half, up in halves)
    return total


def _all_of(armed: Armed, came: set[PartnerId], what: str) -> None:
    survivors = {each.member for each in armed.commitments}
    if came != survivors:
        raise WrongMembers(
            expected=f"one {what} of each of {len(survivors)} survivors",
            came=f"{len(came)} of {len(came & survivors)} of them",
            do="leave the release unverified, or recompute the sum",
        )


def _sorted(openings: Sequence[Signed]) -> list[Signed]:
    return sorted(openings, key=lambda each: each.signer)


def _mask(key: bytes, release: bytes, openings: bytes) -> int:
    info = enc("check-mask", release, openings)
    wide = HKDF(algorithm=SHA256(), length=2 * KEY_BYTES, salt=None, info=info).derive(key)
    return int.from_bytes(wide, "big") % Q
