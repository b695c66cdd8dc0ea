"""Whoever records an attempt today and breaks a key agreement later: what suite 2 takes from them.

The recorder is the coordinator. It has every message and masked vector, the secrets that the survivors
opened, and late vectors of members that it called lost. ``broken`` names what falls one day: then it reads the
private halves of all keys of that kind off the public ones. Here it is handed them.
"""

import numpy as np
import pytest

from protocols.codec import decode
from protocols.errors import BadShare
from protocols.limits import KEM_CIPHERTEXT_BYTES
from protocols.masks import apply_masks
from protocols.messages import CLASSICAL, HYBRID, SealedShare, UnmaskAnswer
from protocols.ring import encode_vector, lift
from protocols.secret_sharing import combine, from_bytes, to_bytes
from protocols.secure_sum.agreement import mask_key, seal_key, self_key
from protocols.secure_sum.dealing import capsule
from protocols.secure_sum.hybrid import (
    Pair,
    PrivateKey,
    beside_bytes,
    pair_secret,
    private_key,
    split_public,
    unclose,
)
from protocols.secure_sum.sealing import beside, unseal
from tests.protocols.secure_sum.stage import Stage

LOST = 2
NOBODYS = bytes(range(32))


class Recorder:
    """An attempt of five in which the third was called lost although its vector came, and what is broken."""

    def __init__(self, suite, broken):
        self.suite, self.broken = suite, broken
        self.stage = stage = Stage(5, suite=suite).advertise().share()
        self._private = {
            (i, kind): private_key(suite, getattr(state, f"{kind}_secret"), state.config)
            for i, state in stage.states.items()
            for kind in ("seal", "mask")
        }
        shared = stage.states[0]
        self.bound = {"transcript": shared.transcript, "config": shared.config}
        stage.mask()
        left = [i for i in range(5) if i != LOST]
        stage.headers = [stage.headers[i] for i in left]
        stage.confirm(left).unmask(left)
        self.bundles = {
            (b.sender, b.recipient): b
            for items in stage.bundles.values()
            for b in (decode(SealedShare, item.body) for item in items)
        }

    def key(self, i, kind):
        """What there is of member ``i``'s private key: the halves that are broken, and nobody's for the others."""
        true, other = self._private[i, kind], private_key(self.suite, NOBODYS, bytes(32))
        return PrivateKey(
            x25519=(true if "X25519" in self.broken else other).x25519,
            mlkem=(true if "ML-KEM" in self.broken else other).mlkem,
        )

    def opened(self, owner):
        """The secret of ``owner`` that the survivors opened: b of a survivor, s of the lost member."""
        said = [decode(UnmaskAnswer, each.body) for each in self.stage.answers]
        shares = {
            self.stage.config.position(each.sender): from_bytes(one.share)
            for each in said
            for one in (*each.self_shares, *each.key_shares)
            if one.owner == self.stage.id(owner)
        }
        return to_bytes(combine(shares))

    def pair(self, low, high):
        """What suite 2 mixes into the mask of two members, as far as it can be had."""
        if self.suite == CLASSICAL:
            return b""
        pair = Pair(low=self.stage.id(low), high=self.stage.id(high), **self.bound)
        if low == LOST:
            return pair_secret(self.opened(LOST), pair)
        config = self.bound["config"]
        key = private_key(self.suite, self.opened(LOST), config) if high == LOST else self.key(high, "mask")
        try:
            return unclose(capsule(self.bundles[pair.low, pair.high]), key, pair)
        except BadShare:
            return NOBODYS

    def mask(self, i, j):
        """k of two members; of the lost one everybody may know it."""
        low, high = sorted((i, j))
        if LOST in (i, j):
            own, peer = private_key(self.suite, self.opened(LOST), self.bound["config"]), i + j - LOST
        else:
            own, peer = self.key(i, "mask"), j
        public = split_public(self._private[peer, "mask"].public)[0]
        ends = {"low": self.stage.id(low), "high": self.stage.id(high)}
        return mask_key(own.x25519, public, pair=self.pair(low, high), **ends, **self.bound)

    def unmasked(self, i, own):
        """The vector of ``i`` without the masks that are known, ``own`` being its b."""
        words = np.frombuffer(self.stage.chunks[self.stage.id(i)][0], dtype="<u4").copy()
        plus = [self.mask(i, j) for j in range(i)]
        minus = [self.mask(i, j) for j in range(i + 1, 5)]
        minus.append(self_key(own, member=self.stage.id(i), **self.bound))
        apply_masks(words, 0, plus, minus, out=words)
        return lift(words, 32)

    def dealt_by(self, owner):
        """The b of ``owner``, out of the recorded bundles that it sealed."""
        shares = {}
        for (sender, recipient), bundle in self.bundles.items():
            if sender != self.stage.id(owner):
                continue
            holder = [player.id for player in self.stage.players].index(recipient)
            size = beside_bytes(self.suite, later=holder > owner)
            key, extra = self.key(holder, "seal"), beside(bundle, size)
            kem = key.decapsulate(extra[:KEM_CIPHERTEXT_BYTES]) if extra else None
            public = split_public(self._private[owner, "seal"].public)[0]
            ends = {"sender": sender, "recipient": recipient, "kem": kem}
            held = unseal(seal_key(key.x25519, public, **ends, **self.bound), bundle, size)
            shares[holder + 1] = from_bytes(held.self_share)
        return to_bytes(combine(shares))

    def truth(self, i):
        return lift(encode_vector(self.stage.inputs[i], self.stage.spec), 32)


BOTH = ("X25519", "ML-KEM")
CASES = [
    (CLASSICAL, (), False),
    (CLASSICAL, ("X25519",), True),
    (HYBRID, (), False),
    (HYBRID, ("X25519",), False),
    (HYBRID, ("ML-KEM",), False),
    (HYBRID, BOTH, True),
]


@pytest.mark.parametrize(("suite", "broken", "won"), CASES)
def test_a_survivors_numbers_come_out_of_a_recording_only_when_all_of_its_suite_is_broken(suite, broken, won):
    recorder = Recorder(suite, broken)
    for survivor in (0, 1, 3, 4):
        loot = recorder.unmasked(survivor, recorder.opened(survivor))
        assert np.array_equal(loot, recorder.truth(survivor)) is won


@pytest.mark.parametrize(("suite", "broken", "won"), CASES)
def test_the_late_vector_of_a_lost_member_stays_closed_although_its_mask_secret_was_opened(
    suite, broken, won
):
    """Its b is in the bundles that it sealed. That the opened secret does not reach them is why ML-KEM has two keys."""
    recorder = Recorder(suite, broken)
    if not won:
        with pytest.raises(BadShare, match="opens"):
            recorder.dealt_by(LOST)
        return
    loot = recorder.unmasked(LOST, recorder.dealt_by(LOST))
    assert np.array_equal(loot, recorder.truth(LOST))
