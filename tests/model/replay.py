"""An attack that the model found, played on the machines of ``protocols.secure_sum``: it must give the sums.

Honest members are the real ones, stepped with exactly the messages that the trace names. A colluder steps the
real code too, once for every view that it takes part in, and keeps all secrets. The adversary then does with
bytes what :mod:`tests.model.knowledge` does with symbols: combine shares, take known masks off, and combine
what is left so that unknown masks cancel.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

import numpy as np

from protocols.codec import decode, digest
from protocols.identity import PartnerId, Signed
from protocols.masks import apply_masks
from protocols.messages import Advertisement, SealedShare, UnmaskAnswer
from protocols.ring import encode_vector
from protocols.secret_sharing import combine, from_bytes, to_bytes
from protocols.secure_sum import contributor
from protocols.secure_sum.agreement import mask_key, self_key
from tests.model.knowledge import PRIME, span
from tests.model.party import Bound, Local, World
from tests.model.rounds import Step
from tests.protocols.secure_sum.stage import Stage

Transcript = tuple[int, int]
T = TypeVar("T")


class Attempt:
    """One attempt on the real machines, driven by the views of a trace."""

    def __init__(self, world: World, step: Step, number: int) -> None:
        self.world, self.step = world, step
        self.stage = Stage(world.n, threshold=step.cohort.threshold, minimum=step.cohort.minimum)
        self.config = replace(self.stage.config, attempt=number)
        self.number = number
        self._made: dict[tuple[object, ...], object] = {}

    def once(self, make: Callable[..., T], *view: object) -> T:
        """The result of ``make(*view)``, made once: a machine's step depends on what it is shown alone."""
        if (make, *view) not in self._made:
            self._made[make, *view] = make(*view)
        return self._made[make, *view]

    def rand(self, purpose: str, member: int, label: int, count: int) -> bytes:
        """Bytes that differ for every use."""
        seed = f"{self.number} {purpose} {member} {label}".encode()
        return b"".join(sha256(seed + bytes([i])).digest() for i in range(count // 32 + 1))[:count]

    def advertised(self, member: int, label: int) -> tuple[object, Signed]:
        """A colluder has fresh keys for each label, an honest member one set of keys."""
        label *= member >= self.world.honest
        player = self.stage.players[member]
        return contributor.advertise(
            self.config,
            player.id,
            player.key,
            counter=0,
            rand=self.rand("advertise", member, label, contributor.RAND_ADVERTISE),
        )

    def shared(self, member: int, view: Transcript) -> tuple[object, tuple[Signed, ...]]:
        """The step of ShareKeys under the advertisements of ``view``."""
        u1, label = view
        ads = [self.once(self.advertised, each, label)[1] for each in members(u1)]
        count = contributor.RAND_SHARE(self.world.n)
        return contributor.share(
            self.once(self.advertised, member, label)[0],
            self.config,
            ads,
            key=self.stage.players[member].key,
            roll=self.stage.roll,
            rand=self.rand("share", member, label, count),
        )

    def masking(self, member: int, view: Transcript, u2: int) -> object:
        """The masks of ``member``, which was handed the bundles of ``u2``."""
        me = self.stage.id(member)
        bundles = [
            bundle
            for other in members(u2 & ~(1 << member))
            for bundle in self.once(self.shared, other, view)[1]
            if decode(SealedShare, bundle.body).recipient == me
        ]
        return contributor.begin_mask(
            self.once(self.shared, member, view)[0], self.config, bundles, roll=self.stage.roll
        )

    def masked(self, member: int, view: Transcript, u2: int) -> tuple[object, Signed, np.ndarray]:
        """The state after MaskedInput, the header, and the masked words."""
        masking = self.once(self.masking, member, view, u2)
        words = encode_vector(self.stage.inputs[member], self.stage.spec)
        chunk = contributor.mask_chunk(masking, self.config, 0, words)
        state, header = contributor.seal_input(
            masking, self.config, [sha256(chunk).digest()], key=self.stage.players[member].key
        )
        return state, header, np.frombuffer(chunk, dtype=words.dtype)

    def confirmed(self, member: int, local: Local) -> tuple[object, Signed]:
        """The step of ConsistencyCheck over the headers of ``local.u3``."""
        headers = [self.once(self.masked, each, local.transcript, local.u2)[1] for each in members(local.u3)]
        return contributor.confirm(
            self.once(self.masked, member, local.transcript, local.u2)[0],
            self.config,
            headers,
            key=self.stage.players[member].key,
            roll=self.stage.roll,
            rand=self.rand("confirm", member, 0, contributor.RAND_CONFIRM),
        )

    def unmasked(self, member: int, local: Local, bound: Sequence[PartnerId]) -> UnmaskAnswer:
        """The answer of an honest member, shown the confirmations of whoever saw the same."""
        willing = self.world.corrupt & local.u3
        for other, seen in zip(self.world.machines, self.step.state, strict=True):
            willing |= (seen[:4] == local[:4]) << other
        said = [self.once(self.confirmed, each, local)[1] for each in members(willing)]
        _, answer = contributor.unmask(
            self.once(self.confirmed, member, local)[0],
            self.config,
            said,
            key=self.stage.players[member].key,
            roll=self.stage.roll,
            bound=bound,
        )
        return decode(UnmaskAnswer, answer.body)

    def shares(self, bound: Bound) -> dict[tuple[Transcript, int, str], dict[int, int]]:
        """Every share that the adversary comes to hold, by transcript, owner and secret; opens what it can."""
        found: dict[tuple[Transcript, int, str], dict[int, int]] = {}
        place = {self.stage.id(member): member for member in range(self.world.n)}
        for owner, local in zip(self.world.machines, self.step.state, strict=True):
            for colluder in members(local.u1 & self.world.corrupt):
                u2 = local.u2 | 1 << colluder
                for held in self.once(self.masking, colluder, local.transcript, u2).held:
                    if held.owner == self.stage.id(owner):
                        for kind, share in (("self", held.self_share), ("key", held.key_share)):
                            found.setdefault((local.transcript, owner, kind), {})[colluder + 1] = from_bytes(
                                share
                            )
        for holder, local in zip(self.world.machines, self.step.state, strict=True):
            if local.opened:
                answer = self.unmasked(holder, local, self.stage.ids(members(bound[holder])))
                for kind, opened in (("self", answer.self_shares), ("key", answer.key_shares)):
                    for each in opened:
                        key = (local.transcript, place[each.owner], kind)
                        found.setdefault(key, {})[holder + 1] = from_bytes(each.share)
        return found

    def sums(self, bound: Bound) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """What the adversary computes: coefficients of the honest answers, and that sum of their words."""
        t = self.config.threshold
        secrets = {
            (owner, kind): to_bytes(combine(dict(list(shares.items())[:t])))
            for (_, owner, kind), shares in self.shares(bound).items()
            if len(shares) >= t
        }
        owned = zip(self.world.machines, self.step.state, strict=True)
        sent = sorted({(member, s.transcript, s.u2) for member, s in owned if s.u2})
        unknown: dict[object, int] = {}
        rows, words = [], []
        for member, view, u2 in sent:
            masks, plain = self._stripped(member, view, u2, secrets, unknown)
            rows.append((masks, tuple(int(i == member) for i in range(self.world.honest))))
            words.append(plain)
        wide = [
            (
                *(masks.get(i, 0) for i in range(len(unknown))),
                *answer,
                *(int(k == j) for k in range(len(rows))),
            )
            for j, (masks, answer) in enumerate(rows)
        ]
        results = []
        for row in span(wide):
            answer = row[len(unknown) : len(unknown) + self.world.honest]
            if not any(row[: len(unknown)]) and any(answer):
                used = zip(row[len(unknown) + self.world.honest :], words, strict=True)
                total = sum((signed(c) * plain.astype(np.int64) for c, plain in used), np.int64(0))
                results.append((tuple(map(signed, answer)), np.asarray(total % 2**32)))
        return results

    def expected(self, answer: Sequence[int]) -> np.ndarray:
        """The same sum from the honest members' own vectors."""
        plain = [encode_vector(self.stage.inputs[i], self.stage.spec) for i in range(self.world.honest)]
        return sum(c * words.astype(np.int64) for c, words in zip(answer, plain, strict=True)) % 2**32

    def _stripped(
        self,
        member: int,
        view: Transcript,
        u2: int,
        secrets: dict[tuple[int, str], bytes],
        unknown: dict[object, int],
    ) -> tuple[dict[int, int], np.ndarray]:
        """One masked vector without the masks whose seeds are known, and the sign of each that is left."""
        words = self.once(self.masked, member, view, u2)[2].copy()
        shared, label = self.once(self.shared, member, view)[0], view[1]
        bound_to = {"transcript": shared.transcript, "config": digest(self.config)}
        masks: dict[int, int] = {}
        plus, minus = [], []
        if (member, "self") in secrets:
            minus.append(self_key(secrets[member, "self"], member=self.stage.id(member), **bound_to))
        else:
            masks[unknown.setdefault(("self", member, view), len(unknown))] = 1
        for other in members(u2 & ~(1 << member)):
            low, high = sorted((member, other))
            known = self._pair_secret(member, other, label, secrets)
            if known is None:
                at = unknown.setdefault((low, high, view), len(unknown))
                masks[at] = 1 if member == low else PRIME - 1
                continue
            secret, peer = known
            public = decode(Advertisement, self.once(self.advertised, peer, label)[1].body).mask_key
            key = mask_key(secret, public, low=self.stage.id(low), high=self.stage.id(high), **bound_to)
            (minus if member == low else plus).append(key)
        apply_masks(words, 0, plus, minus, out=words)
        return masks, words

    def _pair_secret(
        self, member: int, other: int, label: int, secrets: dict[tuple[int, str], bytes]
    ) -> tuple[bytes, int] | None:
        """A secret behind the mask of the pair, and whose public key goes with it."""
        if other >= self.world.honest:
            return self.once(self.advertised, other, label)[0].mask_secret, member
        if (member, "key") in secrets:
            return secrets[member, "key"], other
        return (secrets[other, "key"], member) if (other, "key") in secrets else None


def replay(world: World, steps: Sequence[Step]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Play ``steps``; for every sum that comes out its coefficients, and whether its numbers are right.

    Raises:
        AltroveError: an honest machine refused what the trace showed it.
    """
    bound = [0] * world.honest
    for number, step in enumerate(steps, start=1):
        attempt = Attempt(world, step, number)
        for answer, total in attempt.sums(tuple(bound)):
            yield answer, bool(np.array_equal(total, attempt.expected(answer)))
        for member, local in zip(world.machines, step.state, strict=True):
            if local.opened and not (world.restored and member == 0):
                bound[member] = local.u3


def members(chosen: int) -> list[int]:
    """The members of a set."""
    return [member for member in range(chosen.bit_length()) if chosen >> member & 1]


def signed(coefficient: int) -> int:
    """A coefficient of the field as a small integer."""
    return coefficient - PRIME if coefficient > PRIME // 2 else coefficient
