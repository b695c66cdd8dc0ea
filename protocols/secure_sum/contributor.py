"""A company's side of the secure sum: pure steps from one frozen state to the next.

Each step takes the state, the configuration and the signed messages of a phase, checks all of them,
and returns the next state with the message to send. Commit the state and the message durably before
sending; to send again, send the same bytes. Policy floors (``protocols.policy``) come before
:func:`advertise` and at :func:`confirm`; here stands what holds under any policy: at least
``max(threshold, minimum cohort)`` members in every set, one transcript, one unmasking.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from protocols.codec import digest, tagged_hash
from protocols.errors import OutOfBounds, UnknownSigner, WrongMembers, WrongTranscript
from protocols.history import check_once
from protocols.identity import IdentityKey, PartnerId, Roll, Signed
from protocols.limits import CHUNK_BYTES, HASH_BYTES, KEY_BYTES
from protocols.masks import apply_masks
from protocols.messages import (
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    RoundConfig,
    SealedShare,
    UnmaskAnswer,
)
from protocols.ring import Words, check_overflow, word_dtype
from protocols.secret_sharing import FIELD_RAND_BYTES, field_element, to_bytes
from protocols.secure_sum.admission import (
    Frame,
    admit_all,
    agree,
    check_floor,
    check_header,
    check_keys,
    check_quorum,
)
from protocols.secure_sum.agreement import self_commitment, self_key
from protocols.secure_sum.dealing import deal, pair_secrets, pair_up, seal_all, unseal_all
from protocols.secure_sum.encapsulation import Encapsulate
from protocols.secure_sum.hybrid import private_key
from protocols.secure_sum.states import (
    IDLE,
    Advertised,
    Closed,
    Confirmed,
    Masked,
    Masking,
    Move,
    PeerKeys,
    Shared,
    State,
    Unmasked,
    enter,
)
from protocols.secure_sum.transcript import in_order, members_hash, roots_hash, transcript_hash

RAND_ADVERTISE: Final = KEY_BYTES + 2 * FIELD_RAND_BYTES
"""Bytes of randomness for :func:`advertise`: c_i, and s_i and b_i as field elements."""

RAND_CONFIRM: Final = KEY_BYTES
"""Bytes of randomness for :func:`confirm`: rho_i."""


def RAND_SHARE(members: int) -> int:
    """Bytes of randomness for :func:`share` in a cohort of ``members``: two polynomials at most."""
    return 2 * members * FIELD_RAND_BYTES


def advertise(
    config: RoundConfig, me: PartnerId, key: IdentityKey, *, counter: int, rand: bytes
) -> tuple[Advertised, Signed]:
    """AdvertiseKeys: fresh c_i, s_i and H(b_i), with the node's own state ``counter``.

    Raises:
        UnknownSigner: ``me`` is not in the cohort.
        RingOverflow: the configuration's scale lets the sum wrap around.
        SuiteUnavailable: the library here cannot do the configuration's suite.
    """
    enter(IDLE, Move.ADVERTISE)
    _need(rand, RAND_ADVERTISE)
    if me not in config.cohort:
        raise UnknownSigner(expected="a cohort with this company", came="one without it", do="take no part")
    check_overflow(config)
    config_hash = digest(config)
    seal_secret = rand[:KEY_BYTES]
    mask_secret = to_bytes(field_element(rand[KEY_BYTES : KEY_BYTES + FIELD_RAND_BYTES]))
    self_secret = to_bytes(field_element(rand[KEY_BYTES + FIELD_RAND_BYTES :]))
    ad = Advertisement(
        config=config_hash,
        sender=me,
        seal_key=private_key(config.suite, seal_secret, config_hash).public,
        mask_key=private_key(config.suite, mask_secret, config_hash).public,
        self_commitment=self_commitment(config_hash, me, self_secret),
        counter=counter,
    )
    signed = key.sign(me, ad)
    state = Advertised(
        config=config_hash,
        me=me,
        advertisement=signed.body,
        seal_secret=seal_secret,
        mask_secret=mask_secret,
        self_secret=self_secret,
    )
    return state, signed


def share(
    state: Advertised,
    config: RoundConfig,
    ads: Sequence[Signed],
    *,
    key: IdentityKey,
    roll: Roll,
    rand: bytes,
    encapsulate: Encapsulate | None = None,
) -> tuple[Shared, tuple[Signed, ...]]:
    """ShareKeys: both secrets, shared among U1 (the senders of ``ads``) and sealed for each of them.

    Suite 2 draws from ``encapsulate`` too.

    Raises:
        WrongTranscript: an advertisement for another configuration, or our own is missing or changed.
        WeakKey, Equivocation, UnknownSigner, BadSignature: an advertisement that is refused.
        TooFewSurvivors: U1 is too small.
    """
    enter(state.TAG, Move.SHARE)
    _need(rand, RAND_SHARE(len(config.cohort)))
    frame = _frame(state, config, roll)
    opened = admit_all(ads, Advertisement, frame)
    check_keys(opened, config.suite)
    if state.advertisement not in (ad.body for ad in ads):
        raise WrongTranscript(
            expected="our own advertisement", came="none or another", do="abort the attempt"
        )
    by_member = {ad.sender: ad for ad in opened}
    u1 = in_order(config, by_member)
    check_floor(config, u1, "U1")
    dealt = deal(state, config, u1, rand)
    shared = Shared(
        config=state.config,
        transcript=transcript_hash(ads),
        me=state.me,
        peers=tuple(
            PeerKeys(member=m, seal_key=by_member[m].seal_key, mask_key=by_member[m].mask_key)
            for m in u1
            if m != state.me
        ),
        own=dealt[state.me],
        seal_secret=state.seal_secret,
        mask_secret=state.mask_secret,
        self_secret=state.self_secret,
    )
    bundles = list(seal_all(shared, config, dealt, encapsulate))
    return shared, key.sign_many(state.me, bundles)


def begin_mask(state: Shared, config: RoundConfig, shares: Sequence[Signed], *, roll: Roll) -> Masking:
    """Open the bundles sealed for us; U2 is their senders and ourselves. Then derive every mask's seed.

    Raises:
        BadShare: a bundle or a capsule that does not open or contradicts its commitments.
        WrongMembers: a bundle for somebody else, of ourselves, or by a member outside U1.
        TooFewSurvivors: U2 is too small.
    """
    enter(state.TAG, Move.BEGIN_MASK)
    frame = _frame(state, config, roll)
    peers = {peer.member: peer for peer in state.peers}
    messages: dict[PartnerId, SealedShare] = {}
    for message in admit_all(shares, SealedShare, frame):
        agree("the same advertisements", message.transcript, state.transcript, message.sender)
        if message.recipient != state.me or message.sender not in peers:
            raise WrongMembers(
                expected="bundles for this company by members of U1",
                came=f"one by {message.sender.hex()} for {message.recipient.hex()}",
                do="abort the attempt",
            )
        messages[message.sender] = message
    held = {state.me: state.own, **unseal_all(state, config, messages)}
    masking = private_key(config.suite, state.mask_secret, state.config)
    pairs = pair_secrets(state, config, masking, messages)
    u2 = in_order(config, held)
    check_floor(config, u2, "U2")
    seeds = pair_up(state, u2, masking.x25519, pairs)
    own = self_key(state.self_secret, transcript=state.transcript, config=state.config, member=state.me)

    return Masking(
        config=state.config,
        transcript=state.transcript,
        me=state.me,
        members=u2,
        held=tuple(held[member] for member in u2),
        plus=(own, *seeds.plus),
        minus=seeds.minus,
        checks=seeds.checks,
    )


def mask_chunk(
    masking: Masking, config: RoundConfig, index: int, words: Words, *, out: Words | None = None
) -> memoryview:
    """Chunk ``index`` of y_i: the encoded ``words`` of that chunk plus every mask, as raw bytes, read-only.

    Chunks have ``CHUNK_BYTES`` each, the last one what is left. Making a chunk again gives the same
    bytes; a different vector under the same masks must never be sent. The bytes lie in ``out``, which may be
    ``words`` itself, until the caller uses it again; in new memory where there is none.

    Raises:
        OutOfBounds: no such chunk, or words of another ring or number.
    """
    _check_config(masking, config)
    start = index * CHUNK_BYTES
    size = min(CHUNK_BYTES, config.answer.vector_bytes - start)
    dtype = word_dtype(config.answer.ring_bits)
    if index < 0 or size <= 0 or words.dtype != dtype or words.nbytes != size or words.ndim != 1:
        raise OutOfBounds(
            expected=f"chunk {index} as {max(size, 0)} bytes of {dtype} words",
            came=f"{words.nbytes} bytes of {words.dtype}",
            do="cut the encoded vector into chunks",
        )
    masked = np.empty_like(words) if out is None else out
    apply_masks(words, index, masking.plus, masking.minus, out=masked)
    return masked.data.cast("B").toreadonly()  # a copy would take a sixth to a third of the time


def seal_input(
    masking: Masking, config: RoundConfig, chunk_hashes: Sequence[bytes], *, key: IdentityKey
) -> tuple[Masked, Signed]:
    """MaskedInput: sign the SHA-256 of each masked chunk, and forget the masks.

    Raises:
        MalformedMessage: another number of hashes than the vector has chunks.
    """
    enter(masking.TAG, Move.SEAL_INPUT)
    _check_config(masking, config)
    if any(len(each) != HASH_BYTES for each in chunk_hashes):
        raise ValueError("chunk hashes are SHA-256")
    header = InputHeader(
        config=masking.config,
        transcript=masking.transcript,
        members=members_hash(masking.members),
        sender=masking.me,
        ring_bits=config.answer.ring_bits,
        elements=config.answer.elements,
        chunk_bytes=CHUNK_BYTES,
        chunk_hashes=tuple(chunk_hashes),
    )
    masked = Masked(
        config=masking.config,
        transcript=masking.transcript,
        me=masking.me,
        members=masking.members,
        root=header.root,
        held=masking.held,
        checks=masking.checks,
    )
    return masked, key.sign(masking.me, header)


def confirm(
    state: Masked,
    config: RoundConfig,
    headers: Sequence[Signed],
    *,
    key: IdentityKey,
    roll: Roll,
    rand: bytes,
) -> tuple[Confirmed, Signed]:
    """ConsistencyCheck: sign U3 (the senders of ``headers``) and which vectors are summed.

    Raises:
        WrongTranscript: headers bound to another transcript or U2, or our own is missing or changed.
        WrongMembers: a header by a member outside U2.
        TooFewSurvivors: U3 is too small.
    """
    enter(state.TAG, Move.CONFIRM)
    _need(rand, RAND_CONFIRM)
    frame = _frame(state, config, roll)
    opened = admit_all(headers, InputHeader, frame)
    for header in opened:
        check_header(header, config, state.transcript, members_hash(state.members))
    u3 = in_order(config, (header.sender for header in opened))
    _require_subset(u3, state.members, "U3 within U2")
    check_floor(config, u3, "U3")
    if not any(header.sender == state.me and header.root == state.root for header in opened):
        raise WrongTranscript(
            expected="our own masked vector", came="none or another", do="abort the attempt"
        )
    confirmed = Confirmed(
        config=state.config,
        transcript=state.transcript,
        me=state.me,
        members=state.members,
        survivors=u3,
        roots=roots_hash(config, opened),
        held=state.held,
        checks=tuple(each for each in state.checks if each.member in frozenset(u3)),
        rho=rand,
    )
    return confirmed, key.sign(state.me, _confirmation(confirmed))


def _confirmation(state: Confirmed) -> Confirmation:
    return Confirmation(
        config=state.config,
        transcript=state.transcript,
        members=members_hash(state.members),
        survivors=members_hash(state.survivors),
        roots=state.roots,
        sender=state.me,
        rho_commitment=tagged_hash("rho-commitment", state.config, state.me, state.rho),
    )


def unmask(
    state: Confirmed,
    config: RoundConfig,
    confirmations: Sequence[Signed],
    *,
    key: IdentityKey,
    roll: Roll,
    bound: Collection[PartnerId],
) -> tuple[Unmasked, Signed]:
    """Unmasking: self shares of exactly U3 and key shares of exactly U2 without U3; then no secret is left.

    What a linear check of the release needs is taken from ``state`` before
    (:func:`protocols.secure_sum.linear_contributor.arm`).

    ``bound`` is the set for which this answer was unmasked before, in any attempt of any round;
    empty if never. The door keeps it by ``answer_id``.

    Raises:
        WrongTranscript: a member confirmed other sets or vectors than we did (a split view).
        WrongMembers: a confirmation by a member outside U3.
        TooFewSurvivors: fewer confirmations than the threshold.
        AlreadyUnmasked: the answer is bound to other survivors.
    """
    enter(state.TAG, Move.UNMASK)
    frame = _frame(state, config, roll)
    check_once(state.survivors, bound or None)
    ours = _confirmation(state)
    opened = admit_all(confirmations, Confirmation, frame)
    _require_subset([each.sender for each in opened], state.survivors, "confirmations by members of U3")
    for each in opened:
        expected = replace(ours, sender=each.sender, rho_commitment=each.rho_commitment)
        agree("the sets and vectors that we confirmed", digest(each), digest(expected), each.sender)
    check_quorum(config, opened, "confirmations")
    alive = frozenset(state.survivors)
    answer = UnmaskAnswer(
        config=state.config,
        transcript=state.transcript,
        survivors=members_hash(state.survivors),
        sender=state.me,
        self_shares=tuple(
            OpenedShare(owner=h.owner, share=h.self_share) for h in state.held if h.owner in alive
        ),
        key_shares=tuple(
            OpenedShare(owner=h.owner, share=h.key_share) for h in state.held if h.owner not in alive
        ),
    )
    unmasked = Unmasked(
        config=state.config, transcript=state.transcript, me=state.me, survivors=state.survivors
    )
    return unmasked, key.sign(state.me, answer)


def close(state: State) -> Closed:
    """Abandon the attempt: keep its name, forget its secrets.

    Raises:
        IllegalMove: it has already ended.
    """
    enter(state.TAG, Move.ABORT)
    return Closed(config=state.config, me=state.me)


def _frame(state: State, config: RoundConfig, roll: Roll) -> Frame:
    _check_config(state, config)
    return Frame.of(config, roll)


def _check_config(state: State, config: RoundConfig) -> None:
    agree("the configuration of this attempt", digest(config), state.config, state.me)


def _require_subset(members: Collection[PartnerId], allowed: Collection[PartnerId], what: str) -> None:
    strangers = sorted(frozenset(members) - frozenset(allowed))
    if strangers:
        raise WrongMembers(expected=what, came=f"{strangers[0].hex()} as well", do="abort the attempt")


def _need(rand: bytes, count: int) -> None:
    if len(rand) != count:
        raise ValueError(f"{count} random bytes are needed, {len(rand)} came")
