"""The end of the sum: combine shares, check every secret, blame who lied, take the masks off.

A combined secret must be the one that its owner committed to. If it is not, the opened shares are
compared with the commitments in the owner's signed bundles: whoever opened another share than it
was dealt is left out and the secret is combined from the others; if nobody did, the owner dealt
shares that do not belong together, and the attempt ends with its name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

import numpy as np

from protocols.codec import decode
from protocols.errors import BadChunk, BadShare
from protocols.identity import PartnerId, Signed
from protocols.limits import CHUNK_BYTES
from protocols.masks import apply_masks
from protocols.messages import HYBRID, InputHeader, RoundConfig, SealedShare, UnmaskAnswer
from protocols.ring import Fixed, lift, word_dtype
from protocols.secret_sharing import combine as combine_shares
from protocols.secret_sharing import from_bytes, to_bytes, weights
from protocols.secure_sum.admission import check_distinct, check_quorum
from protocols.secure_sum.agreement import mask_key, self_commitment, self_key
from protocols.secure_sum.collector import Context, check_chunk
from protocols.secure_sum.dealing import capsule
from protocols.secure_sum.hybrid import (
    Pair,
    PrivateKey,
    beside_bytes,
    check_committed,
    pair_secret,
    private_key,
    split_public,
    unclose,
)
from protocols.secure_sum.sealing import commit_key, commit_self, commitments
from protocols.secure_sum.transcript import in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmasking:
    """The seeds that turn the sum of U3's masked vectors into the sum of their answers.

    ``headers`` are those of ``survivors``, in the same order; ``liars`` opened wrong shares and
    were left out of the combination (their vectors stay in the sum).
    """

    survivors: tuple[PartnerId, ...]
    headers: tuple[InputHeader, ...]
    liars: tuple[PartnerId, ...]
    plus: tuple[bytes, ...] = field(repr=False)
    minus: tuple[bytes, ...] = field(repr=False)


Secrets = dict[PartnerId, bytes]
"""Combined secrets by owner: b_i of a survivor, the mask secret of a dropped member."""

Opened = dict[PartnerId, dict[PartnerId, bytes]]
"""Opened shares by holder, then by owner; each owner occurs once, alive or dropped."""


def combine(
    config: RoundConfig, context: Context, answers: Sequence[Signed], *, bundles: Iterable[Signed]
) -> Unmasking:
    """Recover the survivors' b_i and the dropped members' mask secrets from admitted ``answers``.

    ``bundles`` are the sealed shares that U2 submitted; they are read only if a secret is wrong, and in
    suite 2 if a member dropped out, for its capsules.

    Raises:
        TooFewSurvivors: fewer answers than the threshold.
        BadShare: too few honest shares are left (its text names the liars), or an owner's shares do
            not belong together, or a capsule is wrong (its text names the owner).
    """
    read = [decode(UnmaskAnswer, signed.body) for signed in answers]
    check_distinct([answer.sender for answer in read])
    check_quorum(config, read, "unmask answers")
    opened: Opened = {
        answer.sender: {each.owner: each.share for each in (*answer.self_shares, *answer.key_shares)}
        for answer in sorted(read, key=lambda answer: config.position(answer.sender))
    }
    secrets, wrong = _recover(config, context, opened)
    liars: tuple[PartnerId, ...] = ()
    capsules = config.suite == HYBRID and len(context.u3) < len(context.u2)
    dealt = [decode(SealedShare, signed.body) for signed in bundles] if wrong or capsules else []
    if wrong:
        secrets, liars = _recover_among_liars(
            config, context, opened, _liars(config, context, opened, dealt, wrong)
        )
    plus, minus = _seeds(config, context, secrets, dealt)
    return Unmasking(
        survivors=context.u3, headers=context.headers, liars=in_order(config, liars), plus=plus, minus=minus
    )


def sum_chunks(
    config: RoundConfig, unmasking: Unmasking, index: int, chunks: Iterable[bytes | memoryview]
) -> Fixed:
    """Chunk ``index`` of the sum, in ring units, from the same chunk of every survivor in order.

    Holds one chunk, however many survivors there are. Each chunk is verified against its signed
    header before it is added.

    Raises:
        BadChunk: a chunk that is not the signed one, or not one a survivor.
    """
    dtype = word_dtype(config.answer.ring_bits)
    start = index * CHUNK_BYTES
    size = max(0, min(CHUNK_BYTES, config.answer.vector_bytes - start))
    total = np.zeros(size // dtype.itemsize, dtype=dtype)
    added = 0
    for chunk in chunks:
        if added < len(unmasking.headers):
            check_chunk(unmasking.headers[added], index, chunk)
            total += np.frombuffer(chunk, dtype=dtype)
        added += 1
    if added != len(unmasking.headers) or size == 0:
        raise BadChunk(
            expected=f"one chunk {index} of each of {len(unmasking.headers)} survivors",
            came=f"{added}",
            do="give the chunks of the survivors in their order",
        )
    apply_masks(total, index, unmasking.plus, unmasking.minus, out=total)
    return lift(total, config.answer.ring_bits)


def _recover(config: RoundConfig, context: Context, opened: Opened) -> tuple[Secrets, tuple[PartnerId, ...]]:
    """Combine the first ``threshold`` shares of every secret; also say whose secret came out wrong."""
    holders = list(opened)[: config.threshold]
    places = {holder: config.position(holder) for holder in holders}
    at_zero = weights(tuple(places.values()))
    secrets = {
        owner: to_bytes(
            combine_shares({places[each]: from_bytes(opened[each][owner]) for each in holders}, at_zero)
        )
        for owner in context.u2
    }
    alive = frozenset(context.u3)
    wrong = tuple(
        owner
        for owner in context.u2
        if not _committed(config, context, owner, secrets[owner], owner in alive)
    )
    return secrets, wrong


def _committed(config: RoundConfig, context: Context, owner: PartnerId, secret: bytes, alive: bool) -> bool:
    ad = context.ads[owner]
    if alive:
        return compare_digest(self_commitment(context.config_hash, owner, secret), ad.self_commitment)
    return compare_digest(private_key(config.suite, secret, context.config_hash).public, ad.mask_key)


def _liars(
    config: RoundConfig,
    context: Context,
    opened: Opened,
    bundles: Iterable[SealedShare],
    wrong: Sequence[PartnerId],
) -> frozenset[PartnerId]:
    """Who opened another share than the owner's signed bundle commits to."""
    alive = frozenset(context.u3)
    missing = {(owner, holder) for owner in wrong for holder in opened if owner != holder}
    found = set()
    place = {member: position for position, member in enumerate(config.cohort)}
    for bundle in bundles:
        share = opened.get(bundle.recipient, {}).get(bundle.sender)
        if share is None:
            continue
        later = place[bundle.recipient] > place[bundle.sender]
        dealt = commitments(bundle, beside_bytes(config.suite, later=later))
        if bundle.sender in alive:
            came = commit_self(context.config_hash, bundle.recipient, bundle.sender, share)
            right = compare_digest(came, dealt.self_share)
        else:
            came = commit_key(context.config_hash, bundle.recipient, bundle.sender, share)
            right = compare_digest(came, dealt.key_share)
        if not right:
            found.add(bundle.recipient)
        missing.discard((bundle.sender, bundle.recipient))
    if missing:
        raise ValueError("the bundles of every member of U2 are needed to tell who lied")
    return frozenset(found)


def _recover_among_liars(
    config: RoundConfig, context: Context, opened: Opened, liars: frozenset[PartnerId]
) -> tuple[Secrets, tuple[PartnerId, ...]]:
    """Combine again without ``liars``, and without an owner's own share of a secret still wrong.

    No bundle vouches for the share of its own secret that a survivor opens itself. When all other
    opened shares are as dealt, the owner is to blame: for its own share, or for what it dealt.
    """
    honest = {holder: shares for holder, shares in opened.items() if holder not in liars}
    if len(honest) < config.threshold:
        raise _bad(f"{config.threshold} honest answers", sorted(liars))
    secrets, wrong = _recover(config, context, honest)
    for owner in wrong:
        others = {holder: shares for holder, shares in honest.items() if holder != owner}
        if len(others) < config.threshold:
            raise _bad("a dealer whose shares belong together", [owner])
        again, still = _recover(config, context, others)
        if owner in still:
            raise _bad("a dealer whose shares belong together", [owner])
        secrets[owner] = again[owner]
    return secrets, (*liars, *wrong)


def _seeds(
    config: RoundConfig, context: Context, secrets: Secrets, dealt: Iterable[SealedShare]
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Streams to add and to subtract: own masks go, pair masks with dropped members go by their sign."""
    shared = {"transcript": context.transcript, "config": context.config_hash}
    alive_set = frozenset(context.u3)
    plus: list[bytes] = []
    minus = [self_key(secrets[member], member=member, **shared) for member in context.u3]
    place = {member: position for position, member in enumerate(config.cohort)}
    bundles = {(each.sender, each.recipient): each for each in dealt if config.suite == HYBRID}
    for dead in context.u2:
        if dead in alive_set:
            continue
        own = private_key(config.suite, secrets[dead], context.config_hash)
        for alive in context.u3:
            peer = split_public(context.ads[alive].mask_key)[0]
            low, high = sorted((alive, dead), key=place.__getitem__)
            pair = b""
            if config.suite == HYBRID:
                bound = Pair(low=low, high=high, **shared)
                pair = _pair_secret(bound, bundles.get((low, high)), secrets[dead], dead == low, own)
            seed = mask_key(own.x25519, peer, low=low, high=high, pair=pair, **shared)
            (minus if low == alive else plus).append(seed)
    return tuple(plus), tuple(minus)


def _pair_secret(
    pair: Pair, bundle: SealedShare | None, secret: bytes, is_low: bool, own: PrivateKey
) -> bytes:
    """The pair's secret, from the combined ``secret`` of whichever of the two dropped out."""
    if bundle is None:
        raise ValueError("the bundles of every member of U2 are needed to take off a dropped member's masks")
    closed = capsule(bundle)
    return check_committed(pair_secret(secret, pair), closed, pair) if is_low else unclose(closed, own, pair)


def _bad(expected: str, culprits: Sequence[PartnerId]) -> BadShare:
    names = ", ".join(member.hex() for member in culprits)
    return BadShare(expected=expected, came=f"wrong ones from {names}", do="abort the attempt and name them")
