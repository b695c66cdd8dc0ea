"""What an attacker makes of secrets that it should not have: another company's numbers, in the clear."""

from collections.abc import Mapping, Sequence

import numpy as np

from protocols.codec import decode, digest
from protocols.identity import PartnerId, Signed
from protocols.masks import apply_masks
from protocols.messages import Advertisement, RoundConfig, UnmaskAnswer
from protocols.ring import lift, word_dtype
from protocols.secret_sharing import combine, from_bytes, to_bytes
from protocols.secure_sum.agreement import mask_key, self_key
from protocols.secure_sum.transcript import transcript_hash

Shares = Mapping[PartnerId, bytes]


def opened(
    answers: Sequence[Signed], owner: PartnerId
) -> tuple[dict[PartnerId, bytes], dict[PartnerId, bytes]]:
    """The shares of ``owner``'s two secrets in unmask answers, by holder: (of b, of the mask secret)."""
    read = [decode(UnmaskAnswer, signed.body) for signed in answers]
    own = {each.sender: o.share for each in read for o in each.self_shares if o.owner == owner}
    pair = {each.sender: o.share for each in read for o in each.key_shares if o.owner == owner}
    return own, pair


def unmasked(
    config: RoundConfig,
    ads: Mapping[PartnerId, Signed],
    owner: PartnerId,
    vector: bytes,
    *,
    own: Shares,
    pair: Shares,
    u2: Sequence[PartnerId],
) -> np.ndarray:
    """The numbers under ``vector``, once both secrets of its ``owner`` are out."""
    shared = {"transcript": transcript_hash(tuple(ads.values())), "config": digest(config)}
    b, s = _secret(config, own), _secret(config, pair)
    words = np.frombuffer(vector, dtype=word_dtype(config.answer.ring_bits)).copy()
    place = config.cohort.index
    plus, minus = [], [self_key(b, member=owner, **shared)]
    for other in u2:
        if other != owner:
            peer = decode(Advertisement, ads[other].body).mask_key
            low, high = sorted((owner, other), key=place)
            (minus if owner == low else plus).append(mask_key(s, peer, low=low, high=high, **shared))
    apply_masks(words, 0, plus, minus, out=words)
    return lift(words, config.answer.ring_bits)


def _secret(config: RoundConfig, shares: Shares) -> bytes:
    if len(shares) < config.threshold:
        raise AssertionError(f"only {len(shares)} shares of {config.threshold}: the attack gained nothing")
    return to_bytes(combine({config.position(holder): from_bytes(share) for holder, share in shares.items()}))
