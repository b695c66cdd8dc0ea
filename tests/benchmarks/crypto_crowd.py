"""Members of whom only the messages matter: signed and right, made without the checks of a node.

A thousand nodes that each check a thousand messages take many minutes of one core; their messages can
be made from the functions that the contributor's steps are made of, in a few. The collector admits them
like any others. Their masked vectors are one and the same random vector: a sum of them means nothing, and
takes exactly as long to add and to unmask.
"""

from hashlib import sha256
from typing import Final

from protocols.codec import decode, digest, tagged_hash
from protocols.identity import PartnerId, Signed
from protocols.limits import CHUNK_BYTES
from protocols.messages import (
    Advertisement,
    Confirmation,
    InputHeader,
    OpenedShare,
    RoundConfig,
    UnmaskAnswer,
)
from protocols.secure_sum.agreement import exchange_key
from protocols.secure_sum.collector import Context
from protocols.secure_sum.dealing import deal, seal_for
from protocols.secure_sum.play import Player
from protocols.secure_sum.sealing import HeldShares
from protocols.secure_sum.states import Advertised, PeerKeys, Shared
from protocols.secure_sum.transcript import members_hash, transcript_hash
from tests.benchmarks.crypto_client import randomness

RHO: Final = bytes(32)


class Crowd:
    """Makes the messages of any member after the advertisements."""

    def __init__(self, config: RoundConfig, ads: list[Signed]) -> None:
        self._config = config
        self._hash = digest(config)
        self._transcript = transcript_hash(ads)
        opened = [decode(Advertisement, ad.body) for ad in ads]
        self._peers = [PeerKeys(member=a.sender, seal_key=a.seal_key, mask_key=a.mask_key) for a in opened]
        self._held: dict[PartnerId, list[HeldShares]] = {peer.member: [] for peer in self._peers}
        vector = randomness("the crowd's vector", config.answer.vector_bytes)
        self.chunks = [vector[at : at + CHUNK_BYTES] for at in range(0, len(vector), CHUNK_BYTES)]
        self._hashes = tuple(sha256(chunk).digest() for chunk in self.chunks)

    def share(self, player: Player, state: Advertised, rand: bytes, *, take_part: bool) -> tuple[Signed, ...]:
        """Deal as the member would with the same randomness; with ``take_part`` also sign what it sends."""
        dealt = deal(state, self._config, self._config.cohort, rand)
        for member, shares in dealt.items():
            self._held[member].append(shares)
        if not take_part:
            return ()
        shared = Shared(
            config=self._hash,
            transcript=self._transcript,
            me=player.id,
            peers=(),
            own=dealt[player.id],
            seal_secret=state.seal_secret,
            mask_secret=state.mask_secret,
            self_secret=state.self_secret,
        )
        secret = exchange_key(state.seal_secret)
        bundles = [
            seal_for(shared, peer, dealt[peer.member], secret)
            for peer in self._peers
            if peer.member != player.id
        ]
        return player.key.sign_many(player.id, bundles)

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
