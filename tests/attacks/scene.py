"""Where an attack takes place: the node under attack among three others, and the attempts it is led through.

``node`` is a pure machine or a daemon; ``target`` and ``third`` are honest companies without a policy;
``liar`` is the attacker's own. The cohort has four members and a threshold of three: one liar is within the
boundary, so that nothing but the node's own rules decides.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from protocols.codec import Message, decode
from protocols.identity import PartnerId, Signed
from protocols.messages import HYBRID, AnswerSpec, Phase, PhaseInput, RoundConfig, Submission, UnmaskAnswer
from protocols.policy import Policy
from protocols.ring import Words, lift
from protocols.secure_sum import collector
from protocols.secure_sum.unmasking import combine, sum_chunks
from tests.attacks.hostile import Hostile
from tests.attacks.member import Key, Member
from tests.participant import asked

if TYPE_CHECKING:
    from tests.attacks.published import Published

POLICIES = {
    "permissive": Policy(
        questions=("taste",),
        minimum_cohort=3,
        customers_floor=2,
        accept_company_differencing=True,
        recomputed_members=0,  # so that every release goes through the linear check
    ),
    "strict": Policy(questions=("taste",), minimum_cohort=3, customers_floor=2),
    "post-quantum": Policy(
        questions=("taste",),
        minimum_cohort=3,
        customers_floor=2,
        accept_company_differencing=True,
        suites=(HYBRID,),
    ),
    "four": Policy(questions=("taste",), minimum_cohort=4, customers_floor=2),
}


class Victim(Protocol):
    """The node under attack, whatever it is made of."""

    id: PartnerId
    vectors: dict[tuple[int, int], bytes]

    def hand(self, given: PhaseInput) -> Submission:
        """Deliver a phase; what it submits. Raises Refused."""
        ...

    def hand_bytes(self, body: bytes, **headers: str) -> None:
        """Deliver arbitrary bytes in a delivery's place. Raises Refused; returns when they were swallowed."""
        ...

    def open_check(self, key: Key, release: "Published") -> Signed:
        """Publish a release; what it opens for it. Raises Refused."""
        ...

    def answer_check(self, key: Key, release: "Published", openings: Sequence[Signed]) -> Signed:
        """Show openings; what it answers. Raises Refused."""
        ...

    def judge(
        self, key: Key, release: "Published", openings: Sequence[Signed], answers: Sequence[Signed]
    ) -> None:
        """Show answers; returns if it believes the release. Raises Refused."""
        ...

    def restart(self) -> None:
        """Kill it and start it again on what it has stored."""
        ...

    def truth(self, spec: AnswerSpec) -> Words:
        """Its true numbers as ring words, to check the loot against."""
        ...


class Scene:
    """One consortium under attack."""

    def __init__(self, coordinator: Hostile, node: Victim, *, names: Callable[[], str]) -> None:
        self.coordinator = coordinator
        self.node = node
        self._names = names
        self._cast: dict[PartnerId, Member] = {}
        mine = coordinator.companies[1]
        others = [each for each in coordinator.companies if each is not mine]
        roll = coordinator.roll
        self.target, self.third, self.liar, self.fifth = (
            Member(each.id, each.key, roll, number, forgetful=number == 2)
            for number, each in enumerate(others)
        )
        self.accomplice = others[2]
        self.cohort = tuple(sorted((node.id, *(each.id for each in (self.target, self.third, self.liar)))))

    @property
    def members(self) -> dict[PartnerId, Member | Victim]:
        """Everybody in the cohort, by id."""
        usual = {each.id: each for each in (self.node, self.target, self.third, self.liar)}
        return {**usual, **self._cast}

    @contextmanager
    def cast(self, played: dict[PartnerId, Member]) -> Iterator[None]:
        """Others play, or play along, in here."""
        self._cast = played
        try:
            yield
        finally:
            self._cast = {}

    def spec(self, *, epoch: str = "", members: int = 4) -> AnswerSpec:
        """A question never asked before, unless the epoch was."""
        return asked.taste(members, epoch=epoch or self._names())

    def run(self, spec: AnswerSpec | None = None, **changes: object) -> "Run":
        """Open a round."""
        attempt = self.coordinator.config(spec or self.spec(), **({"cohort": self.cohort} | changes))
        return Run(self, attempt.config, attempt.signed)

    def again(self, last: "Run", **changes: object) -> "Run":
        """Open the next attempt of a round."""
        attempt = self.coordinator.again(last.config, **changes)
        return Run(self, attempt.config, attempt.signed)

    def sign(self, signed: Signed, kind: type[Message], **changes: object) -> Signed:
        """What the liar signs instead of its own message."""
        return self.liar.key.sign(self.liar.id, replace(decode(kind, signed.body), **changes))  # type: ignore[type-var]

    def with_wrong_shares(self, answer: Signed) -> Signed:
        """The liar's unmask answer with shares that it was never dealt."""
        shares = decode(UnmaskAnswer, answer.body).self_shares
        wrong = tuple(replace(each, share=bytes(31) + b"\7") for each in shares)
        return self.sign(answer, UnmaskAnswer, self_shares=wrong)

    def but(self, *without: Member | Victim) -> tuple[PartnerId, ...]:
        """The cohort without some."""
        gone = {each.id for each in without}
        return tuple(member for member in self.cohort if member not in gone)


class Run:
    """One attempt in the attacker's hand: what came, and what it hands to whom."""

    def __init__(self, scene: Scene, config: RoundConfig, signed: Signed) -> None:
        self.scene = scene
        self.config = config
        self.signed = signed
        self.ads: dict[PartnerId, Signed] = {}
        self.bundles: dict[PartnerId, tuple[Signed, ...]] = {}
        self.headers: dict[PartnerId, Signed] = {}
        self.vectors: dict[PartnerId, bytes] = {}

    @property
    def everybody(self) -> tuple[PartnerId, ...]:
        """Who is asked."""
        return tuple(member for member in self.config.cohort if member in self.scene.members)

    def hand(self, member: PartnerId, phase: Phase, items: Iterable[Signed]) -> tuple[Signed, ...]:
        """Give a member a phase; what it signs."""
        return self.scene.members[member].hand(self.given(phase, items)).items

    def given_config(self) -> PhaseInput:
        """The configuration as it is delivered."""
        return self.given(Phase.ADVERTISE, [self.signed])

    def given(self, phase: Phase, items: Iterable[Signed]) -> PhaseInput:
        """What is delivered."""
        return PhaseInput(
            round=self.config.round,
            attempt=self.config.attempt,
            phase=phase.value,
            items=tuple(items),
            reason="",
        )

    def advertise(self, members: Sequence[PartnerId] = ()) -> "Run":
        for member in members or self.everybody:
            (self.ads[member],) = self.hand(member, Phase.ADVERTISE, [self.signed])
        return self

    def share(self, members: Sequence[PartnerId] = (), ads: Iterable[Signed] | None = None) -> "Run":
        shown = tuple(self.ads.values() if ads is None else ads)
        for member in members or tuple(self.ads):
            self.bundles[member] = self.hand(member, Phase.SHARE, shown)
        return self

    def bundles_for(self, member: PartnerId) -> tuple[Signed, ...]:
        """The bundles that are sealed for a member."""
        dealt = [
            Submission(round=1, attempt=1, phase=Phase.SHARE.value, items=items)
            for items in self.bundles.values()
        ]
        return collector.shares_by_recipient(dealt)[member]

    def bundle(self, sender: PartnerId, recipient: PartnerId) -> Signed:
        """The one that ``sender`` sealed for ``recipient``."""
        return next(item for item in self.bundles_for(recipient) if item.signer == sender)

    def mask(self, members: Sequence[PartnerId] = ()) -> "Run":
        for member in members or tuple(self.bundles):
            self.mask_one(member, self.bundles_for(member))
        return self

    def mask_one(self, member: PartnerId, bundles: Iterable[Signed]) -> None:
        """Have one member mask over the senders of ``bundles`` and itself."""
        (self.headers[member],) = self.hand(member, Phase.MASK, bundles)
        self.vectors[member] = self.scene.members[member].vectors[self.config.round, self.config.attempt]

    def confirm(self, members: Iterable[PartnerId], u3: Iterable[PartnerId]) -> list[Signed]:
        """Show ``members`` the vectors of ``u3``; what they confirm."""
        shown = [self.headers[member] for member in u3]
        return [self.hand(member, Phase.CHECK, shown)[0] for member in members]

    def unmask(self, members: Iterable[PartnerId], confirmations: Sequence[Signed]) -> list[Signed]:
        """Show ``members`` confirmations; the shares they open."""
        return [self.hand(member, Phase.UNMASK, confirmations)[0] for member in members]

    def total(self, u3: Iterable[PartnerId], answers: Sequence[Signed]) -> np.ndarray:
        """The sum over ``u3`` that ``answers`` open, as signed numbers."""
        settled = collector.context(
            self.config,
            ads=tuple(self.ads.values()),
            u2=tuple(self.bundles),
            headers=tuple(self.headers[member] for member in u3),
        )
        dealt = [item for items in self.bundles.values() for item in items]
        unmasking = combine(self.config, settled, answers, bundles=dealt)
        chunks = [self.vectors[member] for member in unmasking.survivors]
        return sum_chunks(self.config, unmasking, 0, chunks)

    def sum_over(self, u3: Sequence[PartnerId]) -> np.ndarray:
        """Confirm, unmask and add, all with ``u3``."""
        return self.total(u3, self.unmask(u3, self.confirm(u3, u3)))

    def truth(self, member: PartnerId) -> np.ndarray:
        """A member's own numbers, signed."""
        return lift(self.scene.members[member].truth(self.config.answer), self.config.answer.ring_bits)


def same(loot: np.ndarray, truth: np.ndarray, words: str) -> str:
    """``words``, if the loot is what it claims to be."""
    if not np.array_equal(loot, truth):
        raise AssertionError(f"the attacker has numbers, but not {words}")
    return words
