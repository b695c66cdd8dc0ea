"""Members of whom only the messages matter: signed and right, made without the work of a node.

A thousand nodes that each check a thousand messages take many minutes of one core; their messages can
be made from the functions that the contributor's steps are made of, in seconds. The collector admits them
like any others, and combines their shares to the very secrets. Three things are cheaper than a node would do
them, and cost the coordinator the same: all members of the crowd blind their secrets with one polynomial; what
they seal for each other has true commitments, and random bytes where a shared secret would be; and their masked
vectors are one and the same random vector, so that a sum of them means nothing.
"""

from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Final

from participant.entropy import encapsulate
from protocols.codec import decode, digest, tagged_hash
from protocols.identity import PartnerId, Signed
from protocols.limits import CHUNK_BYTES, HASH_BYTES
from protocols.messages import (
    HYBRID,
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    RoundConfig,
    SealedShare,
    UnmaskAnswer,
)
from protocols.secret_sharing import FIELD_RAND_BYTES, PRIME, split, to_bytes
from protocols.secure_sum.collector import Context
from protocols.secure_sum.dealing import deal, seal_all
from protocols.secure_sum.hybrid import beside_bytes
from protocols.secure_sum.play import Player
from protocols.secure_sum.sealing import SEALED_BYTES, HeldShares, commit_key, commit_self
from protocols.secure_sum.states import Advertised, PeerKeys, Shared
from protocols.secure_sum.transcript import members_hash, transcript_hash
from tests.benchmarks.crypto_client import randomness

COMMITS: Final = (commit_self, commit_key)
RHO: Final = bytes(32)


class Crowd:
    """Makes the messages of any member after the advertisements.

    ``stepping`` are those that step by themselves; in suite 2 it has to know who will be ``lost`` after ShareKeys.
    """

    def __init__(
        self,
        config: RoundConfig,
        ads: list[Signed],
        stepping: Collection[PartnerId],
        lost: Collection[PartnerId] = (),
    ) -> None:
        self._config = config
        self._hash = digest(config)
        self._transcript = transcript_hash(ads)
        self._lost = frozenset(lost) if config.suite == HYBRID else frozenset()
        self._true = self._lost | frozenset(stepping)
        opened = [decode(Advertisement, ad.body) for ad in ads]
        self._peers = tuple(
            PeerKeys(member=a.sender, seal_key=a.seal_key, mask_key=a.mask_key) for a in opened
        )
        self._held: dict[PartnerId, list[HeldShares]] = {peer.member: [] for peer in self._peers}
        vector = randomness("the crowd's vector", config.answer.vector_bytes)
        self.chunks = [vector[at : at + CHUNK_BYTES] for at in range(0, len(vector), CHUNK_BYTES)]
        self._hashes = tuple(sha256(chunk).digest() for chunk in self.chunks)
        places = range(1, len(config.cohort) + 1)
        blinding = randomness("the crowd's polynomial", (config.threshold - 1) * FIELD_RAND_BYTES)
        self._blinding = split(0, config.threshold, places, blinding)
        self._noise = {
            later: randomness(
                "the crowd's ciphertext",
                SEALED_BYTES - 2 * HASH_BYTES + beside_bytes(config.suite, later=later),
            )
            for later in (False, True)
        }

    def deal(self, state: Advertised, rand: bytes) -> None:
        """Note what a member that steps by itself deals with the same randomness."""
        for member, shares in deal(state, self._config, self._config.cohort, rand).items():
            self._held[member].append(shares)

    def share(self, player: Player, state: Advertised) -> tuple[Signed, ...]:
        """The bundles of a member of the crowd."""
        secrets = int.from_bytes(state.self_secret, "big"), int.from_bytes(state.mask_secret, "big")
        dealt = {}
        for place, member in enumerate(self._config.cohort, start=1):
            own, mask = (to_bytes((each + self._blinding[place]) % PRIME) for each in secrets)
            dealt[member] = HeldShares(owner=player.id, self_share=own, key_share=mask)
            self._held[member].append(dealt[member])
        true = {bundle.recipient: bundle for bundle in self._sealed(player, state, dealt)}
        place = {member: at for at, member in enumerate(self._config.cohort)}
        bundles = [
            true.get(member)
            or self._plausible(player, dealt[member], member, place[member] > place[player.id])
            for member in self._config.cohort
            if member != player.id
        ]
        return player.key.sign_many(player.id, bundles)

    def _sealed(
        self, player: Player, state: Advertised, dealt: dict[PartnerId, HeldShares]
    ) -> Iterator[SealedShare]:
        """What is sealed as a node seals it: for those who open it, and all of whoever will be lost."""
        peers = tuple(
            peer
            for peer in self._peers
            if peer.member != player.id and (peer.member in self._true or player.id in self._lost)
        )
        shared = Shared(
            config=self._hash,
            transcript=self._transcript,
            me=player.id,
            peers=peers,
            own=dealt[player.id],
            seal_secret=state.seal_secret,
            mask_secret=state.mask_secret,
            self_secret=state.self_secret,
        )
        return seal_all(shared, self._config, dealt, encapsulate)

    def _plausible(
        self, player: Player, shares: HeldShares, recipient: PartnerId, later: bool
    ) -> SealedShare:
        """A bundle for another of the crowd, which nobody opens."""
        commitments = (
            commit(self._hash, recipient, player.id, share)
            for commit, share in zip(COMMITS, (shares.self_share, shares.key_share), strict=True)
        )
        return SealedShare(
            config=self._hash,
            transcript=self._transcript,
            sender=player.id,
            recipient=recipient,
            sealed=b"".join((*commitments, self._noise[later])),
        )

    def header(self, player: Player, u2: tuple[PartnerId, ...]) -> Signed:
        """The header of the crowd's vector."""
        answer = self._config.answer
        message = InputHeader(
            config=self._hash,
            transcript=self._transcript,
            members=members_hash(u2),
            sender=player.id,
            ring_bits=answer.ring_bits,
            elements=answer.elements,
            chunk_bytes=CHUNK_BYTES,
            chunk_hashes=self._hashes,
        )
        return player.key.sign(player.id, message)

    def confirmation(self, player: Player, settled: Context) -> Signed:
        """That it saw the sets and vectors that are settled."""
        message = Confirmation(
            config=self._hash,
            transcript=self._transcript,
            members=members_hash(settled.u2),
            survivors=members_hash(settled.u3),
            roots=settled.roots,
            sender=player.id,
            rho_commitment=tagged_hash("rho-commitment", self._hash, player.id, RHO),
        )
        return player.key.sign(player.id, message)

    def answer(self, player: Player, settled: Context) -> Signed:
        """The shares that were dealt to it."""
        alive = frozenset(settled.u3)
        held = self._held[player.id]
        message = UnmaskAnswer(
            config=self._hash,
            transcript=self._transcript,
            survivors=members_hash(settled.u3),
            sender=player.id,
            self_shares=tuple(
                OpenedShare(owner=h.owner, share=h.self_share) for h in held if h.owner in alive
            ),
            key_shares=tuple(
                OpenedShare(owner=h.owner, share=h.key_share) for h in held if h.owner not in alive
            ),
        )
        return player.key.sign(player.id, message)
