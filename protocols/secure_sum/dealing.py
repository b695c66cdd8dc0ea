"""What one member derives for each other: its shares, the bundles that carry them, the seeds of masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from protocols.identity import PartnerId
from protocols.limits import KEM_CIPHERTEXT_BYTES
from protocols.messages import CLASSICAL, HYBRID, RoundConfig, SealedShare
from protocols.secret_sharing import FIELD_RAND_BYTES, from_bytes, split, to_bytes
from protocols.secure_sum.agreement import Secret, pair_seeds, seal_key
from protocols.secure_sum.encapsulation import Encapsulate, Encapsulated
from protocols.secure_sum.hybrid import (
    Pair,
    PrivateKey,
    beside_bytes,
    close,
    pair_secret,
    private_key,
    split_public,
    unclose,
)
from protocols.secure_sum.sealing import HeldShares, beside, seal, unseal
from protocols.secure_sum.states import Advertised, CheckKey, PeerKeys, Shared


def deal(
    state: Advertised, config: RoundConfig, u1: Sequence[PartnerId], rand: bytes
) -> dict[PartnerId, HeldShares]:
    """The shares of b_i and of the mask secret for every member of ``u1``, ourselves included.

    The abscissa is the member's position in the configuration, whoever dropped out before it.
    """
    used = (config.threshold - 1) * FIELD_RAND_BYTES
    chosen = frozenset(u1)
    places = {x: member for x, member in enumerate(config.cohort, start=1) if member in chosen}
    own = split(from_bytes(state.self_secret), config.threshold, tuple(places), rand[:used])
    mask = split(from_bytes(state.mask_secret), config.threshold, tuple(places), rand[used : 2 * used])
    return {
        member: HeldShares(owner=state.me, self_share=to_bytes(own[x]), key_share=to_bytes(mask[x]))
        for x, member in places.items()
    }


def seal_for(
    state: Shared,
    peer: PeerKeys,
    shares: HeldShares,
    secret: Secret | None = None,
    kem: Encapsulated | None = None,
    extra: bytes = b"",
) -> SealedShare:
    """Our bundle for ``peer``; ``secret`` is c_i where the caller has made a key of it already.

    Suite 2 needs that key, what was encapsulated for this bundle, and the ``extra`` bytes beside it.
    """
    derived = seal_key(
        secret or state.seal_secret,
        split_public(peer.seal_key)[0],
        transcript=state.transcript,
        config=state.config,
        sender=state.me,
        recipient=peer.member,
        kem=kem,
    )
    return seal(
        derived,
        shares,
        config=state.config,
        transcript=state.transcript,
        recipient=peer.member,
        beside=extra,
    )


def seal_all(
    state: Shared,
    config: RoundConfig,
    dealt: Mapping[PartnerId, HeldShares],
    encapsulate: Encapsulate | None,
) -> Iterator[SealedShare]:
    """Our bundle for every other member of U1; suite 2 draws what it encapsulates from ``encapsulate``."""
    own = private_key(config.suite, state.seal_secret, state.config)
    place = {member: x for x, member in enumerate(config.cohort)}
    for peer in state.peers:
        shares = dealt[peer.member]
        if config.suite == CLASSICAL:
            yield seal_for(state, peer, shares, own.x25519)
            continue
        if encapsulate is None:
            raise ValueError("suite 2 draws what it encapsulates: give a source of it")
        kem = encapsulate(split_public(peer.seal_key)[1])
        extra = kem.ciphertext
        if place[peer.member] > place[state.me]:
            pair = pair_of(state, state.me, peer.member)
            extra += close(pair_secret(state.mask_secret, pair), peer.mask_key, pair, encapsulate)
        yield seal_for(state, peer, shares, own.x25519, kem, extra)


def unseal_from(
    state: Shared,
    peer: PeerKeys,
    message: SealedShare,
    secret: Secret | None = None,
    kem: Encapsulated | None = None,
    extra_bytes: int = 0,
) -> HeldShares:
    """The shares that ``peer`` sealed for us; everything else as in :func:`seal_for`.

    Raises:
        BadShare: as :func:`protocols.secure_sum.sealing.unseal`.
    """
    derived = seal_key(
        secret or state.seal_secret,
        split_public(peer.seal_key)[0],
        transcript=state.transcript,
        config=state.config,
        sender=peer.member,
        recipient=state.me,
        kem=kem,
    )
    return unseal(derived, message, extra_bytes)


def unseal_all(
    state: Shared, config: RoundConfig, messages: Mapping[PartnerId, SealedShare]
) -> dict[PartnerId, HeldShares]:
    """The shares in every bundle for us, by sender; the senders are peers.

    Raises:
        BadShare: a bundle that does not open or contradicts its commitments.
    """
    own = private_key(config.suite, state.seal_secret, state.config)
    place = {member: x for x, member in enumerate(config.cohort)}
    peers = {peer.member: peer for peer in state.peers}
    held = {}
    for sender, message in messages.items():
        size = beside_bytes(config.suite, later=place[state.me] > place[sender])
        extra = beside(message, size)
        kem = own.decapsulate(extra[:KEM_CIPHERTEXT_BYTES]) if extra else None
        held[sender] = unseal_from(state, peers[sender], message, own.x25519, kem, size)
    return held


def pair_secrets(
    state: Shared, config: RoundConfig, own: PrivateKey, messages: Mapping[PartnerId, SealedShare]
) -> dict[PartnerId, bytes]:
    """What suite 2 mixes into our mask with each sender of ``messages``; in suite 1 nothing, ``b""``.

    ``own`` is the key of our s_i. Ours for later members, the one in its capsule for an earlier member.

    Raises:
        BadShare: a capsule that does not open or contradicts its commitment.
    """
    if config.suite == CLASSICAL:
        return dict.fromkeys(messages, b"")
    place = {member: x for x, member in enumerate(config.cohort)}
    found = {}
    for member, message in messages.items():
        if place[member] > place[state.me]:
            found[member] = pair_secret(state.mask_secret, pair_of(state, state.me, member))
        else:
            found[member] = unclose(capsule(message), own, pair_of(state, member, state.me))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What we share with the other members of U2: masks to add and to subtract, and the keys of the check."""

    plus: tuple[bytes, ...] = field(repr=False)
    minus: tuple[bytes, ...] = field(repr=False)
    checks: tuple[CheckKey, ...] = field(repr=False)


def pair_up(
    state: Shared, u2: Sequence[PartnerId], secret: Secret, pairs: Mapping[PartnerId, bytes]
) -> Seeds:
    """Agree with every other member of ``u2``, which is in cohort order: who is earlier adds the mask.

    ``secret`` is s_i as a key, ``pairs`` what :func:`pair_secrets` found.
    """
    peers, place = {peer.member: peer for peer in state.peers}, u2.index(state.me)
    agreed = {}
    for at, member in enumerate(u2):
        if at != place:
            agreed[at] = pair_seeds(
                secret,
                split_public(peers[member].mask_key)[0],
                transcript=state.transcript,
                config=state.config,
                low=u2[min(at, place)],
                high=u2[max(at, place)],
                pair=pairs[member],
            )
    return Seeds(
        plus=tuple(mask for at, (mask, _) in agreed.items() if at > place),
        minus=tuple(mask for at, (mask, _) in agreed.items() if at < place),
        checks=tuple(CheckKey(member=u2[at], key=check) for at, (_, check) in agreed.items()),
    )


def capsule(message: SealedShare) -> bytes:
    """The capsule beside a bundle of suite 2 for a later member.

    Raises:
        BadShare: the bundle has another length.
    """
    return beside(message, beside_bytes(HYBRID, later=True))[KEM_CIPHERTEXT_BYTES:]


def pair_of(state: Shared, low: PartnerId, high: PartnerId) -> Pair:
    """``low`` and ``high`` in the attempt of ``state``."""
    return Pair(config=state.config, transcript=state.transcript, low=low, high=high)
