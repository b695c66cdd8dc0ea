"""What one member derives for each other: its shares, the bundles that carry them, the seeds of masks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocols.identity import PartnerId
from protocols.messages import RoundConfig, SealedShare
from protocols.secret_sharing import FIELD_RAND_BYTES, from_bytes, split, to_bytes
from protocols.secure_sum.agreement import Secret, exchange_key, pair_seeds, seal_key
from protocols.secure_sum.sealing import HeldShares, seal, unseal
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


def seal_for(state: Shared, peer: PeerKeys, shares: HeldShares, secret: Secret | None = None) -> SealedShare:
    """Our bundle for ``peer``; ``secret`` is c_i where the caller has made a key of it already."""
    derived = seal_key(
        secret or state.seal_secret,
        peer.seal_key,
        transcript=state.transcript,
        config=state.config,
        sender=state.me,
        recipient=peer.member,
    )
    return seal(derived, shares, config=state.config, transcript=state.transcript, recipient=peer.member)


def unseal_from(
    state: Shared, peer: PeerKeys, message: SealedShare, secret: Secret | None = None
) -> HeldShares:
    """The shares that ``peer`` sealed for us; ``secret`` as in :func:`seal_for`.

    Raises:
        BadShare: as :func:`protocols.secure_sum.sealing.unseal`.
    """
    derived = seal_key(
        secret or state.seal_secret,
        peer.seal_key,
        transcript=state.transcript,
        config=state.config,
        sender=peer.member,
        recipient=state.me,
    )
    return unseal(derived, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What we share with the other members of U2: masks to add and to subtract, and the keys of the check."""

    plus: tuple[bytes, ...] = field(repr=False)
    minus: tuple[bytes, ...] = field(repr=False)
    checks: tuple[CheckKey, ...] = field(repr=False)


def pair_up(state: Shared, u2: Sequence[PartnerId]) -> Seeds:
    """Agree with every other member of ``u2``, which is in cohort order: who is earlier adds the mask."""
    peers, place = {peer.member: peer for peer in state.peers}, u2.index(state.me)
    secret = exchange_key(state.mask_secret)
    agreed = {}
    for at, member in enumerate(u2):
        if at != place:
            agreed[at] = pair_seeds(
                secret,
                peers[member].mask_key,
                transcript=state.transcript,
                config=state.config,
                low=u2[min(at, place)],
                high=u2[max(at, place)],
            )
    return Seeds(
        plus=tuple(mask for at, (mask, _) in agreed.items() if at > place),
        minus=tuple(mask for at, (mask, _) in agreed.items() if at < place),
        checks=tuple(CheckKey(member=u2[at], key=check) for at, (_, check) in agreed.items()),
    )
